"""An ASGI app that a test writes itself, under uvicorn in the test's own loop."""

import asyncio
import contextlib
import socket

import uvicorn


class Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):
        """Signals are the test's."""
        yield


@contextlib.asynccontextmanager
async def serving(app, port=0, **options):
    """The port that it is served at: any free one. `options` are uvicorn's."""
    with socket.socket() as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind(("127.0.0.1", port))
        own.listen()
        server = Server(uvicorn.Config(app, log_level="warning", lifespan="off", **options))
        task = asyncio.create_task(server.serve(sockets=[own]))
        try:
            yield own.getsockname()[1]
        finally:
            server.should_exit = True
            await task
