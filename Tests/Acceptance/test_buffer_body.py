"""`buffer_body`: an upload occupies a connection of the app when its body is there, and not before."""

import asyncio
import random
import signal

import pytest

from harness.origin import Origin
from harness.ports import free_port
from harness.raw import connection
from harness.waiting import eventually

CONFIGURATION = """
workers 1
log { access json access.log }
listen 127.0.0.1:$http
backend app  { server 127.0.0.1:$app }
backend away { server 127.0.0.1:$nobody }
backend half { server 127.0.0.1:$nobody; server 127.0.0.1:$app; retries 1; fail_timeout 1ms }
route /kept     { backend app; buffer_body 64k }
route /small    { backend app; buffer_body 1k }
route /limited  { backend app; buffer_body 64k; body_size 10 }
route /away     { backend away; buffer_body 64k }
route /unkept   { backend away }
route /half     { backend half; buffer_body 64k }
route /         { backend app }
"""

CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def gateway(start_wired_gateway):
    return start_wired_gateway(CONFIGURATION, nobody=free_port())


@pytest.fixture
async def origin(app_port):
    async with Origin(app_port) as origin:
        yield origin


def head(target, *fields, method="POST"):
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: localhost", *fields, "", ""])


def chunk(octets, extension=""):
    return f"{len(octets):x}{extension}\r\n".encode() + octets + b"\r\n"


async def assert_app_knows_nothing(gateway, origin, target):
    """Whatever was said before this request has been read when it is answered."""
    async with connection(gateway.plain) as fence:
        await fence.send(head("/fence", method="GET"))
        request = await origin.request()
        assert request.target == "/fence"
        await request.leg.answer(b"", "Connection: close")
        assert (await fence.answer()).status == 200
    assert origin.seen(target) == 0


async def finish(client, request, body, status=200):
    assert await request.leg.exactly(len(body)) == body
    await request.leg.answer(b"got it")
    answer = await client.answer()
    assert (answer.status, answer.body) == (status, b"got it")


async def test_the_app_hears_of_a_request_when_its_body_is_there(gateway, origin):
    async with connection(gateway.plain) as client:
        await client.send(head("/kept", "Content-Length: 10") + "12345")
        await assert_app_knows_nothing(gateway, origin, "/kept")
        await client.send("67890")
        request = await origin.request()
        assert request.fields["content-length"] == "10"
        await finish(client, request, b"1234567890")


async def test_chunks_are_put_together(gateway, origin):
    async with connection(gateway.plain) as client:
        body = chunk(b"hello", ";name=value") + chunk(b", world")
        await client.send((head("/kept", CHUNKED)).encode() + body)
        await assert_app_knows_nothing(gateway, origin, "/kept")
        await client.send("0\r\n\r\n")
        request = await origin.request()
        assert request.fields["content-length"] == "12"
        assert "transfer-encoding" not in request.fields
        await finish(client, request, b"hello, world")


async def test_an_empty_chunked_body_is_one_of_no_length(gateway, origin):
    async with connection(gateway.plain) as client:
        await client.send(head("/kept", CHUNKED) + "0\r\n\r\n")
        request = await origin.request()
        assert request.fields["content-length"] == "0"
        await finish(client, request, b"")


async def test_trailers_still_follow_their_body(gateway, origin):
    async with connection(gateway.plain) as client:
        await client.send(head("/kept", CHUNKED) + "5\r\nhello\r\n0\r\nX-Digest: a\r\n\r\n")
        request = await origin.request()
        assert request.fields["transfer-encoding"] == "chunked"
        await finish(client, request, b"5\r\nhello\r\n0\r\nX-Digest: a\r\n\r\n")


async def test_beyond_its_size_the_body_goes_on_as_it_comes(gateway, origin):
    async with connection(gateway.plain) as client:
        await client.send(head("/small", "Content-Length: 3000") + "a" * 1023)
        await assert_app_knows_nothing(gateway, origin, "/small")
        await client.send("a")
        request = await origin.request()
        assert await request.leg.exactly(1024) == b"a" * 1024
        await client.send("b" * 976)
        assert await request.leg.exactly(976) == b"b" * 976
        await client.send("c" * 1000)
        await finish(client, request, b"c" * 1000)


async def test_beyond_its_size_chunks_stay_chunks(gateway, origin):
    async with connection(gateway.plain) as client:
        await client.send(head("/small", CHUNKED).encode() + chunk(b"a" * 700) + chunk(b"b" * 700))
        request = await origin.request()
        assert request.fields["transfer-encoding"] == "chunked"
        assert "content-length" not in request.fields
        assert await decoded(request.leg, 1400) == b"a" * 700 + b"b" * 700
        await client.send("1\r\nc\r\n0\r\n\r\n")
        await finish(client, request, b"1\r\nc\r\n0\r\n\r\n")


