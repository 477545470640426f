"""A handshake is the last request of its connection. Behind it stand frames, which a client may
send without waiting: where it is refused with a status, nobody takes them for a request."""

import contextlib

import pytest

from harness.log import lines_about
from harness.raw import connection
from harness.waiting import eventually
from harness.wire import CLOSE, TEXT, frame, handshake, marked

CONFIGURATION = """
log { access json stdout }
workers 1
limits { attempts off }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
jwt app     { algorithms HS256; secret env:JWT_SECRET }
backend app { server 127.0.0.1:$app }
defaults { backend app }
route /ws    { websocket }
route /both  { }
route /in    { websocket; auth app; refuse http }
route /shown { websocket; auth app }
"""
#: What an optimistic client sends behind its handshake, and what a malicious one does.
FRAMES = frame(TEXT, b"hello", mask=b"\x01\x02\x03\x04") + frame(CLOSE, mask=b"\x01\x02\x03\x04")
REQUEST = b"GET /both?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
BEHIND = {"nothing": b"", "frames": FRAMES, "a request": REQUEST, "much": FRAMES * 20_000}
DOORS = ["plain", "tls"]


async def assert_last(raw, status):
    """One answer that says that it is the last, and the end."""
    answer = await raw.answer()
    assert answer.status == status
    tokens = ", ".join(answer.values("connection")).lower().split(", ")
    assert "close" in tokens, answer.headers
    assert await raw.end() == b""
    return answer


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("path, status", [("/ws", 401), ("/ws", 404), ("/ws", 503), ("/both", 200)])
async def test_the_app_refuses(gateway, upstream, door, behind, path, status):
    target = marked(path)
    async with connection(getattr(gateway, door)) as raw:
        await raw.send(handshake(target) + BEHIND[behind])
        app = await upstream.arrival(target)
        await app.answer(status, b"no")
        answer = await assert_last(raw, status)
        assert answer.body == b"no"
    assert not upstream.has_arrived("/both?smuggled")
    assert len(await logged(gateway, target)) == 1


async def logged(gateway, target):
    return await eventually(lambda: lines_about(gateway, target), "a line")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize(
    "path, key, status",
    [("/in", None, 401), ("/nowhere", None, 404), ("/ws", "short", 400)],
)
async def test_the_gateway_refuses(gateway, upstream, door, behind, path, key, status):
    target = marked(path)
    async with connection(getattr(gateway, door)) as raw:
        head = handshake(target, key=key) if key else handshake(target)
        await raw.send(head + BEHIND[behind])
        await assert_last(raw, status)
    assert not upstream.has_arrived("/both?smuggled")
    assert len(await logged(gateway, target)) == 1


async def test_frames_that_come_behind_the_refusal(gateway, upstream):
    """On their way when it was refused: they are read for nothing, so that the refusal is not lost
    to a reset."""
    target = marked("/ws")
    async with connection(gateway.plain) as raw:
        await raw.send(handshake(target))
        app = await upstream.arrival(target)
        await app.answer(403, b"no" * 100_000)
        await raw.until(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(20):
                await raw.send(FRAMES)
        assert await raw.end() == b"no" * 100_000


async def test_what_is_opened_is_no_refusal(gateway, upstream):
    """Frames right behind the handshake are the app's, and where a refusal is shown on the socket
    they are nobody's."""
    target = marked("/ws")
    async with connection(gateway.plain) as raw:
        await raw.send(handshake(target) + FRAMES)
        app = await upstream.arrival(target)
        await app.switch()
        await app.hears(TEXT, b"hello")
        assert (await raw.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    async with connection(gateway.plain) as raw:
        await raw.send(handshake("/shown") + FRAMES)
        octets = await raw.end()
        assert octets.startswith(b"HTTP/1.1 101 ") and octets.count(b"HTTP/1.1") == 1


async def test_a_plain_request_before_it_changes_nothing(gateway, upstream):
    """A connection that was kept may become a WebSocket, or be refused to."""
    first, second = marked("/both"), marked("/ws")
    async with connection(gateway.plain) as raw:
        await raw.send(f"GET {first} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await (await upstream.arrival(first)).answer(200, b"yes")
        answer = await raw.answer()
        assert (answer.status, answer.values("connection")) == (200, [])
        await raw.send(handshake(second) + FRAMES)
        await (await upstream.arrival(second)).answer(426, b"", "Upgrade: websocket")
        answer = await assert_last(raw, 426)
        assert answer.values("upgrade") == ["websocket"]
