"""The app behind the gateway: answers every WebSocket message with itself. The protocol is spoken
by `websockets`, without compression and without limits.

    echo.py PORT
"""

import asyncio
import sys

from websockets.asyncio.server import serve


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def main(port):
    server = await serve(
        echo,
        "127.0.0.1",
        port,
        compression=None,
        max_size=None,
        max_queue=1 << 20,
        ping_interval=None,
    )
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1])))
