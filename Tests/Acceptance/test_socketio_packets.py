"""A WebSocket of Socket.IO whose client brings its token in `auth`, packet by packet: the gateway
opens the session of Engine.IO, the app opens one, too, and the client never hears of the second."""

import asyncio
import contextlib
import json
import os
import signal

import pytest

from harness import tokens
from harness.log import assert_logged
from harness.operator import Operator
from harness.waiting import eventually, settled, together
from harness.wire import (
    BINARY,
    CLOSE,
    RSV1,
    TEXT,
    close_payload,
    deflated,
    dialled,
    switched,
)

CONFIGURATION = """
log { access json stdout }
limits { first_message $patience; attempts 1000 }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
jwt app {
    algorithms HS256
    secret     env:JWT_SECRET
    user       user_id
    from       bearer cookie:token message:token message:user.token
    leeway     0s
}
jwt whole { algorithms HS256; secret env:JWT_SECRET; from message:token; forward_token on }
sessions one { store claim:store_id; limit 1 block_new }
sessions newest { store claim:store_id; limit 1 eject_old; grace off }
backend app    { server 127.0.0.1:$app }
backend silent { server 127.0.0.1:$app; handshake_timeout 500ms }
backend nobody { server 127.0.0.1:$nobody }
defaults { backend app }
route /socket.io/   { auth app; socketio }
route /pinging/     { auth app; socketio { ping_interval 1s; ping_timeout 1s } }
route /compressed/  { auth app; socketio; compress }
route /both/        { auth app; socketio; compress upstream }
route /whole/       { auth whole; socketio }
route /staff/       { auth app; roles staff; socketio }
route /seat/        { auth app; sessions one; socketio }
route /newest/      { auth app; sessions newest; socketio }
route /quiet/       { auth app; sessions newest; socketio; explain off }
route /all/         { auth app; socketio; explain all }
route /optional/    { auth app optional; socketio }
route /http/        { auth app; socketio; refuse http }
route /silent/      { auth app; socketio; backend silent }
route /held/ {
    auth app; socketio { ping_interval 1s; ping_timeout 1s }; while_away hold 30s; backend nobody
}
route /away/        { auth app; socketio; while_away error; backend nobody }
route /open/        { socketio }
"""

