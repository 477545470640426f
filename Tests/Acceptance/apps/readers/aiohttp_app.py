"""Compares paths as they are spelt, with needless escapes taken away."""

from aiohttp import web


def says(name):
    async def endpoint(request):
        return web.json_response(
            {
                "endpoint": name,
                "target": request.raw_path.partition("?")[0],
                "captures": dict(request.match_info),
                "headers": {key.lower(): value for key, value in request.headers.items()},
            }
        )

    return endpoint


app = web.Application()
app.router.add_route("*", "/admin", says("admin"))
app.router.add_route("*", "/admin/{rest:.*}", says("admin"))
app.router.add_route("*", "/files/{path:.*}", says("files"))
app.router.add_route("*", "/item/{id}", says("item"))
app.router.add_route("*", "/{rest:.*}", says("other"))
