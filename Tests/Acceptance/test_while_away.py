"""The app is away for a moment: it is deployed, or has died. Who comes meanwhile waits a little,
and who cannot be helped is told so in a way that his client understands."""

import asyncio
import contextlib
import json
import signal
import time

import pytest
import websockets

from harness import tokens
from harness.chromium import at_host
from harness.door import closing
from harness.event_source import CLOSED, CONNECTING, OPEN, EventSource
from harness.log import line
from harness.operator import start
from harness.ports import free_port
from harness.raw import connection, once
from harness.visitors import Hall, Visitors
from harness.waiting import BUSY, eventually, together
from harness.wire import TEXT, Upstream, dialled, frame, marked, switched, wired

CONFIGURATION = """
workers 2
log { access json stdout }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
listen 127.0.0.1:$https { tls { $certificate } }
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0s }
backend app    { server 127.0.0.1:$app }
backend nobody { server 127.0.0.1:$nobody }
backend pair   { server 127.0.0.1:$nobody; server 127.0.0.1:$nobody2; retries 1 }

route /api/sse/stream  { events; $words backend app }
route /events/         { events; $words backend app }
route pair.test/       { while_away hold 1m; backend pair }
route /page            { respond 200 "a page" }
route /long/events     { events; while_away hold 5m; backend nobody }
route /long/token      { events; auth app; while_away hold 5m; backend nobody }
route /long/plain      { auth app; while_away hold 5m; backend nobody }
route /long/ws         { websocket; auth app; while_away hold 5m; backend nobody }
route /long/           { while_away hold 5m; backend nobody }
route /brief/events    { events; while_away hold 300ms; backend pair }
route /brief/ws        { websocket; while_away hold 300ms; backend pair }
route /brief/          { while_away hold 300ms; backend pair }
route /retry/events    { events; while_away retry; backend nobody }
route /retry/          { while_away retry; backend nobody }
route /error/events    { events; while_away error; backend nobody }
route /error/          { while_away error; backend nobody }
route /                { $words backend app }
"""

GET = "GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n"
STREAM = "/api/sse/stream?store_id=1"


@pytest.fixture
def start_away(start_gateway):
    """`start_away(app, words)`: a gateway and its operator. At `nobody` and `nobody2` nobody
    listens yet; `words` are those of the routes to the app."""

    def begin(app=None, words="", **names):
        names = {"certificate": "certificate self_signed", "words": words, **names}
        ports = {name: free_port() for name in ("nobody", "nobody2")}
        return start(start_gateway, CONFIGURATION, app=app or free_port(), **ports, **names)

    return begin


def gone(gateway, count=1):
    """Whether the log says that a server went, so often."""
    return gateway.stderr.count("cannot be reached") >= count


async def held(operator, count):
    await eventually(
        lambda: operator.total("gateway_held_requests") == count, f"{count} requests to be held"
    )


def end(app, how):
    """The app goes as deployments make it go, or for no reason at all."""
    app.signal(how)
    app.wait()


# Restarts.