#: What a server of Socket.IO says first.
OPEN = {"sid": "app", "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000}
QUERY = "EIO=4&transport=websocket"


@pytest.fixture(scope="module")
def nobody():
    """Where an app may be later."""
    from harness.ports import free_port

    return free_port()


@pytest.fixture(scope="module")
def gateway(start_module_gateway, app_port, nobody):
    return start_module_gateway(CONFIGURATION, app=app_port, patience="3s", nobody=nobody)


def packed(value):
    return json.dumps(value, separators=(",", ":"))


def connect(token=None, namespace="", **members):
    return "40" + namespace + packed({"token": token or tokens.mint(), **members})


def opening(**changes):
    return "0" + packed({**OPEN, **changes})


@contextlib.asynccontextmanager
async def dialled_io(gateway, path="/socket.io/", *fields, query=QUERY, door=None, **options):
    """A client whose handshake is answered."""
    door = door or gateway.plain
    async with dialled(door, f"{path}?{query}", *fields, **options) as client:
        yield await switched(client)


async def opened(client, interval=25000, timeout=20000, size=1024 * 1024):
    """The session that the gateway has opened."""
    frame = await client.receive()
    assert frame.opcode == TEXT and frame.payload[:1] == b"0", frame
    told = json.loads(frame.payload[1:])
    assert told == {
        "sid": told["sid"], "upgrades": [], "pingInterval": interval, "pingTimeout": timeout,
        "maxPayload": size,
    }  # fmt: skip
    assert len(told["sid"]) >= 16
    return told["sid"]


async def joined(client, upstream, message, heard, **changes):
    """The app behind a client that has said `message`, and what the app has heard of it."""
    await client.send(TEXT, message)
    app = await upstream.arrival(client.target)
    await app.switch()
    await app.send(TEXT, opening(**changes))
    await app.expect(TEXT, heard)
    return app


async def last_words(client):
    """The texts in front of the close frame, and what is in that."""
    texts = []
    while (frame := await client.receive()).opcode != CLOSE:
        assert frame.opcode == TEXT, frame
        texts.append(frame.payload.decode())
    return texts, int.from_bytes(frame.payload[:2], "big"), frame.payload[2:].decode()


async def is_refused(client, code, reason, namespace="", **members):
    """As clients of Socket.IO understand it."""
    texts, said, word = await last_words(client)
    assert (said, word) == (code, reason), texts
    (text,) = texts
    head = "44" + namespace
    assert text.startswith(head + "{"), text
    error = json.loads(text[len(head) :])
    assert error["message"]
    data = error["data"]
    expected = {"reason": reason, "code": code, **members}
    assert {name: data[name] for name in expected} == expected, data
    return error


@pytest.mark.parametrize("door", ["plain", "tls"])
async def test_the_app_hears_of_who_was_let_in_and_not_of_the_token(gateway, upstream, door):
    async with dialled_io(gateway, door=getattr(gateway, door)) as client:
        await opened(client)
        assert not upstream.has_arrived(client.target)
        app = await joined(client, upstream, connect(room=7), '40{"room":7}')
        assert app.field("x-auth-user") == "7"
        await app.send(TEXT, '40{"sid":"a"}')
        await client.expect(TEXT, b'40{"sid":"a"}')
        await app.send(TEXT, b"2")
        await client.expect(TEXT, b"2")
        await client.send(TEXT, b"3")
        await app.expect(TEXT, b"3")
        await client.send(TEXT, b'451-["file",{"_placeholder":true,"num":0}]')
        await client.send(BINARY, b"\0\1")
        await app.expect(TEXT, b'451-["file",{"_placeholder":true,"num":0}]')
        await app.expect(BINARY, b"\0\1")
        await client.close(1000)
        assert await app.closed() == (1000, "")
        await app.close(1000)
        assert await client.closed() == (1000, "")
    await assert_logged(gateway, client.mark, "normal", status=101)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (lambda: connect(namespace="/admin,"), "40/admin,{}"),
        (lambda: "40" + packed({"user": {"token": tokens.mint(), "id": 7}}), '40{"user":{"id":7}}'),
        (lambda: connect("Bearer " + tokens.mint()), "40{}"),
    ],
    ids=["namespace", "deeper", "bearer"],
)
async def test_what_is_in_auth_and_no_token_is_the_apps(gateway, upstream, said, heard):
    async with dialled_io(gateway) as client:
        await opened(client)
        app = await joined(client, upstream, said(), heard)
        # A further namespace is between the client and the app.
        await client.send(TEXT, b'40/other,{"x":1}')
        await app.expect(TEXT, b'40/other,{"x":1}')
        app.vanish()


async def test_forward_token_leaves_it_in(gateway, upstream):
    async with dialled_io(gateway, "/whole/") as client:
        await opened(client)
        text = connect()
        app = await joined(client, upstream, text, text)
        app.vanish()


async def test_what_comes_behind_it_waits_until_the_app_has_opened(gateway, upstream):
    """As a client does that talks to the app itself, which speaks first."""
    async with dialled_io(gateway) as client:
        await opened(client)
        await client.say(client.octets(TEXT, connect()) + client.octets(TEXT, b"42[1]"))
        app = await upstream.arrival(client.target)
        await client.send(TEXT, b"42[2]")
        await app.switch()
        await client.send(TEXT, b"42[3]")
        with pytest.raises(TimeoutError):
            await app.receive(patience=0.3)
        await app.send(TEXT, opening())
        for heard in (b"40{}", b"42[1]", b"42[2]", b"42[3]"):
            await app.expect(TEXT, heard)
        app.vanish()


async def test_the_apps_opening_may_come_right_with_its_101_and_in_pieces(gateway, upstream):
    async with dialled_io(gateway) as client:
        await opened(client)
        await client.send(TEXT, connect())
        app = await upstream.arrival(client.target)
        octets = app.octets(TEXT, opening()) + app.octets(TEXT, b'40{"sid":"a"}')
        await app.switch(behind=octets[:10])
        await app.say(octets[10:30])
        await app.say(octets[30:])
        await app.expect(TEXT, b"40{}")
        await client.expect(TEXT, b'40{"sid":"a"}')
        app.vanish()


