"""Requests that wait for keys: who leaves meanwhile, what comes behind them, and how they end."""

import asyncio
import contextlib
import json
import time

import pytest

from harness import tokens
from harness.keys import SigningKey, SlowIssuer
from harness.log import line
from harness.ports import free_port
from harness.raw import connection
from harness.waiting import BUSY, PATIENCE, eventually, settled
from harness.wire import TEXT, Upstream, Wire, dialled, handshake, marked, switched

CONFIGURATION = """
log { access json stdout }
workers 2
listen 127.0.0.1:$http
limits { attempts 1 burst 3 }
jwt own { algorithms HS256 ES256; secret env:JWT_SECRET; user user_id; leeway 0s; JWKS }
backend app { server 127.0.0.1:$app }
route /open { respond 200 "open" }
route /paid { auth own; rate 2/h by header:X-Purse; respond 200 "paid" }
route /     { auth own; backend app }
"""
JWKS = "jwks https://localhost:$keys/ { ca $ca; timeout TIMEOUT }"


@pytest.fixture
async def issuer(tmp_path):
    async with SlowIssuer(tmp_path, free_port()) as issuer:
        yield issuer


@pytest.fixture
async def app():
    async with Upstream(free_port()) as app:
        yield app


@pytest.fixture
async def start(start_gateway, issuer, app):
    """`await start(timeout)`: a gateway whose keys do not come before the issuer publishes them."""

    async def start(timeout="20s", text=CONFIGURATION):
        gateway = start_gateway(
            text.replace("JWKS", JWKS.replace("TIMEOUT", timeout)),
            app=app.port, keys=issuer.port, ca=str(issuer.certificate),
        )  # fmt: skip
        await eventually(lambda: issuer.asked, "the issuer to be asked")
        return gateway

    return start


def get(target, token, *fields):
    lines = [f"GET {target} HTTP/1.1", "Host: localhost", *fields]
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", ""])


async def stays_silent(raw, seconds=0.3):
    with contextlib.suppress(TimeoutError):
        octets = await asyncio.wait_for(raw.reader.read(1), seconds)
        raise AssertionError(f"an answer already: {octets}")


@pytest.mark.parametrize("way", ["FIN", "RST", "FIN behind another request"])
async def test_who_leaves_is_not_kept(start, way):
    gateway = await start()
    target = marked("/left")
    async with connection(gateway.plain) as raw:
        port = raw.port
        await raw.send(get(target, SigningKey("stranger").mint()))
        if "another" in way:
            await raw.send(get("/open", None))
        await stays_silent(raw)
        if way == "RST":
            Wire(raw.reader, raw.writer, True).reset()
        else:
            raw.writer.write_eof()
            assert await raw.end() == b"", "nobody is there to be answered"
    await eventually(
        lambda: not gateway.is_connected_to(port), "the connection to be given back"
    )
    entry = await line(gateway, target)
    assert (entry["status"], entry["reason"]) == (0, "client_gone")


async def test_leaving_early_is_no_way_to_try_more_tokens(start, issuer):
    """Each of those who left counts as a failed attempt: the next one that fails hears so. A token
    that may be good is waited for all the same."""
    gateway = await start(text=CONFIGURATION.replace("workers 2", "workers 1"))
    issuer.publish(SigningKey("other"))
    token = SigningKey("stranger").mint()

    async def is_refused():
        for _ in range(4):
            async with connection(gateway.plain) as raw:
                await raw.send(get("/impatient", token))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(raw.reader.read(64), 0.05)
        async with connection(gateway.plain) as raw:
            await raw.send(get("/impatient", "garbage"))
            return b" 429 " in await asyncio.wait_for(raw.reader.read(64), PATIENCE)

    await eventually(is_refused, "somebody to be refused")


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
async def test_requests_behind_one_that_waits_are_answered_in_order(start, issuer, app, known):
    gateway = await start()
    key = SigningKey("new")
    target = marked("/first")
    async with connection(gateway.plain) as raw:
        await raw.send(get(target, key.mint()) + get("/open", None) + get("/open", None))
        await stays_silent(raw)
        await raw.send(get("/open", None, "Connection: close"))
        await stays_silent(raw)
        issuer.publish(key if known else SigningKey("other"))
        if known:
            await (await app.arrival(target)).answer("200 OK", b"first")
        first = await raw.answer()
        assert (first.status, first.body == b"first") == ((200, True) if known else (401, False))
        for _ in range(3):
            assert (await raw.answer()).body == b"open"
        assert await raw.end() == b""