async def decoded(leg, size=None):
    """So many octets of a chunked body, or all of it."""
    body = b""
    while size is None or len(body) < size:
        length = int(await leg.until(b"\r\n"), 16)
        body += await leg.exactly(length)
        assert await leg.exactly(2) == b"\r\n"
        if length == 0:
            break
    return body


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 5000, 70_000])
@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_bodies_of_every_size_arrive_to_the_octet(gateway, origin, framing, size):
    generator = random.Random(size)
    body = generator.randbytes(size)
    for target in ("/small", "/kept"):
        async with connection(gateway.plain) as client:
            fields = [CHUNKED if framing == "chunks" else f"Content-Length: {size}"]
            sending = asyncio.create_task(send_in_cuts(client, target, fields, body, generator))
            request = await origin.request()
            if "content-length" in request.fields:
                assert request.fields["content-length"] == str(size)
                assert await request.leg.exactly(size) == body
            else:
                assert await decoded(request.leg) == body
            await sending
            await finish(client, request, b"")


async def send_in_cuts(client, target, fields, body, generator):
    octets = body
    if fields == [CHUNKED]:
        octets, index = b"", 0
        while index < len(body):
            length = generator.randint(1, 3000)
            octets += chunk(body[index : index + length])
            index += length
        octets += b"0\r\n\r\n"
    octets = head(target, *fields).encode() + octets
    while octets:
        cut = generator.randint(1, 4000)
        await client.send(octets[:cut])
        octets = octets[cut:]
        await asyncio.sleep(0)


async def test_who_waits_to_be_asked_is_asked_by_the_gateway(gateway, origin):
    async with connection(gateway.plain) as client:
        await client.send(head("/kept", "Content-Length: 5", "Expect: 100-continue"))
        assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await assert_app_knows_nothing(gateway, origin, "/kept")
        await client.send("hello")
        request = await origin.request()
        assert "expect" not in request.fields
        await finish(client, request, b"hello")


async def test_where_nothing_is_kept_the_app_asks(gateway, origin):
    async with connection(gateway.plain) as client:
        await client.send(head("/", "Content-Length: 5", "Expect: 100-continue"))
        request = await origin.request()
        assert request.fields["expect"] == "100-continue"
        await request.leg.say("HTTP/1.1 100 Continue\r\n\r\n")
        assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send("hello")
        await finish(client, request, b"hello")


@pytest.mark.parametrize("body", ["b\r\nhello world\r\n", "5\r\nhello\r\n6\r\n world\r\n"])
async def test_a_body_that_is_too_large_never_gets_to_the_app(gateway, origin, body):
    async with connection(gateway.plain) as client:
        await client.send(head("/limited", CHUNKED) + body)
        assert (await client.answer()).status == 413
        await client.end()
    await assert_app_knows_nothing(gateway, origin, "/limited")


async def test_a_body_that_is_malformed_never_gets_to_the_app(gateway, origin):
    async with connection(gateway.plain) as client:
        await client.send(head("/kept", CHUNKED) + "5\r\nhello\r\nthis is no chunk\r\n")
        assert (await client.answer()).status == 400
        await client.end()
    await assert_app_knows_nothing(gateway, origin, "/kept")


@pytest.mark.parametrize("end", ["close", "abort"])
async def test_who_leaves_before_the_end_was_never_there(gateway, origin, end):
    async with connection(gateway.plain) as client:
        await client.send(head(f"/kept/{end}", "Content-Length: 10") + "12345")
        await assert_app_knows_nothing(gateway, origin, f"/kept/{end}")
        getattr(client.writer if end == "close" else client, end)()
    access = gateway.folder / "access.log"
    await eventually(lambda: f'"/kept/{end}"' in access.read_text(), "the line in the log")
    line = next(line for line in access.read_text().splitlines() if f'"/kept/{end}"' in line)
    assert '"client_gone"' in line
    await assert_app_knows_nothing(gateway, origin, f"/kept/{end}")


async def test_slow_uploads_hold_no_connections_of_the_app(gateway, origin):
    async def upload(index):
        async with connection(gateway.plain) as client:
            await client.send(head(f"/kept/{index}", "Content-Length: 10") + "12345")
            await go_on.wait()
            await client.send("67890")
            assert (await client.answer()).body == b"got it"

    go_on = asyncio.Event()
    uploads = [asyncio.create_task(upload(index)) for index in range(100)]
    await eventually(lambda: gateway.connections() == 100, "the uploads")
    await assert_app_knows_nothing(gateway, origin, "/kept/0")
    assert len(origin.legs) == 1, "that of the fence"
    go_on.set()
    for _ in uploads:
        request = await origin.request()
        assert await request.leg.exactly(10) == b"1234567890"
        await request.leg.answer(b"got it")
    await asyncio.gather(*uploads)


