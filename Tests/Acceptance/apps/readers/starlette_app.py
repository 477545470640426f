"""ASGI: the server decodes the path, `%2F` included, before it is compared with routes."""

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


def says(name):
    async def endpoint(request):
        return JSONResponse(
            {
                "endpoint": name,
                "target": request.scope["raw_path"].decode("latin-1"),
                "captures": dict(request.path_params),
                "headers": dict(request.headers),
            }
        )

    return endpoint


app = Starlette(
    routes=[
        Route("/admin", says("admin")),
        Route("/admin/{rest:path}", says("admin")),
        Route("/files/{path:path}", says("files")),
        Route("/item/{id}", says("item")),
        Route("/{rest:path}", says("other")),
    ]
)
