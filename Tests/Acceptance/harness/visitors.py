"""Devices on bare sockets, hundreds for the price of a browser: each opens an event stream or a
WebSocket, hears what it is told, and goes in the way that the test says. The app behind is the
test, too: `Hall`."""

import asyncio
import contextlib
import ctypes
import itertools
import json
import os
import re
import socket
import ssl
import struct

from .raw import connection
from .waiting import PATIENCE, eventually
from .wire import CLOSE, PING, PONG, TEXT, Application, Upstream, Wire, frame, handshake

#: A classic BPF program that lets no octet of a packet in: what comes to a socket with it is
#: neither heard nor acknowledged, as if the cable were cut. Anybody may attach one.
_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27

KINDS = ["events", "socket"]
_stores = itertools.count(1)


def routes(*blocks, words=""):
    """A route for each kind of visitor and each `sessions` block: `/events/NAME`, `/socket/NAME`."""
    return "\n".join(
        f"route /{kind}/{block} {{ {word}; sessions {block}; backend app; {words} }}"
        for block in blocks
        for kind, word in zip(KINDS, ("events", "websocket"))
    )


class Hall(Upstream):
    """An app that greets whoever comes and keeps them until they leave, or it sends them away."""

    def __init__(self, port):
        super().__init__(port)
        self.inside = []
        self.most = 0
        #: What whoever asks for `/check` is answered.
        self.health = 200
        #: Who comes with `gate=shut` is not answered before it opens.
        self.gate = asyncio.Event()

    async def _serve(self, reader, writer):
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            guest = Application(reader, writer, False, head)
            guest.target = head.split(b" ", 2)[1].decode()
            if guest.target == "/check":
                words = f"HTTP/1.1 {self.health} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                return await self._say_once(guest, words.encode())
            self.inside.append(guest)
            self.most = max(self.most, len(self.inside))
            try:
                if "gate=shut" in guest.target:
                    await self.gate.wait()
                await (self._talk if guest.field("upgrade") else self._stream)(guest)
            finally:
                self.inside.remove(guest)
                self._writers.remove(writer)
                writer.close()

    async def _say_once(self, guest, octets):
        await guest.say(octets)
        self._writers.remove(guest.writer)
        guest.writer.close()

    async def _talk(self, guest):
        guest.heard = []
        await guest.switch(*self._cookies(guest), behind=frame(TEXT, b"hello"))
        while (one := await guest._receive()).opcode != CLOSE:
            guest.heard.append(one)
        await guest.send(CLOSE, one.payload)

    async def _stream(self, guest):
        lines = [
            "HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked",
            *self._cookies(guest), "", "",
        ]  # fmt: skip
        await guest.say("\r\n".join(lines).encode() + chunk(b"data: hello\n\n"))
        await guest.reader.read()

    def _cookies(self, guest):
        """Who comes with `cookie=NAME` is given that cookie."""
        found = re.search("[?&]cookie=([a-z]+)", guest.target)
        return [f"Set-Cookie: {found[1]}=1"] if found else []

    def guest(self, visitor):
        """Where a visitor stands that is inside."""
        return next(guest for guest in self.inside if visitor.mark in guest.target)

    def has(self, visitor):
        return any(visitor.mark in guest.target for guest in self.inside)

    async def __aexit__(self, *problem):
        self.gate.set()
        await super().__aexit__(*problem)

    async def without(self, visitor):
        await eventually(lambda: not self.has(visitor), f"the app to see {visitor} go")


def chunk(octets):
    return b"%x\r\n%b\r\n" % (len(octets), octets)


class Visitor:
    """A device, from its request to the end of the connection. What it hears:

    is_in     the app greeted it
    told      the last object that the gateway said, or the body of its answer
    status    of the answer
    code      of the close frame; None on an event stream
    reason    of the close frame
    retry     of the last event; None on a WebSocket
    is_over   the other side has ended the connection
    """

    is_in = is_over = is_answered = False
    told = status = code = reason = retry = None
    #: It answers no pings.
    is_deaf = False

    def __init__(self, raw, target, mark, fields):
        self.wire = Wire(raw.reader, raw.writer, True)
        self.target, self.mark, self.request_fields = target, mark, fields
        #: How often it was asked whether it lives.
        self.asked = 0
        self._news = asyncio.Event()
        self._listener = None

    def __repr__(self):
        return f"<{type(self).__name__} of {self.target}: {self.told}>"

    async def knock(self, behind=b""):
        """Asks to come in."""
        await self.wire.say(self.request + behind)
        self._listener = asyncio.create_task(self._listen())

    async def _listen(self):
        # Breaking off within TLS is an error of its own.
        ends = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)
        with contextlib.suppress(*ends):
            self.wire.head = await self.wire.reader.readuntil(b"\r\n\r\n")
            self.status = int(self.wire.head.split(b" ", 2)[1])
            if self.status == self.welcome and not self.wire.field("content-length"):
                await self._follow()
            else:
                self._answered(await self.wire.reader.readexactly(
                    int(self.wire.field("content-length"))
                ))
                self.is_answered = True
                self._heard()
            while await self.wire.reader.read(4096):
                pass
        self.is_over = True
        self._news.set()

    def _heard(self):
        self._news.set()

    async def until(self, condition, what, patience=PATIENCE):
        """Until `condition` of what it hears."""

        async def wait():
            while not condition():
                self._news.clear()
                await self._news.wait()

        try:
            await asyncio.wait_for(wait(), patience)
        except TimeoutError:
            raise AssertionError(f"waited {patience} s for {self} {what}") from None

    async def answer(self, patience=PATIENCE):
        """It is in, or knows why not."""
        await self.until(
            lambda: self.is_in or self.is_over or self.is_answered, "to be answered", patience
        )
        return self

    async def ended(self, reason, patience=PATIENCE):
        """The gateway ends it, and says why."""
        await self.until(lambda: self.is_over, "to end", patience)
        assert (self.told or {}).get("reason") == reason, self
        return self

    @property
    def is_rejected(self):
        return (self.told or {}).get("type") == "connection_rejected"

    @property
    def cookies(self):
        return self.wire.fields.get("set-cookie", [])

    @property
    def _socket(self):
        return self.wire.writer.get_extra_info("socket")

    # How it goes, and how it does not.

    def reset(self):
        """Breaks off: RST."""
        self.wire.reset()

    def vanish(self):
        """FIN, and not a word."""
        self.wire.vanish()

    def cut(self):
        """No packet reaches it any more."""
        self._socket.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(_NOTHING))
        )

    def mend(self):
        self._socket.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)

    async def forget(self):
        """The test is done with it."""
        if self._listener:
            self._listener.cancel()
        if not self.wire.writer.is_closing():
            self.wire.reset()


