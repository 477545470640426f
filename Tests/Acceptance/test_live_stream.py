"""Event streams that a token let in: what the gateway says stands between the app's events, however
these are cut and framed, and the end of the token ends it in every state."""

import asyncio
import contextlib
import gzip
import json

import pytest

from harness import tokens
from harness.log import assert_logged, line, lines_about
from harness.raw import connection
from harness.waiting import PATIENCE, eventually, longer_than
from harness.wire import marked

CONFIGURATION = """
log { access json stdout }
workers 2
listen 127.0.0.1:$http
limits { attempts off }
jwt own    { algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0s; expiring off }
jwt told   { algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0s; expiring 1h }
jwt grace  { algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0s; expiring off; on_expiry grace 1s }
backend app { server 127.0.0.1:$app }
route /own/    { events; auth own; backend app }
route /told/   { events; auth told; comment 1s; backend app }
route /grace/  { events; auth grace; backend app }
route /plain/  { auth own; backend app }
route /report/ { events; auth own; report_only auth; backend app }
"""


class Stream:
    """The client's and the app's end of an event stream."""

    def __init__(self, raw, app, target):
        self.raw, self.app, self.target = raw, app, target
        self.text = ""

    async def head(self):
        head = (await self.raw.until(b"\r\n\r\n")).decode()
        assert " 200 " in head.splitlines()[0], head
        self.fields = {
            name.lower(): value.strip()
            for name, _, value in (field.partition(":") for field in head.splitlines()[1:-1])
        }
        self.is_chunked = self.fields.get("transfer-encoding") == "chunked"

    async def more(self):
        """Some more of the body, or nothing at its end."""
        if not self.is_chunked:
            return await asyncio.wait_for(self.raw.reader.read(65536), PATIENCE)
        size = int((await self.raw.until(b"\r\n")).strip(), 16)
        octets = await asyncio.wait_for(self.raw.reader.readexactly(size + 2), PATIENCE)
        return octets[:-2]

    async def until(self, words):
        while words not in self.text:
            octets = await self.more()
            assert octets, f"ended before {words!r} came: {self.text[-500:]!r}"
            self.text += octets.decode()

    async def rest(self):
        while octets := await self.more():
            self.text += octets.decode()
        return self.text

    async def emit(self, octets):
        octets = octets.encode() if isinstance(octets, str) else octets
        await self.app.say(octets if self.length else b"%x\r\n%s\r\n" % (len(octets), octets))


def request(target, token, *fields, version="1.1"):
    return "\r\n".join(
        [f"GET {target} HTTP/{version}", "Host: localhost", f"Authorization: Bearer {token}",
         *fields, "", ""]
    )  # fmt: skip


@contextlib.asynccontextmanager
async def streamed(
    gateway, upstream, path, *fields, token=None, version="1.1", length=None, answer=(), **claims
):
    token = token or tokens.mint(**claims)
    target = marked(path)
    async with connection(gateway.plain) as raw:
        await raw.send(request(target, token, *fields, version=version))
        app = await upstream.arrival(target)
        framing = f"Content-Length: {length}" if length else "Transfer-Encoding: chunked"
        lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", framing, *answer, "", ""]
        await app.say("\r\n".join(lines).encode())
        stream = Stream(raw, app, target)
        stream.length = length
        await stream.head()
        yield stream


CONTROL = "X-Gateway-Control: v1"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("length", [None, 1_000_000], ids=["chunked", "length"])
async def test_the_end_of_the_token(gateway, upstream, version, length):
    async with streamed(
        gateway, upstream, "/own/", version=version, length=length, expires=2
    ) as stream:
        await stream.emit("data: one\n\ndata: half of")
        text = await stream.rest()
        assert text.startswith("data: one\n\n") and "half" not in text
        assert '"reason":"token_expired"' in text and "event: force_disconnect" in text
        assert await stream.raw.end() == b""
        await assert_logged(
            gateway, stream.target, "unauthenticated", status=200, told="token_expired"
        )
        assert len(lines_about(gateway, stream.target)) == 1


async def test_the_end_of_the_token_within_a_long_event(gateway, upstream):
    """The beginning is too long to be held back: the end waits for the event's, a little."""
    async with streamed(gateway, upstream, "/own/", expires=2) as stream:
        await stream.emit("data: " + "x" * 100_000)
        await stream.until("x" * 60_000)
        # The token ends now; the event two seconds later at the latest.
        await longer_than("the token", 2.2)
        await stream.emit("yz\n\n")
        text = await stream.rest()
        assert "xyz\n\n" in text
        assert text.index("force_disconnect") > text.index("xyz\n\n")


async def test_the_end_of_the_token_within_an_event_that_never_ends(gateway, upstream):
    async with streamed(gateway, upstream, "/own/", expires=1) as stream:
        await stream.emit("data: " + "x" * 100_000)
        with contextlib.suppress(asyncio.IncompleteReadError):
            await stream.rest()
        await assert_logged(
            gateway, stream.target, "unauthenticated", status=200, told="token_expired"
        )