MANNERS = ["", "while_away hold 1s;", "while_away retry;"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_event_sources_outlive_a_restart(start_away, start_app, how):
    app = start_app("waiting")
    gateways = [start_away(app, words)[0] for words in MANNERS]
    async with contextlib.AsyncExitStack() as stack:
        sources = [
            await stack.enter_async_context(EventSource(gateway.plain, STREAM))
            for gateway in gateways
        ]
        for source in sources:
            assert await source.next() == "connected"
        end(app, how)
        for gateway in gateways:
            await eventually(lambda: gone(gateway), "somebody to look for the app")
        start_app("waiting", app.port)
        for source, words in zip(sources, MANNERS):
            assert await source.next(60) == "connected", words
            assert source.ready_state == OPEN, words
            assert all(1000 <= retry <= 5000 for retry in source.retries), words


async def test_an_event_source_in_a_browser_outlives_a_restart(
    start_away, start_app, browser, trusted
):
    app = start_app("waiting")
    certificate = "certificate {certificate}; key {key}".format_map(trusted)
    gateway, _ = start_away(app, certificate=certificate)
    async with browser.page(gateway.tls, "/page") as page:
        recording = await page.open_events(at_host(gateway.tls).http(STREAM))
        assert (await recording.next())["type"] == "open"
        assert (await recording.next())["type"] == "connected"
        end(app, signal.SIGTERM)
        assert await recording.next() == {"type": "error", "readyState": CONNECTING}
        await eventually(lambda: gone(gateway), "the page to come back")
        start_app("waiting", app.port)
        told = []
        while (event := await recording.next())["type"] != "connected":
            told.append(event)
        assert not [one for one in told if one.get("readyState") == CLOSED], told


async def test_requests_of_every_kind_wait_for_the_app_and_reach_it_once(start_away, start_app):
    """The body as well, however large; whatever the method, nothing was sent yet."""
    port = free_port()
    gateway, operator = start_away(port, "while_away hold 1m;")
    body = b"x" * 300_000
    async with gateway.plain.client(timeout=60) as client:
        asked = [
            client.get("/healthz"), client.request("OPTIONS", "/echo"),
            *[client.request(method, "/echo", content=body) for method in ("POST", "PUT", "PATCH")],
            client.post("/echo", content=chunks(body)),
            client.post("/echo", content=body, headers={"Expect": "100-continue"}),
        ]  # fmt: skip
        tasks = [asyncio.create_task(one) for one in asked]
        await held(operator, len(tasks))
        start_app("waiting", port)
        answers = await asyncio.gather(*tasks)
    assert [answer.status_code for answer in answers] == [200] * len(tasks)
    assert [answer.json()["size"] for answer in answers[2:]] == [len(body)] * 5
    assert operator.total("gateway_held_requests") == 0
    assert operator.total("gateway_held_requests_total", outcome="served") == len(tasks)


async def chunks(body):
    for start in range(0, len(body), 7000):
        yield body[start : start + 7000]


async def test_what_comes_behind_a_request_that_waits_is_answered_in_turn(start_away, start_app):
    port = free_port()
    gateway, operator = start_away(port, "while_away hold 1m;")
    async with connection(gateway.plain) as raw:
        await raw.send(GET.format("/healthz", "") + GET.format("/echo?second", ""))
        await held(operator, 1)
        start_app("waiting", port)
        assert (await raw.answer()).body == b"ok"
        assert json.loads((await raw.answer()).body)["query"] == "second"


# WebSockets.


async def test_a_handshake_waits_and_nothing_is_said_before_the_app_says_it(start_away, app_port):
    gateway, operator = start_away(app_port)
    async with dialled(gateway.plain, "/ws") as client:
        await client.send(TEXT, "early")
        await held(operator, 1)
        async with Upstream(app_port) as upstream:
            app = await upstream.arrival(client.target)
            await app.switch(behind=frame(TEXT, b"mine"))
            await switched(client)
            await client.expect(TEXT, "mine")
            await app.expect(TEXT, "early")
            app.writer.close()


async def test_a_client_that_reconnects_by_itself_hears_only_the_app(start_away, start_app):
    """The loop of `websockets`, which waits longer after each failure but begins anew whenever a
    connection opened."""
    app = start_app("echo")
    gateway, _ = start_away(app, "while_away hold 1s;")
    heard = []

    async def talk():
        async for socket in gateway.plain.websocket("/ws"):
            with contextlib.suppress(websockets.ConnectionClosed):
                await socket.send("hello")
                async for message in socket:
                    heard.append(message)

    task = asyncio.create_task(talk())
    await eventually(lambda: heard == ["hello"], "the app to answer")
    end(app, signal.SIGTERM)
    await eventually(lambda: gone(gateway), "the client to come back")
    start_app("echo", app.port)
    await eventually(lambda: len(heard) == 2, "the app to answer again", patience=60)
    task.cancel()
    assert heard == ["hello"] * 2


@pytest.mark.parametrize("path", ["/brief/ws", "/retry/ws", "/error/ws"])
async def test_a_handshake_fails_as_it_would_without_a_gateway(start_away, path):
    gateway, _ = start_away()
    for offers in ([], ["gateway.v1"], ["chat"]):
        with pytest.raises(websockets.InvalidStatus) as failed:
            await gateway.plain.websocket(path, subprotocols=offers)
        assert failed.value.response.status_code == 502
        assert json.loads(failed.value.response.body)["reason"] == "upstream_unavailable"


ENDS = {
    "silent": ("explain off;", (), [], None),
    "usual": ("", (), [], None),
    "explained": ("explain;", (), ["error"], 1001),
    "everything": ("explain all;", (), ["error"], 1001),
    "reads": ("explain off; auth app;", ("gateway.v1",), ["error"], 1001),
    "cannot read": ("auth app;", ("chat",), [], None),
}


@pytest.mark.parametrize("leave", ["vanish", "reset"])
@pytest.mark.parametrize("name", ENDS)
async def test_an_app_that_goes_away_is_explained_to_who_reads_it(
    start_away, upstream, app_port, name, leave
):
    words, offers, kinds, code = ENDS[name]
    gateway, _ = start_away(app_port, words)
    offered = ", ".join([*offers, f"jwt.{tokens.mint(user_id=7)}"])
    async with wired(
        gateway.plain, upstream, "/ws", f"Sec-WebSocket-Protocol: {offered}"
    ) as (client, app):
        if "gateway.v1" in offers:
            assert json.loads((await client.message()).payload)["type"] == "session"
        getattr(app, leave)()
        for kind in kinds:
            message = json.loads((await client.message()).payload)
            assert (message["type"], message["error"]["code"]) == (kind, code)
        assert await client.closed() == (1001, "upstream_closed")


async def test_what_a_refusal_says_is_decided_by_its_reason_and_by_explain(start_gateway):
    """Tokens, roles and devices: front ends of the gateway know these objects. The rest only to who
    says that it reads them."""
    routes = {
        "/usual": "", "/all": "explain;", "/off": "explain off;",
        "/status": "refuse http; explain;",
    }  # fmt: skip
    text = """
    listen 127.0.0.1:$http
    jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
    backend nobody { server 127.0.0.1:$nobody }
    """ + "\n".join(
        f"route {path}/token {{ websocket; auth app; {words} backend nobody }}\n"
        f"route {path}/page {{ websocket; {words} backend nobody }}"
        for path, words in routes.items()
    )
    gateway = start_gateway(text, nobody=free_port())

    async def told(path, offers=(), origin=None):
        async with gateway.plain.websocket(path, subprotocols=offers, origin=origin) as socket:
            messages, code = await closing(socket)
            return [message["error"]["code"] for message in messages], code

    evil = "https://evil.example"
    assert await told("/usual/token") == ([4001], 4001)
    assert await told("/all/token") == ([4001], 4001)
    assert await told("/off/token") == ([], 4001)
    assert await told("/off/token", ["gateway.v1"]) == ([4001], 4001)
    assert await told("/usual/page", origin=evil) == ([], 1008)
    assert await told("/usual/page", ["gateway.v1"], origin=evil) == ([1008], 1008)
    assert await told("/all/page", origin=evil) == ([1008], 1008)
    assert await told("/off/page", origin=evil) == ([], 1008)
    for path, origin in (("/status/token", None), ("/status/page", evil)):
        with pytest.raises(websockets.InvalidStatus):
            await told(path, origin=origin)


# In vain.


async def test_who_waited_in_vain_is_told_in_his_own_way(start_away):
    gateway, operator = start_away()
    begin = time.monotonic()
    async with gateway.plain.client() as client:
        answers = await asyncio.gather(
            *[client.get("/brief/x") for _ in range(20)], client.post("/brief/x", content=b"x")
        )
    assert {answer.status_code for answer in answers} == {502}
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}
    assert {answer.json()["details"]["reason"] for answer in answers} == {"unreachable"}
    assert 0.3 <= time.monotonic() - begin < 5
    assert operator.total("gateway_held_requests_total", outcome="ended") == 21
    await assert_comes_back(gateway, "/brief/events")