@pytest.mark.parametrize("path", ["/compressed/", "/both/"])
async def test_it_may_be_compressed(gateway, upstream, path):
    offer = "Sec-WebSocket-Extensions: permessage-deflate"
    async with dialled_io(gateway, path, offer) as client:
        assert "permessage-deflate" in client.field("sec-websocket-extensions")
        await opened(client)
        await client.send(TEXT, deflated(connect().encode()), reserved=RSV1)
        app = await upstream.arrival(client.target)
        if path == "/both/":
            agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            await app.switch(f"Sec-WebSocket-Extensions: {agreed}")
            await app.send(TEXT, deflated(opening().encode()), reserved=RSV1)
        else:
            await app.switch()
            await app.send(TEXT, opening())
        await app.hears(TEXT, b"40{}")
        await app.send(TEXT, b"42" + b"long " * 200)
        await client.hears(TEXT, b"42" + b"long " * 200)
        app.vanish()


async def test_a_client_that_is_kept_waiting_is_pinged(gateway, upstream):
    """By the gateway until the app does it; what answers those pings is nothing to the app."""
    async with dialled_io(gateway, "/pinging/") as client:
        await opened(client, 1000, 1000)
        await client.expect(TEXT, b"2")
        await client.send(TEXT, b"3")
        await client.send(TEXT, connect())
        app = await upstream.arrival(client.target)
        await client.expect(TEXT, b"2")
        await client.expect(TEXT, b"2")
        await app.switch()
        await client.say(client.octets(TEXT, b"3") * 2)
        await app.send(TEXT, opening(pingInterval=1000, pingTimeout=1000))
        await app.expect(TEXT, b"40{}")
        await app.send(TEXT, b"2")
        await app.send(TEXT, b"42[]")
        # One more of the gateway's may be among them, if the app was slow.
        while (frame := await client.receive()).payload != b"42[]":
            assert frame.payload == b"2", frame
            await client.send(TEXT, b"3")
        await client.send(TEXT, b"42[1]")
        await app.expect(TEXT, b"3")
        await app.expect(TEXT, b"42[1]")
        app.vanish()


async def test_no_beat_is_missed_when_the_app_takes_over(gateway, upstream):
    """The app pings for the first time when the client would long have given up."""
    async with dialled_io(gateway, "/pinging/") as client:
        await opened(client, 1000, 1000)
        app = await joined(client, upstream, connect(), "40{}", pingInterval=1900)
        await client.expect(TEXT, b"2")
        await client.send(TEXT, b"3")
        await client.send(TEXT, b"42[]")
        await app.expect(TEXT, b"42[]")
        app.vanish()


async def test_it_is_pinged_while_the_app_is_away(gateway, nobody):
    from harness.wire import Upstream

    async with dialled_io(gateway, "/held/") as client:
        await opened(client, 1000, 1000)
        await client.send(TEXT, connect())
        for _ in range(3):
            await client.expect(TEXT, b"2")
            await client.send(TEXT, b"3")
        async with Upstream(nobody) as upstream:
            app = await upstream.arrival(client.target)
            await app.switch()
            await app.send(TEXT, opening(pingInterval=500))
            await app.expect(TEXT, b"40{}")
            await client.send(TEXT, b"42[]")
            await app.expect(TEXT, b"42[]")
            app.vanish()


async def test_an_app_that_pings_too_seldom_is_warned_about_once(start_gateway, app_port, upstream):
    gateway = start_gateway(CONFIGURATION, app=app_port, patience="3s", nobody=1)
    for _ in range(2):
        async with dialled_io(gateway) as client:
            await opened(client)
            app = await joined(client, upstream, connect(), "40{}", pingInterval=60000)
            await client.expect(TEXT, b"2")
            app.vanish()
    gateway.wait_for_words("pings every 60000 ms")
    lines = [line for line in gateway.stderr.splitlines() if "pings every" in line]
    assert len(lines) == 1 and "/socket.io/" in lines[0], lines
    assert "every 25000 ms" in lines[0] and "20000 ms later" in lines[0], lines


