"""An echo on the `websockets` library without its compression: a frame with a reserved bit set is
a protocol error to it, so whatever it answers came plain.

    python echo.py PORT

`?fragments=N` has every message come back in N parts; the library then sends a frame for each, and
an empty one that ends the message. The text `whoami` is answered with the
head of the handshake, and with the number of frames that each message came in.
"""

import asyncio
import json
import sys
import urllib.parse

import websockets


def cut(octets, count):
    """`count` parts, some empty if need be; text is cut wherever it happens, also within a
    character."""
    marks = [len(octets) * index // count for index in range(count + 1)]
    return [octets[start:end] for start, end in zip(marks, marks[1:])]


async def echo(socket):
    path, _, query = socket.request.path.partition("?")
    fragments = int(dict(urllib.parse.parse_qsl(query)).get("fragments", 1))
    frames = []
    while True:
        parts, is_text = [], False
        async for part in socket.recv_streaming():
            is_text = isinstance(part, str)
            parts.append(part.encode() if is_text else part)
        message = b"".join(parts)
        if is_text and message == b"whoami":
            headers = [[name.lower(), value] for name, value in socket.request.headers.raw_items()]
            await socket.send(json.dumps({"headers": headers, "frames": frames, "path": path}))
            continue
        frames.append(len(parts))
        if fragments == 1:
            await socket.send(message, text=is_text)
        else:
            await socket.send(cut(message, fragments), text=is_text)


async def serve(socket):
    try:
        await echo(socket)
    except websockets.ConnectionClosed:
        pass


async def main():
    async with websockets.serve(
        serve, "127.0.0.1", int(sys.argv[1]), compression=None, max_size=None, ping_interval=None
    ) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