async def assert_comes_back(gateway, path):
    """A stream that says when to come back, at moments that differ, and ends."""
    target, retries = marked(path), set()
    for _ in range(5):
        answer = await once(gateway.plain, GET.format(target, "Accept: text/event-stream\r\n"))
        assert (answer.status, answer.values("content-type")) == (200, ["text/event-stream"])
        name, _, value = answer.body.decode().removesuffix("\n\n").partition(": ")
        assert name == "retry" and 1000 <= int(value) <= 5000
        retries.add(value)
    assert len(retries) > 1
    entries = await line(gateway, target, count=5)
    assert {(one["status"], one["reason"]) for one in entries} == {(200, "upstream_unavailable")}


async def test_retry_and_error_do_not_wait(start_away):
    gateway, operator = start_away()
    await assert_comes_back(gateway, "/retry/events")
    async with EventSource(gateway.plain, "/error/events") as source:
        await eventually(lambda: source.ready_state == CLOSED, "the page to give up")
        assert source.status == 502
    async with gateway.plain.client() as client:
        for path in ("/retry/x", "/error/x"):
            assert (await client.get(path)).status_code == 502
            asked = await client.post(path, headers={"Accept": "text/event-stream"})
            assert asked.status_code == 502, "no EventSource makes a POST"
    assert operator.total("gateway_held_requests_total") == 0