REFUSED = {
    "none": (lambda: "40", "token_missing"),
    "empty": (lambda: "40{}", "token_missing"),
    "other": (lambda: '40{"user":"me"}', "token_missing"),
    "broken": (lambda: '40{"token":', "token_missing"),
    "twice": (lambda: connect()[:-1] + ',"token":"x"}', "token_missing"),
    "forged": (lambda: connect(tokens.mint(secret="x" * 64)), "token_signature"),
    "expired": (lambda: connect(tokens.mint(expires=-10)), "token_expired"),
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_who_brings_no_good_token_is_refused(gateway, upstream, kind):
    said, reason = REFUSED[kind]
    async with dialled_io(gateway) as client:
        await opened(client)
        await client.send(TEXT, said())
        await is_refused(client, 4001, reason)
        assert not upstream.has_arrived(client.target)
    await assert_logged(gateway, client.mark, "unauthenticated", status=101, told=reason)


async def test_a_namespace_is_refused_by_its_name(gateway):
    async with dialled_io(gateway, "/staff/") as client:
        await opened(client)
        await client.send(TEXT, connect(tokens.mint(role="guest"), namespace="/admin,"))
        await is_refused(client, 4003, "role", namespace="/admin,")


@pytest.mark.parametrize(
    ("octets", "code", "reason"),
    [
        (lambda client: client.octets(TEXT, b"hello"), 1002, "engineio_packet"),
        (lambda client: client.octets(TEXT, b""), 1002, "engineio_packet"),
        (lambda client: client.octets(TEXT, b"2probe"), 1002, "engineio_packet"),
        (lambda client: client.octets(TEXT, b"5"), 1002, "engineio_packet"),
        (lambda client: client.octets(TEXT, b"0{}"), 1002, "engineio_packet"),
        (lambda client: client.octets(BINARY, b"40{}"), 1002, "engineio_packet"),
        (lambda client: client.octets(TEXT, connect()[2:].encode()), 1002, "engineio_packet"),
        (lambda client: client.octets(TEXT, b'42["message"]'), 1002, "socketio_connect"),
        (lambda client: client.octets(TEXT, b"41"), 1002, "socketio_connect"),
        (lambda client: client.octets(TEXT, b"407" + connect()[2:].encode()), 1002,
         "socketio_connect"),
        (lambda client: client.octets(TEXT, b"40/" + b"n" * 300), 1002, "socketio_connect"),
        (lambda client: client.octets(TEXT, b"40{" + b" " * 70_000 + b"}"), 1009, None),
    ],
)  # fmt: skip
async def test_what_is_no_way_to_ask(gateway, upstream, octets, code, reason):
    """Nobody has asked for a namespace that could be refused: the close frame is all."""
    async with dialled_io(gateway) as client:
        await opened(client)
        await client.say(octets(client))
        texts, said, word = await last_words(client)
        assert (texts, said) == ([], code)
        assert reason in (word, None)
        assert not upstream.has_arrived(client.target)


async def test_seats_are_told_in_packets(gateway, upstream):
    token = tokens.mint(store_id=os.urandom(8).hex())
    async with dialled_io(gateway, "/seat/", query=QUERY + "&client_id=a") as first:
        await opened(first)
        app = await joined(first, upstream, connect(token), "40{}")
        async with dialled_io(gateway, "/seat/", query=QUERY + "&client_id=b") as second:
            await opened(second)
            await second.send(TEXT, connect(token))
            error = await is_refused(
                second, 4009, "block_new", type="connection_rejected", max=1, policy="block_new"
            )
            assert error["message"] == error["data"]["message"]
        app.vanish()


@pytest.mark.parametrize(("path", "explains"), [("/newest/", True), ("/quiet/", False)])
async def test_who_has_to_leave_is_told_not_to_come_back(gateway, upstream, path, explains):
    token = tokens.mint(store_id=os.urandom(8).hex())
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for name in ("a", "b"):
            client = await stack.enter_async_context(
                dialled_io(gateway, path, query=QUERY + f"&client_id={name}")
            )
            await opened(client)
            namespace = "/admin," if name == "a" else ""
            await joined(client, upstream, connect(token, namespace), f"40{namespace}{{}}")
            clients.append(client)
        texts, code, _ = await last_words(clients[0])
        assert code == 4010
        assert texts[-1] == "41/admin,"
        assert len(texts) == 1 + explains
        if explains:
            head = '42/admin,["force_disconnect",'
            assert texts[0].startswith(head), texts
            told = json.loads(texts[0][len(head) - len('["force_disconnect",') :])[1]
            assert (told["type"], told["reason"]) == ("force_disconnect", "eject_old"), told
        clients[1].vanish()


async def test_the_end_of_a_token_is_one_to_come_back_from(gateway, upstream):
    """With a new one, which the client's `auth` brings."""
    async with dialled_io(gateway) as client:
        await opened(client)
        await joined(client, upstream, connect(tokens.mint(expires=2.0)), "40{}")
        texts, code, word = await last_words(client)
        assert (code, word) == (4001, "token_expired")
        (text,) = texts
        assert text.startswith('42["force_disconnect",{'), text


async def test_a_revoked_token_is_none_to_come_back_with(gateway, upstream):
    operator = Operator(gateway.names["console"])
    async with dialled_io(gateway) as client:
        await opened(client)
        await joined(client, upstream, connect(tokens.mint(user=4711)), "40{}")
        operator.revoke(user="4711")
        texts, code, word = await last_words(client)
        assert (code, word) == (4001, "token_revoked")
        assert texts[-1] == "41" and texts[0].startswith('42["force_disconnect",{'), texts


async def test_who_offers_gateway_v1_hears_packets_all_the_same(gateway, upstream):
    offer = "Sec-WebSocket-Protocol: chat, gateway.v1"
    async with dialled_io(gateway, "/socket.io/", offer) as client:
        await opened(client)
        app = await joined(client, upstream, connect(), "40{}")
        await app.send(TEXT, b"40{}")
        await client.expect(TEXT, b"40{}")
        await client.send(TEXT, b'{"type":"auth.refresh","token":"x"}')
        await app.expect(TEXT, b'{"type":"auth.refresh","token":"x"}')
        app.vanish()


@pytest.mark.parametrize("path", ["/socket.io/", "/all/"])
async def test_an_app_that_goes_is_no_packet(gateway, upstream, path):
    async with dialled_io(gateway, path) as client:
        await opened(client)
        app = await joined(client, upstream, connect(), "40{}")
        app.vanish()
        assert await last_words(client) == ([], 1001, "upstream_closed")


async def test_an_app_that_is_away_is_no_packet(gateway):
    async with dialled_io(gateway, "/away/") as client:
        await opened(client)
        await client.send(TEXT, connect())
        texts, code, _ = await last_words(client)
        assert (texts, code) == ([], 1013)


@pytest.mark.parametrize(
    ("status", "code", "isFinal"),
    [("401 Unauthorized", 4001, True), ("403 Forbidden", 4003, True),
     ("404 Not Found", 1008, True), ("500 Oops", 1013, False), ("200 OK", 1013, False)],
)  # fmt: skip
async def test_a_refusal_of_the_app_is_told(gateway, upstream, status, code, isFinal):
    async with dialled_io(gateway) as client:
        await opened(client)
        await client.send(TEXT, connect())
        app = await upstream.arrival(client.target)
        await app.answer(status, b"no")
        texts, said, _ = await last_words(client)
        assert said == code
        assert [text[:2] for text in texts] == (["44"] if isFinal else [])


@pytest.mark.parametrize(
    "first",
    [b"hello", b"40{}", b'0{"sid":"x"}', b"2", b"0" + b" " * 2_000_000],
    ids=["text", "connect", "times", "ping", "large"],
)
async def test_an_app_that_does_not_open_a_session_is_not_passed_on(gateway, upstream, first):
    async with dialled_io(gateway) as client:
        await opened(client)
        await client.send(TEXT, connect())
        app = await upstream.arrival(client.target)
        await app.switch()
        with contextlib.suppress(ConnectionError):
            await app.send(TEXT, first)
        assert await last_words(client) == ([], 1011, "upstream_engineio_open")


async def test_an_app_that_opens_none_is_not_waited_for(gateway, upstream):
    async with dialled_io(gateway, "/silent/") as client:
        await opened(client)
        await client.send(TEXT, connect())
        app = await upstream.arrival(client.target)
        await app.switch()
        assert await last_words(client) == ([], 1013, "engineio_open")


async def test_an_app_that_closes_at_once_is_passed_on(gateway, upstream):
    async with dialled_io(gateway) as client:
        await opened(client)
        await client.send(TEXT, connect())
        app = await upstream.arrival(client.target)
        await app.switch()
        await app.close(4321, "not today")
        assert await client.closed() == (4321, "not today")


async def test_no_ping_follows_the_close_frame_of_an_app_that_opens_none(gateway, upstream):
    async with dialled_io(gateway, "/pinging/") as client:
        await opened(client, 1000, 1000)
        await client.send(TEXT, connect())
        app = await upstream.arrival(client.target)
        await app.switch()
        await app.close(4321, "not today")
        while (await client.receive()).opcode != CLOSE:
            pass
        # The client does not answer, for as long as it is waited for.
        assert await client.frames_to_the_end(30) == ([], b"")


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("EIO=3&transport=websocket", 5, "Unsupported protocol version"),
        ("transport=websocket", 5, "Unsupported protocol version"),
        ("EIO=4&EIO=3&transport=websocket", 5, "Unsupported protocol version"),
        ("EIO=4", 0, "Transport unknown"),
        ("EIO=4&transport=polling", 0, "Transport unknown"),
        ("x=1", 0, "Transport unknown"),
        ("EIO=4&transport=websocket&sid=abc", 1, "Session ID unknown"),
    ],
)
async def test_what_cannot_be_opened_is_refused_in_the_words_of_engine_io(
    gateway, upstream, query, code, message
):
    async with dialled(gateway.plain, f"/socket.io/?{query}") as client:
        status, body = await answer(client)
        assert status == 400
        assert json.loads(body) == {"code": code, "message": message}
    await assert_logged(gateway, client.mark, "protocol_error", status=400)


