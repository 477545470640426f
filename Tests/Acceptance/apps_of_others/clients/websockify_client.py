"""Octets through websockify, a line each; a WebSocket that comes back."""

import asyncio
import json

import websockets
from reports import CONTEXT, TOKEN, hear, socket_url, tell


async def main():
    async for socket in websockets.connect(
        socket_url("/websockify"), ssl=CONTEXT, proxy=None, subprotocols=["binary"],
        additional_headers={"Authorization": f"Bearer {TOKEN}"},
    ):  # fmt: skip
        tell(opened=True)
        rest = b""
        try:
            async for octets in socket:
                if isinstance(octets, str):
                    tell(stray=octets)
                    continue
                *lines, rest = (rest + octets).split(b"\n")
                for line in lines:
                    hear(json.loads(line))
        except websockets.ConnectionClosed as closed:
            tell(failed=str(closed))


asyncio.run(main())
