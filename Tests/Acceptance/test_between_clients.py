"""What one client says is never heard by another, whatever breaks in between."""

import pytest

from harness.raw import connection
from harness.visitors import Visitors, routes
from harness.waiting import eventually

# One worker, so that its buffers are everybody's.
CONFIGURATION = f"""
workers 1
listen 127.0.0.1:$http
backend app {{ server 127.0.0.1:$app }}
sessions many {{ store query:store; device query:device; limit 100 block_new }}
{routes("many")}
route /small {{ backend app; body_size 10 }}
route / {{ backend app }}
"""

SECRET = b"nobody-elses-business"
HEAD = b"POST /?gate=shut HTTP/1.1\r\nHost: localhost\r\nCookie: secret=%b\r\n%b\r\n"


def spoken(kind):
    """What the other client says: its head, or a part of its body as well."""
    if kind == "head":
        return HEAD % (SECRET, b"")
    if kind == "length":
        return HEAD % (b"", b"Content-Length: 1000\r\n") + SECRET
    return HEAD % (b"", b"Transfer-Encoding: chunked\r\n") + b"15\r\n" + SECRET + b"\r\n"


@pytest.mark.parametrize("said", ["head", "length", "chunk"])
@pytest.mark.parametrize("end", ["reset", "vanish", "cut"])
async def test_a_stream_that_breaks_tells_nothing_of_others(gateway, hall, said, end):
    visitors = Visitors("events", gateway.plain)
    listener = await visitors.admitted("many", "A")
    app = hall.guest(listener)
    heard = []
    read = listener.wire.reader.feed_data
    listener.wire.reader.feed_data = lambda octets: (heard.append(bytes(octets)), read(octets))
    async with connection(gateway.plain) as other:
        await other.send(spoken(said))
        await eventually(lambda: len(hall.inside) == 2, "the app to be asked")
        if said != "head":
            other_app = next(guest for guest in hall.inside if guest is not app)
            await eventually(lambda: SECRET in other_app.reader._buffer, "the body to be there")
        if end == "cut":
            await app.say(b"no chunk at all\r\n")
        else:
            getattr(app, end)()
        await eventually(lambda: listener.wire.reader.at_eof(), "the stream to end")
        assert SECRET not in b"".join(heard)
        assert b"HTTP/1.1" not in b"".join(heard)
    await visitors.go()


@pytest.mark.parametrize("path", [b"/", b"/small"])
async def test_a_request_whose_body_is_broken_is_not_told_what_it_said(gateway, hall, path):
    """While its answer is on the way already."""
    async with connection(gateway.plain) as client:
        head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        await client.send(head % path)
        await client.until(b"hello\n\n")
        await client.send(b"15\r\n" + SECRET + b"\r\nthis is no chunk\r\n")
        assert SECRET not in await client.end()


async def test_what_comes_before_half_a_head_is_not_kept_from_the_client(gateway, upstream):
    async with connection(gateway.plain) as client:
        await client.send("GET /hinted HTTP/1.1\r\nHost: localhost\r\n\r\n")
        app = await upstream.arrival("/hinted")
        await app.say(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 20")
        assert b"103" in await client.until(b"\r\n\r\n")
        await app.say(b"0 OK\r\nContent-Length: 2\r\n\r\nok")
        assert (await client.until(b"ok")).startswith(b"HTTP/1.1 200 OK")
