"""Responses of type `text/event-stream`, octet by octet: which are event streams, how each is
framed, and what may stand between their events."""

import asyncio
import contextlib
import subprocess

import aiohttp
import httpx
import pytest

from harness.log import line
from harness.raw import connection
from harness.waiting import PATIENCE, longer_than, pace, together
from harness.wire import dialled, marked, switched

CONFIGURATION = """
log { access json stdout }
workers 1
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$app; response_timeout 2s }
defaults { backend app; comment 1s }
sessions one { store query:store; device query:device; limit 1 eject_old }
route /events { events }
route /stream { stream }
route /seats  { events; sessions one }
route /late   { sessions one }
route /ws     { websocket }
route /deflating { websocket; compress }
route / { }
"""
TYPE = "Content-Type: text/event-stream"


def ask(target, method="GET", *fields, version="1.1"):
    return "\r\n".join([f"{method} {target} HTTP/{version}", "Host: localhost", *fields, "", ""])


def fields_of(head):
    """Lists of values by lower-case name."""
    found = {}
    for text in head.decode("latin-1").split("\r\n")[1:-2]:
        name, _, value = text.partition(":")
        found.setdefault(name.lower(), []).append(value.strip())
    return found


async def begun(raw, upstream, path, *fields, method="GET", version="1.1", asking=()):
    """The app has answered with a head of these fields; its end, and the fields that arrived."""
    target = marked(path)
    await raw.send(ask(target, method, *asking, version=version))
    app = await upstream.arrival(target)
    await app.say("\r\n".join(["HTTP/1.1 200 OK", TYPE, *fields, "", ""]).encode())
    app.target = target
    return app, fields_of(await raw.until(b"\r\n\r\n"))


# Which are event streams. In those a comment comes every second.

EVENTS, DOWNLOAD = "an event stream", "a download"
ACCEPT = "Accept: text/event-stream"
BOTH = "Accept: application/json, text/event-stream;q=0.5"
ROWS = [
    ("/events", "GET", [], EVENTS),
    ("/events", "GET", [ACCEPT], EVENTS),
    ("/events", "POST", [ACCEPT, "Content-Length: 0"], DOWNLOAD),
    ("/events", "PUT", ["Content-Length: 0"], DOWNLOAD),
    ("/", "GET", [], EVENTS),
    ("/", "GET", [ACCEPT], EVENTS),
    ("/", "GET", [BOTH], EVENTS),
    ("/", "POST", [BOTH, "Content-Length: 0"], DOWNLOAD),
    ("/", "POST", ["Content-Length: 0"], DOWNLOAD),
    ("/", "QUERY", [ACCEPT, "Content-Length: 0"], DOWNLOAD),
    ("/stream", "GET", [], DOWNLOAD),
    ("/stream", "GET", [ACCEPT], DOWNLOAD),
    ("/stream", "POST", [BOTH, "Content-Length: 0"], DOWNLOAD),
]


async def test_what_is_an_event_stream(gateway, upstream):
    """Either may be silent for longer than `response_timeout`."""

    async def is_kind(path, method, asking, kind):
        row = f"{method} {path} {asking}"
        async with connection(gateway.plain) as raw:
            app, _ = await begun(
                raw, upstream, path, "Connection: close", method=method, asking=asking
            )
            await app.say(b"data: half")
            if kind == EVENTS:
                first = await raw.until(b"\r\n:\n\n\r\n")
                assert first == b"3\r\n:\n\n\r\n", f"{row}: a comment comes first"
            else:
                await raw.until(b"data: half\r\n")
                # As long as two comments take, and an answer may.
                await longer_than("two comments, and `response_timeout`", 2.5)
            await app.say(b" and half\n\n")
            app.vanish()
            rest = await raw.until(b"0\r\n\r\n")
            assert (b":\n\n" in rest) <= (kind == EVENTS), row
            assert rest.endswith(b"and half\n\n\r\n0\r\n\r\n"), row

    await together(*(is_kind(*row) for row in ROWS))