async def test_what_has_no_body_is_not_kept_waiting(gateway, origin):
    async with connection(gateway.plain) as client:
        for fields in ([], ["Content-Length: 0"]):
            await client.send(head("/kept", *fields, method="GET"))
            request = await origin.request()
            await finish(client, request, b"")


async def test_what_comes_behind_the_body_is_the_next_request(gateway, origin):
    async with connection(gateway.plain) as client:
        first = head("/kept", "Content-Length: 5") + "hello"
        await client.send(first + head("/kept/next", CHUNKED) + "5\r\nagain\r\n0\r\n\r\n")
        request = await origin.request()
        await finish(client, request, b"hello")
        request = await origin.request()
        assert request.target == "/kept/next"
        await finish(client, request, b"again")


async def test_a_body_goes_whole_to_the_next_server(gateway, origin):
    """When the first cannot be reached."""
    async with connection(gateway.plain) as client:
        for _ in range(4):
            await client.send(head("/half", CHUNKED) + "5\r\nhello\r\n0\r\n\r\n")
            request = await origin.request()
            await finish(client, request, b"hello")


@pytest.mark.parametrize("fields", [["Content-Length: 5"], [CHUNKED]])
async def test_a_failure_behind_a_whole_request_leaves_its_connection(gateway, origin, fields):
    """Where the next request begins is known."""
    body = "5\r\nhello\r\n0\r\n\r\n" if CHUNKED in fields else "hello"
    async with connection(gateway.plain) as client:
        await client.send(head("/away", *fields) + body + head("/kept", method="GET"))
        answer = await client.answer()
        assert answer.status == 502 and not answer.values("connection")
        await finish(client, await origin.request(), b"")


async def test_a_failure_before_the_end_of_a_request_ends_its_connection(gateway):
    async with connection(gateway.plain) as client:
        await client.send(head("/unkept", "Content-Length: 5") + "hel")
        answer = await client.answer()
        assert answer.status == 502 and answer.values("connection") == ["close"]
        assert await client.end() == b""


async def resting(gateway, origin, client):
    """The app's end of a connection that rests."""
    await client.send(head("/", method="GET"))
    request = await origin.request()
    await request.leg.answer()
    assert (await client.answer()).status == 200
    return request.leg


async def test_a_body_that_was_kept_is_sent_once_more_from_its_beginning(gateway, origin):
    async with connection(gateway.plain) as client:
        leg = await resting(gateway, origin, client)
        await client.send(head("/kept", CHUNKED, method="PUT") + "4\r\nbody\r\n0\r\n\r\n")
        first = await origin.request()
        assert first.leg is leg
        assert await leg.exactly(4) == b"body"
        leg.vanish()
        second = await origin.request()
        assert second.head == first.head
        await finish(client, second, b"body")


@pytest.mark.parametrize(
    "target, method, body", [("/kept", "POST", "body"), ("/small", "PUT", "x" * 2000)]
)
async def test_a_body_that_may_have_been_acted_upon_or_is_gone_is_not(
    gateway, origin, target, method, body
):
    async with connection(gateway.plain) as client:
        leg = await resting(gateway, origin, client)
        await client.send(head(target, f"Content-Length: {len(body)}", method=method) + body)
        assert (await origin.request()).leg is leg
        assert await leg.exactly(len(body)) == body.encode()
        leg.vanish()
        assert (await client.answer()).status == 502
    assert origin.seen(target) == 1


async def test_an_upload_that_came_before_the_end_of_the_process_is_finished(
    start_gateway, app_port, origin
):
    gateway = start_gateway(CONFIGURATION, app=app_port, nobody=free_port())
    async with connection(gateway.plain) as client:
        await client.send(head("/kept", "Content-Length: 10") + "12345")
        await assert_app_knows_nothing(gateway, origin, "/kept")
        gateway.signal(signal.SIGTERM)
        await eventually(lambda: "draining" in gateway.stderr, "the drain to begin")
        await client.send("67890")
        request = await origin.request()
        assert await request.leg.exactly(10) == b"1234567890"
        await request.leg.answer(b"got it")
        answer = await client.answer()
        assert answer.body == b"got it"
        assert answer.values("connection") == ["close"]
    gateway.assert_exit(0)
