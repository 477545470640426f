"""Clients that send the body of a request, or take what waits for them, slower than they must: each
is ended after its time, and whoever keeps the rate never is. Crowds of them hold nobody up."""

import asyncio
import contextlib
import ssl
import statistics
import time

import pytest

from harness.certificates import CONTEXT
from harness.crowds import Crowd
from harness.log import assert_logged, lines_about
from harness.operator import Operator
from harness.raw import connection
from harness.waiting import eventually, longer_than, pace, settled, together
from harness.watch import peak_memory
from harness.wire import BINARY, PONG, marked, wired

CONFIGURATION = """
workers 1
log { access json stdout }
limits {
    tls_handshake 2s
    request_head  2s
    body_rate     2k over 2s
    response_rate 32k over 2s
}
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
backend app { server 127.0.0.1:$app; response_timeout 30s }
defaults { backend app; send_queue 32m }
route /socket      { websocket; slow cut 1s }
route /socket/wait { websocket; slow wait }
route /events      { events; slow cut 1s }
route /events/wait { events; slow wait }
route /            { }
"""
MEGABYTE = 1 << 20
#: The patience is 2 s; the wheel is coarse, and the machine may be busy.
BOUND = 9
#: With `slow cut 1s`, who has taken a lot may pause for 6 s, and is looked at a second later.
SAVED_BOUND = 16


