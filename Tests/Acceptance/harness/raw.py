"""A connection on which a test says exactly what it wants; the answers are parsed by h11."""

import asyncio
import contextlib
import socket

import h11

from .certificates import CONTEXT
from .waiting import PATIENCE


class Answer:
    def __init__(self):
        self.informational = []
        self.body = b""

    def take(self, head):
        self.status = head.status_code
        self.headers = [(name.decode(), value.decode()) for name, value in head.headers]
        self.version = head.http_version.decode()

    def values(self, name):
        return [value for key, value in self.headers if key == name]


class Raw:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.parser = None

    @property
    def port(self):
        """Its own, by which a process knows the connection (`Process.is_connected_to`)."""
        return self.writer.get_extra_info("sockname")[1]

    async def send(self, octets):
        self.writer.write(octets.encode("latin-1") if isinstance(octets, str) else octets)
        await self.writer.drain()

    async def answer(self, method="GET"):
        """The next answer; h11 wants to know the method it answers to, since HEAD has no body."""
        if self.parser is None:
            self.parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
        else:
            self.parser.start_next_cycle()
        self.parser.send(h11.Request(method=method, target="/", headers=[("Host", "h11")]))
        self.parser.send(h11.EndOfMessage())
        answer = Answer()
        while True:
            event = self.parser.next_event()
            if event is h11.NEED_DATA:
                octets = await asyncio.wait_for(self.reader.read(65536), PATIENCE)
                self.parser.receive_data(octets)
            elif isinstance(event, h11.InformationalResponse):
                answer.informational.append(event.status_code)
            elif isinstance(event, h11.Response):
                answer.take(event)
            elif isinstance(event, h11.Data):
                answer.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return answer
            else:
                raise AssertionError(f"no answer but {event!r}")

    async def until(self, words):
        """Everything that comes up to and including `words`."""
        return await asyncio.wait_for(self.reader.readuntil(words), PATIENCE)

    async def end(self):
        """What still comes before the other side ends the connection, which must happen."""
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(), PATIENCE)
        return b""

    def abort(self):
        """Vanishes: no close frame, no TLS alert."""
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def connection(door, tls=None, server_name=None, receive_buffer=None, **options):
    """`receive_buffer` is what its kernel holds for it, `limit` what its reader does."""
    tls = door.tls if tls is None else tls
    if receive_buffer is not None:
        # Before it connects, or the window was promised already.
        options["sock"] = own = socket.socket()
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        own.setblocking(False)
        await asyncio.get_running_loop().sock_connect(own, (door.host, door.port))
    # A socket of the test's own (`sock`) is connected already.
    address = (None, None) if "sock" in options else (door.host, door.port)
    reader, writer = await asyncio.open_connection(
        *address,
        ssl=CONTEXT if tls else None,
        server_hostname=server_name or ("localhost" if tls else None),
        **options,
    )
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, OSError):
            await writer.wait_closed()


async def once(door, octets, method="GET"):
    """One answer to what was said on a connection of its own."""
    async with connection(door) as raw:
        await raw.send(octets)
        return await raw.answer(method)