async def answer(client):
    """The status and the body of an answer that is no 101."""
    head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 15)
    lines = head.decode().lower().split("\r\n")
    length = next(line for line in lines if line.startswith("content-length:"))
    body = await client.reader.readexactly(int(length.partition(":")[2]))
    return int(lines[0].split()[1]), body


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_polling_is_told_to_go_elsewhere(gateway, upstream, method):
    async with gateway.plain.client() as client:
        reply = await client.request(method, "/socket.io/?EIO=4&transport=polling&t=1")
        assert (reply.status_code, reply.json()) == (
            400, {"code": 0, "message": "Transport unknown"},
        )  # fmt: skip
        assert reply.headers["content-type"] == "application/json"
        assert "set-cookie" not in reply.headers
        beside = await client.get("/socket.io/socket.io.js")
        assert beside.status_code == 401 and beside.json()["details"]["reason"] == "token_missing"


async def test_who_brings_a_token_in_the_handshake_speaks_to_the_app(gateway, upstream):
    field = f"Authorization: Bearer {tokens.mint()}"
    path = "/socket.io/?EIO=4&transport=websocket&sid=of-the-app"
    async with dialled(gateway.plain, path, field) as client:
        app = await upstream.arrival(client.target)
        await app.switch()
        await switched(client)
        await app.send(TEXT, opening())
        await client.expect(TEXT, opening())
        await client.send(TEXT, b"2probe")
        await app.expect(TEXT, b"2probe")
        app.vanish()


