"""A WebSocket octet by octet, seen from both ends: the test says every frame of the client's and
every frame of the app's, and sees what came through."""

import asyncio
import base64
import contextlib
import dataclasses
import hashlib
import itertools
import os
import socket
import struct
import zlib

from .raw import connection
from .waiting import PATIENCE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
#: The reserved bits; the first says that a message is compressed (RFC 7692).
RSV1, RSV2, RSV3 = 4, 2, 1
KEY = "dGhlIHNhbXBsZSBub25jZQ=="

_marks = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes = b""
    final: bool = True
    reserved: int = 0

    def __repr__(self):
        names = {0: "CONTINUATION", 1: "TEXT", 2: "BINARY", 8: "CLOSE", 9: "PING", 10: "PONG"}
        payload = self.payload if len(self.payload) < 80 else self.payload[:60] + b"..."
        more = "" if self.final else ", not final"
        more += f", RSV {self.reserved}" if self.reserved else ""
        return f"<{names.get(self.opcode, self.opcode)} {len(self.payload)}: {payload!r}{more}>"


def masked(payload, key):
    whole = key * (len(payload) // 4 + 1)
    number = int.from_bytes(payload, "big") ^ int.from_bytes(whole[: len(payload)], "big")
    return number.to_bytes(len(payload), "big")


def frame(opcode, payload=b"", final=True, reserved=0, mask=None, length_form=None, length=None):
    """The octets of a frame. `mask` is the key, or None; `length_form` (7, 16, 64) and `length`
    say the length in another way than the shortest, or not the truth."""
    length = len(payload) if length is None else length
    form = length_form or (7 if length < 126 else 16 if length < 65536 else 64)
    bit = 0x80 if mask is not None else 0
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    head += bytes([bit | (length if form == 7 else 126 if form == 16 else 127)])
    head += struct.pack(">H", length) if form == 16 else b""
    head += struct.pack(">Q", length) if form == 64 else b""
    return head + (payload if mask is None else mask + masked(payload, mask))


def close_payload(code, reason=""):
    """Code and reason as a close frame has them; code 1005 is none at all."""
    reason = reason if isinstance(reason, bytes) else reason.encode()
    return b"" if code == 1005 else struct.pack(">H", code) + reason


@dataclasses.dataclass(frozen=True)
class Message:
    opcode: int
    payload: bytes
    was_compressed: bool = False

    def __repr__(self):
        compressed = " (compressed)" if self.was_compressed else ""
        return repr(Frame(self.opcode, self.payload)) + compressed


def deflated(payload, window=15, level=6, end=zlib.Z_SYNC_FLUSH):
    """A message for itself as permessage-deflate has it (RFC 7692, section 7.2.1)."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -window)
    octets = compressor.compress(payload) + compressor.flush(end)
    return octets.removesuffix(b"\x00\x00\xff\xff")


def inflated(payload, inflater=None):
    inflater = inflater or zlib.decompressobj(-15)
    octets = inflater.decompress(payload + b"\x00\x00\xff\xff")
    assert not inflater.unconsumed_tail
    return octets


class Wire:
    """One end. `is_client` masks what it sends and must hear nothing masked; the other way round
    for an app."""

    #: Set when the window is kept from message to message.
    inflater = None

    def __init__(self, reader, writer, is_client, head=b""):
        self.reader, self.writer, self.is_client, self.head = reader, writer, is_client, head
        # What came before a reset came all the same.
        reader.set_exception = lambda _: reader.feed_eof()

    @property
    def fields(self):
        """The head's fields: lists of values by lower-case name."""
        found = {}
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            name, colon, value = line.partition(":")
            if colon:
                found.setdefault(name.strip().lower(), []).append(value.strip())
        return found

    def field(self, name):
        """The only value of a field, or None."""
        values = self.fields.get(name.lower(), [])
        assert len(values) < 2, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def port(self):
        """The TCP port of this end, by which a process knows the connection."""
        return self.writer.get_extra_info("sockname")[1]

    @property
    def other_port(self):
        """That of the other end."""
        return self.writer.get_extra_info("peername")[1]

    # What this end says.

    def octets(self, opcode, payload=b"", **options):
        """The octets of a frame as this end would send it."""
        payload = payload.encode() if isinstance(payload, str) else payload
        if "mask" not in options:
            options["mask"] = os.urandom(4) if self.is_client else None
        return frame(opcode, payload, **options)

    async def send(self, opcode, payload=b"", **options):
        await self.say(self.octets(opcode, payload, **options))

    async def say(self, octets):
        self.writer.write(octets)
        await self.writer.drain()

    async def trickle(self, octets, pieces):
        """In so many octets at a time, each in a segment of its own."""
        self.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        index = 0
        for size in pieces:
            if index >= len(octets):
                break
            await self.say(octets[index : index + size])
            index += size
            await asyncio.sleep(0)
        await self.say(octets[index:])

    async def close(self, code=1005, reason=""):
        await self.send(CLOSE, close_payload(code, reason))

    def reset(self):
        """Vanishes with RST."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    def vanish(self):
        """Ends the connection without a close frame (FIN)."""
        self.writer.close()

    # What this end hears.

    async def exactly(self, count):
        return await asyncio.wait_for(self.reader.readexactly(count), PATIENCE)

    async def receive(self, patience=PATIENCE):
        """The next frame, which must keep to the rules that hold for whoever is in between."""
        return await asyncio.wait_for(self._receive(), patience)

    async def _receive(self):
        first, second = await self.reader.readexactly(2)
        length = second & 0x7F
        if length >= 126:
            form = 2 if length == 126 else 8
            length = int.from_bytes(await self.reader.readexactly(form), "big")
            assert length > (125 if form == 2 else 65535), "a length in its shortest form"
        is_masked = bool(second & 0x80)
        assert is_masked != self.is_client, "masked to the app, unmasked to the client"
        key = await self.reader.readexactly(4) if is_masked else None
        payload = await self.reader.readexactly(length)
        return Frame(
            first & 0x0F,
            masked(payload, key) if key else payload,
            bool(first & 0x80),
            first >> 4 & 7,
        )

    async def expect(self, opcode, payload=b"", **options):
        payload = payload.encode() if isinstance(payload, str) else payload
        assert await self.receive() == Frame(opcode, payload, **options)

    async def message(self, controls=None):
        """The next whole `Message`, inflated; control frames in between go into `controls`, and
        must not come when there is none."""
        first, parts = None, []
        while True:
            one = await self.receive()
            if one.opcode >= CLOSE:
                assert controls is not None, f"{one!r} where a message was to come"
                controls.append(one)
                continue
            if first is None:
                assert one.opcode != CONTINUATION, "a continuation of nothing"
                assert one.reserved in (0, RSV1)
                first = one
            else:
                assert one.opcode == CONTINUATION, "a message within a message"
                assert one.reserved == 0, "only the first frame says that it is compressed"
            parts.append(one.payload)
            if one.final:
                payload = b"".join(parts)
                if first.reserved:
                    payload = inflated(payload, self.inflater)
                return Message(first.opcode, payload, bool(first.reserved))

    async def hears(self, opcode, payload):
        """The next message is this one, compressed or not."""
        payload = payload.encode() if isinstance(payload, str) else payload
        one = await self.message()
        assert (one.opcode, one.payload) == (opcode, payload)

    async def closed(self):
        """Code and reason of the close frame that comes next; 1005 when it has no code."""
        one = await self.receive()
        assert one.opcode == CLOSE and one.final and one.reserved == 0, f"{one!r} is no close frame"
        if not one.payload:
            return 1005, ""
        return int.from_bytes(one.payload[:2], "big"), one.payload[2:].decode()

    async def frames_to_the_end(self, patience=PATIENCE):
        """Every whole frame that still comes, and what is left of one that was cut."""
        frames, rest = [], b""
        octets = await self.end(patience)
        reader = asyncio.StreamReader(limit=1 << 30)
        reader.feed_data(octets)
        reader.feed_eof()
        whole = Wire(reader, None, self.is_client)
        position = 0
        while position < len(octets):
            try:
                frames.append(await whole._receive())
            except asyncio.IncompleteReadError:
                rest = octets[position:]
                break
            position = len(octets) - len(reader._buffer)
        return frames, rest

    async def end(self, patience=PATIENCE):
        """What still comes before the other side ends the connection, which must happen."""
        parts = []

        async def read():
            with contextlib.suppress(ConnectionError):
                while octets := await self.reader.read(65536):
                    parts.append(octets)

        await asyncio.wait_for(read(), patience)
        return b"".join(parts)

    async def ended(self, patience=PATIENCE):
        """The connection ends, and not one octet comes before."""
        rest = await self.end(patience)
        assert rest == b"", f"{rest[:100]!r} although it was over"


class Upstream:
    """A server that does what the test says. What arrives waits until the test asks for it. Its port
    may also be the path of a Unix socket."""

    def __init__(self, port):
        self.port = port
        self._arrivals = {}
        self._writers = []

    async def __aenter__(self):
        if isinstance(self.port, int):
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        else:
            self._server = await asyncio.start_unix_server(self._serve, self.port)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _queue(self, target):
        return self._arrivals.setdefault(target, asyncio.Queue())

    async def _serve(self, reader, writer):
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            self._queue(target).put_nowait(Application(reader, writer, False, head))

    async def arrival(self, target, patience=PATIENCE):
        """The app's end of the next connection whose request is for `target`."""
        return await asyncio.wait_for(self._queue(target).get(), patience)

    def has_arrived(self, target):
        return not self._queue(target).empty()


class Application(Wire):
    """The app's end of a connection, its request read but not yet answered."""

    @property
    def switch_head(self):
        key = self.field("sec-websocket-key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        return [
            "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
        ]  # fmt: skip

    async def switch(self, *fields, behind=b""):
        """Answers 101, and with `behind` in the same segment."""
        lines = [*self.switch_head, *fields, "", ""]
        await self.say("\r\n".join(lines).encode("latin-1") + behind)

    async def answer(self, status, body=b"", *fields):
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *fields]
        await self.say("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


def marked(path):
    """The path with a mark in its query by which its line in the log is found."""
    return f"{path}{'&' if '?' in path else '?'}mark={next(_marks)}."


def handshake(target, *fields, key=KEY, host="localhost"):
    return "\r\n".join(
        [
            f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *fields, "", "",
        ]
    ).encode("latin-1")  # fmt: skip


@contextlib.asynccontextmanager
async def dialled(door, path, *fields, behind=b"", **options):
    """A client that has sent its handshake, and `behind` with it; its head is not yet read."""
    async with connection(door, **options) as raw:
        client = Wire(raw.reader, raw.writer, True)
        client.target = marked(path)
        client.mark = client.target[client.target.rindex("mark=") :]
        await client.say(handshake(client.target, *fields) + behind)
        yield client


async def switched(client):
    """Reads the client's answer, which must be 101."""
    client.head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), PATIENCE)
    assert client.head.startswith(b"HTTP/1.1 101 "), client.head
    return client


@contextlib.asynccontextmanager
async def wired(door, upstream, path, *fields, answer=(), behind=b"", **options):
    """Both ends of an open WebSocket: `(client, app)`. `fields` are of the request, `answer` of
    the 101, which has `behind` in the same segment."""
    async with dialled(door, path, *fields, **options) as client:
        app = await upstream.arrival(client.target)
        await app.switch(*answer, behind=behind)
        yield await switched(client), app
        app.writer.close()
