"""A device that is a process of its own, so that it can be stopped, and stand on another machine.

    python -m harness.device ws://…      opens a WebSocket, with `websockets`
    python -m harness.device http://…    opens an event stream, with `httpx`

It says nothing by itself, and prints what happens, an object a line, each with the time by the
monotonic clock, which all processes of a machine share:

    {"at": …, "asks": true}       it asks to come in
    {"at": …, "hears": "…"}       a message, or the data of an event; the beginning, if it is long
    {"at": …, "over": …}          the other side has ended it: the close code, null for a stream
"""

import asyncio
import json
import os
import sys
import time

import httpx
import httpx_sse
import websockets

from .process import ACCEPTANCE, Process
from .waiting import eventually

LONG = 1000


class Device(Process):
    """The process, and what it printed so far. `before` is a command that starts it somewhere
    else."""

    def __init__(self, url, folder, before=()):
        self.url, self.mark = url, f"mark={os.urandom(6).hex()}"
        super().__init__(
            f"device-{self.mark}",
            [*before, sys.executable, "-m", "harness.device", f"{url}&{self.mark}"],
            folder,
            {"PYTHONPATH": str(ACCEPTANCE)},
        )

    def __repr__(self):
        return f"<device {self.pid} at {self.url}: {self.printed[-5:]}>"

    @property
    def printed(self):
        # The last line may be on its way still.
        return [json.loads(line) for line in self.stdout.rpartition("\n")[0].splitlines()]

    def _at(self, name, value=None):
        """When it printed that first, or None."""
        moments = [
            line["at"] for line in self.printed if name in line and value in (None, line[name])
        ]
        return moments[0] if moments else None

    @property
    def heard(self):
        return [line["hears"] for line in self.printed if "hears" in line]

    @property
    def told(self):
        """The last object that the gateway said."""
        objects = [json.loads(text) for text in self.heard if text.startswith("{")]
        return objects[-1] if objects else {}

    @property
    def is_in(self):
        return "hello" in self.heard

    @property
    def is_rejected(self):
        return self.told.get("type") == "connection_rejected"

    @property
    def is_over(self):
        return self._at("over") is not None

    @property
    def code(self):
        return next(line["over"] for line in self.printed if "over" in line)

    @property
    def patience(self):
        """Seconds from its question to the app's greeting."""
        return self._at("hears", "hello") - self._at("asks")

    async def answer(self):
        """It is in, or knows why not."""

        def answered():
            assert self.is_alive() or self.is_over, f"it died: {self.stderr}"
            return self.is_in or self.is_over

        await eventually(answered, f"{self} to be answered", 30)
        return self

    async def ended(self, reason):
        """It hears that it is over, and why."""
        await eventually(lambda: self.is_over, f"{self} to end", 30)
        assert self.told.get("reason") == reason, self


def tell(**what):
    print(json.dumps({"at": time.monotonic(), **what}), flush=True)


async def hold_socket(url):
    tell(asks=True)
    async with websockets.connect(url, compression=None, ping_interval=None, proxy=None) as one:
        try:
            async for text in one:
                tell(hears=text[:LONG])
        except websockets.ConnectionClosed:
            pass
    tell(over=one.close_code)


async def hold_stream(url):
    async with httpx.AsyncClient(timeout=None, trust_env=False) as client:
        tell(asks=True)
        try:
            async with httpx_sse.aconnect_sse(client, "GET", url) as source:
                async for event in source.aiter_sse():
                    tell(hears=event.data[:LONG])
        except httpx.TransportError:
            pass
    tell(over=None)


if __name__ == "__main__":
    asyncio.run((hold_socket if sys.argv[1].startswith("ws") else hold_stream)(sys.argv[1]))
