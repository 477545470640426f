"""A door is where a client knocks: an app itself, or the gateway in front of it."""

import asyncio
import contextlib
import json

import httpx
import httpx_sse
import websockets

from .certificates import CONTEXT
from .secrecy import secrecy
from .waiting import PATIENCE


class Door:
    def __init__(self, name, port, tls=False, host="127.0.0.1"):
        self.name, self.port, self.tls, self.host = name, port, tls, host

    def __repr__(self):
        return f"<{self.name} at {self.port}>"

    def http(self, path=""):
        return f"http{'s' if self.tls else ''}://{self.host}:{self.port}{path}"

    def ws(self, path=""):
        return f"ws{'s' if self.tls else ''}://{self.host}:{self.port}{path}"

    def client(self, address=None, **options):
        """An httpx client; `address` is the loopback address it comes from."""
        options.setdefault("timeout", PATIENCE)
        transport = httpx.AsyncHTTPTransport(
            verify=CONTEXT, local_address=address, limits=httpx.Limits(max_connections=1000)
        )
        return httpx.AsyncClient(
            base_url=self.http(),
            transport=transport,
            event_hooks={"response": [overhear]},
            **options,
        )

    def websocket(self, path, token=None, headers=None, address=None, name=None, **options):
        """A `websockets` connection, to be awaited or used with `async with`. `token` travels
        as a subprotocol; `name` is the host to ask for."""
        subprotocols = list(options.pop("subprotocols", []))
        if token is not None:
            subprotocols.append(f"jwt.{token}")
        options.setdefault("open_timeout", PATIENCE)
        options.setdefault("close_timeout", PATIENCE)
        options.setdefault("compression", None)
        options.setdefault("proxy", None)
        return websockets.connect(
            self.ws(path).replace(self.host, name) if name else self.ws(path),
            host=self.host,
            port=self.port,
            ssl=CONTEXT if self.tls else None,
            subprotocols=subprotocols or None,
            additional_headers=headers,
            local_addr=(address, 0) if address else None,
            **options,
        )

    @contextlib.asynccontextmanager
    async def events(self, path, params=None, headers=None, address=None):
        """An open event stream: an `EventReader`."""
        async with self.client(address=address) as client:
            async with httpx_sse.aconnect_sse(
                client, "GET", path, params=params, headers=headers or {}
            ) as source:
                yield EventReader(source)


class EventReader:
    """Events one by one, with a deadline each."""

    def __init__(self, source):
        self.response = source.response
        self._events = source.aiter_sse()

    def __aiter__(self):
        """Every event as it comes, to the end of the stream."""
        return self._events

    async def next(self, patience=PATIENCE):
        """The next event, or None when the stream has ended."""
        try:
            return await asyncio.wait_for(anext(self._events), patience)
        except StopAsyncIteration:
            return None

    async def rest(self):
        """All events to the end of the stream, which must come."""
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events


async def overhear(response):
    """What the gateway says of its own must hold no secret; it is looked through in the end."""
    if response.headers.get("Content-Type") == "application/problem+json":
        await response.aread()
        secrecy.overheard(f"{response.status_code} of {response.url.path}", response.text)


async def ask(socket, message):
    """Sends one JSON message and answers the next one that comes."""
    await socket.send(json.dumps(message))
    return await receive(socket)


async def receive(socket, patience=PATIENCE):
    return json.loads(await asyncio.wait_for(socket.recv(), patience))


async def unexplained(socket):
    """The close code and reason of a refused socket that heard no message."""
    messages, code = await closing(socket)
    assert messages == [], f"nobody said that this client reads such messages: {messages}"
    return code, socket.close_reason


async def refusal(socket):
    """What a refused socket heard: its only message, and the close code and reason."""
    messages = []
    try:
        while True:
            messages.append(await receive(socket))
    except websockets.ConnectionClosed:
        pass
    assert len(messages) == 1, f"a refused socket hears one message, not {messages}"
    secrecy.overheard("a refused WebSocket", json.dumps([*messages, socket.close_reason]))
    return messages[0], socket.close_code, socket.close_reason


async def closing(socket):
    """Everything that came until the socket closed, and its close code."""
    messages = []
    try:
        while True:
            messages.append(await receive(socket))
    except websockets.ConnectionClosed:
        return messages, socket.close_code
