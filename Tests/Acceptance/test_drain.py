"""How it stops: SIGTERM lets everybody finish and tells them to come back, SIGINT does not wait."""

import asyncio
import contextlib
import json
import random
import signal
import time

import httpx
import pytest

from harness.door import ask, closing
from harness.log import line
from harness.process import accepts
from harness.raw import connection, once
from harness.waiting import BUSY, PATIENCE, eventually, pace
from harness.watch import leaves_unread
from harness.wire import Upstream, marked

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



@pytest.fixture
def patient_gateway(start_gateway, hospital, waiting, odd):
    """It would wait for longer than any machine needs to stop."""
    text = CONFIGURATION.replace("drain 5s", "drain 30s")
    return start_gateway(text, hospital=hospital, waiting=waiting, odd=odd)


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


async def test_an_idle_connection_does_not_hold_it_up(patient_gateway):
    async with connection(patient_gateway.plain) as raw:
        await raw.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await raw.answer()).status == 200
        started = time.monotonic()
        patient_gateway.signal(signal.SIGTERM)
        assert await raw.end() == b""
        patient_gateway.assert_exit(0)
        assert time.monotonic() - started < 4 + BUSY, "not the whole drain"


async def test_who_does_not_finish_is_cut_after_the_drain(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send("GET /gated HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await raw.until(b"first")
        gateway.signal(signal.SIGTERM)
        assert b"second" not in await raw.end()
    gateway.assert_exit(0)


async def test_sigint_does_not_wait(patient_gateway):
    async with connection(patient_gateway.plain) as raw:
        await raw.send("GET /gated HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await raw.until(b"first")
        started = time.monotonic()
        patient_gateway.signal(signal.SIGINT)
        patient_gateway.assert_exit(0)
        assert time.monotonic() - started < 4 + BUSY


async def test_an_answer_that_its_end_would_make_whole_is_reset_by_a_sigint(patient_gateway):
    """For HTTP/1.0 a FIN would say that this was all (RFC 9112 §6.3)."""
    async with connection(patient_gateway.plain) as raw:
        await raw.send("GET /gated HTTP/1.0\r\nHost: localhost\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await raw.until(b"first")
            patient_gateway.signal(signal.SIGINT)
            await asyncio.wait_for(raw.reader.read(), PATIENCE)
    patient_gateway.assert_exit(0)


async def test_a_second_instance_takes_over_the_port_at_once(gateway, start_gateway):
    """Restart: the port is free for the next one as soon as the first has stopped."""
    gateway.signal(signal.SIGTERM)
    gateway.assert_exit(0)
    names = {name: gateway.names[name] for name in ("http", "https", "hospital", "waiting", "odd")}
    second = start_gateway(CONFIGURATION, **names)
    async with httpx.AsyncClient() as client:
        assert (await client.get(second.plain.http("/healthz"))).status_code == 200


# Who has no answer when the time is over.

WAITING = """
log { access json stdout }
workers 1
limits { drain 2s }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
jwt app { algorithms HS256; secret env:JWT_SECRET }
backend app { server 127.0.0.1:$app; response_timeout 60s }
defaults { backend app }
route /plain    { }
route /kept     { buffer_body 64k }
route /download { stream }
route /finish   { finish_without_client }
route /events   { events }
route /ws       { websocket }
route /in       { websocket; auth app }
"""
SOCKET = (
    "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
GET = "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"
#: What waits, whether the app has heard of it, and what must then be known.
WAITERS = {
    "an answer": ("/plain", GET, True),
    "a body that is kept first": ("/kept", HALF, False),
    "the rest of a body": ("/plain", HALF, True),
    "a download": ("/download", GET, True),
    "what is finished anyway": ("/finish", GET, True),
    "a handshake": ("/ws", SOCKET, True),
    "a body for the gateway": ("/.gateway/refresh", HALF, False),
}


@pytest.fixture
def waiting_gateway(start_gateway, app_port):
    return start_gateway(WAITING, app=app_port)


@pytest.mark.parametrize("door", ["plain", "tls"])
async def test_who_waits_is_answered_when_the_time_is_over(waiting_gateway, upstream, door):
    """A FIN without a word could be anything. Whether the app has heard of it is told apart."""
    async with contextlib.AsyncExitStack() as stack:
        waiting = []
        for name, (path, words, is_sent) in WAITERS.items():
            target = marked(path)
            raw = await stack.enter_async_context(connection(getattr(waiting_gateway, door)))
            await raw.send(words.format(target))
            if is_sent:
                await upstream.arrival(target)
            waiting.append((name, raw, target, is_sent))
        # Whatever was said before this is read by the time it is answered.
        await once(waiting_gateway.plain, GET.format("/.gateway/nothing"))
        began = time.monotonic()
        waiting_gateway.signal(signal.SIGTERM)
        for name, raw, _, is_sent in waiting:
            answer = await raw.answer()
            assert time.monotonic() - began > 1.5, f"{name} has all its time"
            assert answer.status == 503, name
            assert answer.values("connection") == ["close"], name
            assert answer.values("retry-after") == ([] if is_sent else ["1"]), name
            assert json.loads(answer.body)["reason"] == "draining", name
            assert await raw.end() == b"", name
    waiting_gateway.assert_exit(0)
    for name, _, target, is_sent in waiting:
        entry = await line(waiting_gateway, target)
        assert (entry["status"], entry["reason"]) == (503, "draining"), name
        assert entry.get("detail") == ("unfinished" if is_sent else None), name


async def test_a_stream_that_waits_is_told_to_come_back(waiting_gateway, upstream):
    """An `EventSource` would never do so after a 503."""
    target = marked("/events")
    async with connection(waiting_gateway.tls) as raw:
        await raw.send(
            f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        )
        await upstream.arrival(target)
        waiting_gateway.signal(signal.SIGTERM)
        answer = await raw.answer()
        assert answer.status == 200
        assert answer.values("content-type") == ["text/event-stream"]
        assert answer.body.startswith(b"retry: ")
        assert await raw.end() == b""
    waiting_gateway.assert_exit(0)


@pytest.mark.parametrize("path", ["/events", "/ws"])
async def test_what_would_stay_does_not_begin_any_more(waiting_gateway, upstream, path):
    """Its head was on the way already, so it is answered; the app does not hear of it."""
    target = marked(path)
    words = SOCKET if path == "/ws" else GET
    head = words.format(target).replace("\r\n\r\n", "\r\nAccept: text/event-stream\r\n\r\n")
    async with connection(waiting_gateway.plain) as raw, connection(waiting_gateway.plain) as idle:
        await raw.send(head[:40])
        # By the time that another one is answered this has been read.
        await idle.send(GET.format("/.gateway/nothing"))
        assert (await idle.answer()).status == 404
        waiting_gateway.signal(signal.SIGTERM)
        # The only worker has heard of it.
        assert await idle.end() == b""
        await raw.send(head[40:])
        answer = await raw.answer()
        if path == "/events":
            assert answer.status == 200 and answer.body.startswith(b"retry: ")
        else:
            assert answer.status == 503
        assert await raw.end() == b""
    assert not upstream.has_arrived(target)
    waiting_gateway.assert_exit(0)
    assert (await line(waiting_gateway, target))["reason"] == "draining"


async def test_who_still_sends_is_answered_when_the_time_is_over(waiting_gateway, upstream):
    """The octets that nobody reads must not turn the answer into a reset."""
    target = marked("/plain")
    async with connection(waiting_gateway.plain) as raw:
        fields = f"Host: localhost\r\nContent-Length: {1 << 40}"
        await raw.send(f"POST {target} HTTP/1.1\r\n{fields}\r\n\r\n")
        app = await upstream.arrival(target)
        app.reader._transport.pause_reading()

        async def push():
            while True:
                await raw.send(b"x" * 65536)

        pushing = asyncio.create_task(push())
        waiting_gateway.signal(signal.SIGTERM)
        answer = await raw.answer("POST")
        pushing.cancel()
        assert (answer.status, answer.values("connection")) == (503, ["close"])
    waiting_gateway.assert_exit(0)


async def test_what_is_cut_after_the_drain_is_logged(waiting_gateway, upstream):
    target = marked("/plain")
    async with connection(waiting_gateway.plain) as raw:
        await raw.send(GET.format(target))
        app = await upstream.arrival(target)
        await app.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await raw.until(b"half")
        waiting_gateway.signal(signal.SIGTERM)
        assert await raw.end() == b""
    waiting_gateway.assert_exit(0)
    entry = await line(waiting_gateway, target)
    assert (entry["status"], entry["reason"]) == (200, "draining")


UPLOAD = """
workers 1
limits { drain 30s }
listen 127.0.0.1:$http
backend app { server unix:$path }
route / { backend app }
"""


async def test_an_upload_that_goes_on_keeps_its_order(start_gateway, tmp_path):
    """Whom an app holds back is read ahead from when the process stops: what comes then is behind
    what has come. Of a Unix domain socket the system takes a part at a time."""
    path = str(tmp_path / "app")
    gateway = start_gateway(UPLOAD, path=path)
    body = random.Random(6).randbytes(8 << 20)
    async with Upstream(path) as upstream, connection(gateway.plain) as client:
        await client.send(
            f"POST /order HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        app = await upstream.arrival("/order")
        app.reader._transport.pause_reading()
        sending = asyncio.create_task(client.send(body))
        await eventually(
            lambda: leaves_unread(gateway, client.port), "the gateway to leave some unread"
        )
        gateway.signal(signal.SIGTERM)
        await eventually(lambda: "draining" in gateway.stderr, "it to stop")
        heard = b""
        while len(heard) < len(body):
            app.reader._transport.resume_reading()
            heard += await app.exactly(min(len(body) - len(heard), 20_000))
            await pace(0.001)
        await sending
        assert heard == body
        await app.answer(200, b"in order")
        assert (await client.answer("POST")).body == b"in order"
    gateway.assert_exit(0)


async def test_who_has_no_answer_at_a_sigint_gets_one(waiting_gateway, upstream):
    target = marked("/plain")
    async with connection(waiting_gateway.plain) as raw:
        await raw.send(GET.format(target))
        await upstream.arrival(target)
        waiting_gateway.signal(signal.SIGINT)
        assert (await raw.answer()).status == 503
    waiting_gateway.assert_exit(0)
    entry = await line(waiting_gateway, target)
    assert (entry["status"], entry["reason"]) == (503, "draining")