@contextlib.asynccontextmanager
async def posting(gateway, upstream, fields, door=None, **options):
    """A client that said the head of a request with a body, and the app it came to."""
    target = marked("/upload")
    async with connection(door or gateway.plain, **options) as client:
        await client.send(f"POST {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
        client.target = target
        yield client, await upstream.arrival(target)


async def trickle(client, octets, every):
    with contextlib.suppress(ConnectionError):
        while not client.writer.transport.is_closing():
            await client.send(octets)
            await pace(every)


async def paced(client, octets, size, every):
    for index in range(0, len(octets), size):
        await client.send(octets[index : index + size])
        await pace(every)


# Bodies.


async def body_that_trickles_is_ended(gateway, upstream, fields, octets, door=None):
    async with posting(gateway, upstream, fields, door) as (client, app):
        began = time.monotonic()
        trickling = asyncio.create_task(trickle(client, octets, 0.1))
        answer = await client.answer("POST")
        assert 1.5 < time.monotonic() - began < BOUND
        assert answer.status == 408 and b'"reason":"timeout"' in answer.body
        assert answer.values("connection") == ["close"]
        await app.end()
        await client.end()
        trickling.cancel()
    await assert_logged(gateway, client.target, "timeout", status=408)


async def body_that_stalls_is_ended(gateway, upstream):
    """A fast start buys no more time than there is at first."""
    fields = "Content-Length: 9000000\r\n"
    async with posting(gateway, upstream, fields) as (client, app):
        await client.send(b"x" * 100_000)
        await app.exactly(100_000)
        began = time.monotonic()
        assert (await client.answer("POST")).status == 408
        assert 1.5 < time.monotonic() - began < BOUND
        await app.end()


async def body_that_keeps_the_rate_arrives(gateway, upstream, size, every):
    """For longer than the patience, evenly or in bursts."""
    octets = bytes(range(256)) * 96
    fields = f"Content-Length: {len(octets)}\r\n"
    async with posting(gateway, upstream, fields) as (client, app):
        await together(paced(client, octets, size, every), body_comes(app, octets))
        await app.answer("200 OK", b"whole")
        assert (await client.answer("POST")).body == b"whole"


async def body_comes(app, octets):
    assert await app.exactly(len(octets)) == octets


async def slow_app_is_not_its_clients_fault(gateway, upstream):
    """What is not asked for cannot come: the app reads nothing for longer than the patience."""
    size = 24 * MEGABYTE
    async with posting(gateway, upstream, f"Content-Length: {size}\r\n") as (client, app):
        app.reader._transport.pause_reading()
        sent = 0

        async def push():
            nonlocal sent
            while sent < size:
                await client.send(b"x" * 65536)
                sent += 65536

        pushing = asyncio.create_task(push())
        stood = await settled(lambda: sent, "the client's sending")
        assert stood < size, "it is held back"
        await longer_than("the patience", 4)
        app.reader._transport.resume_reading()
        assert len(await app.exactly(size)) == size
        await pushing
        await app.answer("200 OK", b"whole")
        assert (await client.answer("POST")).body == b"whole"


async def client_waits_to_be_asked(gateway, upstream):
    """The app thinks for longer than the patience before it says 100."""
    fields = "Content-Length: 5\r\nExpect: 100-continue\r\n"
    async with posting(gateway, upstream, fields) as (client, app):
        await longer_than("the patience", 4)
        await app.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        await client.until(b"100 Continue\r\n\r\n")
        await client.send("hello")
        assert await app.exactly(5) == b"hello"
        await app.answer("200 OK", b"whole")
        assert (await client.answer("POST")).body == b"whole"


async def client_that_was_asked_has_to_send(gateway, upstream):
    fields = "Content-Length: 5\r\nExpect: 100-continue\r\n"
    async with posting(gateway, upstream, fields) as (client, app):
        await app.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        await client.until(b"100 Continue\r\n\r\n")
        assert (await client.answer("POST")).status == 408
        await app.end()


async def test_slow_bodies(gateway, upstream):
    length, chunked = "Content-Length: 9000000\r\n", "Transfer-Encoding: chunked\r\n"
    await together(
        body_that_trickles_is_ended(gateway, upstream, length, b"x"),
        body_that_trickles_is_ended(gateway, upstream, length, b"x", gateway.tls),
        body_that_trickles_is_ended(gateway, upstream, chunked, b"1\r\nx\r\n"),
        body_that_stalls_is_ended(gateway, upstream),
        body_that_keeps_the_rate_arrives(gateway, upstream, 400, 0.08),
        body_that_keeps_the_rate_arrives(gateway, upstream, 4000, 0.8),
        slow_app_is_not_its_clients_fault(gateway, upstream),
        client_waits_to_be_asked(gateway, upstream),
        client_that_was_asked_has_to_send(gateway, upstream),
    )
    operator = Operator(gateway.names["console"])
    assert operator.total("gateway_slow_clients_total", rate="body") >= 5


# Responses.


@contextlib.asynccontextmanager
async def downloading(gateway, upstream, size, door=None, path="/download", fields=()):
    """A client whose kernel and whose reader hold next to nothing; an app that answers at once."""
    target = marked(path)
    options = {"receive_buffer": 4096, "limit": 1024}
    async with connection(door or gateway.plain, **options) as client:
        await client.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        app = await upstream.arrival(target)
        client.target = target

        async def answer():
            with contextlib.suppress(ConnectionError):
                await app.answer("200 OK", b"y" * size, *fields)

        answering = asyncio.create_task(answer())
        await client.until(b"\r\n\r\n")
        yield client, app
        answering.cancel()


async def read_slowly(client, size, every):
    """So many octets so often."""
    with contextlib.suppress(ConnectionError):
        while await client.reader.read(size):
            await pace(every)


async def rest(client):
    """How much comes, until nothing does any more."""
    total = 0
    with contextlib.suppress(ConnectionError):
        while octets := await asyncio.wait_for(client.reader.read(65536), BOUND):
            total += len(octets)
    return total


async def response_that_is_hardly_read_is_ended(gateway, upstream, door=None):
    began = time.monotonic()
    async with downloading(gateway, upstream, 16 * MEGABYTE, door) as (client, app):
        reading = asyncio.create_task(read_slowly(client, 512, 0.1))
        await app.end(BOUND)
        assert time.monotonic() - began > 1.5
        # What the kernel of the client has already is still there to be read.
        reading.cancel()
        assert await rest(client) < 16 * MEGABYTE
    entry = await assert_logged(gateway, client.target, "slow_consumer", status=200)
    assert entry["detail"] == "rate"


async def response_that_is_read_at_the_rate_is_whole(gateway, upstream, size, every):
    """For several times the patience, by a reader whose kernel holds nothing."""
    whole = 3 * MEGABYTE
    async with downloading(gateway, upstream, whole) as (client, _):
        began = time.monotonic()
        total = 0
        # Slowly for long enough, then as fast as can be.
        while time.monotonic() - began < 7:
            total += len(await client.reader.readexactly(size))
            await pace(every)
        total += len(await asyncio.wait_for(client.reader.readexactly(whole - total), 20))
        assert total == whole
    await assert_logged(gateway, client.target, "normal", status=200)


async def shows_life(client):
    while True:
        await client.send(PONG, b"alive")
        await pace(0.3)


async def socket_that_is_hardly_read_is_ended(gateway, upstream, door=None):
    """It speaks, and its queue is not full."""
    options = {"receive_buffer": 4096, "limit": 1024}
    async with wired(door or gateway.plain, upstream, "/socket", **options) as (client, app):
        living = asyncio.create_task(shows_life(client))
        sending = asyncio.create_task(app.send(BINARY, bytes(16 * MEGABYTE)))
        await app.end(SAVED_BOUND)
        living.cancel()
        sending.cancel()
        client.reset()
    await assert_logged(gateway, client.mark, "slow_consumer", told="rate")


async def socket_with_time_is_waited_for(gateway, upstream):
    options = {"receive_buffer": 4096, "limit": 1024}
    async with wired(gateway.plain, upstream, "/socket/wait", **options) as (client, app):
        living = asyncio.create_task(shows_life(client))
        sending = asyncio.create_task(app.send(BINARY, bytes(16 * MEGABYTE)))
        await longer_than("the patience", 5)
        assert not app.reader.at_eof()
        living.cancel()
        whole = await client.receive()
        assert len(whole.payload) == 16 * MEGABYTE
        await sending
        client.reset()


async def stream_that_is_hardly_read_is_ended(gateway, upstream):
    target = marked("/events")
    async with connection(gateway.plain, receive_buffer=4096, limit=1024) as client:
        await client.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        app = await upstream.arrival(target)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        event = b"data: " + b"x" * 8000 + b"\n\n"
        sending = asyncio.create_task(app.say(head + event * 2000))
        await app.end(SAVED_BOUND)
        sending.cancel()
    await assert_logged(gateway, target, "slow_consumer", status=200)


async def test_slow_readers(gateway, upstream):
    await together(
        response_that_is_hardly_read_is_ended(gateway, upstream),
        response_that_is_hardly_read_is_ended(gateway, upstream, gateway.tls),
        response_that_is_read_at_the_rate_is_whole(gateway, upstream, 4096, 0.05),
        response_that_is_read_at_the_rate_is_whole(gateway, upstream, 120_000, 1.2),
        socket_that_is_hardly_read_is_ended(gateway, upstream),
        socket_that_is_hardly_read_is_ended(gateway, upstream, gateway.tls),
        socket_with_time_is_waited_for(gateway, upstream),
        stream_that_is_hardly_read_is_ended(gateway, upstream),
    )
    operator = Operator(gateway.names["console"])
    assert operator.total("gateway_slow_clients_total", rate="response") >= 5


async def test_responses_that_are_complete_here_and_not_there_are_let_go(gateway, upstream):
    """Of all sizes around what the kernel takes. Of some the gateway holds the last of it when the
    exchange is over, and so is the line in the log."""
    operator = Operator(gateway.names["console"])
    before = operator.total("gateway_slow_clients_total", rate="response")
    async with contextlib.AsyncExitStack() as stack:
        sizes = range(MEGABYTE, 8 * MEGABYTE, MEGABYTE // 6)
        clients = await asyncio.gather(
            *[stack.enter_async_context(downloading(gateway, upstream, size)) for size in sizes]
        )
        marks = [client.target for client, _ in clients]
        await eventually(
            lambda: operator.total("gateway_memory_held_octets") > 0, "some to wait here"
        )
        await eventually(
            lambda: operator.total("gateway_memory_held_octets") == 0, "all to be let go", BOUND
        )
        ended = [one["reason"] for mark in marks for one in lines_about(gateway, mark)]
        assert "normal" in ended
        late = operator.total("gateway_slow_clients_total", rate="response") - before
        assert late > ended.count("slow_consumer") > 0, "also such whose line was written"
        for client, _ in clients:
            client.abort()


# Heads and handshakes: they have one time, whatever comes within it.


async def head_that_trickles_is_ended(gateway, upstream, before=b"", door=None):
    """After requests that were answered, and behind one whose answer is on its way."""
    async with connection(door or gateway.plain) as client:
        if before:
            await client.send(before)
            app = await upstream.arrival(before.split(b" ")[1].decode())
            await client.send("GET /x")
            await app.answer("200 OK", b"first")
            assert (await client.answer()).body == b"first"
        began = time.monotonic()
        trickling = asyncio.create_task(trickle(client, b"x", 0.1))
        answer = await client.answer()
        assert answer.status == 408
        assert time.monotonic() - began < BOUND
        trickling.cancel()
        await client.end()


async def handshake_that_trickles_is_ended(gateway):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = CONTEXT.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    async with connection(gateway.tls, tls=False) as client:
        began = time.monotonic()

        async def say():
            with contextlib.suppress(ConnectionError):
                for octet in hello:
                    await client.send(bytes([octet]))
                    await pace(0.1)

        saying = asyncio.create_task(say())
        assert await client.end() == b""
        assert time.monotonic() - began < BOUND
        saying.cancel()


async def test_slow_heads(gateway, upstream):
    def request():
        return f"GET {marked('/first')} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    await together(
        head_that_trickles_is_ended(gateway, upstream),
        head_that_trickles_is_ended(gateway, upstream, door=gateway.tls),
        head_that_trickles_is_ended(gateway, upstream, before=request()),
        handshake_that_trickles_is_ended(gateway),
    )


# Crowds of all three kinds.

CROWDED = """
limits {
    request_head  $patience
    body_rate     500 over $patience
    response_rate 500 over $patience
    memory        ${memory}m
}
listen 127.0.0.1:$http
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
backend crowded { server 127.0.0.1:$crowded; connect_timeout 30s }
backend odd     { server 127.0.0.1:$odd }
route /plain { backend odd }
route /      { backend crowded }
"""


async def latencies(door, count):
    """Seconds that requests take, one after the other on one connection."""
    times = []
    async with connection(door) as client:
        for _ in range(count):
            began = time.monotonic()
            await client.send("GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = await client.answer()
            times.append(time.monotonic() - began)
            assert answer.status == 200 and answer.body == b"plain"
    return times


def p99(times):
    return statistics.quantiles(times, n=100)[98]


@pytest.mark.parametrize(
    ("count", "patience", "memory"),
    [
        (60, 4, 64),
        pytest.param(2000, 20, 1024, marks=[pytest.mark.long, pytest.mark.timeout(300)]),
    ],
)
async def test_a_crowd_of_slow_clients_holds_nobody_up(
    start_gateway, start_app, count, patience, memory
):
    """As many slow heads, slow bodies and slow readers each. What waits for the readers is within
    `memory`: beyond, it would be the largest that go, and newcomers that are refused."""
    odd, crowded = start_app("odd"), start_app("odd")
    names = {"odd": odd, "crowded": crowded, "patience": f"{patience}s", "memory": str(memory)}
    gateway = start_gateway(CROWDED, **names)
    operator = Operator(gateway.names["console"])
    requests = 2000 if count > 100 else 200
    calm = await latencies(gateway.plain, requests)
    async with peak_memory(gateway, every=1) as peak:
        with Crowd(gateway.plain.port, count) as crowd:
            await eventually(lambda: crowd.opened == 3 * count, "all to be there", 60)
            # What fills the buffers of the readers is a load like any other's.
            held = lambda: operator.total("gateway_memory_held_octets")  // (8 * MEGABYTE)
            await settled(held, "what is held for them", patience=60)
            times = await latencies(gateway.plain, requests)
            # Nobody of them leaves by itself.
            await eventually(lambda: crowd.left == 0, "all to be ended", 4 * patience + 20)
    print(f"p99: calm {p99(calm):.4f} s, crowded {p99(times):.4f} s; {peak.growth >> 20} MB more")
    # A hundredth of a second is what a busy machine takes now and then for itself.
    allowed = 2 * p99(calm) if count > 100 else 1
    assert p99(times) < max(allowed, 0.01), f"{p99(calm):.4f} s, then {p99(times):.4f} s"
    assert peak.growth < memory * MEGABYTE + 3 * count * 16 * 1024 + 16 * MEGABYTE
    assert operator.total("gateway_slow_clients_total", rate="body") == count
    await eventually(
        lambda: operator.total("gateway_memory_held_octets") == 0, "every buffer to be given back"
    )
    await eventually(lambda: gateway.connections() < 20, "every connection to be given back")