async def test_a_notice_stands_between_events(gateway, upstream):
    """At once, since the token has less left than the notice is for; then comments, in their
    time."""
    async with streamed(gateway, upstream, "/told/", CONTROL) as stream:
        await stream.emit("data: beginning")
        await stream.until("token_expiring")
        await stream.emit("\ndata: end\n\n")
        await stream.until("data: end\n\n")
        assert "data: beginning\ndata: end\n\n" in stream.text
        await stream.until(":\n\n")
        names = [event.splitlines()[0] for event in stream.text.split("\n\n")[:2]]
        assert names == ["event: session", "event: token_expiring"]


async def test_a_notice_waits_for_a_long_event(gateway, upstream):
    async with streamed(gateway, upstream, "/told/", CONTROL) as stream:
        await stream.until("token_expiring")
        await stream.emit("data: " + "x" * 100_000)
        await stream.until("x" * 60_000)
        # A refresh makes a new notice due at once.
        assert (await refresh(gateway, stream, tokens.mint())).status == 200
        await longer_than("a notice that were due at once", 0.3)
        await stream.emit("y\n\ndata: next\n\n")
        await stream.until("data: next")
        await stream.until("\n\n")
        assert stream.text.count("token_expiring") >= 2
        assert "xy\n\n" in stream.text


async def refresh(gateway, stream, token):
    body = json.dumps({"session": stream.fields["x-session-id"], "token": token})
    async with connection(gateway.plain) as raw:
        await raw.send(
            "POST /.gateway/refresh HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        return await raw.answer("POST")


async def test_old_front_ends_hear_nothing_but_the_app(gateway, upstream):
    async with streamed(gateway, upstream, "/told/") as stream:
        await stream.emit("data: one\n\n")
        await stream.until("one")
        assert stream.text == "data: one\n\n"


async def test_a_stream_nobody_asked_for_ends_with_its_token_as_well(gateway, upstream):
    async with streamed(gateway, upstream, "/plain/", expires=2) as stream:
        assert stream.fields["x-session-id"]
        assert "token_expired" in await stream.rest()


@pytest.mark.parametrize(
    "behind", [b"", b"a\r\ndata: hi\n\n\r\n"], ids=["alone", "with an event"]
)
async def test_a_token_that_ends_before_the_app_answers(gateway, upstream, behind):
    token = tokens.mint(expires=1)
    target = marked("/own/")
    async with connection(gateway.plain) as raw:
        await raw.send(request(target, token))
        app = await upstream.arrival(target)
        await longer_than("the token", 1.2)
        await app.say(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + behind
        )
        stream = Stream(raw, app, target)
        await stream.head()
        text = await stream.rest()
        assert "token_expired" in text and "data: hi" not in text


async def test_an_answer_that_is_no_stream_does_not_end_with_the_token(gateway, upstream):
    token = tokens.mint(expires=1)
    target = marked("/own/")
    async with connection(gateway.plain) as raw:
        await raw.send(request(target, token))
        app = await upstream.arrival(target)
        await app.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nha")
        await raw.until(b"ha")
        await longer_than("the token", 1.5)
        await app.say(b"lf")
        assert await raw.until(b"lf") == b"lf"
        await line(gateway, target)
        assert len(lines_about(gateway, target)) == 1


async def test_the_grace_of_a_stream(gateway, upstream):
    async with streamed(gateway, upstream, "/grace/", expires=1) as stream:
        begin = asyncio.get_running_loop().time()
        assert "token_expired" in await stream.rest()
        assert asyncio.get_running_loop().time() - begin > 0.9


async def test_an_app_that_compresses_its_stream(gateway, upstream):
    """It is not asked to; if it does so all the same nothing is held back and nothing put in, and
    it ends with its token."""
    async with streamed(
        gateway, upstream, "/told/", CONTROL, "Accept-Encoding: gzip",
        answer=["Content-Encoding: gzip"], expires=3,
    ) as stream:  # fmt: skip
        assert stream.app.field("accept-encoding") is None
        octets = gzip.compress(b"data: one\n\n")
        await stream.emit(octets)
        heard = b""
        while len(heard) < len(octets):
            heard += await stream.more()
        assert heard == octets
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            assert await stream.more() == b""
        await assert_logged(
            gateway, stream.target, "unauthenticated", status=200, told="token_expired"
        )


# Rules that are only reported about.


async def test_no_stream_ends_for_a_rule_that_is_not_in_force(gateway, upstream):
    """Who came without a good token would have been let in: so is whose token comes to its end."""
    async with streamed(gateway, upstream, "/report/", expires=1) as stream:
        await longer_than("the token", 1.5)
        await stream.emit("data: on\n\n")
        await stream.until("data: on")
        assert "force_disconnect" not in stream.text
    entry = await line(gateway, stream.target)
    assert entry["would_refuse"] == ["auth"]


async def test_many_end_at_once_and_nobody_waits(gateway, upstream):
    token = tokens.mint(expires=6)
    async with contextlib.AsyncExitStack() as stack:
        streams = []
        for _ in range(300):
            one = streamed(gateway, upstream, "/own/", token=token)
            streams.append(await stack.enter_async_context(one))
        ends = asyncio.gather(*[stream.rest() for stream in streams])
        worst, loop = 0, asyncio.get_running_loop()
        while not ends.done():
            begin = loop.time()
            async with connection(gateway.plain) as raw:
                await raw.send("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await raw.answer()
            worst = max(worst, loop.time() - begin)
            await asyncio.sleep(0)
        assert all("token_expired" in text for text in await ends)
    await eventually(lambda: gateway.connections() == 0, "connections to be given back")
