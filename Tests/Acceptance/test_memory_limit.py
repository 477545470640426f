"""`memory`: what connections may hold together. Beyond, nobody new comes in, the largest buffers go
first, and what is live and small stays."""

import asyncio
import contextlib
import ssl

import pytest

from harness.certificates import CONTEXT
from harness.deflating import DEFLATE
from harness.operator import start
from harness.log import assert_logged
from harness.raw import connection
from harness.waiting import eventually
from harness.wire import BINARY, TEXT, marked, wired

CONFIGURATION = """
workers 2
log { access json stdout }
limits { memory $memory; request_head 20s; body_rate off; response_rate off }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
backend app { server 127.0.0.1:$app }
defaults { backend app }
route /kept   { buffer_body 1m }
route /socket { websocket; compress }
route /refused { websocket; refuse http }
route /events { events; send_queue 16m; slow wait }
route /       { }
"""
MEGABYTE = 1 << 20
HELD = "gateway_memory_held_octets"


class Case:
    """A gateway with so much memory, whose app is the test."""

    def __init__(self, start_gateway, app_port, upstream, memory):
        self.gateway, self.operator = start(
            start_gateway, CONFIGURATION, app=app_port, memory=memory
        )
        self.upstream = upstream

    @property
    def held(self):
        return self.operator.total(HELD)

    @property
    def is_overloaded(self):
        return self.operator.total("gateway_memory_overloaded") == 1

    def measures(self, what):
        return self.operator.total("gateway_memory_measures_total", measure=what)

    def lines(self):
        return [line for line in self.gateway.stderr.splitlines() if " memory: " in line]

    async def is_empty(self):
        """Whatever was counted is counted off again."""
        await eventually(lambda: self.held == 0, "everything that is held to be given back")
        assert not self.is_overloaded

    def socket(self, door=None):
        return wired(door or self.gateway.plain, self.upstream, "/socket", DEFLATE)


@pytest.fixture
def case(start_gateway, app_port, upstream):
    return lambda memory: Case(start_gateway, app_port, upstream, memory)


async def begin_message(client, size):
    """A message of a megabyte, of which so much is said."""
    head = client.octets(BINARY, b"", length=MEGABYTE)
    # A key of zeros masks nothing.
    await client.say(head[:-4] + bytes(4) + b"\x5a" * size)


async def is_live(client, app):
    await client.send(TEXT, "there")
    await app.hears(TEXT, "there")
    await app.send(TEXT, "and back")
    await client.hears(TEXT, "and back")


async def test_what_is_counted_is_what_is_held(case):
    """Half messages, all of which the gateway has to keep: counted to the octet, and about as much
    as the process grows by."""
    it = case("1g")
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(it.socket()) for _ in range(60)]
        before = it.gateway.memory()
        assert it.held == 0, "an idle socket holds nothing"
        for client, _ in sockets:
            await begin_message(client, MEGABYTE - 1)
        whole = 60 * (MEGABYTE - 1)
        await eventually(lambda: it.held >= whole, "all of it to be held")
        assert it.held == whole
        growth = it.gateway.memory() - before
        assert whole * 0.8 < growth < whole * 1.3, f"{growth / MEGABYTE:.1f} MB"
        for client, _ in sockets:
            await client.say(b"\x5a")
        await it.is_empty()
        for _, app in sockets:
            assert (await app.message()).payload == b"\x5a" * MEGABYTE
    assert it.lines() == []


async def test_the_largest_go_first_and_the_live_stay(case):
    """Sixty half messages of up to a megabyte with room for eight."""
    it = case("8m")
    async with it.socket() as live, it.socket(it.gateway.tls) as live_too:
        await is_live(*live)
        before = it.gateway.memory()
        async with contextlib.AsyncExitStack() as stack:
            small = [await stack.enter_async_context(it.socket()) for _ in range(5)]
            for client, _ in small:
                await begin_message(client, 1000)
            sockets = [await stack.enter_async_context(it.socket()) for _ in range(30)]
            ends = [asyncio.create_task(client.receive()) for client, _ in sockets]
            highest = 0
            for client, _ in sockets:
                with contextlib.suppress(ConnectionError):
                    await begin_message(client, MEGABYTE - 1)
                highest = max(highest, it.gateway.memory())
            await eventually(lambda: it.measures("ended_connection") >= 20, "many to go")
            await eventually(lambda: it.held <= 8 * MEGABYTE, "that to be enough")
            assert highest - before < 8 * MEGABYTE + 16 * MEGABYTE
            count = it.measures("ended_connection")
            await eventually(lambda: sum(end.done() for end in ends) == count, "each to hear why")
            gone = [end.result() for end in ends if end.done()]
            assert 20 <= len(gone) == it.measures("ended_connection") < 30
            assert {frame.payload for frame in gone} == {(1013).to_bytes(2, "big") + b"memory"}
            for index, end in enumerate(ends):
                if end.done():
                    client, app = sockets[index]
                    await client.ended()
                    await app.end()
                    await assert_logged(it.gateway, client.mark, "overloaded", told="memory")
                else:
                    end.cancel()
            # Nobody who holds little was touched, and nobody new is turned away any more.
            for client, app in small:
                await client.say(b"\x5a" * (MEGABYTE - 1000))
                assert (await app.message()).payload == b"\x5a" * MEGABYTE
        await is_live(*live)
        await is_live(*live_too)
        async with it.socket() as another:
            await is_live(*another)
        await it.is_empty()
    began = [line for line in it.lines() if "more than 8388608" in line]
    assert len(began) * 2 == len(it.lines()), "one line when it begins, one when it is over"