async def test_who_waits_draws_once_from_a_rate(start, issuer):
    """It is looked at twice: before the key came, and behind it."""
    gateway = await start()
    key = SigningKey("new")
    async with connection(gateway.plain) as raw:
        await raw.send(get("/paid", key.mint(), "X-Purse: a"))
        await stays_silent(raw)
        issuer.publish(key)
        assert (await raw.answer()).body == b"paid"
        for status in (200, 429, 429):
            await raw.send(get("/paid", key.mint(), "X-Purse: a"))
            assert (await raw.answer()).status == status


async def test_frames_behind_a_handshake_that_waits_are_not_lost(start, issuer, app):
    gateway = await start()
    key = SigningKey("new")
    async with dialled(gateway.plain, "/ws", f"Authorization: Bearer {key.mint()}") as client:
        await client.send(TEXT, "early")
        await stays_silent(client)
        await client.send(TEXT, "bird")
        issuer.publish(key)
        application = await app.arrival(client.target)
        await application.switch()
        await switched(client)
        await application.expect(TEXT, "early")
        await application.expect(TEXT, "bird")


async def test_a_body_that_came_meanwhile_is_passed_on(start, issuer, app):
    gateway = await start()
    key = SigningKey("new")
    target = marked("/upload")
    body = b"x" * 300_000
    async with connection(gateway.plain) as raw:
        head = get(target, key.mint(), f"Content-Length: {len(body)}").replace("GET", "POST", 1)
        await raw.send(head)
        sending = asyncio.create_task(raw.send(body))
        await stays_silent(raw)
        issuer.publish(key)
        application = await app.arrival(target)
        assert await application.exactly(len(body)) == body
        await sending
        await application.answer("200 OK", b"thanks")
        assert (await raw.answer("POST")).body == b"thanks"


async def test_nobody_waits_for_a_key_that_was_not_in_the_set(start, issuer):
    """As soon as the set came it is known that the key is not in it."""
    gateway = await start()
    async with connection(gateway.plain) as raw:
        await raw.send(get("/none", SigningKey("stranger").mint()))
        await stays_silent(raw)
        begin = time.monotonic()
        issuer.publish(SigningKey("other"))
        assert (await raw.answer()).status == 401
        assert time.monotonic() - begin < 2 + BUSY


async def test_whoever_waits_is_sent_away_when_the_process_stops(start):
    gateway = await start()
    token = SigningKey("new").mint()
    async with (
        connection(gateway.plain) as raw,
        dialled(gateway.plain, "/ws", f"Authorization: Bearer {token}") as client,
    ):
        await raw.send(get(marked("/http"), token) + get("/open", None))
        await stays_silent(raw)
        await stays_silent(client)
        begin = time.monotonic()
        gateway.signal(15)
        answer = await raw.answer()
        assert answer.status == 503
        assert answer.values("connection") == ["close"] and answer.values("retry-after")
        assert await raw.end() == b""
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ") and b"Retry-After" in head
        gateway.assert_exit(0)
        assert time.monotonic() - begin < 5 + BUSY


async def test_a_reload_without_the_source_answers_who_waits(start, issuer):
    gateway = await start()
    async with connection(gateway.plain) as raw:
        await raw.send(get("/waits", SigningKey("new").mint()))
        await stays_silent(raw)
        gateway.configure(CONFIGURATION.replace("JWKS", "").replace(" ES256", ""))
        gateway.reload()
        begin = time.monotonic()
        assert (await raw.answer()).status == 401
        assert time.monotonic() - begin < 5 + BUSY


