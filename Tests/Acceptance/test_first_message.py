"""A WebSocket whose client brings its token in the first message: a browser that can set no header,
a GraphQL client. Until somebody was let in the app hears nothing."""

import contextlib
import json
import os
import signal

import pytest
import websockets

from harness import tokens
from harness.log import assert_logged
from harness.operator import Operator
from harness.waiting import SOON, eventually, pace, settled, together
from harness.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    TEXT,
    close_payload,
    deflated,
    dialled,
    frame,
    switched,
)

CONFIGURATION = """
log { access json stdout }
limits { first_message $patience; memory 32m }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
jwt app {
    algorithms HS256
    secret     env:JWT_SECRET
    user       user_id
    from       bearer query:token message:token message:payload.Authorization
    tickets    on
    leeway     0s
}
jwt whole { algorithms HS256; secret env:JWT_SECRET; from message:token; forward_token on }
sessions one { store claim:store_id; limit 1 block_new }
backend app { server 127.0.0.1:$app }
defaults { backend app }
route /ws            { websocket; auth app }
route /compressed    { websocket; auth app; compress }
route /kept          { websocket; auth app; compress context dedicated }
route /whole         { websocket; auth whole }
route /staff         { websocket; auth app; roles staff }
route /own/{id}      { websocket; auth app; require claim:user_id == path:id }
route /seat          { websocket; auth app; sessions one }
route /optional      { websocket; auth app optional }
route /graphql       { websocket; auth app; subprotocols graphql-transport-ws graphql-ws }
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, app_port):
    return start_module_gateway(CONFIGURATION, app=app_port, patience="3s")


def auth(token=None, **members):
    return json.dumps({"type": "auth", "token": token or tokens.mint(), **members})


@contextlib.asynccontextmanager
async def opened(gateway, path="/ws", *fields, door=None, **options):
    async with dialled(door or gateway.plain, path, *fields, **options) as client:
        yield await switched(client)


async def is_refused(client, code, reason):
    """In the words that every refused socket hears."""
    one = await client.receive()
    assert one.opcode == TEXT, one
    assert (await client.closed()) == (code, reason)
    await client.close(code)
    await client.ended()


@pytest.mark.parametrize("door", ["plain", "tls"])
async def test_the_app_hears_of_who_was_let_in_and_not_of_the_token(gateway, upstream, door):
    async with opened(gateway, door=getattr(gateway, door)) as client:
        await client.send(PING, b"there?")
        await client.expect(PONG, b"there?")
        assert not upstream.has_arrived(client.target)
        await client.send(TEXT, auth(room=7))
        app = await upstream.arrival(client.target)
        assert app.field("x-auth-user") == "7"
        await app.switch()
        await app.expect(TEXT, json.dumps({"type": "auth", "room": 7}, separators=(",", ":")))
        await app.send(TEXT, b"welcome")
        await client.expect(TEXT, b"welcome")
        await client.send(TEXT, b"more")
        await app.expect(TEXT, b"more")
        await client.close(1000)
        assert await app.closed() == (1000, "")
        await app.close(1000)
        assert await client.closed() == (1000, "")
    await assert_logged(gateway, client.mark, "normal", status=101)


async def test_what_comes_behind_it_waits_for_the_app(gateway, upstream):
    """In one segment, and while the app has not answered yet."""
    async with opened(gateway) as client:
        await client.say(client.octets(TEXT, auth()) + client.octets(TEXT, b"second"))
        app = await upstream.arrival(client.target)
        await client.send(BINARY, b"third")
        await app.switch()
        await app.expect(TEXT, b'{"type":"auth"}')
        await app.expect(TEXT, b"second")
        await app.expect(BINARY, b"third")
        app.vanish()


async def test_it_may_come_octet_by_octet_and_in_fragments(gateway, upstream):
    text = auth().encode()
    async with opened(gateway) as client:
        octets = client.octets(TEXT, text[:5], final=False)
        octets += client.octets(PING, b"x")
        for one in text[5:-1]:
            octets += client.octets(CONTINUATION, bytes([one]), final=False)
        octets += client.octets(CONTINUATION, text[-1:])
        await client.trickle(octets, [1] * 200)
        await client.expect(PONG, b"x")
        app = await upstream.arrival(client.target)
        await app.switch()
        await app.expect(TEXT, b'{"type":"auth"}')
        app.vanish()


async def test_graphql_clients_say_it_in_connection_init(gateway, upstream):
    first = {"type": "connection_init", "payload": {"Authorization": "Bearer " + tokens.mint()}}
    offers = "Sec-WebSocket-Protocol: graphql-ws, graphql-transport-ws"
    async with opened(gateway, "/graphql", offers) as client:
        assert client.field("sec-websocket-protocol") == "graphql-transport-ws"
        await client.send(TEXT, json.dumps(first))
        app = await upstream.arrival(client.target)
        assert app.field("sec-websocket-protocol") == "graphql-transport-ws"
        await app.switch("Sec-WebSocket-Protocol: graphql-transport-ws")
        await app.expect(TEXT, b'{"type":"connection_init","payload":{}}')
        app.vanish()


async def test_an_app_that_speaks_something_else_is_not_passed_on(gateway, upstream):
    async with opened(gateway, "/ws", "Sec-WebSocket-Protocol: a, b") as client:
        assert client.field("sec-websocket-protocol") == "a"
        await client.send(TEXT, auth())
        app = await upstream.arrival(client.target)
        assert app.field("sec-websocket-protocol") == "a"
        await app.switch("Sec-WebSocket-Protocol: b")
        await app.ended()
        while (one := await client.receive()).opcode != CLOSE:
            pass
        assert int.from_bytes(one.payload[:2], "big") == 1013


@pytest.mark.parametrize("path", ["/compressed", "/kept"])
async def test_it_may_be_compressed(gateway, upstream, path):
    fields = ["Sec-WebSocket-Extensions: permessage-deflate"]
    async with opened(gateway, path, *fields) as client:
        assert "permessage-deflate" in client.field("sec-websocket-extensions")
        await client.send(TEXT, deflated(auth().encode()), reserved=RSV1)
        app = await upstream.arrival(client.target)
        await app.switch()
        await app.expect(TEXT, b'{"type":"auth"}')
        await app.send(TEXT, b"long " * 200)
        await client.hears(TEXT, b"long " * 200)
        await client.send(TEXT, deflated(b"more " * 200), reserved=RSV1)
        await app.hears(TEXT, b"more " * 200)
        app.vanish()


async def test_without_compression_here_none_is_spoken(gateway, upstream):
    fields = ["Sec-WebSocket-Extensions: permessage-deflate"]
    async with opened(gateway, "/ws", *fields) as client:
        assert client.field("sec-websocket-extensions") is None
        await client.send(TEXT, auth())
        app = await upstream.arrival(client.target)
        assert app.field("sec-websocket-extensions") is None
        await app.switch()
        await app.expect(TEXT, b'{"type":"auth"}')
        app.vanish()


async def test_forward_token_leaves_it_in(gateway, upstream):
    async with opened(gateway, "/whole") as client:
        text = auth()
        await client.send(TEXT, text)
        app = await upstream.arrival(client.target)
        await app.switch()
        await app.expect(TEXT, text)
        app.vanish()


@pytest.mark.parametrize(
    "fields", [lambda: [f"Authorization: Bearer {tokens.mint()}"], list], ids=["bearer", "query"]
)
async def test_who_brings_it_in_the_handshake_is_not_kept_waiting(gateway, upstream, fields):
    fields = fields()
    path = "/ws" if fields else f"/ws?token={tokens.mint()}"
    async with dialled(gateway.plain, path, *fields) as client:
        app = await upstream.arrival("/ws?" + client.mark)
        await app.switch()
        await switched(client)
        await app.send(TEXT, b"first")
        await client.expect(TEXT, b"first")
        app.vanish()


REFUSED = {
    "none": lambda client: client.octets(TEXT, b'{"type":"auth"}'),
    "no-object": lambda client: client.octets(TEXT, b"hello"),
    "binary": lambda client: client.octets(BINARY, auth().encode()),
    "twice": lambda client: client.octets(
        TEXT, b'{"token":"%s","token":"x"}' % tokens.mint().encode()
    ),
    "deep": lambda client: client.octets(TEXT, b'{"a":' * 1000 + b"1" + b"}" * 1000),
    "forged": lambda client: client.octets(TEXT, auth(tokens.mint(secret="x" * 64))),
    "expired": lambda client: client.octets(TEXT, auth(tokens.mint(expires=-10))),
    "cut": lambda client: client.octets(TEXT, auth()[:-3].encode()),
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_who_brings_no_good_token_is_refused(gateway, upstream, kind):
    async with opened(gateway) as client:
        await client.say(REFUSED[kind](client))
        one = await client.receive()
        assert one.opcode == TEXT
        code, _ = await client.closed()
        assert code == 4001
        assert not upstream.has_arrived(client.target)
    await assert_logged(gateway, client.mark, "unauthenticated", status=101)


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (lambda client: client.octets(TEXT, b"{" + b" " * 70_000 + b"}"), 1009),
        (lambda client: client.octets(TEXT, b'{"x":"\xff"}'), 1007),
        (lambda client: client.octets(TEXT, b"{}", reserved=RSV1), 1002),
        (lambda client: client.octets(TEXT, b"{}", mask=None), 1002),
        (lambda client: client.octets(CONTINUATION, b"{}"), 1002),
    ],
    ids=["large", "not-text", "compressed", "unmasked", "continuation"],
)
async def test_what_breaks_the_rules_of_websockets_ends_so(gateway, upstream, octets, code):
    async with opened(gateway) as client:
        await client.say(octets(client))
        while (one := await client.receive()).opcode != CLOSE:
            pass
        assert int.from_bytes(one.payload[:2], "big") == code
        assert not upstream.has_arrived(client.target)


async def test_a_close_right_behind_what_is_refused_is_heard(gateway, upstream):
    """Whole or in part, within the segment that holds the message: it is waited for no longer."""
    for count in (8, 3):
        async with opened(gateway) as client:
            close = client.octets(CLOSE, close_payload(1000))
            await client.say(client.octets(TEXT, auth("nonsense")) + close[:count])
            assert (await client.receive()).opcode == TEXT
            assert (await client.closed())[0] == 4001
            await client.say(close[count:])
            assert await client.end(patience=SOON) == b""
    # The handshake itself is refused.
    behind = frame(CLOSE, close_payload(1000), mask=b"mask")
    async with dialled(gateway.plain, "/staff?token=nonsense", behind=behind) as client:
        await switched(client)
        assert (await client.receive()).opcode == TEXT
        assert (await client.closed())[0] == 4001
        assert await client.end(patience=SOON) == b""


async def test_a_bomb_is_not_inflated(gateway, upstream):
    fields = ["Sec-WebSocket-Extensions: permessage-deflate"]
    async with opened(gateway, "/compressed", *fields) as client:
        await client.send(TEXT, deflated(b" " * 8_000_000), reserved=RSV1)
        while (one := await client.receive()).opcode != CLOSE:
            pass
        assert int.from_bytes(one.payload[:2], "big") == 1009


async def test_roles_requirements_and_seats_hold_as_ever(gateway, upstream):
    async with opened(gateway, "/staff") as client:
        await client.send(TEXT, auth(tokens.mint(role="guest")))
        assert (await client.receive()).opcode == TEXT
        assert (await client.closed())[0] == 4003
    async with opened(gateway, "/own/8") as client:
        await client.send(TEXT, auth())
        assert (await client.receive()).opcode == TEXT
        assert (await client.closed())[0] == 4003
    token = tokens.mint(store_id=os.urandom(8).hex())
    async with opened(gateway, "/seat?client_id=a") as first:
        await first.send(TEXT, auth(token))
        app = await upstream.arrival(first.target)
        await app.switch()
        await app.expect(TEXT, b'{"type":"auth"}')
        async with opened(gateway, "/seat?client_id=b") as second:
            await second.send(TEXT, auth(token))
            words = json.loads((await second.receive()).payload)
            assert words["type"] == "connection_rejected"
            assert (await second.closed())[0] == 4009
        app.vanish()


async def test_an_optional_token_may_be_left_out(gateway, upstream):
    async with opened(gateway, "/optional") as client:
        await client.send(TEXT, b"hello")
        app = await upstream.arrival(client.target)
        assert app.field("x-auth-user") is None
        await app.switch()
        await app.expect(TEXT, b"hello")
        app.vanish()


async def test_who_says_nothing_is_ended(gateway, upstream):
    """Whatever else is said meanwhile, and however many there are."""

    async def silent():
        async with opened(gateway) as client:
            assert await client.closed() == (1001, "first_message")
            assert not upstream.has_arrived(client.target)

    async def pinging():
        async with opened(gateway) as client:
            for _ in range(100):
                await client.send(PING, b"x")
                if (one := await client.receive(10)).opcode == CLOSE:
                    break
                await pace(0.1)
            assert one.payload[2:] == b"first_message"

    await together(*[silent() for _ in range(100)], pinging())
    operator = Operator(gateway.names["console"])
    await eventually(
        lambda: operator.total("gateway_memory_held_octets") == 0, "everything to be given back"
    )


async def test_who_leaves_before_is_forgotten(gateway, upstream):
    before = await settled(gateway.connections, "the gateway's connections")
    async with opened(gateway) as client:
        await client.send(CLOSE, close_payload(1000, "bye"))
        assert await client.closed() == (1000, "bye")
        await client.ended()
    async with opened(gateway) as client:
        client.vanish()
    async with opened(gateway) as client:
        await client.say(client.octets(TEXT, auth())[:9])
        client.reset()
    await eventually(lambda: gateway.connections() <= before, "their connections to be closed")


async def test_pings_have_a_rate(gateway, upstream):
    async with opened(gateway) as client:
        await client.say(client.octets(PING, b"x") * 500)
        while (one := await client.receive()).opcode != CLOSE:
            assert one.opcode in (PONG, TEXT)
        assert int.from_bytes(one.payload[:2], "big") == 1013


@pytest.mark.parametrize(
    ("status", "code"),
    [("401 Unauthorized", 4001), ("403 Forbidden", 4003), ("404 Not Found", 1008),
     ("500 Oops", 1013), ("200 OK", 1013)],
)  # fmt: skip
async def test_a_refusal_of_the_app_is_a_close(gateway, upstream, status, code):
    async with opened(gateway) as client:
        await client.send(TEXT, auth())
        app = await upstream.arrival(client.target)
        await app.say(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await app.answer(status, b"no")
        while (one := await client.receive()).opcode != CLOSE:
            assert one.opcode == TEXT and b"no" != one.payload
        assert int.from_bytes(one.payload[:2], "big") == code


async def test_it_ends_with_its_token(gateway, upstream):
    async with opened(gateway) as client:
        await client.send(TEXT, auth(tokens.mint(expires=2.0)))
        app = await upstream.arrival(client.target)
        await app.switch()
        await app.expect(TEXT, b'{"type":"auth"}')
        while (one := await client.receive()).opcode != CLOSE:
            pass
        assert int.from_bytes(one.payload[:2], "big") == 4001


async def test_a_reload_while_it_waits_holds_for_it(start_gateway, app_port, upstream):
    gateway = start_gateway(CONFIGURATION, app=app_port, patience="20s")
    async with opened(gateway) as client, opened(gateway) as other:
        stricter = "route /ws { roles staff; "
        gateway.configure(CONFIGURATION.replace("route /ws            {", stricter))
        gateway.reload()
        gateway.wait_for_words("generation 2 judges")
        await client.send(TEXT, auth(tokens.mint(role="guest")))
        assert (await client.receive()).opcode == TEXT
        assert (await client.closed())[0] == 4003
        await other.send(TEXT, auth(tokens.mint(role="staff")))
        app = await upstream.arrival(other.target)
        await app.switch()
        await app.expect(TEXT, b'{"type":"auth"}')
        app.vanish()


async def test_a_drain_does_not_wait_for_it(start_gateway, app_port, upstream):
    gateway = start_gateway(CONFIGURATION, app=app_port, patience="20s")
    async with opened(gateway) as client:
        gateway.signal(signal.SIGTERM)
        while (one := await client.receive()).opcode != CLOSE:
            pass
        assert int.from_bytes(one.payload[:2], "big") == 1012
    gateway.assert_exit(0)


async def test_clients_of_others(gateway, upstream):
    """`websockets`, with compression and a subprotocol."""
    address = f"ws://127.0.0.1:{gateway.plain.port}/compressed"
    async with websockets.connect(address, subprotocols=["chat"]) as socket:
        assert socket.subprotocol == "chat"
        await socket.send(auth())
        app = await upstream.arrival("/compressed")
        await app.switch("Sec-WebSocket-Protocol: chat")
        await app.expect(TEXT, b'{"type":"auth"}')
        await app.send(TEXT, b"x" * 1000)
        assert await socket.recv() == "x" * 1000
        app.vanish()