@pytest.mark.parametrize("leave", ["vanish", "reset"])
async def test_an_app_that_ends_instead_of_answering_ends_no_event_source(
    start_away, upstream, app_port, leave
):
    gateway, _ = start_away(app_port)
    target = marked("/api/sse/stream")
    async with connection(gateway.plain) as raw:
        await raw.send(GET.format(target, "Accept: text/event-stream\r\n"))
        getattr(await upstream.arrival(target), leave)()
        answer = await raw.answer()
        assert answer.status == 200 and answer.body.startswith(b"retry: ")


# Those who wait.


@pytest.mark.parametrize("leave", ["close", "abort"])
async def test_who_leaves_is_not_waited_for(start_away, leave):
    gateway, operator = start_away()
    target = marked("/long/x")
    body = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nsome"
    stream = GET.format(target, "Accept: text/event-stream\r\n")
    for words in (GET.format(target, ""), stream, body.format(target)):
        async with connection(gateway.plain) as raw:
            await raw.send(words)
            await held(operator, 1)
            raw.abort() if leave == "abort" else raw.writer.close()
            await held(operator, 0)
    entries = await line(gateway, target, count=3)
    assert {one["reason"] for one in entries} == {"client_gone"}
    await eventually(lambda: gateway.connections() == 0, "every connection to be given back")


async def test_nobody_waits_while_the_process_stops(start_away):
    gateway, operator = start_away()
    token = f"Authorization: Bearer {tokens.mint(user_id=7)}\r\n"
    async with (
        connection(gateway.plain) as plain,
        connection(gateway.plain) as events,
        dialled(gateway.plain, "/long/ws", token.strip()) as socket,
    ):
        await plain.send(GET.format("/long/x", ""))
        await events.send(GET.format("/long/events", "Accept: text/event-stream\r\n"))
        await held(operator, 3)
        begin = time.monotonic()
        gateway.signal(signal.SIGTERM)
        answer = await plain.answer()
        assert (answer.status, answer.values("retry-after")) == (503, ["1"])
        answer = await events.answer()
        assert answer.status == 200 and answer.body.startswith(b"retry: ")
        head = await asyncio.wait_for(socket.reader.readuntil(b"\r\n\r\n"), 15)
        assert head.startswith(b"HTTP/1.1 503 ")
    gateway.assert_exit(0)
    assert time.monotonic() - begin < 10


async def test_nobody_waits_longer_than_his_token_is_good(start_away):
    gateway, operator = start_away()
    token = tokens.mint(user_id=7, expires=3)
    field = f"Authorization: Bearer {token}\r\n"
    async with (
        connection(gateway.plain) as plain,
        connection(gateway.plain) as events,
        dialled(gateway.plain, "/long/ws", field.strip()) as socket,
    ):
        await plain.send(GET.format("/long/plain", field))
        await events.send(GET.format("/long/token", field))
        await held(operator, 3)
        answer = await plain.answer()
        assert answer.status == 401
        assert json.loads(answer.body)["details"]["reason"] == "token_expired"
        assert 'error="invalid_token"' in answer.values("www-authenticate")[0]
        assert b'"reason":"token_expired"' in (await events.answer()).body
        await switched(socket)
        assert json.loads((await socket.message()).payload)["reason"] == "token_expired"
        assert (await socket.closed())[0] == 4001


async def test_whoever_was_locked_out_meanwhile_does_not_go_on(start_away):
    """The app never hears of him, whatever he asked for; the others go on."""
    gateway, operator = start_away()
    fields = [f"Authorization: Bearer {tokens.mint(user_id=user)}\r\n" for user in (7, 8)]
    target = marked("/long/plain")
    async with (
        connection(gateway.plain) as first,
        connection(gateway.plain) as second,
        connection(gateway.plain) as third,
    ):
        await first.send(GET.format(target, fields[0]))
        await second.send(GET.format(target, fields[0]).replace("GET", "POST"))
        await third.send(GET.format(target, fields[1]))
        await held(operator, 3)
        operator.revoke(user="7")
        async with Upstream(int(gateway.names["nobody"])) as app:
            for raw, method in ((first, "GET"), (second, "POST")):
                answer = await raw.answer(method)
                assert answer.status == 401
                assert json.loads(answer.body)["details"]["reason"] == "token_revoked"
            await (await app.arrival(target)).answer("200 OK", b"here")
            assert (await third.answer()).body == b"here"
            entries = await line(gateway, target, count=3)
    assert sorted(one["status"] for one in entries) == [200, 401, 401]


