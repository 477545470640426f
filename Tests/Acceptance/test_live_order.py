"""`POST /.gateway/refresh` as clients with odd manners send it."""

import asyncio
import json

import pytest

from harness import tokens
from harness.log import line, lines_about
from harness.raw import connection
from harness.waiting import eventually, longer_than
from harness.wire import TEXT, Wire, dialled, marked, switched, wired

CONFIGURATION = """
log { access json stdout }
workers 3
listen 127.0.0.1:$http
limits { attempts off }
jwt own   { algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0s }
jwt other { algorithms HS256; secret env:JWT_SECRET; user user_id; issuer elsewhere; leeway 0s }
backend app { server 127.0.0.1:$app }
route /own/    { auth own; backend app }
route /either/ { auth other or own; backend app }
route /admins/ { auth own; roles admin; backend app }
route /report/ { auth own; report_only auth; backend app }
route /open/   { respond 200 "open" }
"""
HEAD = "POST /.gateway/refresh HTTP/1.1\r\nHost: localhost\r\n"
UNKNOWN = json.dumps({"session": "0" * 32, "token": "x"})
NEXT = "GET /open/ HTTP/1.1\r\nHost: localhost\r\n\r\n"


def sized(body, *fields, head=HEAD):
    return head + "".join(f"{field}\r\n" for field in fields) + f"Content-Length: {len(body)}\r\n\r\n{body}"


def chunked(body, size=7, trailers="", head=HEAD):
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    text = "".join(f"{len(piece):x}\r\n{piece}\r\n" for piece in pieces)
    return f"{head}Transfer-Encoding: chunked\r\n\r\n{text}0\r\n{trailers}\r\n"