async def test_who_brings_a_bad_token_in_the_handshake_hears_it(gateway, upstream):
    """In a session that is opened for that; where none can be, with the status."""
    field = f"Authorization: Bearer {tokens.mint(expires=-10)}"
    async with dialled_io(gateway, "/socket.io/", field) as client:
        await opened(client)
        await is_refused(client, 4001, "token_expired")
    for path in ("/http/?" + QUERY, "/socket.io/?EIO=3&transport=websocket",
                 "/socket.io/?EIO=4&transport=websocket&sid=x"):  # fmt: skip
        async with dialled(gateway.plain, path, field) as client:
            assert (await answer(client))[0] == 401, path


async def test_without_auth_packets_are_the_apps_and_ours(gateway, upstream):
    """Nobody opens anything for the app."""
    async with dialled(gateway.plain, "/open/?" + QUERY) as client:
        app = await upstream.arrival(client.target)
        await app.switch()
        await switched(client)
        await app.send(TEXT, opening())
        await client.expect(TEXT, opening())
        app.vanish()
        assert (await last_words(client))[0] == []


async def test_an_optional_token_may_be_left_out(gateway, upstream):
    async with dialled_io(gateway, "/optional/") as client:
        await opened(client)
        app = await joined(client, upstream, "40", "40")
        assert app.field("x-auth-user") is None
        app.vanish()
    # What has begun by polling goes on so.
    async with dialled(gateway.plain, f"/optional/?{QUERY}&sid=polled") as client:
        app = await upstream.arrival(client.target)
        await app.switch()
        await switched(client)
        app.vanish()