async def test_a_reload_that_names_another_server_is_what_they_wait_for(start_away, app_port):
    """Blue and green: the new one is somewhere else."""
    gateway, operator = start_away()
    async with Hall(app_port) as hall:
        async with connection(gateway.plain) as raw:
            await raw.send(GET.format("/long/events", "Accept: text/event-stream\r\n"))
            await held(operator, 1)
            gateway.names["nobody"] = app_port
            gateway.configure(CONFIGURATION)
            gateway.reload()
            assert b"data: hello" in await raw.until(b"hello\n\n")
            assert len(hall.inside) == 1
            raw.abort()


async def test_a_reload_that_lets_nobody_stay_ends_all_who_wait(start_away):
    """At once, as it says: not one after the other as their turns to try come."""
    gateway, operator = start_away()
    field = f"Authorization: Bearer {tokens.mint()}\r\n"
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connection(gateway.plain)) for _ in range(40)]
        for client in clients:
            await client.send(GET.format("/long/token", field))
        await held(operator, 40)
        route = "route /long/token      { events;"
        text = CONFIGURATION.replace(route, f"limits {{ reload_ends 0ms }}\n{route} roles nobody;")
        assert text != CONFIGURATION
        gateway.configure(text)
        gateway.reload()
        begin = time.monotonic()
        for client in clients:
            assert b'"reason":"forbidden"' in (await client.answer()).body
        assert time.monotonic() - begin < BUSY


async def test_one_of_several_servers_is_enough(start_away, start_app):
    gateway, operator = start_away()
    async with gateway.plain.client(headers={"Host": "pair.test"}) as client:
        task = asyncio.create_task(client.get("/healthz"))
        await held(operator, 1)
        start_app("waiting", gateway.names["nobody2"])
        assert (await task).status_code == 200
        answers = await asyncio.gather(*[client.get("/healthz") for _ in range(20)])
        assert {answer.status_code for answer in answers} == {200}
    assert operator.total("gateway_server_up", backend="pair") == 1


async def test_a_crowd_that_waits_does_not_run_the_app_over(start_away, app_port):
    """While it is away it is looked for a few times a second, not once for each; when it is back
    they come in groups."""
    gateway, operator = start_away(app_port, "while_away hold 5m;")
    crowd = Visitors("events", gateway.plain)
    count = 1000
    await asyncio.gather(*[crowd.knock("crowd", f"d{number}") for number in range(count)])
    await held(operator, count)
    before = operator.total("gateway_server_failures_total", backend="app")
    begin = time.monotonic()
    await eventually(lambda: time.monotonic() - begin > 2, "the app to be looked for")
    failures = operator.total("gateway_server_failures_total", backend="app") - before
    seconds = time.monotonic() - begin
    # Two workers, each at most every half second.
    assert 1 <= failures <= 4 * seconds + 4
    arrivals = []

    class Counting(Hall):
        async def _serve(self, reader, writer):
            arrivals.append(time.monotonic())
            await super()._serve(reader, writer)

    async with Counting(app_port):
        await together(*[one.answer(60) for one in crowd.all])
        assert all(one.is_in for one in crowd.all)
        # The first groups are small: four of each worker's.
        first = [one for one in arrivals if one - arrivals[0] < 0.05]
        assert len(first) <= count // 4
        assert len(arrivals) == count, "each came once"
        await crowd.go()
    assert operator.total("gateway_held_requests_total", outcome="served") == count


# What operators hear.


async def test_one_line_when_it_goes_and_one_when_it_is_back(start_away, start_app):
    """Whichever worker, and however many requests, find it out."""
    app = start_app("waiting")
    gateway, operator = start_away(app, "while_away error;")
    up = {"backend": "app", "server": f"127.0.0.1:{app.port}"}
    async with gateway.plain.client() as client:
        assert (await client.get("/healthz")).status_code == 200
        assert operator.total("gateway_server_up", **up) == 1
        app.kill()
        answers = [await client.get("/healthz") for _ in range(390)]
        assert {answer.status_code for answer in answers} == {502}
        assert operator.total("gateway_server_up", **up) == 0
        start_app("waiting", app.port)

        async def back():
            return (await client.get("/healthz")).status_code == 200

        await eventually(back, "the app to be back")
    about = [text for text in gateway.stderr.splitlines() if f":{app.port}" in text]
    about = [text for text in about if "backend" in text]
    assert len(about) == 2, about
    server = f"warning backend app: 127.0.0.1:{app.port}"
    assert f"{server} cannot be reached: Connection refused" in about[0]
    assert f"{server} is back after" in about[1]
    failed = int(about[1].rpartition("; ")[2].split()[0])
    assert failed >= 390
    assert operator.total("gateway_server_failures_total", **up) == failed
    assert operator.total("gateway_server_outages_total", **up) == 1
    assert operator.total("gateway_server_up", **up) == 1
