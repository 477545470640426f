"""Clients that live through deploys: sockets and event streams that come back when they are ended,
and a stream of requests. Each notes what happened to it and where."""

import asyncio
import contextlib
import os
import re
import time

from .waiting import pace
from .wire import KEY, frame

#: Seconds after which a client that waits for the gateway gives up.
PATIENCE = 20
#: Seconds from an attempt in vain to the next.
RETRY = 0.5


async def _head(reader):
    """Status and fields of a response."""
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = text.split("\r\n")
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    return int(first.split(" ")[1]), fields


class Resident:
    """One that lives: a WebSocket or an event stream. `ends` are (when, server, why)."""

    def __init__(self, port):
        self.port = port
        self.server = None
        self.ends = []
        #: Attempts to come in that were not answered as they should be.
        self.failures = []
        #: From each end to being in again, in seconds, without the time it was told to wait.
        self.absences = []
        self.heard = asyncio.Event()
        self.writer = None

    async def live(self, until):
        away, told = None, 0
        while not until.is_set():
            try:
                reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
                self.writer.write(self.request)
                status, fields = await asyncio.wait_for(_head(reader), PATIENCE)
                if status != self.welcome or "x-server" not in fields:
                    self.failures.append((time.time(), f"answered {status} {fields}"))
                    self.writer.close()
                    await pace(RETRY)
                    continue
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.failures.append((time.time(), repr(error)))
                await pace(RETRY)
                continue
            self.server = fields["x-server"]
            if away is not None:
                self.absences.append(time.time() - away - told)
            why = "broken"
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                why = await self.follow(reader)
            server, self.server = self.server, None
            self.writer.close()
            if until.is_set():
                return
            away = time.time()
            told = int(re.search(r"retry[=:] ?(\d+)|$", why)[1] or 0) / 1000
            self.ends.append((away, server, why))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(until.wait(), told)


class SocketResident(Resident):
    welcome = 101
    request = (
        f"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    ).encode()

    async def follow(self, reader):
        while True:
            first, second = await reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2), "big")
            payload = await reader.readexactly(length)
            opcode = first & 0x0F
            if opcode == 8:
                self.writer.write(frame(8, payload[:2], mask=os.urandom(4)))
                return f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode()}"
            if opcode == 9:
                self.writer.write(frame(10, payload, mask=os.urandom(4)))
            elif opcode == 1:
                self.heard.set()

    def speak(self):
        """Says something, which is to come back: `heard` is set then."""
        self.heard.clear()
        self.writer.write(frame(1, b"still here", mask=os.urandom(4)))


class StreamResident(Resident):
    welcome = 200
    request = b"GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"

    async def follow(self, reader):
        retry = ""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            text = (await reader.readexactly(size + 2)).decode()
            if "data: tick" in text:
                self.heard.set()
            retry = (re.findall(r"retry: ?\d+", text) or [retry])[-1]
        return f"ended {retry}"

    def speak(self):
        """The app says something every second."""
        self.heard.clear()


class Requests:
    """`rate` requests a second over so many kept connections. `failures` are those that were not
    answered by an app's 200."""

    def __init__(self, port, rate, connections=20):
        self.port, self.count = port, 0
        self.pause = connections / rate
        self.connections = connections
        self.failures = []

    async def run(self, until):
        await asyncio.gather(*[self._one(until) for _ in range(self.connections)])

    async def _one(self, until):
        writer = None
        while not until.is_set():
            due = time.monotonic() + self.pause
            isNew = writer is None
            try:
                if isNew:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                status, fields = await asyncio.wait_for(_head(reader), PATIENCE)
                body = await reader.readexactly(int(fields["content-length"]))
                self.count += 1
                if status != 200:
                    self.failures.append((time.time(), status, body.decode()))
                if fields.get("connection", "").lower() == "close":
                    writer.close()
                    writer = None
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                if writer:
                    writer.close()
                writer = None
                # A kept connection may be closed while a request is on its way: every client asks
                # again (RFC 9112, section 9.3.1). On a new one nothing of that kind happens.
                nothing = isinstance(error, asyncio.IncompleteReadError) and not error.partial
                if isNew or not (nothing or isinstance(error, ConnectionError)):
                    self.failures.append((time.time(), repr(error), ""))
                else:
                    continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(until.wait(), max(0, due - time.monotonic()))
        if writer:
            writer.close()