SHAPES = {
    "length": sized(UNKNOWN),
    "chunks": chunked(UNKNOWN),
    "chunks of one": chunked(UNKNOWN, 1),
    "trailers": chunked(UNKNOWN, trailers="X-More: yes\r\n"),
    "with a token in its head": sized(UNKNOWN, "Authorization: Bearer nonsense"),
    "wants events": sized(UNKNOWN, "Accept: text/event-stream"),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cut", ["whole", "octets"])
async def test_every_shape_is_read_and_the_connection_goes_on(gateway, shape, cut):
    octets = (SHAPES[shape] + NEXT).encode()
    async with connection(gateway.plain) as raw:
        if cut == "whole":
            await raw.send(octets)
        else:
            await Wire(raw.reader, raw.writer, True).trickle(octets, [1] * len(octets))
        answer = await raw.answer("POST")
        assert answer.status == 404, answer.body
        assert (await raw.answer()).body == b"open"


async def test_an_empty_body(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send(sized("") + HEAD + "\r\n" + NEXT)
        assert (await raw.answer("POST")).status == 400
        assert (await raw.answer("POST")).status == 400
        assert (await raw.answer()).body == b"open"


async def test_who_expects_to_be_asked_is_asked(gateway):
    head, _, body = sized(UNKNOWN, "Expect: 100-continue").partition("\r\n\r\n")
    async with connection(gateway.plain) as raw:
        await raw.send(head + "\r\n\r\n")
        assert b" 100 " in await raw.until(b"\r\n\r\n")
        await raw.send(body)
        assert (await raw.answer("POST")).status == 404


async def test_an_older_client_is_asked_nothing(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send(sized(UNKNOWN, "Expect: 100-continue", head=HEAD.replace("1.1", "1.0")))
        assert (await raw.until(b"\r\n")).startswith(b"HTTP/1.1 404 ")


LONG = json.dumps({"session": "0" * 32, "token": "x" * 20_000})


@pytest.mark.parametrize("make", [sized, chunked])
async def test_too_much_is_not_read(gateway, make):
    async with connection(gateway.plain) as raw:
        await raw.send(make(LONG))
        answer = await raw.answer("POST")
        assert answer.status == 413 and answer.values("connection") == ["close"]
        assert await raw.end() == b""


async def test_chunks_that_are_none(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send(HEAD + "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n" + NEXT)
        answer = await raw.answer("POST")
        assert answer.status == 400
        assert await raw.end() == b""


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_other_methods(gateway, method):
    async with connection(gateway.plain) as raw:
        await raw.send(f"{method} /.gateway/refresh HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT)
        answer = await raw.answer(method)
        assert (answer.status, answer.values("allow")) == (405, ["POST"])
        assert (await raw.answer()).body == b"open"


@pytest.mark.parametrize("way", ["FIN", "RST"])
async def test_who_leaves_in_the_middle_of_the_body(gateway, way):
    target = marked("/.gateway/refresh")
    async with connection(gateway.plain) as raw:
        octets = sized(UNKNOWN).replace("/.gateway/refresh", target)
        await raw.send(octets[:-10])
        await eventually(lambda: gateway.is_connected_to(raw.port), "the connection")
        if way == "RST":
            Wire(raw.reader, raw.writer, True).reset()
        else:
            raw.writer.write_eof()
            assert await raw.end() == b""
    entry = await line(gateway, target)
    assert entry["reason"] == "client_gone"
    assert len(lines_about(gateway, target)) == 1


async def test_who_finished_sending_still_gets_the_answer(gateway):
    for _ in range(20):
        async with connection(gateway.plain) as raw:
            await raw.send(sized(UNKNOWN))
            raw.writer.write_eof()
            assert (await raw.answer("POST")).status == 404
            assert await raw.end() == b""


async def test_a_slow_body_is_given_up(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send(sized(UNKNOWN)[:-1])
        answer = await raw.answer("POST")
        assert answer.status == 408
        assert await raw.end() == b""


# With a session.


async def ask(gateway, session, token, count=1):
    body = json.dumps({"session": session, "token": token})
    async with connection(gateway.plain) as raw:
        await raw.send(sized(body) * count)
        answers = [await raw.answer("POST") for _ in range(count)]
    return answers[0] if count == 1 else answers


async def test_any_worker_finds_the_session(gateway, upstream):
    """Connections are spread over three; many asks at once are answered one by one."""
    async with wired(
        gateway.plain, upstream, "/own/", f"Authorization: Bearer {tokens.mint()}"
    ) as (client, _):
        session = client.field("x-session-id")
        found = await asyncio.gather(*[ask(gateway, session, tokens.mint(), 5) for _ in range(20)])
        assert {answer.status for answers in found for answer in answers} == {200}
    assert await eventually(
        lambda: gone(gateway, session), "the session to be over", 5
    )


async def gone(gateway, session):
    return (await ask(gateway, session, tokens.mint())).status == 404


async def test_another_blocks_token_is_no_refresh(gateway, upstream):
    """The same user of another issuer is another user."""
    first = tokens.mint(iss="elsewhere")
    async with wired(
        gateway.plain, upstream, "/either/", f"Authorization: Bearer {first}"
    ) as (client, app):
        session = client.field("x-session-id")
        assert (await ask(gateway, session, tokens.mint())).status == 403
        assert (await ask(gateway, session, tokens.mint(iss="elsewhere"))).status == 200
        await client.send(TEXT, "on")
        await app.hears(TEXT, "on")


async def test_a_role_that_is_withdrawn(gateway, upstream):
    async with wired(
        gateway.plain, upstream, "/admins/", f"Authorization: Bearer {tokens.mint()}"
    ) as (client, _):
        session = client.field("x-session-id")
        answer = await ask(gateway, session, tokens.mint(role="guest"))
        assert answer.status == 403
        assert json.loads((await client.message()).payload)["type"] == "force_disconnect"
        assert (await client.closed())[0] == 4003
        await client.close(4003)
        await client.ended()
        entry = await line(gateway, client.mark)
        assert (entry["reason"], entry["detail"]) == ("forbidden", "role")


async def test_a_token_without_an_end_and_one_far_away(gateway, upstream):
    async with wired(
        gateway.plain, upstream, "/own/", f"Authorization: Bearer {tokens.mint(exp=None)}"
    ) as (client, app):
        session = client.field("x-session-id")
        for end in (2**53, 1e300, 253402300799, None):
            answer = await ask(gateway, session, tokens.mint(exp=end))
            assert answer.status == 200, (end, answer.body)
            await client.send(TEXT, "on")
            await app.hears(TEXT, "on")


async def test_a_refresh_before_the_app_has_answered(gateway, upstream):
    """The app knows the session by name before the handshake is over."""
    offers = f"Sec-WebSocket-Protocol: gateway.v1, jwt.{tokens.mint(expires=2)}"
    async with dialled(gateway.plain, "/own/", offers) as client:
        app = await upstream.arrival(client.target)
        assert (await ask(gateway, app.field("x-session-id"), tokens.mint())).status == 200
        await longer_than("the first token", 2.2)
        await app.switch()
        await switched(client)
        assert json.loads((await client.message()).payload)["expires_in"] > 3000
        await client.send(TEXT, "on")
        await app.hears(TEXT, "on")


async def test_the_end_of_a_token_is_only_reported_where_that_rule_is(gateway, upstream):
    async with wired(
        gateway.plain, upstream, "/report/",
        f"Sec-WebSocket-Protocol: gateway.v1, jwt.{tokens.mint(expires=1)}",
    ) as (client, app):  # fmt: skip
        await client.message()
        await longer_than("the token", 1.5)
        await client.send(TEXT, "on")
        await app.hears(TEXT, "on")
        other = json.dumps({"type": "auth.refresh", "token": tokens.mint(user=8)})
        await client.send(TEXT, other)
        while True:
            answer = json.loads((await client.message()).payload)
            if answer["type"] == "error":
                break
        assert answer["error"]["details"]["reason"] == "other_user"
        await client.send(TEXT, "still")
        await app.hears(TEXT, "still")
    assert (await line(gateway, client.mark))["would_refuse"] == ["auth"]
