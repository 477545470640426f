"""Socket.IO by python-socketio."""

import socketio
import uvicorn
from ticks import PORT, ticks

server = socketio.AsyncServer(async_mode="asgi")


@server.event
async def connect(session, environ, auth=None):
    server.start_background_task(tell, session)


async def tell(session):
    async for tick in ticks():
        if not server.manager.is_connected(session, "/"):
            return
        await server.emit("tick", tick, to=session)


def run(app):
    uvicorn.run(app, port=PORT, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    run(socketio.ASGIApp(server))
