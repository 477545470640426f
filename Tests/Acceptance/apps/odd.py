"""An HTTP/1.1 server that misbehaves on request: the first segment of the path
says how. Standard library only.

    python odd.py PORT

`/raw` answers with the request head exactly as it arrived; `/statistics` with what happened so far.
"""

import asyncio
import base64
import hashlib
import json
import socket
import sys

statistics = {"connections": 0, "open": 0, "requests": 0, "flooded": 0, "received": 0}
behaviours = {}
gate = asyncio.Event()


def behaviour(path):
    def register(function):
        behaviours[path] = function
        return function

    return register


class Exchange:
    """One request on one connection."""

    def __init__(self, reader, writer, head):
        self.reader, self.writer, self.head = reader, writer, head
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ", 2)
        self.name = "/" + self.target.partition("?")[0].split("/")[1]
        pairs = [line.partition(":") for line in lines[1:] if line]
        self.fields = {name.strip().lower(): value.strip() for name, _, value in pairs}

    async def send(self, octets):
        self.writer.write(octets if isinstance(octets, bytes) else octets.encode("latin-1"))
        await self.writer.drain()

    async def answer(self, status, body, *fields):
        body = body if isinstance(body, bytes) else body.encode()
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
        await self.send("\r\n".join(lines).encode("latin-1") + body)

    async def body(self):
        """The request's body, decoded."""
        if self.fields.get("transfer-encoding", "").lower() == "chunked":
            parts = []
            while True:
                size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
                if size == 0:
                    while await self.reader.readuntil(b"\r\n") != b"\r\n":
                        pass
                    break
                parts.append(await self.reader.readexactly(size))
                await self.reader.readexactly(2)
            octets = b"".join(parts)
        else:
            octets = await self.reader.readexactly(int(self.fields.get("content-length", 0)))
        statistics["received"] += len(octets)
        return octets

    def reset(self):
        """Ends the connection with RST instead of FIN."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def complete_handshake(self):
        key = self.fields["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        await self.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )


# Each returns true when the connection can take another request.


@behaviour("/plain")
async def plain(exchange):
    await exchange.body()
    await exchange.answer("200 OK", "plain")
    return True


@behaviour("/raw")
async def raw(exchange):
    await exchange.body()
    await exchange.answer("200 OK", exchange.head, "Content-Type: text/plain")
    return True


@behaviour("/statistics")
async def show_statistics(exchange):
    await exchange.answer("200 OK", json.dumps(statistics), "Content-Type: application/json")
    return True


@behaviour("/early-response")
async def early_response(exchange):
    """Answers before it has read a single octet of the body, and never reads it."""
    await exchange.answer("413 Content Too Large", "no, thank you", "Connection: close")
    return False


@behaviour("/cut-in-length")
async def cut_in_length(exchange):
    await exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + "x" * 100)
    return False


@behaviour("/cut-in-chunk")
async def cut_in_chunk(exchange):
    await exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" + "x" * 50)
    return False


@behaviour("/reset")
async def reset(exchange):
    exchange.reset()
    return False


@behaviour("/trailers")
async def trailers(exchange):
    await exchange.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Digest\r\n\r\n"
        "5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Digest: abc\r\n\r\n"
    )
    return True


@behaviour("/half-close")
async def half_close(exchange):
    """A body without a length that ends with FIN, while this side goes on reading."""
    await exchange.send("HTTP/1.1 200 OK\r\n\r\nuntil the end")
    exchange.writer.write_eof()
    await exchange.reader.read()
    return False


@behaviour("/continue")
async def continue_(exchange):
    """Asks for the body when the client waits to be asked; says whether it was."""
    expected = exchange.fields.get("expect", "").lower() == "100-continue"
    if expected:
        await exchange.send("HTTP/1.1 100 Continue\r\n\r\n")
    body = await exchange.body()
    await exchange.answer("200 OK", body, f"X-Expected: {expected}")
    return True


@behaviour("/early-hints")
async def early_hints(exchange):
    await exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    await exchange.answer("200 OK", "with hints")
    return True


@behaviour("/silent")
async def silent(exchange):
    """Never answers."""
    await exchange.reader.read()
    return False


@behaviour("/stuck")
async def stuck(exchange):
    """Neither reads the body nor answers nor hangs up."""
    await asyncio.Event().wait()


@behaviour("/garbage")
async def garbage(exchange):
    await exchange.send("this is no HTTP at all\r\n\r\n")
    return False


@behaviour("/two-lengths")
async def two_lengths(exchange):
    await exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")
    return False


@behaviour("/hop-by-hop")
async def hop_by_hop(exchange):
    await exchange.answer(
        "200 OK",
        "mine",
        "Connection: keep-alive, X-Internal",
        "Keep-Alive: timeout=5",
        "X-Internal: secret",
        "Proxy-Authenticate: Basic",
        "X-Public: open",
        "Set-Cookie: a=1",
        "Set-Cookie: b=2",
    )
    return True


@behaviour("/refuse-upgrade")
async def refuse_upgrade(exchange):
    await exchange.answer("403 Forbidden", "not for you", "Content-Type: text/plain")
    return True


@behaviour("/websocket-cut")
async def websocket_cut(exchange):
    """Completes the handshake, then ends the connection without a close frame on the first
    octet it hears."""
    await exchange.complete_handshake()
    await exchange.reader.read(1)
    return False


@behaviour("/websocket-garbage")
async def websocket_garbage(exchange):
    """Completes the handshake, then sends a frame with reserved bits set."""
    await exchange.complete_handshake()
    await exchange.send(b"\xff\x00")
    await exchange.reader.read()
    return False


@behaviour("/gated")
async def gated(exchange):
    """Half of the answer now, the other half after somebody asked for `/open-gate`."""
    gate.clear()
    await exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
    await gate.wait()
    await exchange.send("6\r\nsecond\r\n0\r\n\r\n")
    return True


@behaviour("/bad-chunk")
async def bad_chunk(exchange):
    """An answer that goes on with what is no chunk."""
    await exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
    await exchange.send("zz\r\n")
    return False


@behaviour("/open-gate")
async def open_gate(exchange):
    gate.set()
    await exchange.answer("200 OK", "open")
    return True


@behaviour("/count")
async def count(exchange):
    """Counts the body's octets as they come, framing included, until the connection ends."""
    while octets := await exchange.reader.read(65536):
        statistics["received"] += len(octets)
    return False


@behaviour("/flood")
async def flood(exchange):
    """Sends until nobody listens any more."""
    await exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        await exchange.send(b"f" * 65536)
        statistics["flooded"] += 65536


@behaviour("/websocket-flood")
async def websocket_flood(exchange):
    """Sends binary messages of 16 KiB until nobody listens any more."""
    await exchange.complete_handshake()
    frame = b"\x82\x7e\x40\x00" + b"f" * 16384
    while True:
        await exchange.send(frame)


async def serve(reader, writer):
    statistics["connections"] += 1
    statistics["open"] += 1
    try:
        more = True
        while more:
            head = await reader.readuntil(b"\r\n\r\n")
            statistics["requests"] += 1
            exchange = Exchange(reader, writer, head)
            more = await behaviours.get(exchange.name, plain)(exchange)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        statistics["open"] -= 1
        writer.close()


async def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    # Little stays in the kernel, so that back-pressure is seen early.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    server = await asyncio.start_server(serve, sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