async def test_who_says_nothing_is_ended(gateway, upstream):
    async def silent():
        async with dialled_io(gateway) as client:
            await opened(client)
            assert await last_words(client) == ([], 1001, "first_message")
            assert not upstream.has_arrived(client.target)

    async def answering():
        async with dialled_io(gateway, "/pinging/") as client:
            await opened(client, 1000, 1000)
            pings = 0
            while (frame := await client.receive()).opcode != CLOSE:
                assert frame.payload == b"2"
                pings += 1
                await client.send(TEXT, b"3")
            assert pings >= 2 and frame.payload[2:] == b"first_message"

    await together(*[silent() for _ in range(50)], answering())
    operator = Operator(gateway.names["console"])
    await eventually(
        lambda: operator.total("gateway_memory_held_octets") == 0, "everything to be given back"
    )


async def test_who_leaves_before_is_forgotten(gateway, upstream):
    before = await settled(gateway.connections, "the gateway's connections")
    async with dialled_io(gateway) as client:
        await opened(client)
        await client.send(TEXT, b"1")
        assert await client.closed() == (1000, "normal")
    await assert_logged(gateway, client.mark, "normal", status=101)
    async with dialled_io(gateway) as client:
        await client.send(CLOSE, close_payload(1000, "bye"))
        await opened(client)
        assert await client.closed() == (1000, "bye")
    async with dialled_io(gateway) as client:
        await client.say(client.octets(TEXT, connect())[:9])
        client.reset()
    async with dialled_io(gateway) as client:
        await opened(client)
        await client.send(TEXT, connect())
        app = await upstream.arrival(client.target)
        await app.switch()
        client.reset()
        await app.end()
    await eventually(lambda: gateway.connections() <= before, "their connections to be closed")


async def test_pongs_have_a_rate(gateway, upstream):
    async with dialled_io(gateway) as client:
        await opened(client)
        await client.say(client.octets(TEXT, b"3") * 500)
        assert await last_words(client) == ([], 1013, "control_frames")


async def test_a_reload_while_it_waits_holds_for_it(start_gateway, app_port, upstream):
    gateway = start_gateway(CONFIGURATION, app=app_port, patience="20s", nobody=1)
    async with dialled_io(gateway) as client, dialled_io(gateway) as other:
        await opened(client)
        await opened(other)
        stricter = "route /socket.io/   { roles staff; "
        gateway.configure(CONFIGURATION.replace("route /socket.io/   {", stricter))
        gateway.reload()
        gateway.wait_for_words("generation 2 judges")
        await client.send(TEXT, connect(tokens.mint(role="guest")))
        await is_refused(client, 4003, "role")
        app = await joined(other, upstream, connect(tokens.mint(role="staff")), "40{}")
        # And while it lives: it goes, and does not come back.
        strictest = "route /socket.io/   { roles chief; "
        text = CONFIGURATION.replace("route /socket.io/   {", strictest)
        gateway.configure(text.replace("limits {", "limits { reload_ends 0s;"))
        gateway.reload()
        texts, code, word = await last_words(other)
        assert (code, word, texts[-1]) == (4003, "role", "41")
        app.vanish()


async def test_a_reload_that_knows_no_socketio_goes_on_with_what_was_begun(
    start_gateway, app_port, upstream
):
    gateway = start_gateway(CONFIGURATION, app=app_port, patience="20s", nobody=1)
    async with dialled_io(gateway) as client:
        await opened(client)
        gateway.configure(CONFIGURATION.replace("auth app; socketio }", "auth app }", 1))
        gateway.reload()
        gateway.wait_for_words("generation 2 judges")
        app = await joined(client, upstream, connect(), "40{}")
        app.vanish()


async def test_a_drain_does_not_wait_for_it(start_gateway, app_port, upstream):
    gateway = start_gateway(CONFIGURATION, app=app_port, patience="20s", nobody=1)
    async with dialled_io(gateway) as client, dialled_io(gateway) as living:
        await opened(client)
        await opened(living)
        await joined(living, upstream, connect(), "40{}")
        gateway.signal(signal.SIGTERM)
        for one in (client, living):
            texts, code, _ = await last_words(one)
            assert (texts, code) == ([], 1012)
    gateway.assert_exit(0)
