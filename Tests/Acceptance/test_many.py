"""Many at once: thousands of sockets, each with its own conversation, on few descriptors and
little memory."""

import asyncio

import pytest

from harness import tokens
from harness.door import ask
from harness.waiting import eventually

CONFIGURATION = """
listen 127.0.0.1:$https { tls { certificate self_signed } }
jwt hospital { algorithms HS256; secret env:JWT_SECRET; user user_id }
backend hospital { server 127.0.0.1:$hospital; connect_timeout 20s; handshake_timeout 30s }
route /ws/ { websocket; auth hospital; compress; backend hospital }
"""

ROUNDS = 3


@pytest.fixture
def gateway(start_gateway, hospital):
    return start_gateway(CONFIGURATION, hospital=hospital)


@pytest.mark.parametrize(
    "count",
    [300, pytest.param(5000, marks=[pytest.mark.long, pytest.mark.timeout(600)])],
)
async def test_many_tls_websockets_play_ping_pong(gateway, count):
    token, gate = tokens.mint(), asyncio.Semaphore(40)
    patience = {"open_timeout": 60, "ping_interval": None}

    async def enter():
        async with gate:
            socket = await gateway.tls.websocket("/ws/queue/many", token=token, **patience)
            assert await ask(socket, {"type": "ping"}) == {"type": "pong"}
            return socket

    async def play(socket):
        for _ in range(ROUNDS):
            async with gate:
                assert await ask(socket, {"type": "ping"}) == {"type": "pong"}

    warm = await asyncio.gather(*[enter() for _ in range(10)])
    descriptors, memory = gateway.descriptors(), gateway.memory()
    sockets = await asyncio.gather(*[enter() for _ in range(count)])
    await asyncio.gather(*[play(socket) for socket in sockets])
    assert gateway.descriptors() - descriptors == 2 * count, "one to each side, nothing else"
    assert (gateway.memory() - memory) / count < 64 * 1024, "an idle socket holds no buffer"

    async def leave(socket):
        async with gate:
            await socket.close()

    await asyncio.gather(*[leave(socket) for socket in [*sockets, *warm]])
    await eventually(lambda: gateway.descriptors() <= descriptors - 20 + 4, "all to be closed")