async def test_only_event_streams_take_seats(gateway, upstream):
    """HEAD and POST of one device, while its stream is there."""
    path = "/seats?store=1&device=A"
    async with connection(gateway.plain) as holder:
        app, fields = await begun(holder, upstream, path)
        assert "x-session-id" not in fields
        for method in ("HEAD", "POST"):
            async with connection(gateway.plain) as raw:
                target = marked(path)
                await raw.send(ask(target, method, "Content-Length: 0"))
                other = await upstream.arrival(target)
                assert other.field("x-session-id") is None
                await other.answer(200, b"ok" if method == "POST" else b"", TYPE)
                assert (await raw.answer(method)).status == 200
        await app.say(b"data: still here\n\n")
        assert b"still here" in await holder.until(b"still here\n\n")


async def test_a_stream_without_content_takes_no_seat(gateway, upstream):
    """It is over before anybody could have a seat, and ends nobody for one."""
    async with connection(gateway.plain) as holder, connection(gateway.plain) as raw:
        app, _ = await begun(holder, upstream, "/late?store=empty&device=A")
        await app.say(b"data: first\n\n")
        await holder.until(b"first\n\n")
        target = marked("/late?store=empty&device=B")
        await raw.send(ask(target))
        await (await upstream.arrival(target)).answer(200, b"", TYPE)
        assert (await raw.answer()).status == 200
        # By then the holder would have heard of its end.
        await next_one_is_in_step(raw, upstream)
        await app.say(b"data: still here\n\n")
        assert (await holder.until(b"still here\n\n")).endswith(b"\r\ndata: still here\n\n")


# One framing.

ONE_EVENT = b"data: twenty octets.\n\n"


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("kind", ["plain", "compressed"])
async def test_an_event_stream_with_a_length(gateway, upstream, version, kind):
    """A comment is due in the middle of it. What comes behind it on the connection is in step."""
    coding = ["Content-Encoding: gzip"] if kind == "compressed" else []
    async with connection(gateway.plain) as raw:
        length = [f"Content-Length: {len(ONE_EVENT)}", "Connection: close"]
        app, fields = await begun(raw, upstream, "/events", *length, *coding, version=version)
        assert "content-length" not in fields
        assert fields.get("transfer-encoding") == (["chunked"] if version == "1.1" else None)
        await app.say(ONE_EVENT[:8])
        if kind == "plain":
            await raw.until(b":\n\n")
        await app.say(ONE_EVENT[8:])
        if version == "1.0":
            assert (await raw.end()).endswith(ONE_EVENT[-8:])
            return
        assert (await raw.until(b"0\r\n\r\n")).endswith(ONE_EVENT[-8:] + b"\r\n0\r\n\r\n")
        await next_one_is_in_step(raw, upstream)


async def next_one_is_in_step(raw, upstream):
    target = marked("/next")
    await raw.send(ask(target))
    await (await upstream.arrival(target)).answer(200, b"in step")
    answer = await raw.answer()
    assert (answer.status, answer.body) == (200, b"in step")


