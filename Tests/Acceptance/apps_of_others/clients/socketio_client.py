"""Socket.IO by python-socketio: polls, moves to a WebSocket, comes back by itself."""

import asyncio
import os

import aiohttp
import socketio
from reports import CONTEXT, TOKEN, URL, hear, named, tell


#: Polling and then a WebSocket, unless one of them is named.
TRANSPORTS = os.environ.get("TRANSPORTS", "polling websocket").split()
#: The token is in the first message, which polling does not have.
IS_IN_AUTH = "TOKEN_IN_AUTH" in os.environ
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
WORDS = {"auth": {"token": TOKEN}} if IS_IN_AUTH else {"headers": HEADERS}


async def main():
    connector = aiohttp.TCPConnector(ssl=CONTEXT) if CONTEXT else None
    async with aiohttp.ClientSession(connector=connector) as session:
        client = socketio.AsyncClient(
            http_session=session, reconnection_delay=0.2, reconnection_delay_max=1
        )
        client.on("connect", lambda: tell(opened=True))
        client.on("tick", hear)
        client.on("disconnect", lambda reason: tell(failed=str(reason)))
        client.on("connect_error", lambda data: tell(failed=str(data)))
        try:
            await client.connect(URL, transports=TRANSPORTS, **WORDS)
            await client.wait()
        except Exception as problem:
            tell(ended=named(problem))
            raise
        tell(ended="it stopped")


asyncio.run(main())
