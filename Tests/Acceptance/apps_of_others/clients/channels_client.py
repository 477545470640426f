"""A WebSocket that comes back: what the `websockets` library offers for that."""

import asyncio
import json

import websockets
from reports import CONTEXT, TOKEN, hear, socket_url, tell


async def main():
    async for socket in websockets.connect(
        socket_url("/ws/clock/"), ssl=CONTEXT, proxy=None,
        additional_headers={"Authorization": f"Bearer {TOKEN}"},
    ):  # fmt: skip
        tell(opened=True)
        try:
            async for message in socket:
                hear(json.loads(message))
        except websockets.ConnectionClosed as closed:
            tell(failed=str(closed))


asyncio.run(main())
