"""Connections that stay open while something happens to their tokens: WebSockets and event
streams behind one face, both with and without the gateway's own words (`gateway.v1`)."""

import asyncio
import contextlib
import dataclasses
import json
import time
import uuid

import websockets

from .secrecy import secrecy
from .tokens import bearer
from .waiting import PATIENCE

CONTROL = "gateway.v1"
#: What the gateway says to those who asked for it, and how it says good-bye.
OWN_TYPES = {"session", "token_expiring", "auth.refreshed", "error", "force_disconnect"}


@dataclasses.dataclass
class Ending:
    """When it ended, by the wall clock; the last message of the gateway's, or None; the close
    code, None for an event stream."""

    when: float
    message: dict | None
    code: int | None


class Live:
    """Open while the block runs. `controlled` asks for the gateway's own words; `publisher` is
    the door of the app itself."""

    def __init__(
        self, door, host, token, controlled=False, path=None, address=None, publisher=None
    ):
        self.door, self.host, self.token, self.controlled = door, host, token, controlled
        self.path, self.address, self.publisher = path or self.PATH, address, publisher
        #: Every message that came, the app's and the gateway's, as an object with a `type`.
        self.heard = []
        self.ending = None
        self._taken = set()
        self._news = asyncio.Event()

    async def __aenter__(self):
        self._closers = contextlib.AsyncExitStack()
        try:
            await self._open()
        except BaseException:
            await self._closers.aclose()
            raise
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_):
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._closers.aclose()

    def _note(self, message):
        if message["type"] in OWN_TYPES:
            secrecy.overheard(f"{self.kind} at {self.host}", json.dumps(message))
        self.heard.append(message)
        self._news.set()

    def _note_end(self, code):
        own = [message for message in self.heard if message["type"] in OWN_TYPES]
        self.ending = Ending(time.time(), own[-1] if own else None, code)
        self._news.set()

    def types(self):
        return [message["type"] for message in self.heard]

    async def until(self, condition, what, patience=PATIENCE):
        """The first true answer of `condition`, which is asked whenever something came."""
        deadline = time.monotonic() + patience
        while not (answer := condition()):
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), max(0, deadline - time.monotonic()))
            except TimeoutError:
                raise AssertionError(f"no {what} came, but {self.heard}") from None
        return answer

    async def hear(self, *kinds, patience=PATIENCE):
        """The first message of one of these types that was not answered before."""

        def next_one():
            for index, message in enumerate(self.heard):
                if message["type"] in kinds and index not in self._taken:
                    self._taken.add(index)
                    return message
            assert self.ending is None, f"ended before {kinds} came: {self.ending}"

        return await self.until(next_one, kinds, patience)

    async def end(self, patience=PATIENCE):
        return await self.until(lambda: self.ending, "end", patience)

    async def session(self):
        """The message that names this connection: the first of all."""
        message = await self.hear("session")
        assert self.heard[0] is message, f"first came {self.heard[0]}"
        return message


class LiveSocket(Live):
    PATH = "/ws/queue/live"
    kind = "WebSocket"

    async def _open(self):
        self.socket = await self._closers.enter_async_context(
            self.door.websocket(
                self.path,
                name=self.host,
                headers=bearer(self.token) if self.token else None,
                subprotocols=[CONTROL] if self.controlled else [],
                address=self.address,
            )
        )
        self.headers = self.socket.response.headers

    async def _read(self):
        try:
            async for text in self.socket:
                self._note(json.loads(text))
        except websockets.ConnectionClosed:
            pass
        self._note_end(self.socket.close_code)

    async def send(self, message):
        await self.socket.send(json.dumps(message))

    async def assert_alive(self):
        await self.send({"type": "ping"})
        await self.hear("pong")

    async def refresh(self, token):
        """The gateway's answer to a new token, a message."""
        await self.send({"type": "auth.refresh", "token": token})
        return await self.hear("auth.refreshed", "error")


class LiveStream(Live):
    PATH = "/api/sse/stream"
    kind = "event stream"

    async def _open(self):
        self.store = str(uuid.uuid4())
        query = f"store_id={self.store}" + ("&gateway=v1" if self.controlled else "")
        path = f"{self.path}{'&' if '?' in self.path else '?'}{query}"
        headers = {"Host": self.host, **(bearer(self.token) if self.token else {})}
        self.events = await self._closers.enter_async_context(
            self.door.events(path, None, headers, self.address)
        )
        self.headers = self.events.response.headers
        assert self.events.response.status_code == 200, self.events.response.status_code

    async def _read(self):
        async for event in self.events:
            data = json.loads(event.data)
            message = data if isinstance(data, dict) else {"data": data}
            if event.event in OWN_TYPES:
                assert message["type"] == event.event, f"{event.event} holds {message}"
            self._note({**message, "type": event.event, "retry": event.retry})
        self._note_end(None)

    async def assert_alive(self):
        """What is published for the store now arrives here."""
        await self.until(lambda: "connected" in self.types(), "greeting of the app's")
        mark = str(uuid.uuid4())
        async with self.publisher.client() as client:
            message = {"event": mark, "data": "alive"}
            await client.post(f"/api/stores/{self.store}/events", json=message)
        await self.hear(mark)

    async def refresh(self, token, session=None):
        """The gateway's answer to a new token, an HTTP response."""
        async with self.door.client(self.address) as client:
            return await client.post(
                "/.gateway/refresh",
                json={"session": session or self.headers["X-Session-Id"], "token": token},
                headers={"Host": self.host},
            )


KINDS = {"WebSocket": LiveSocket, "event stream": LiveStream}