async def test_slow_readers_go_before_their_queues_fill_the_memory(case):
    """Event streams with room for 16 MB each."""
    it = case("8m")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    async with it.socket() as live, contextlib.AsyncExitStack() as stack:
        apps = []
        for _ in range(4):
            target = marked("/events")
            slow = connection(it.gateway.plain, receive_buffer=4096, limit=1024)
            client = await stack.enter_async_context(slow)
            await client.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
            apps.append(await it.upstream.arrival(target))
        # Once too much is held nobody new is let in.
        events = head + (b"data: " + b"x" * 8000 + b"\n\n") * 1500
        sendings = [asyncio.create_task(app.say(events)) for app in apps]
        await eventually(lambda: it.measures("ended_connection") >= 1, "some to go")
        await eventually(lambda: it.held <= 8 * MEGABYTE, "that to be enough")
        await is_live(*live)
        for sending in sendings:
            sending.cancel()
    await it.is_empty()
    assert "overloaded" in it.gateway.stdout


#: What brings something or stays, on a route for both and on one for streams.
HEAVY = [
    "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET /refused HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
]


async def is_answered(it, client):
    await client.send("GET /waiting HTTP/1.1\r\nHost: localhost\r\n\r\n")
    app = await it.upstream.arrival("/waiting")
    await app.answer("200 OK", b"in")
    assert (await client.answer()).body == b"in"


async def test_nobody_new_comes_in_meanwhile(case):
    """Heads that are not whole, each too small to be worth ending: the limit stays exceeded until
    they go. On connections that are open, what is small goes on, and what would hold more, or
    stay, does not begin."""
    it = case("1m")
    async with (
        it.socket() as live,
        connection(it.gateway.plain) as open_one,
        connection(it.gateway.tls) as open_too,
        contextlib.AsyncExitStack() as open_ones,
    ):
        heavy = []
        for _ in HEAVY:
            heavy.append(await open_ones.enter_async_context(connection(it.gateway.plain)))
        for one in (open_one, open_too, *heavy):
            await is_answered(it, one)
        async with contextlib.AsyncExitStack() as stack:
            head = "GET / HTTP/1.1\r\nX: " + "x" * 3900
            while not it.is_overloaded:
                async with asyncio.timeout(30):
                    for _ in range(50):
                        door = it.gateway.plain
                        with contextlib.suppress(ConnectionError):
                            client = await stack.enter_async_context(connection(door))
                            await client.send(head)
            # Before its TLS handshake, and without a word.
            for door in (it.gateway.tls, it.gateway.plain):
                async with connection(door, tls=False) as refused:
                    assert await refused.end() == b""
            assert it.measures("refused_connection") >= 2
            for one in (open_one, open_too):
                await is_answered(it, one)
            for index, request in enumerate(HEAVY):
                await heavy[index].send(request)
                answer = await heavy[index].answer(request.split(" ")[0])
                if "/events" in request or "event-stream" in request:
                    # It would never come back behind any other status.
                    assert answer.status == 200 and answer.body.startswith(b"retry:")
                    continue
                assert answer.status == 503 and b'"reason":"overloaded"' in answer.body
                assert answer.values("retry-after") == ["5"]
            assert it.measures("refused_request") == len(HEAVY)
            assert it.measures("ended_connection") == 0
            await is_live(*live)
        await it.is_empty()
        # The connections that were told so, and had sent all of their request, are as good as
        # before.
        for one in (open_one, heavy[0]):
            await is_answered(it, one)
    assert len(it.lines()) == 2, "one when it began, one when it was over"


