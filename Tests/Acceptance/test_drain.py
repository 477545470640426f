"""How it stops: SIGTERM lets everybody finish and tells them to come back, SIGINT does not wait."""

import asyncio
import json
import signal
import time

import httpx
import pytest

from harness.door import ask, closing
from harness.process import accepts
from harness.raw import connection
from harness.waiting import eventually

CONFIGURATION = """
limits { drain 5s }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
backend odd      { server 127.0.0.1:$odd }
sessions screens { store query:store_id; role query:role; limit 100 block_new }
route /ws/            { websocket; backend hospital }
route /api/sse/stream { events; sessions screens; backend waiting }
route /gated          { backend odd }
route /               { backend waiting }
"""


@pytest.fixture
def gateway(start_gateway, hospital, waiting, odd):
    return start_gateway(CONFIGURATION, hospital=hospital, waiting=waiting, odd=odd)



async def test_websockets_are_told_to_come_back(gateway):
    """1012: Service Restart."""
    sockets = await asyncio.gather(
        *[gateway.tls.websocket("/ws/queue/drain") for _ in range(50)]
    )
    await asyncio.gather(*[ask(socket, {"type": "ping"}) for socket in sockets])
    gateway.signal(signal.SIGTERM)
    for messages, code in await asyncio.gather(*[closing(socket) for socket in sockets]):
        assert code == 1012
        assert all(message["type"] == "force_disconnect" for message in messages)
    gateway.assert_exit(0)


async def test_event_streams_are_told_to_come_back(gateway):
    path = "/api/sse/stream?store_id=drain&role=board&client_id=A"
    async with gateway.tls.events(path) as stream:
        assert (await stream.next()).event == "connected"
        gateway.signal(signal.SIGTERM)
        last = (await stream.rest())[-1]
    assert last.event == "force_disconnect"
    assert json.loads(last.data)["reason"] == "draining"
    assert last.retry is None or last.retry < 60_000, "it may come back soon"
    gateway.assert_exit(0)


async def test_a_request_in_flight_is_finished(gateway, odd_itself):
    async with connection(gateway.plain) as raw, odd_itself.client() as itself:
        await raw.send("GET /gated HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await raw.until(b"first")
        gateway.signal(signal.SIGTERM)
        await eventually(
            lambda: not accepts(gateway.plain.port), "the listener to refuse newcomers"
        )
        assert gateway.is_alive()
        await itself.get("/open-gate")
        assert (await raw.end()).endswith(b"second\r\n0\r\n\r\n")
    gateway.assert_exit(0)


async def test_an_idle_connection_does_not_hold_it_up(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await raw.answer()).status == 200
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert await raw.end() == b""
        gateway.assert_exit(0)
        assert time.monotonic() - started < 4, "not the whole drain"


async def test_who_does_not_finish_is_cut_after_the_drain(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send("GET /gated HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await raw.until(b"first")
        gateway.signal(signal.SIGTERM)
        assert b"second" not in await raw.end()
    gateway.assert_exit(0)


async def test_sigint_does_not_wait(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send("GET /gated HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await raw.until(b"first")
        started = time.monotonic()
        gateway.signal(signal.SIGINT)
        gateway.assert_exit(0)
        assert time.monotonic() - started < 4


async def test_a_second_instance_takes_over_the_port_at_once(gateway, start_gateway):
    """Restart: the port is free for the next one as soon as the first has stopped."""
    gateway.signal(signal.SIGTERM)
    gateway.assert_exit(0)
    names = {name: gateway.names[name] for name in ("http", "https", "hospital", "waiting", "odd")}
    second = start_gateway(CONFIGURATION, **names)
    async with httpx.AsyncClient() as client:
        assert (await client.get(second.plain.http("/healthz"))).status_code == 200