class EventVisitor(Visitor):
    welcome = 200

    @property
    def request(self):
        lines = [f"GET {self.target} HTTP/1.1", "Host: localhost", *self.request_fields, "", ""]
        return "\r\n".join(lines).encode("latin-1")

    async def _follow(self):
        text = b""
        while size := int((await self.wire.reader.readuntil(b"\r\n"))[:-2], 16):
            text += (await self.wire.reader.readexactly(size + 2))[:-2]
            *events, text = text.split(b"\n\n")
            for event in events:
                self._event(event.decode())

    def _answered(self, body):
        if self.wire.field("content-type") == "text/event-stream":
            assert body.count(b"\n\n") == 1, f"one event only: {body}"
            self._event(body.decode())
        else:
            self.told = json.loads(body)

    def _event(self, text):
        lines = [line.partition(":") for line in text.splitlines()]
        fields = {name: value.strip() for name, _, value in lines}
        if fields.get("data") == "hello":
            self.is_in = True
        elif "data" in fields:
            self.told = json.loads(fields["data"])
            assert fields["event"] == self.told["type"]
        if "" in fields:
            self.asked += 1
        self.retry = int(fields["retry"]) if "retry" in fields else self.retry
        self._heard()

    async def leave(self):
        """A closed page: FIN, which is all there is to say."""
        self.wire.vanish()


class SocketVisitor(Visitor):
    welcome = 101

    @property
    def request(self):
        return handshake(self.target, *self.request_fields)

    async def _follow(self):
        while True:
            one = await self.wire._receive()
            if one.opcode == PING:
                self.asked += 1
                if not self.is_deaf:
                    await self.wire.send(PONG, one.payload)
            elif one.opcode == CLOSE:
                self.code = int.from_bytes(one.payload[:2], "big")
                self.reason = one.payload[2:].decode()
                await self.wire.send(CLOSE, one.payload[:2])
                return
            elif one.opcode == TEXT and one.payload == b"hello":
                self.is_in = True
            elif one.opcode == TEXT and one.final:
                self.told = json.loads(one.payload)
            self._heard()

    def _answered(self, body):
        self.told = json.loads(body)

    async def leave(self):
        """Says goodbye as the protocol has it."""
        await self.wire.close(1000)
        await self.until(lambda: self.is_over, "to see its goodbye answered")


class Visitors:
    """Lets devices of one kind come to one store, and takes them away in the end."""

    def __init__(self, kind, door, operator=None):
        self.kind, self.door, self.operator = kind, door, operator
        self.store = f"store-{next(_stores)}"
        self.all = []
        self._exits = contextlib.AsyncExitStack()

    async def knock(self, block, device, *fields, door=None, behind=b"", address=None, **query):
        """One that waits for its answer. `query` are further parameters; `behind` comes in one
        segment with its request."""
        query = {"store": self.store, "device": device, **query}
        mark = f"mark={os.urandom(6).hex()}"
        pairs = [f"{name}={value}" for name, value in query.items() if value is not None]
        target = f"/{self.kind}/{block}?" + "&".join([*pairs, mark])
        options = {"local_addr": (address, 0)} if address else {}
        raw = await self._exits.enter_async_context(connection(door or self.door, **options))
        make = SocketVisitor if self.kind == "socket" else EventVisitor
        visitor = make(raw, target, mark, fields)
        self.all.append(visitor)
        await visitor.knock(behind)
        return visitor

    async def come(self, *arguments, **options):
        """One that has its answer."""
        return await (await self.knock(*arguments, **options)).answer()

    async def admitted(self, *arguments, **options):
        visitor = await self.come(*arguments, **options)
        assert visitor.is_in, f"not let in: {visitor}"
        return visitor

    async def rejected(self, *arguments, **options):
        visitor = await self.come(*arguments, **options)
        assert visitor.is_rejected, f"let in, or told something else: {visitor}"
        assert visitor.code in (4009, None) and visitor.retry in (86_400_000, None)
        return visitor

    async def eventually_admitted(self, block, device, **options):
        """The place is free, or will be soon."""

        async def comes():
            visitor = await self.come(block, device, **options)
            return visitor if visitor.is_in else None

        return await eventually(comes, f"a place for {device}")

    async def held(self, block, device):
        """The only one that waits until it is decided about it."""
        visitor = await self.knock(block, device)
        await self.waiting(block)
        return visitor

    async def waiting(self, block, count=1):
        """So many newcomers are held until it is decided about them; asks the console."""

        def held():
            answer = self.operator("GET", f"/stores/{block}/{self.store}")
            return answer.status_code == 200 and answer.json()["waiting"] == count

        await eventually(held, f"{count} newcomers to wait")

    async def go(self):
        for visitor in self.all:
            await visitor.forget()
        await self._exits.aclose()
