"""An app that is the test itself, on connections that are kept: every request of every connection,
as it came."""

import asyncio
import contextlib
import socket
import struct

from .waiting import PATIENCE


class Leg:
    """One connection of the gateway's. Behind a request nothing is taken for the next one before the
    test says so: what an app leaves unread is there when it looks for a head."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        # What came before a reset came all the same.
        reader.set_exception = lambda _: reader.feed_eof()
        self._continues = asyncio.Semaphore(0)
        #: Set when the connection ended while a head was looked for; then what was left of one.
        self.over = asyncio.Event()
        self.rest = b""
        self._seeks = True

    async def say(self, octets):
        self.writer.write(octets if isinstance(octets, bytes) else octets.encode("latin-1"))
        await self.writer.drain()

    async def answer(self, body=b"ok", *fields, status="200 OK", behind=b""):
        """A response with its length; `behind` comes in the same segment. Then another request may
        come."""
        body = body if isinstance(body, bytes) else body.encode()
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
        await self.say("\r\n".join(lines).encode("latin-1") + body + behind)
        self.next()

    async def head(self, *fields, status="200 OK"):
        """A response that is only a head."""
        await self.say("\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]))
        self.next()

    def next(self):
        """From here on a head is looked for."""
        self._seeks = True
        self._continues.release()

    async def exactly(self, count):
        return await asyncio.wait_for(self.reader.readexactly(count), PATIENCE)

    async def until(self, octets):
        return await asyncio.wait_for(self.reader.readuntil(octets), PATIENCE)

    async def ended(self):
        """The gateway closes it, and nothing comes before."""
        if self._seeks:
            await asyncio.wait_for(self.over.wait(), PATIENCE)
        else:
            self.rest = await asyncio.wait_for(self.reader.read(), PATIENCE)
        assert self.rest == b""

    @property
    def unread(self):
        """What came and was not asked for."""
        return bytes(self.reader._buffer)

    def vanish(self):
        self.writer.close()

    def reset(self):
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


class Request:
    def __init__(self, leg, head):
        self.leg, self.head = leg, head
        self.method, self.target, _ = head.decode("latin-1").split("\r\n")[0].split(" ")
        pairs = [line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:] if line]
        self.fields = {name.lower(): value.strip() for name, _, value in pairs}

    def __repr__(self):
        return f"<{self.method} {self.target}>"


class Origin:
    def __init__(self, port):
        self.port = port
        self.legs = []
        self.requests = []
        self._arrived = asyncio.Queue()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for leg in self.legs:
            leg.writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await leg.writer.wait_closed()

    async def _serve(self, reader, writer):
        leg = Leg(reader, writer)
        self.legs.append(leg)
        try:
            while True:
                request = Request(leg, await reader.readuntil(b"\r\n\r\n"))
                leg._seeks = False
                self.requests.append(request)
                self._arrived.put_nowait(request)
                await leg._continues.acquire()
        except asyncio.IncompleteReadError as end:
            leg.rest = end.partial
            leg.over.set()

    async def request(self, patience=PATIENCE):
        """The next request, on whichever connection."""
        return await asyncio.wait_for(self._arrived.get(), patience)

    def seen(self, target):
        """How often a request for `target` came."""
        return sum(request.target == target for request in self.requests)