async def test_a_reload_to_another_source_asks_that(start, issuer, app):
    """Who waits is judged by the newest configuration, and with its keys."""
    gateway = await start()
    key = SigningKey("new")
    target = marked("/patient")
    async with connection(gateway.plain) as raw:
        await raw.send(get(target, key.mint()))
        await stays_silent(raw)
        gateway.configure(CONFIGURATION.replace("JWKS", JWKS.replace("TIMEOUT", "19s")))
        gateway.reload()
        await eventually(lambda: "generation 2" in gateway.stderr, "the reload")
        await stays_silent(raw)
        issuer.publish(key)
        await (await app.arrival(target)).answer("200 OK", b"in")
        assert (await raw.answer()).body == b"in"


async def test_a_reload_by_which_nobody_may_come_in_counts_for_who_waits(start, issuer):
    gateway = await start()
    key = SigningKey("new")
    async with connection(gateway.plain) as raw:
        await raw.send(get("/waits", key.mint()))
        await stays_silent(raw)
        text = CONFIGURATION.replace("auth own;", "auth own; roles nobody;")
        gateway.configure(text.replace("JWKS", JWKS.replace("TIMEOUT", "20s")))
        gateway.reload()
        await eventually(lambda: "generation 2" in gateway.stderr, "the reload")
        issuer.publish(key)
        assert (await raw.answer()).status == 403


async def test_a_reload_does_not_forget_who_waits(start, issuer, app):
    gateway = await start()
    key = SigningKey("new")
    target = marked("/patient")
    async with connection(gateway.plain) as raw:
        await raw.send(get(target, key.mint()))
        await stays_silent(raw)
        gateway.reload()
        await eventually(lambda: "generation 2" in gateway.stderr, "the reload")
        issuer.publish(key)
        await (await app.arrival(target)).answer("200 OK", b"in")
        assert (await raw.answer()).body == b"in"


async def test_keys_that_never_come(start, issuer):
    """There has never been one: the fault is not the client's."""
    gateway = await start(timeout="300ms")
    async with connection(gateway.plain) as raw:
        begin = time.monotonic()
        await raw.send(get("/never", SigningKey("new").mint()))
        answer = await raw.answer()
        assert answer.status == 503 and answer.values("retry-after")
        assert time.monotonic() - begin < 4 + BUSY


async def test_thousands_wait_and_nobody_else_does(start, issuer):
    gateway = await start(text=CONFIGURATION.replace("attempts 1 burst 3", "attempts off"))
    before = await settled(gateway.connections, "the connection to the issuer")
    token = SigningKey("stranger").mint()
    async with contextlib.AsyncExitStack() as stack:
        waiting = []
        for _ in range(1000):
            raw = await stack.enter_async_context(connection(gateway.plain))
            await raw.send(get("/crowd", token))
            waiting.append(raw)
        async with connection(gateway.plain) as raw:
            await raw.send(get("/open", None))
            assert (await raw.answer()).body == b"open"
        for raw in waiting[::2]:
            raw.abort()
        issuer.publish(SigningKey("other"))
        for raw in waiting[1::2]:
            assert (await raw.answer()).status == 401
    await eventually(lambda: gateway.connections() <= before, "connections to be given back")


# Refreshes that wait.


@contextlib.asynccontextmanager
async def live(gateway, app, *fields, path="/ws", **claims):
    token = tokens.mint(**claims)
    offers = f"Sec-WebSocket-Protocol: gateway.v1, jwt.{token}"
    async with dialled(gateway.plain, path, offers, *fields) as client:
        application = await app.arrival(client.target)
        await application.switch()
        await switched(client)
        client.session = client.field("x-session-id")
        assert json.loads((await client.receive()).payload)["session"] == client.session
        yield client, application
        application.writer.close()


def refresh(token):
    return json.dumps({"type": "auth.refresh", "token": token})


def order(session, token, *fields):
    body = json.dumps({"session": session, "token": token})
    return "\r\n".join(
        ["POST /.gateway/refresh HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}",
         *fields, "", body]
    )  # fmt: skip


async def said(client):
    return json.loads((await client.receive()).payload)