@pytest.mark.parametrize(
    "method, status, fields, body",
    [
        ("GET", "200 OK", ["Content-Length: 0"], b""),
        ("GET", "200 OK", ["Content-Length: 0", "Content-Encoding: gzip"], b""),
        ("HEAD", "200 OK", ["Content-Length: 22"], b""),
        ("HEAD", "200 OK", ["Transfer-Encoding: chunked"], b""),
        ("GET", "204 No Content", [], b""),
        ("GET", "304 Not Modified", ["Content-Length: 22"], b""),
        ("GET", "404 Not Found", ["Content-Length: 22"], ONE_EVENT),
        ("POST", "200 OK", ["Content-Length: 22"], ONE_EVENT),
        ("POST", "200 OK", ["Content-Length: 0"], b""),
    ],
)
async def test_what_is_no_event_stream_keeps_its_length(
    gateway, upstream, method, status, fields, body
):
    async with connection(gateway.plain) as raw:
        target = marked("/events")
        await raw.send(ask(target, method, *(["Content-Length: 0"] if method == "POST" else [])))
        app = await upstream.arrival(target)
        lines = [f"HTTP/1.1 {status}", TYPE, "Connection: close", *fields, "", ""]
        await app.say("\r\n".join(lines).encode() + body)
        answer = await raw.answer(method)
        framing = answer.values("content-length") + answer.values("transfer-encoding")
        assert len(framing) == (0 if "204" in status or fields and "chunked" in fields[0] else 1)
        assert answer.body == body
        await next_one_is_in_step(raw, upstream)


async def test_chunks_for_a_client_that_knows_none(gateway, upstream):
    async with connection(gateway.plain) as raw:
        app, fields = await begun(
            raw, upstream, "/stream", "Transfer-Encoding: chunked", version="1.0"
        )
        assert "transfer-encoding" not in fields and fields["connection"] == ["close"]
        await app.say(b"6\r\ndata: \r\n3\r\nx\n\n\r\n0\r\n\r\n")
        assert await raw.end() == b"data: x\n\n"


async def test_two_framings_of_an_apps_are_none(gateway, upstream):
    async with connection(gateway.plain) as raw:
        target = marked("/events")
        await raw.send(ask(target))
        app = await upstream.arrival(target)
        await app.say(
            f"HTTP/1.1 200 OK\r\n{TYPE}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
            "5\r\ndata:\r\n0\r\n\r\n".encode()
        )
        # Nothing of it is believed; an event stream is told to come back.
        answer = await raw.answer()
        assert answer.status == 200 and answer.body.startswith(b"retry:")
        assert b"data" not in answer.body


def with_length(upstream, target, length=len(ONE_EVENT)):
    """The app says one event, and its length."""

    async def say():
        app = await upstream.arrival(target)
        head = f"HTTP/1.1 200 OK\r\n{TYPE}\r\nContent-Length: {length}\r\n\r\n"
        await app.say(head.encode() + ONE_EVENT[:length])

    return asyncio.create_task(say())


async def by_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.read()


async def by_httpx(url):
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).content


