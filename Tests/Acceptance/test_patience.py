"""Whose time runs while a request is answered: that of whoever has to do something next. Clients
take minutes for an upload and apps for an answer, and neither is ended for what the other does."""

import asyncio
import contextlib
import time

from harness.log import assert_logged
from harness.origin import Origin
from harness.raw import connection
from harness.waiting import longer_than, pace, together
from harness.wire import marked

CONFIGURATION = """
workers 1
log { access json stdout }
limits { body_rate 100 over 4s; response_rate 500 over 30s }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend app       { server 127.0.0.1:$app; response_timeout 1s; response_pause 1s }
backend unhurried { server 127.0.0.1:$app; response_timeout 1s; response_pause off }
backend thinking  { server 127.0.0.1:$app; response_timeout 30s; response_pause 1s }
backend brisk     { server 127.0.0.1:$app; response_timeout 1s; handshake_timeout 3s }
route /unhurried { backend unhurried }
route /thinking  { backend thinking }
route /kept      { backend app; buffer_body 64k }
route /events    { events; backend app }
route /socket    { websocket; refuse http; backend brisk }
route /          { backend app }
"""
MEGABYTE = 1 << 20
#: Longer than the app may take for anything, and shorter than the client may.
PAUSE = 2.2
#: One second, a coarse wheel, and a busy machine.
BOUND = 6


@contextlib.asynccontextmanager
async def asking(gateway, upstream, path="/", fields="", method="POST", door=None, **options):
    target = marked(path)
    async with connection(door or gateway.plain, **options) as client:
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"
        await client.send(head)
        client.target, client.method = target, method
        yield client, await upstream.arrival(target)


async def whole(client, body):
    answer = await client.answer(client.method)
    assert (answer.status, answer.body) == (200, body)
    return answer


async def app_was_slow(gateway, client, began, detail):
    """The client is told that it was the app, and so is the log."""
    answer = await client.answer(client.method)
    assert answer.status == 504 and b'"reason":"upstream_unavailable"' in answer.body
    assert 0.8 < time.monotonic() - began < BOUND
    await assert_logged(gateway, client.target, "upstream_unavailable", status=504, told=detail)


# The client's time.


async def upload_with_pauses_arrives(gateway, upstream, fields, pieces, door=None):
    """The app has taken all there is: it is the client that is waited for."""
    async with asking(gateway, upstream, fields=fields, door=door) as (client, app):
        for piece in pieces:
            await client.send(piece)
            await pace(PAUSE)
        await app.exactly(sum(map(len, pieces)))
        await client.send(b"0\r\n\r\n" if "chunked" in fields else b"end")
        await app.answer("200 OK", b"whole")
        await whole(client, b"whole")


async def upload_into_a_kept_body_arrives(gateway, upstream):
    target = marked("/kept")
    async with connection(gateway.plain) as client:
        client.method = "POST"
        await client.send(f"POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 2000\r\n\r\n")
        await client.send(b"x" * 1000)
        await longer_than("`response_timeout`", PAUSE)
        await client.send(b"x" * 1000)
        app = await upstream.arrival(target)
        assert await app.exactly(2000) == b"x" * 2000
        await app.answer("200 OK", b"whole")
        await whole(client, b"whole")


async def app_that_answers_piece_by_piece_waits_for_its_client(gateway, upstream):
    """It answers what it has heard: it has nothing to say while its client says nothing."""
    fields = "Transfer-Encoding: chunked\r\n"
    async with asking(gateway, upstream, fields=fields) as (client, app):
        await client.send("2\r\nhe\r\n")
        await app.exactly(7)
        await app.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n")
        await client.until(b"he\r\n")
        await longer_than("`response_timeout`", PAUSE)
        await client.send("3\r\nllo\r\n0\r\n\r\n")
        await app.exactly(13)
        await app.say(b"3\r\nllo\r\n0\r\n\r\n")
        await client.until(b"3\r\nllo\r\n0\r\n\r\n")


async def client_that_stops_is_out_of_time(gateway, upstream):
    """And it is not the app that is blamed, although that had less time."""
    async with asking(gateway, upstream, fields="Content-Length: 10\r\n") as (client, app):
        await client.send("hello")
        answer = await client.answer("POST")
        assert answer.status == 408 and b'"reason":"timeout"' in answer.body
        await app.end()
    await assert_logged(gateway, client.target, "timeout", status=408, told="body")


async def client_that_does_not_take_its_response_is_waited_for(gateway, upstream):
    async with asking(
        gateway, upstream, method="GET", receive_buffer=4096, limit=1024
    ) as (client, app):
        body = bytes(16 * MEGABYTE)
        answering = asyncio.create_task(app.answer("200 OK", body))
        await client.until(b"\r\n\r\n")
        await longer_than("`response_timeout`", PAUSE)
        assert len(await asyncio.wait_for(client.reader.readexactly(len(body)), 30)) == len(body)
        await answering


# `Expect: 100-continue`.

EXPECT = "Content-Length: 5\r\nExpect: 100-continue\r\n"


