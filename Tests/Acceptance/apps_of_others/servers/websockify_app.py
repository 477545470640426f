"""websockify before a server that knows of TCP only.

    python websockify_app.py PORT
"""

import asyncio
import json
import sys
import threading

from ticks import PORT, ticks
from websockify.websocketproxy import websockify_init


async def tell(_, writer):
    try:
        async for tick in ticks():
            writer.write(json.dumps(tick).encode() + b"\n")
            await writer.drain()
    except ConnectionError:
        writer.close()


async def serve(listens):
    server = await asyncio.start_server(tell, "127.0.0.1", 0)
    listens.port = server.sockets[0].getsockname()[1]
    listens.set()
    await server.serve_forever()


class Listens(threading.Event):
    port = 0


listens = Listens()
threading.Thread(target=lambda: asyncio.run(serve(listens)), daemon=True).start()
listens.wait()
sys.argv = ["websockify", f"127.0.0.1:{PORT}", f"127.0.0.1:{listens.port}"]
websockify_init()