@pytest.mark.parametrize(
    "path, body, kept",
    [
        # Nobody has answered yet.
        ("/", "Content-Length: 0\r\n\r\n", 0),
        ("/", "Content-Length: 10\r\n\r\nabc", 0),
        # Trailers that do not end.
        ("/", "Transfer-Encoding: chunked\r\n\r\n0\r\nT: " + "x" * 8000, 8003),
        ("/kept", "Transfer-Encoding: chunked\r\n\r\n0\r\nT: " + "x" * 8000, 8003),
    ],
)
async def test_heads_and_trailers_of_requests_under_way_count(case, path, body, kept):
    """A head is kept until it is answered: 30,000 octets of it from as many as connect."""
    it = case("1g")
    apps = []
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            client = await stack.enter_async_context(connection(it.gateway.plain))
            target = marked(path)
            head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nX: {'x' * 30000}\r\n"
            await client.send(head + body)
            if path == "/":
                apps.append(await it.upstream.arrival(target))
        await eventually(lambda: it.held >= 20 * (30_000 + kept), "all of them to be counted")
        assert it.held < 20 * (30_200 + kept)
    # Who asked all and closed may still want the answer.
    for app in apps:
        with contextlib.suppress(ConnectionError):
            await app.answer("200 OK", b"")
    await it.is_empty()


def is_told(answer):
    """Who came when it was too much already was closed without a word."""
    return answer.done() and answer.exception() is None


async def test_heads_of_requests_under_way_count_against_the_limit(case):
    """Those that hold most go first, and hear why."""
    it = case("1m")
    async with it.socket() as live, contextlib.AsyncExitStack() as stack:
        clients = []
        head = f"POST / HTTP/1.1\r\nHost: localhost\r\nX: {'x' * 30000}\r\n"
        while not it.measures("ended_connection"):
            client = await stack.enter_async_context(connection(it.gateway.plain))
            await client.send(head + "Content-Length: 10\r\n\r\nabc")
            clients.append(client)
            assert len(clients) < 100, "megabytes that nobody counts"
            await asyncio.sleep(0)
        await is_live(*live)
        answers = [asyncio.create_task(client.answer()) for client in clients]
        told = lambda: [one.result().status for one in answers if is_told(one)]
        gone = lambda: [one for one in answers if one.done()]
        await eventually(
            lambda: told() and len(gone()) >= int(it.measures("ended_connection")),
            "those that were ended to hear of it",
        )
        assert set(told()) == {503}
        for answer in answers:
            answer.cancel()
    await it.is_empty()


async def test_a_reload_with_another_limit_is_enough(case):
    it = case("1g")
    async with it.socket() as (client, app):
        await begin_message(client, MEGABYTE - 1)
        await eventually(lambda: it.held == MEGABYTE - 1, "it to be held")
        it.gateway.names["memory"] = "1m"
        it.gateway.configure(CONFIGURATION)
        it.gateway.reload()
        async with it.socket() as (other, _):
            await begin_message(other, MEGABYTE // 2)
            assert (await client.closed()) == (1013, "memory")
            await app.end()
    await it.is_empty()


#: The beginning of a ClientHello of 129,792 octets, in records of 16 KiB.
HELLO = b"\x16\x03\x01\x40\x00\x01\x01\xfb\x00" + bytes(16380)
HELLO += (b"\x16\x03\x01\x40\x00" + bytes(16384)) * 6


async def test_handshakes_that_are_not_whole_count(case):
    it = case("1g")
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            door = connection(it.gateway.tls, tls=False)
            client = await stack.enter_async_context(door)
            await client.send(HELLO)
        whole = 20 * len(HELLO)
        await eventually(lambda: it.held >= whole, "all of them to be counted")
        assert it.held == whole
    await it.is_empty()


async def test_handshakes_that_are_not_whole_count_against_the_limit(case):
    it = case("1m")
    async with it.socket(it.gateway.tls) as live, contextlib.AsyncExitStack() as stack:
        count = 0
        while not it.measures("ended_connection"):
            with contextlib.suppress(ConnectionError):
                door = connection(it.gateway.tls, tls=False)
                client = await stack.enter_async_context(door)
                await client.send(HELLO)
            count += 1
            assert count < 100, "megabytes that nobody counts"
        await is_live(*live)
    await it.is_empty()


async def begin_record(client, size):
    """A TLS session, and a record of `size` octets of a head's that lacks its last octet."""
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = CONTEXT.wrap_bio(received, sent)
    while True:
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            await client.send(sent.read())
            received.write(await client.reader.read(65536))
    session.write(b"GET / HTTP/1.1\r\nX: " + b"x" * (size - 19))
    await client.send(sent.read()[:-1])


async def test_records_that_are_not_whole_count(case):
    """An idle session holds nothing, half a record of 16 KiB is held as it is."""
    it = case("1g")
    size = 16_000
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            door = connection(it.gateway.tls, tls=False)
            await begin_record(await stack.enter_async_context(door), size)
        await eventually(lambda: it.held >= 20 * size, "all of them to be counted")
        assert it.held < 20 * (size + 500)
    await it.is_empty()
