"""WebSocket clients of five makes behind one face, to be held to the same table.

`client.connect(door, path)` opens a conversation that offers compression if the client knows how:

    conversation.negotiated       whether permessage-deflate was agreed on, by the client's own word
    await conversation.send(…)    text or octets; a list is one message in so many frames
    await conversation.receive()  text as str, octets as bytes
"""

import asyncio
import contextlib
import pathlib
import struct
import sys

import aiohttp
import picows.websockets

from .certificates import CONTEXT
from .chromium import at_host
from .waiting import PATIENCE


class Client:
    #: Whether it speaks permessage-deflate.
    compresses = True
    #: Whether its users can send a message in frames of their choice; receiving them, all can.
    fragments = False

    def __init__(self, page=None):
        self.page = page


class Library:
    """A conversation in the words that `websockets` made common."""

    def __init__(self, socket, negotiated):
        self.socket, self.negotiated = socket, negotiated

    async def send(self, message):
        await self.socket.send(message)

    async def receive(self):
        return await asyncio.wait_for(self.socket.recv(), PATIENCE)


class Websockets(Client):
    fragments = True

    @contextlib.asynccontextmanager
    async def connect(self, door, path):
        async with door.websocket(path, compression="deflate", max_size=None) as socket:
            names = [extension.name for extension in socket.protocol.extensions]
            yield Library(socket, names == ["permessage-deflate"])


class Picows(Client):
    """Its own frame parser, its own TLS transport, its own permessage-deflate."""

    fragments = True

    @contextlib.asynccontextmanager
    async def connect(self, door, path):
        async with picows.websockets.connect(
            door.ws(path), ssl=CONTEXT, compression="deflate", max_size=None, proxy=None
        ) as socket:
            answer = socket.response.headers.get("Sec-WebSocket-Extensions", "")
            yield Library(socket, answer.startswith("permessage-deflate"))


class Aiohttp(Client):
    @contextlib.asynccontextmanager
    async def connect(self, door, path):
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(
                door.ws(path), ssl=CONTEXT, compress=15, max_msg_size=0
            ) as socket:
                yield AiohttpConversation(socket)


class AiohttpConversation:
    def __init__(self, socket):
        self.socket, self.negotiated = socket, bool(socket.compress)

    async def send(self, message):
        if isinstance(message, str):
            await self.socket.send_str(message)
        else:
            await self.socket.send_bytes(message)

    async def receive(self):
        message = await self.socket.receive(PATIENCE)
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        return message.data


class Websocat(Client):
    """A program: messages go in and come out with their length and the letter of their kind."""

    compresses = False
    program = pathlib.Path(sys.executable).parent / "websocat"

    @contextlib.asynccontextmanager
    async def connect(self, door, path):
        child = await asyncio.create_subprocess_exec(
            self.program, "--insecure", "--binary", "--exit-on-eof",
            "--buffer-size", str(2 << 20), "--text-prefix", "T", "--binary-prefix", "B",
            "lengthprefixed:threadedstdio:", door.ws(path),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            yield WebsocatConversation(child)
            child.stdin.close()
            assert await asyncio.wait_for(child.wait(), PATIENCE) == 0
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()


class WebsocatConversation:
    negotiated = False

    def __init__(self, child):
        self.child = child

    async def send(self, message):
        octets = b"T" + message.encode() if isinstance(message, str) else b"B" + message
        self.child.stdin.write(struct.pack(">I", len(octets)) + octets)
        await self.child.stdin.drain()

    async def receive(self):
        return await asyncio.wait_for(self._receive(), PATIENCE)

    async def _receive(self):
        (size,) = struct.unpack(">I", await self.child.stdout.readexactly(4))
        octets = await self.child.stdout.readexactly(size)
        kind, message = octets[:1], octets[1:]
        assert kind in (b"T", b"B"), kind
        return message.decode() if kind == b"T" else message


class Browser(Client):
    """A socket of `page`, which came from the same door, so that the Origin is real."""

    @contextlib.asynccontextmanager
    async def connect(self, door, path):
        recording = await self.page.open_socket(at_host(door).ws(path))
        opened = await recording.next()
        assert opened["type"] == "open", opened
        yield BrowserConversation(recording, opened["extensions"])
        await recording.close()
        closed = await recording.next()
        assert closed["type"] == "close" and closed["wasClean"], closed


class BrowserConversation:
    def __init__(self, recording, extensions):
        self.recording = recording
        self.negotiated = "permessage-deflate" in extensions

    async def send(self, message):
        await self.recording.send(message)

    async def receive(self):
        return await self.recording.receive()


CLIENTS = {
    "websockets": Websockets,
    "aiohttp": Aiohttp,
    "picows": Picows,
    "websocat": Websocat,
    "Chromium": Browser,
}
