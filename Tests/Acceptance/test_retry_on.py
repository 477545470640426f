"""`retry_on`: what is sent to another server when the one that had it fails, and what is not."""

import asyncio
import contextlib

import httpx
import pytest

from harness.operator import start
from harness.origin import Origin
from harness.ports import free_port
from harness.raw import connection
from harness.wire import handshake

CONFIGURATION = """
log { access json stdout }
workers 2
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
backend app {
    server 127.0.0.1:$first; server 127.0.0.1:$second; server 127.0.0.1:$third
    response_timeout 1s; handshake_timeout 1s; retries $retries
    $words
}
defaults { backend app; while_away error }
route /kept { buffer_body 64k }
route /socket { websocket }
route /events { events }
route / { }
"""


class Scene:
    """Three servers, which are one test, and a client."""

    def __init__(self, origins, gateway, operator):
        self.origins, self.gateway, self.operator = origins, gateway, operator

    async def asked(self):
        """The next request, at whichever server."""
        return await self.origins[0].request()

    @property
    def count(self):
        return sum(len(origin.requests) for origin in self.origins)

    def ask(self, method="GET", path="/", **options):
        async def send():
            async with httpx.AsyncClient(timeout=20) as client:
                return await client.request(
                    method, f"http://127.0.0.1:{self.gateway.plain.port}{path}", **options
                )

        return asyncio.create_task(send())


@pytest.fixture
async def scene(start_gateway):
    async with contextlib.AsyncExitStack() as stack:

        async def begin(words="", retries=2):
            origins = [await stack.enter_async_context(Origin(free_port())) for _ in range(3)]
            for origin in origins:
                origin._arrived = origins[0]._arrived
            first, second, third = [origin.port for origin in origins]
            gateway, operator = start(
                start_gateway, CONFIGURATION, words=words, retries=retries, first=first,
                second=second, third=third,
            )  # fmt: skip
            return Scene(origins, gateway, operator)

        yield begin


async def breaks(request):
    request.leg.reset()


async def ends(request):
    request.leg.vanish()


async def says_nothing(request):
    pass


async def answers_503(request):
    await request.leg.answer("busy", status="503 Service Unavailable")


FAILURES = [
    (breaks, ""), (ends, ""), (says_nothing, ""), (answers_503, "retry_on 503;"),
    (breaks, "retry_on broken;"), (says_nothing, "retry_on timeout;"),
]  # fmt: skip


@pytest.mark.parametrize("fail, words", FAILURES)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_another_server_is_asked_and_nobody_notices(scene, fail, words, method):
    scene = await scene(words)
    body = b"x" * 1000 if method == "PUT" else None
    answer = scene.ask(method, "/kept", content=body)
    first = await scene.asked()
    await fail(first)
    second = await scene.asked()
    assert second.method == method and second.leg is not first.leg
    if body:
        assert await second.leg.exactly(len(body)) == body
    await second.leg.answer("here")
    assert ((await answer).status_code, (await answer).text) == (200, "here")
    assert scene.count == 2
    assert scene.operator.total("gateway_backend_retries_total", backend="app") == 1


@pytest.mark.parametrize(
    "fail, words, retries, status",
    [
        (breaks, "retry_on timeout;", 2, 502),
        (breaks, "retry_on off;", 2, 502),
        (says_nothing, "retry_on broken 503;", 2, 504),
        (answers_503, "", 2, 503),
        (answers_503, "retry_on broken timeout 502;", 2, 503),
        (breaks, "", 0, 502),
    ],
)
async def test_what_is_not_wanted_is_not_done(scene, fail, words, retries, status):
    scene = await scene(words, retries)
    answer = scene.ask()
    await fail(await scene.asked())
    assert (await answer).status_code == status
    assert scene.count == 1


@pytest.mark.parametrize("fail, words", FAILURES[:4])
async def test_what_would_be_done_twice_is_not_sent_twice(scene, fail, words):
    scene = await scene(words)
    answer = scene.ask("POST", "/kept", content=b"once")
    await fail(await scene.asked())
    assert (await answer).status_code in (502, 503, 504)
    assert scene.count == 1


@pytest.mark.parametrize("words", ["HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "HTTP/1.1 2"])
async def test_not_behind_an_octet_of_an_answer(scene, words):
    scene = await scene("retry_on broken timeout 503;")
    answer = scene.ask()
    request = await scene.asked()
    await request.leg.say(words)
    request.leg.vanish()
    assert (await answer).status_code == 502
    assert scene.count == 1


async def test_an_informational_answer_was_heard(scene):
    scene = await scene("retry_on 503;")
    answer = scene.ask()
    request = await scene.asked()
    await request.leg.say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    await answers_503(request)
    assert ((await answer).status_code, (await answer).text) == (503, "busy")
    assert scene.count == 1


async def test_each_server_is_asked_once_and_the_last_one_is_heard(scene):
    scene = await scene("retry_on 503;")
    answer = scene.ask()
    for _ in range(3):
        await answers_503(await scene.asked())
    assert ((await answer).status_code, (await answer).text) == (503, "busy")
    assert [len(origin.requests) for origin in scene.origins] == [1, 1, 1]


async def test_what_was_sent_in_vain_waits_for_nobody(scene):
    scene = await scene("")
    for origin in scene.origins[1:]:
        origin._server.close()
    for _ in range(3):
        answer = scene.ask()
        request = await scene.asked()
        await breaks(request)
        assert (await answer).status_code == 502


async def test_the_budget_holds_for_it(scene):
    scene = await scene("retry_budget 0% 1;")
    for status in (200, 502):
        answer = scene.ask()
        await breaks(await scene.asked())
        if status == 200:
            await (await scene.asked()).leg.answer()
        assert (await answer).status_code == status
    assert scene.operator.total("gateway_backend_refused_total", limit="retry_budget") == 1


@pytest.mark.parametrize("fail, words", FAILURES[:4])
async def test_a_handshake_is_asked_elsewhere(scene, fail, words):
    scene = await scene(words)
    async with connection(scene.gateway.plain) as raw:
        raw.writer.write(handshake("/socket"))
        await fail(await scene.asked())
        second = await scene.asked()
        assert second.fields["upgrade"] == "websocket"
        await second.leg.answer("no", status="418 I'm a teapot")
        head = await raw.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 418 ")
    assert scene.count == 2


@pytest.mark.parametrize("fail, words", FAILURES[:4])
async def test_an_event_stream_begins_elsewhere(scene, fail, words):
    scene = await scene(words)
    async with connection(scene.gateway.plain) as raw:
        raw.writer.write(
            b"GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        )
        await fail(await scene.asked())
        second = await scene.asked()
        await second.leg.say(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: hello\n\n"
        )
        assert (await raw.reader.readuntil(b"data: hello\n\n")).startswith(b"HTTP/1.1 200 ")
        second.leg.vanish()
    assert scene.count == 2
