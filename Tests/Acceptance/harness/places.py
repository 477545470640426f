"""Apps of one kind at several addresses of this machine, each of which says where it is."""

import asyncio
import ssl

from aiohttp import WSMsgType, web


class Places:
    """`async with Places(port) as places: await places.open("127.0.0.2")`."""

    def __init__(self, port):
        self.port = port
        #: The addresses that new connections came to, in order.
        self.accepted = []
        self._runners = {}
        #: For requests to `/slow`: they are answered when it is set.
        self.released = asyncio.Event()

    async def open(self, address, port=None, tls: ssl.SSLContext | None = None):
        """A server at the address, which says of itself what it is called here."""
        port = port or self.port
        app = web.Application()

        async def where(request):
            if request.path == "/slow":
                await self.released.wait()
            connection = request.transport.get_extra_info("ssl_object")
            return web.json_response(
                {
                    "address": address,
                    "port": port,
                    "from": request.transport.get_extra_info("peername")[1],
                    "resumed": bool(connection and connection.session_reused),
                    "alpn": connection and connection.selected_alpn_protocol(),
                    "certificate": connection and connection.getpeercert(),
                    "forwarded": request.headers.get("X-Forwarded-For"),
                }
            )

        async def echo(request):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await socket.send_str(f"{address}: {message.data}")
            return socket

        app.router.add_get("/ws", echo)
        app.router.add_route("*", "/{tail:.*}", where)
        runner = web.AppRunner(app, shutdown_timeout=0.1, keepalive_timeout=60)
        await runner.setup()
        await web.TCPSite(runner, address, port, ssl_context=tls, reuse_address=True).start()
        self._runners[address, port] = runner

    async def close(self, address, port=None):
        await self._runners.pop((address, port or self.port)).cleanup()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.released.set()
        for runner in self._runners.values():
            await runner.cleanup()