async def client_that_was_asked_has_its_own_time(gateway, upstream):
    async with asking(gateway, upstream, fields=EXPECT) as (client, app):
        await pace(0.4)
        await app.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        await client.until(b"100 Continue\r\n\r\n")
        await longer_than("`response_timeout`", PAUSE)
        await client.send("hello")
        assert await app.exactly(5) == b"hello"
        await app.answer("200 OK", b"whole")
        await whole(client, b"whole")


async def app_that_does_not_ask_is_out_of_time(gateway, upstream):
    began = time.monotonic()
    async with asking(gateway, upstream, fields=EXPECT) as (client, app):
        await app_was_slow(gateway, client, began, "timeout")
        await app.end()


async def hints_do_not_ask(gateway, upstream):
    """Only 100 does: for longer than the client would have for its body."""
    async with asking(gateway, upstream, "/thinking", EXPECT) as (client, app):
        for _ in range(6):
            await app.say(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await client.until(b"103 Early Hints\r\n\r\n")
            await pace(1)
        await app.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        await client.until(b"100 Continue\r\n\r\n")
        await client.send("hello")
        assert await app.exactly(5) == b"hello"
        await app.answer("200 OK", b"whole")
        await whole(client, b"whole")


async def client_that_does_not_wait_to_be_asked_is_waited_for(gateway, upstream):
    async with asking(gateway, upstream, fields=EXPECT) as (client, app):
        await client.send("he")
        await app.exactly(2)
        await longer_than("`response_timeout`", PAUSE)
        await client.send("llo")
        await app.exactly(3)
        await app.answer("200 OK", b"whole")
        await whole(client, b"whole")


# The app's time.


async def app_that_does_not_answer_is_out_of_time(gateway, upstream, path, fields, body):
    """From when it had all of the request, however long that took."""
    async with asking(gateway, upstream, path, fields) as (client, app):
        await pace(PAUSE if body else 0)
        began = time.monotonic()
        await client.send(body)
        await app_was_slow(gateway, client, began, "timeout")
        await app.end()


async def app_that_says_it_is_at_work_has_time(gateway, upstream):
    """Any informational response is a sign of life (RFC 2518, 102 Processing)."""
    async with asking(gateway, upstream, method="GET") as (client, app):
        for status in (b"102 Processing", b"103 Early Hints") * 3:
            await pace(0.5)
            await app.say(b"HTTP/1.1 " + status + b"\r\n\r\n")
        await app.answer("200 OK", b"at last")
        answer = await whole(client, b"at last")
        assert answer.informational == [102, 103] * 3


async def app_that_says_its_head_octet_by_octet_is_out_of_time(gateway, upstream):
    async with asking(gateway, upstream, method="GET") as (client, app):
        began = time.monotonic()

        async def trickle():
            with contextlib.suppress(ConnectionError):
                for octet in b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 100:
                    await app.say(bytes([octet]))
                    await pace(0.1)

        trickling = asyncio.create_task(trickle())
        await app_was_slow(gateway, client, began, "timeout")
        trickling.cancel()


async def app_that_takes_nothing_is_out_of_time(gateway, upstream, door=None):
    """The client would send more: it is not told that it was too slow."""
    size = 64 * MEGABYTE
    fields = f"Content-Length: {size}\r\n"
    async with asking(gateway, upstream, fields=fields, door=door) as (client, app):
        app.reader._transport.pause_reading()

        async def push():
            with contextlib.suppress(ConnectionError):
                for _ in range(size // 65536):
                    await client.send(b"x" * 65536)

        pushing = asyncio.create_task(push())
        answer = await client.answer("POST")
        assert answer.status == 504 and b"takes_nothing" in answer.body
        pushing.cancel()
        client.abort()
        app.reset()
    await assert_logged(
        gateway, client.target, "upstream_unavailable", status=504, told="takes_nothing"
    )


async def app_that_takes_its_time_is_waited_for(gateway, upstream):
    """It takes a part now and then, for several times what it has, and then answers soon."""
    size = 24 * MEGABYTE
    fields = f"Content-Length: {size}\r\n"
    async with asking(gateway, upstream, fields=fields) as (client, app):
        async def push():
            for _ in range(size // 65536):
                await client.send(b"x" * 65536)

        pushing = asyncio.create_task(push())
        began = time.monotonic()
        left = size
        while left > 0:
            # Fast enough for its system to say so, and slower than the client.
            part = min(left, 2 * MEGABYTE if time.monotonic() - began < 4 else left)
            await app.exactly(part)
            left -= part
            await pace(0.4)
        assert time.monotonic() - began > 3
        await pushing
        await app.answer("200 OK", b"whole")
        await whole(client, b"whole")


async def app_that_pauses_within_its_answer_is_cut(gateway, upstream, fields, body):
    async with asking(gateway, upstream, "/thinking", method="GET") as (client, app):
        await app.say(f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode() + body)
        began = time.monotonic()
        await client.until(b"\r\n\r\n")
        await client.end()
        assert 0.8 < time.monotonic() - began < BOUND
        await app.end()
    await assert_logged(gateway, client.target, "upstream_unavailable", told="pause", status=200)


async def app_that_may_pause_is_waited_for(gateway, upstream):
    """Longer than it had for its head, between octets of the body, and before the first."""
    async with asking(gateway, upstream, "/unhurried", method="GET") as (client, app):
        await app.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        for octet in b"slow":
            await pace(PAUSE / 2 if octet == ord("o") else PAUSE)
            await app.say(bytes([octet]))
        await whole(client, b"slow")


async def app_that_thinks_for_long_answers(gateway, upstream):
    """Longer than it may pause later on."""
    async with asking(gateway, upstream, "/thinking", method="GET") as (client, app):
        await longer_than("the pause that is allowed later on", PAUSE)
        await app.answer("200 OK", b"thought")
        await whole(client, b"thought")


async def event_stream_may_be_silent(gateway, upstream):
    async with asking(gateway, upstream, "/events", method="GET") as (client, app):
        await app.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        await client.until(b"\r\n\r\n")
        await longer_than("`response_timeout`", PAUSE)
        await app.say(b"data: late\n\n")
        await client.until(b"data: late\n\n")


async def handshake_has_a_time_of_its_own(gateway, upstream):
    target = marked("/socket")
    handshake = (
        f"GET {target} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    async with connection(gateway.plain) as client:
        began = time.monotonic()
        await client.send(handshake)
        client.target, client.method = target, "GET"
        app = await upstream.arrival(target)
        answer = await client.answer()
        assert answer.status == 504 and 2.5 < time.monotonic() - began < BOUND + 2
        await app.end()
    await assert_logged(
        gateway, target, "upstream_unavailable", status=504, told="timeout"
    )


async def test_the_clients_time(gateway, upstream):
    length, chunked = "Content-Length: 2003\r\n", "Transfer-Encoding: chunked\r\n"
    halves, chunk = [b"x" * 1000] * 2, b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    await together(
        upload_with_pauses_arrives(gateway, upstream, length, halves),
        upload_with_pauses_arrives(gateway, upstream, length, halves, gateway.tls),
        upload_with_pauses_arrives(gateway, upstream, chunked, [chunk] * 2),
        upload_into_a_kept_body_arrives(gateway, upstream),
        app_that_answers_piece_by_piece_waits_for_its_client(gateway, upstream),
        client_that_stops_is_out_of_time(gateway, upstream),
        client_that_does_not_take_its_response_is_waited_for(gateway, upstream),
    )


async def test_who_expects_to_be_asked(gateway, upstream):
    await together(
        client_that_was_asked_has_its_own_time(gateway, upstream),
        app_that_does_not_ask_is_out_of_time(gateway, upstream),
        hints_do_not_ask(gateway, upstream),
        client_that_does_not_wait_to_be_asked_is_waited_for(gateway, upstream),
    )


async def test_the_apps_time(gateway, upstream):
    length, kept = "Content-Length: 5\r\n", "Content-Length: 5\r\n"
    chunked = "Transfer-Encoding: chunked\r\n"
    await together(
        app_that_does_not_answer_is_out_of_time(gateway, upstream, "/", "", b""),
        app_that_does_not_answer_is_out_of_time(gateway, upstream, "/", length, b"hello"),
        app_that_does_not_answer_is_out_of_time(gateway, upstream, "/unhurried", kept, b"hello"),
        app_that_says_it_is_at_work_has_time(gateway, upstream),
        app_that_says_its_head_octet_by_octet_is_out_of_time(gateway, upstream),
        app_that_takes_nothing_is_out_of_time(gateway, upstream),
        app_that_takes_nothing_is_out_of_time(gateway, upstream, gateway.tls),
        app_that_takes_its_time_is_waited_for(gateway, upstream),
        app_that_pauses_within_its_answer_is_cut(
            gateway, upstream, "Content-Length: 9\r\n", b"half"
        ),
        app_that_pauses_within_its_answer_is_cut(gateway, upstream, chunked, b"4\r\nhalf\r\n"),
        app_that_may_pause_is_waited_for(gateway, upstream),
        app_that_thinks_for_long_answers(gateway, upstream),
        event_stream_may_be_silent(gateway, upstream),
        handshake_has_a_time_of_its_own(gateway, upstream),
    )


async def test_a_client_that_was_asked_and_says_nothing(start_gateway, app_port):
    """On a connection of the app's that has rested: nothing else happens to the request."""
    brief = CONFIGURATION.replace("body_rate 100 over 4s", "body_rate 100 over 1s")
    gateway = start_gateway(brief, app=app_port)
    async with Origin(app_port) as app, connection(gateway.plain) as client:
        await client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        leg = (await app.request()).leg
        await leg.answer()
        assert (await client.answer()).status == 200
        target = marked("/")
        await client.send(f"POST {target} HTTP/1.1\r\nHost: localhost\r\n{EXPECT}\r\n")
        assert (await app.request()).leg is leg
        await leg.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        await client.until(b"100 Continue\r\n\r\n")
        assert (await client.answer("POST")).status == 408
        await leg.ended()
        await assert_logged(gateway, target, "timeout", status=408, told="body")
