"""Many tokens that come to their end in the same second: every bearer is told and cut off in time,
and nobody else has to wait for it."""

import asyncio
import contextlib
import json
import sys
import time

import pytest

from harness import tokens
from harness.door import ask
from harness.ports import free_port
from harness.process import ACCEPTANCE
from harness.waiting import pace

CONFIGURATION = """
workers 1
listen 127.0.0.1:$http
jwt crowd { algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0s; expiring off }
backend crowd    { server 127.0.0.1:$crowd }
backend hospital { server 127.0.0.1:$hospital }
route crowd.test/ { websocket; auth crowd; backend crowd }
route others.test/ { websocket; auth crowd; backend hospital }
"""


class Crowd:
    def __init__(self, child):
        self.child = child

    async def order(self, **what):
        self.child.stdin.write(json.dumps(what).encode() + b"\n")
        await self.child.stdin.drain()

    async def says(self, patience=120):
        """None when it has given up: one of it was refused."""
        line = await asyncio.wait_for(self.child.stdout.readline(), patience)
        return json.loads(line) if line else None


@contextlib.asynccontextmanager
async def crowd_at(port):
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "harness.crowd", str(port), cwd=ACCEPTANCE,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 30,
    )  # fmt: skip
    try:
        assert await asyncio.wait_for(child.stdout.readline(), 15) == b"ready\n"
        yield Crowd(child)
    finally:
        child.kill()
        await child.wait()


async def latencies(door, over):
    """Round trips of one of the others, as long as it takes."""
    found = []
    token = tokens.mint()
    async with door.websocket("/ws/queue/x", name="others.test", token=token) as socket:
        while not over.is_set():
            begin = time.perf_counter()
            assert await ask(socket, {"type": "ping"}) == {"type": "pong"}
            found.append((time.time(), time.perf_counter() - begin))
            await pace(0.002)
    return found


async def watched(gateway, port, count, life):
    """When so many tokens ended, how their bearers saw that, and what others waited meanwhile;
    None when the tokens ended before all were there."""
    async with crowd_at(port) as crowd:
        end = time.time() + life
        await crowd.order(
            port=gateway.plain.port, host="crowd.test", path="/ws",
            tokens=[tokens.mint(user=number, exp=end) for number in range(count)],
        )  # fmt: skip
        if await crowd.says() != {"open": count} or time.time() >= end - 1:
            return None
        over = asyncio.Event()
        watching = asyncio.create_task(latencies(gateway.plain, over))
        ends = (await crowd.says())["ends"]
        over.set()
        return end, ends, await watching


@pytest.mark.parametrize(
    ("count", "life", "lateness", "bound"),
    [
        # The first proves that all of it works; so few prove nothing about time.
        (200, 4, 5, 3),
        pytest.param(5000, 40, 1, 0.05, marks=[pytest.mark.long, pytest.mark.timeout(150)]),
    ],
)
async def test_tokens_that_end_in_the_same_second(
    start_gateway, hospital, count, life, lateness, bound
):
    port = free_port()
    gateway = start_gateway(CONFIGURATION, hospital=hospital, crowd=port)
    seen = await watched(gateway, port, count, life)
    # A busy machine may need longer until all of them are there.
    end, ends, found = seen or await watched(gateway, port, count, 4 * life)
    assert {code for _, code in ends} == {4001}
    late = sorted(when - end for when, _ in ends)
    # The crowd itself has to hurry to see it all.
    most = late[int(0.9 * count)]
    assert late[0] >= -0.1 and most <= lateness and late[-1] <= 5, late[:: count // 10]
    meanwhile = [latency for when, latency in found if end - 0.5 <= when <= end + 2]
    assert len(meanwhile) > 50
    assert max(meanwhile) <= bound, f"{max(meanwhile) * 1000:.0f} ms"
