"""A screen is one open page of one device: an event stream to the waiting-list app, or a
WebSocket to the hospital's dashboard. Both tell the same story, so the scenarios are written once.
"""

import asyncio
import contextlib
import json
import uuid

import websockets

from . import tokens
from .door import ask, receive
from .waiting import PATIENCE


class Ending:
    """How a session ended by rule: the message for people and machines, and the close code
    (None on an event stream, which has none)."""

    def __init__(self, message, code):
        self.message, self.code = message, code

    @property
    def reason(self):
        return self.message["reason"]


class Screen:
    """What both kinds share: how the opening went. `rejection` and `ending` are None while the
    screen is live."""

    rejection = None
    ending = None

    def opened_with(self, kind, ending):
        """The first thing heard was no greeting: a rejection, or a force_disconnect since
        somebody else came at once."""
        if kind == "connection_rejected":
            self.rejection = ending
        else:
            assert kind == "force_disconnect", kind
            self.ending = ending


class EventScreen(Screen):
    """`EventSource('/api/sse/stream?store_id=…&role=…&client_id=…')`."""

    def __init__(self, gateway, publisher, store, device, role, headers, address):
        self.door, self.publisher, self.store = gateway.tls, publisher, store
        self.parameters = {"store_id": store, "role": role}
        if device is not None:
            self.parameters["client_id"] = device
        self.headers, self.address = headers, address

    async def open(self):
        self.closers = contextlib.AsyncExitStack()
        self.reader = await self.closers.enter_async_context(
            self.door.events("/api/sse/stream", self.parameters, self.headers, self.address)
        )
        first = await self.reader.next()
        if first.event != "connected":
            self.opened_with(first.event, Ending(json.loads(first.data), None))
            assert await self.reader.next() is None, "that is the whole stream"
        if self.rejection:
            assert first.retry == 86_400_000, "the browser must not come back by itself"
        return self

    async def assert_alive(self):
        """What is published for the store now arrives here."""
        mark = str(uuid.uuid4())
        await self.publisher.post(
            f"/api/stores/{self.store}/events", json={"event": "mark", "data": mark}
        )
        while True:
            event = await self.reader.next()
            assert event is not None, "the stream has ended"
            if event.event == "mark" and json.loads(event.data) == mark:
                return

    async def ended(self):
        if self.ending:
            return self.ending
        events = await self.reader.rest()
        last = events[-1]
        assert last.event == "force_disconnect", last
        return Ending(json.loads(last.data), None)

    async def close(self):
        await self.closers.aclose()


class SocketScreen(Screen):
    """`new WebSocket('/ws/admin?store_id=…&client_id=…', ['jwt.' + token])`."""

    def __init__(self, gateway, publisher, store, device, role, headers, address):
        client_id = "" if device is None else f"&client_id={device}"
        # Without one, the library would name itself; the User-Agent is part of the scenario.
        agent = headers.pop("User-Agent", "Mozilla/5.0")
        self.connect = lambda: gateway.tls.websocket(
            f"/ws/admin?store_id={store}{client_id}",
            token=tokens.mint(role=role),
            headers=headers,
            address=address,
            user_agent_header=agent,
        )

    async def open(self):
        self.socket = await self.connect()
        # The close may come before our ping is out; then only what was received counts.
        with contextlib.suppress(websockets.ConnectionClosed):
            await self.socket.send(json.dumps({"type": "ping"}))
        first = await receive(self.socket)
        if first != {"type": "pong"}:
            ending = await self._closing(first)
            assert ending.message is first, "that is the only message"
            self.opened_with(first["type"], ending)
        return self

    async def _closing(self, message=None):
        """The last message before the close frame, and the code."""
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                message = await receive(self.socket)
        return Ending(message, self.socket.close_code)

    async def assert_alive(self):
        assert await ask(self.socket, {"type": "ping"}) == {"type": "pong"}

    async def ended(self):
        if self.ending:
            return self.ending
        ending = await self._closing()
        assert ending.message["type"] == "force_disconnect", ending.message
        return ending

    async def close(self):
        await self.socket.close()


class Screens:
    """Opens screens of one kind and closes them all in the end."""

    def __init__(self, kind, gateway, publisher):
        self.kind, self.gateway, self.publisher = kind, gateway, publisher
        self.opened = []

    async def open(
        self, store, device, role="admin", language=None, agent="Mozilla/5.0", address=None
    ):
        """A screen that is admitted or rejected: see its `rejection`."""
        headers = {"User-Agent": agent}
        if language is not None:
            headers["Accept-Language"] = language
        screen = self.kind(self.gateway, self.publisher, store, device, role, headers, address)
        self.opened.append(await asyncio.wait_for(screen.open(), PATIENCE))
        return screen

    async def admitted(self, *arguments, **options):
        screen = await self.open(*arguments, **options)
        refused = screen.rejection or screen.ending
        assert refused is None, f"not let in: {refused.message}"
        return screen

    async def rejected(self, *arguments, **options):
        screen = await self.open(*arguments, **options)
        assert screen.rejection is not None, "admitted although the store is full"
        return screen.rejection

    async def close(self):
        for screen in self.opened:
            await screen.close()
