"""An `EventSource` to the letter of the HTML standard (section 9.2): whatever is no
`text/event-stream` with 200 ends it for good, everything else makes it come back."""

import asyncio
import contextlib

import httpx

from .waiting import PATIENCE, pace

CONNECTING, OPEN, CLOSED = 0, 1, 2


class EventSource:
    """`ready_state` as a page sees it, `opened` counts `onopen`, `errors` counts `onerror`."""

    def __init__(self, door, path, headers=None):
        self.door, self.path = door, path
        self.headers = {"Accept": "text/event-stream", **(headers or {})}
        self.ready_state = CONNECTING
        #: Milliseconds; browsers begin with some seconds.
        self.retry = 100
        self.retries = []
        self.opened = self.errors = 0
        self.status = None
        self._events = asyncio.Queue()

    async def __aenter__(self):
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def next(self, patience=PATIENCE):
        """The name of the next event."""
        return await asyncio.wait_for(self._events.get(), patience)

    async def _run(self):
        async with self.door.client(timeout=60) as client:
            while self.ready_state != CLOSED:
                with contextlib.suppress(httpx.TransportError):
                    await self._connect(client)
                self.errors += 1
                if self.ready_state != CLOSED:
                    self.ready_state = CONNECTING
                    await pace(self.retry / 1000)

    async def _connect(self, client):
        async with client.stream("GET", self.path, headers=self.headers) as answer:
            self.status = answer.status_code
            kind = answer.headers.get("content-type", "").partition(";")[0]
            if self.status != 200 or kind != "text/event-stream":
                self.ready_state = CLOSED
                return
            self.ready_state = OPEN
            self.opened += 1
            name, data = "message", []
            async for line in answer.aiter_lines():
                field, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if not line:
                    if data:
                        self._events.put_nowait(name)
                    name, data = "message", []
                elif field == "event":
                    name = value
                elif field == "data":
                    data.append(value)
                elif field == "retry" and value.isdigit():
                    self.retry = int(value)
                    self.retries.append(self.retry)