async def test_a_refresh_waits_for_its_key(start, issuer, app):
    gateway = await start()
    key = SigningKey("new")
    async with live(gateway, app) as (client, application):
        await client.send(TEXT, refresh(key.mint()))
        await client.send(TEXT, "goes on")
        await application.expect(TEXT, "goes on")
        await stays_silent(client)
        issuer.publish(key)
        assert (await said(client))["type"] == "auth.refreshed"


async def test_a_refresh_whose_key_does_not_come_is_answered(start, issuer, app):
    """Also when nobody says that the keys were read: it has waited long enough."""
    gateway = await start(timeout="1s")
    async with live(gateway, app) as (client, application):
        await client.send(TEXT, refresh(SigningKey("new").mint()))
        answer = await said(client)
        assert answer["type"] == "error", answer
        await client.send(TEXT, "still here")
        await application.expect(TEXT, "still here")


async def test_the_newest_refresh_counts(start, issuer, app):
    """The one before is told so, and an answer never belongs to another request."""
    gateway = await start()
    key = SigningKey("new")
    async with live(gateway, app) as (client, _), connection(gateway.plain) as raw:
        await raw.send(order(client.session, key.mint()) + order(client.session, key.mint()))
        await stays_silent(raw)
        async with connection(gateway.plain) as other:
            await other.send(order(client.session, key.mint()))
            first = await raw.answer("POST")
            assert first.status == 409
            # The second one of that connection is the newest now.
            assert (await other.answer("POST")).status == 409
        await stays_silent(raw)
        issuer.publish(key)
        assert json.loads((await raw.answer("POST")).body)["type"] == "auth.refreshed"


@pytest.mark.parametrize("end", ["closes", "vanishes", "expires", "drains"])
async def test_the_end_of_a_connection_answers_the_refresh_that_waits_for_it(start, app, end):
    gateway = await start()
    claims = {"expires": 2} if end == "expires" else {}
    async with live(gateway, app, **claims) as (client, _), connection(gateway.plain) as raw:
        await raw.send(order(client.session, SigningKey("new").mint()))
        await stays_silent(raw)
        if end == "closes":
            await client.close(1000)
        elif end == "vanishes":
            client.reset()
        elif end == "drains":
            gateway.signal(15)
        assert (await raw.answer("POST")).status == 404
        if end == "drains":
            assert json.loads((await client.receive()).payload)["error"]["code"] == 1012
            await client.closed()
            await client.close(1012)
            await client.ended()
            gateway.assert_exit(0)


async def test_who_asked_for_a_refresh_and_left_does_no_harm(start, issuer, app):
    """The place of the one who left belongs to somebody else when the answer comes."""
    gateway = await start(text=CONFIGURATION.replace("workers 2", "workers 1"))
    key = SigningKey("new")
    async with live(gateway, app) as (client, _):
        async with connection(gateway.plain) as raw:
            port = raw.port
            await raw.send(order(client.session, key.mint()))
            await stays_silent(raw)
            Wire(raw.reader, raw.writer, True).reset()
        await eventually(lambda: not gateway.is_connected_to(port), "the connection to be gone")
        async with connection(gateway.plain) as next_one:
            await next_one.send(get("/open", None))
            assert (await next_one.answer()).body == b"open"
            issuer.publish(key)
            await stays_silent(next_one)
            await next_one.send(order(client.session, key.mint()))
            assert (await next_one.answer("POST")).status == 200


async def test_a_handshake_that_waits_is_not_begun_for_a_client_that_left(start, issuer, app):
    gateway = await start()
    key = SigningKey("new")
    async with connection(gateway.plain) as raw:
        target = marked("/ws")
        await raw.send(handshake(target, f"Authorization: Bearer {key.mint()}"))
        await stays_silent(raw)
        raw.writer.write_eof()
        assert await asyncio.wait_for(raw.reader.read(), PATIENCE) == b""
    issuer.publish(key)
    async with connection(gateway.plain) as raw:
        await raw.send(get(marked("/seen"), "none"))
        await raw.answer()
    assert not app.has_arrived(target)