async def by_program(*arguments):
    child = await asyncio.create_subprocess_exec(
        *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, errors = await asyncio.wait_for(child.communicate(), PATIENCE)
    assert child.returncode == 0, errors.decode()
    return out


async def by_curl(url):
    return await by_program("curl", "-sS", url)


async def by_node(url):
    script = "fetch(process.argv[1]).then(a => a.text()).then(t => process.stdout.write(t))"
    return await by_program("node", "-e", script, url)


@pytest.mark.parametrize("length", [0, len(ONE_EVENT)])
@pytest.mark.parametrize("client", [by_aiohttp, by_httpx, by_curl, by_node])
async def test_clients_read_a_stream_with_a_length(gateway, upstream, client, length):
    target = marked("/events")
    saying = with_length(upstream, target, length)
    body = await client(gateway.plain.http(target))
    await saying
    assert body.replace(b":\n\n", b"") == ONE_EVENT[:length]


# Codings that are none, and lists of nothing.


@pytest.mark.parametrize("coding", ["identity", "Identity", "none", "", " , ", "identity,"])
async def test_a_coding_that_is_none(gateway, upstream, coding):
    async with connection(gateway.plain) as raw:
        app, _ = await begun(raw, upstream, "/events", f"Content-Encoding: {coding}")
        await app.say(b"data: x\n\n")
        await raw.until(b"data: x\n\n")
        await raw.until(b":\n\n")


@pytest.mark.parametrize("coding", ["gzip", "identity, br", ",zstd"])
async def test_what_is_coded_is_left_alone(gateway, upstream, coding):
    async with connection(gateway.plain) as raw:
        app, _ = await begun(raw, upstream, "/events", f"Content-Encoding: {coding}")
        await app.say(b"coded")
        await raw.until(b"coded\r\n")
        await longer_than("a comment", 1.5)
        await app.say(b"more")
        assert await raw.until(b"more\r\n") == b"4\r\nmore\r\n"


EMPTY = ["", " ", ",", " ,\t,"]


@pytest.mark.parametrize("path", ["/ws", "/deflating"])
@pytest.mark.parametrize("value", EMPTY)
async def test_a_websocket_without_extensions_or_subprotocols(gateway, upstream, path, value):
    """The fields are there, and name none: from the client, and from the app."""
    nothing = [f"Sec-WebSocket-Extensions: {value}", f"Sec-WebSocket-Protocol: {value}"]
    async with dialled(gateway.plain, path, *nothing) as client:
        app = await upstream.arrival(client.target)
        assert (app.field("sec-websocket-extensions") or "").strip(" ,\t") == ""
        await app.switch(nothing[0])
        await switched(client)
        assert client.field("sec-websocket-extensions") is None
        await client.send(1, "there")
        await app.hears(1, "there")
        await app.send(1, "and back")
        await client.hears(1, "and back")


@pytest.mark.parametrize("value", [", permessage-deflate", "permessage-deflate,,", ",,x,"])
async def test_empty_elements_beside_others(gateway, upstream, value):
    async with dialled(
        gateway.plain, "/deflating", f"Sec-WebSocket-Extensions: {value}",
        "Connection: , Upgrade,", "Sec-WebSocket-Protocol: ,a,,b",
    ) as client:  # fmt: skip
        app = await upstream.arrival(client.target)
        assert app.field("sec-websocket-protocol") == "a, b"
        await app.switch()
        await switched(client)
        assert (client.field("sec-websocket-extensions") is not None) == ("deflate" in value)


# Where the client stands, not the app.


@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_a_retry_is_not_held_back(gateway, upstream, end):
    async with connection(gateway.plain) as raw:
        app, _ = await begun(raw, upstream, "/events")
        await app.say(f"retry: 5000{end}".encode())
        await raw.until(f"retry: 5000{end}\r\n".encode())
        await raw.until(b":\n\n")
        await app.say(b"data: x\n\n")
        await raw.until(b"data: x\n\n")


@pytest.mark.parametrize(
    "beginning", [b"data: half", b"id: 7\n", b"event: x\r\n", b"\xef\xbb\xbfdata: ", b"ret"]
)
async def test_half_an_event_is_between_two_for_its_client(gateway, upstream, beginning):
    """Comments come while it is held back, and it comes whole."""
    async with connection(gateway.plain) as raw:
        app, _ = await begun(raw, upstream, "/events")
        await app.say(b"data: one\n\n")
        await raw.until(b"data: one\n\n")
        await app.say(beginning)
        for _ in range(2):
            assert (await raw.until(b":\n\n\r\n")).endswith(b"3\r\n:\n\n\r\n")
        await app.say(b"\n\n")
        octets = await raw.until(b"\n\n\r\n")
        assert beginning in octets


@pytest.mark.parametrize("beginning", [b"retry: 5000\n", b"data: half", b":comm", b""])
async def test_the_end_by_rule_of_a_stream_that_stalls(gateway, upstream, beginning):
    store = marked("").partition("=")[2]
    path = f"/seats?store={store}&device="
    async with connection(gateway.plain) as raw, connection(gateway.plain) as other:
        app, _ = await begun(raw, upstream, path + "A")
        await app.say(b"data: one\n\n" + beginning)
        await raw.until(b"data: one\n\n")
        await begun(other, upstream, path + "B")
        octets = await raw.end()
        assert b"event: force_disconnect" in octets and b"half" not in octets
        assert octets.endswith(b"0\r\n\r\n")
        assert (await line(gateway, app.target))["reason"] == "force_disconnect"


@contextlib.asynccontextmanager
async def ejected_within_an_event(gateway, upstream):
    """A part of an event was sent that is too long to be held when its device is ejected: the end
    waits for the event's."""
    store = marked("").partition("=")[2]
    path = f"/seats?store={store}&device="
    async with connection(gateway.plain) as raw, connection(gateway.plain) as other:
        app, _ = await begun(raw, upstream, path + "A", "Transfer-Encoding: chunked")
        beginning = b"data: " + b"x" * 100_000
        await app.say(b"%x\r\n%s\r\n" % (len(beginning), beginning))
        await raw.until(b"x" * 1000)
        await begun(other, upstream, path + "B")
        yield raw, app


async def test_the_end_by_rule_of_a_stream_that_ends_with_its_event(gateway, upstream):
    """The last octets of the event and the end of the response come at once."""
    async with ejected_within_an_event(gateway, upstream) as (raw, app):
        await app.say(b"2\r\n\n\n\r\n0\r\n\r\n")
        octets = await raw.end()
        assert b"event: force_disconnect" in octets and octets.endswith(b"0\r\n\r\n")
        assert (await line(gateway, app.target))["reason"] == "force_disconnect"


@pytest.mark.parametrize("end", ["whole", "broken off"])
async def test_the_end_by_rule_of_a_stream_that_ends_within_its_event(gateway, upstream, end):
    """Its client cannot be told any more. It ended by the rule, all the same."""
    async with ejected_within_an_event(gateway, upstream) as (raw, app):
        if end == "whole":
            await app.say(b"0\r\n\r\n")
        app.vanish()
        octets = await raw.end()
        assert b"force_disconnect" not in octets
        assert octets.endswith(b"0\r\n\r\n") == (end == "whole")
        assert (await line(gateway, app.target))["reason"] == "force_disconnect"


async def test_an_event_that_comes_in_drops_puts_off_no_comment(gateway, upstream):
    """What is held back until it is whole is no sign of life for the client."""

    async def drip(app):
        with contextlib.suppress(ConnectionError):
            while True:
                await app.say(b"x")
                await pace(0.2)

    async with connection(gateway.plain) as raw:
        app, _ = await begun(raw, upstream, "/events")
        await app.say(b"data: ")
        dripping = asyncio.create_task(drip(app))
        for _ in range(2):
            assert (await raw.until(b":\n\n\r\n")).endswith(b"3\r\n:\n\n\r\n")
        dripping.cancel()


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_the_end_by_rule_within_an_event_looks_cut(gateway, upstream, version):
    """By HTTP/1.0 the end of a connection is that of a whole answer, unless it is a reset."""
    store = marked("").partition("=")[2]
    path = f"/seats?store={store}&device="
    async with connection(gateway.plain) as raw, connection(gateway.plain) as other:
        app, _ = await begun(raw, upstream, path + "A", version=version)
        # Longer than what is held back until an event is whole.
        await app.say(b"data: " + b"x" * 100_000)
        await raw.until(b"x" * 1000)
        await begun(other, upstream, path + "B")
        if version == "1.0":
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(raw.reader.read(), PATIENCE)
        else:
            assert not (await raw.end()).endswith(b"0\r\n\r\n")
        assert (await line(gateway, app.target))["reason"] == "force_disconnect"


async def test_a_byte_order_mark_behind_a_comment_marks_nothing(gateway, upstream):
    """It would be a part of the first field's name."""
    async with connection(gateway.plain) as raw:
        app, _ = await begun(raw, upstream, "/events")
        await raw.until(b":\n\n")
        await app.say(b"\xef\xbb")
        await app.say(b"\xbfdata: x\n\n")
        octets = await raw.until(b"data: x\n\n")
        assert b"\xef\xbb\xbf" not in octets


