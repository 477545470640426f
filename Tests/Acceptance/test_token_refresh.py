"""A new token in the place of one that comes to its end, without a reconnect: by message on a
WebSocket that speaks `gateway.v1`, by POST for an event stream."""

import asyncio
import json
import time

import pytest

from harness import tokens
from harness.door import ask, receive
from harness.issuer import Key
from harness.knock import problem
from harness.live import KINDS
from harness.log import line
from harness.waiting import BUSY, eventually, longer_than, together

BLOCK = """
jwt {name} {{ algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0s; {words} }}
route {name}.test/ws/            {{ websocket; auth {name}; {rules}; backend hospital }}
route {name}.test/api/sse/stream {{ events; auth {name}; {rules}; backend waiting }}
"""
BLOCKS = {
    "plain": ("expiring 2s", "refuse socket"),
    "grace": ("expiring 1s; on_expiry grace 2s", "refuse socket"),
    "roles": ("expiring 2s", "roles admin"),
    "claims": ("expiring 2s", "require claim:wards has query:ward"),
    "packed": ("expiring off", "compress over 0"),
}
CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
""" + "".join(
    BLOCK.format(name=name, words=words, rules=rules) for name, (words, rules) in BLOCKS.items()
)

LIFE = 3.0


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting):
    return start_module_gateway(CONFIGURATION, hospital=hospital, waiting=waiting)


@pytest.fixture
def opened(gateway, waiting_itself):
    def open(kind, block, token, **options):
        host = f"{block}.test"
        options = {"controlled": True, **options}
        return KINDS[kind](gateway.tls, host, token, publisher=waiting_itself, **options)

    return open


def said(answer):
    """Of a refresh that was accepted, by message or by POST."""
    if isinstance(answer, dict):
        return answer
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def refusal_of(answer):
    """Of one that was not: the close code or status, and the word."""
    if isinstance(answer, dict):
        return answer["error"]["code"], answer["error"]["details"]["reason"]
    return answer.status_code, problem(answer).word


# What takes seconds runs beside each other.


async def outlives_its_first_token(opened, kind, block):
    """Three seconds, refreshed in the second: alive in the fifth."""
    start = time.time()
    async with opened(kind, block, tokens.mint(expires=LIFE)) as live:
        await live.session()
        await live.hear("token_expiring")
        await longer_than("the notice", start + 2 - time.time())
        answer = said(await live.refresh(tokens.mint(expires=600)))
        assert answer["type"] == "auth.refreshed"
        assert 590 <= answer["expires_in"] <= 600
        await longer_than("the first token", start + LIFE + 2 - time.time())
        await live.assert_alive()
        assert live.types().count("token_expiring") == 1


async def is_refreshed_in_its_grace(opened, kind):
    start = time.time()
    async with opened(kind, "grace", tokens.mint(expires=1.0)) as live:
        await longer_than("the token", start + 2 - time.time())
        said(await live.refresh(tokens.mint()))
        await longer_than("the token and its grace", start + 4 - time.time())
        await live.assert_alive()


async def ends_with_its_new_token(opened, kind):
    """Which may even be the shorter one; a client is told anew each time."""
    async with opened(kind, "plain", tokens.mint()) as live:
        for _ in range(2):
            answer = said(await live.refresh(tokens.mint(expires=LIFE)))
            end = time.time() + LIFE
            assert LIFE - 1 <= answer["expires_in"] <= LIFE
            await live.hear("token_expiring")
        ending = await live.end()
        assert -0.1 <= ending.when - end <= 1 + BUSY, ending.when - end
        assert ending.code == (4001 if kind == "WebSocket" else None)
        assert ending.message["reason"] == "token_expired"


async def has_a_new_token_without_an_end(opened, kind):
    start = time.time()
    async with opened(kind, "plain", tokens.mint(expires=2.0)) as live:
        assert said(await live.refresh(tokens.mint(exp=None))) == {"type": "auth.refreshed"}
        await longer_than("the first token", start + 3 - time.time())
        await live.assert_alive()


BAD = {
    "expired": (lambda: tokens.mint(expires=-1), "token_expired"),
    "of another key": (lambda: tokens.mint(secret="x" * 64), "token_signature"),
    "unsigned": (lambda: tokens.mint(algorithm="none"), "token_algorithm"),
    "not yet valid": (lambda: tokens.mint(nbf=time.time() + 60), "token_not_yet_valid"),
    "no token": (lambda: "garbage", "token_malformed"),
}


async def is_not_changed_by_a_bad_token(opened, kind):
    """The answer says why; the connection lives on to the end of the token it has."""
    start = time.time()
    async with opened(kind, "plain", tokens.mint(expires=LIFE)) as live:
        for make, word in BAD.values():
            answer = await live.refresh(make())
            assert refusal_of(answer) == (4001 if kind == "WebSocket" else 401, word)
        await live.assert_alive()
        ending = await live.end()
        assert LIFE - 0.1 <= ending.when - start <= LIFE + 1 + BUSY
        assert ending.message["reason"] == "token_expired"


async def test_a_connection_lives_as_long_as_its_last_good_token(opened):
    await together(
        *[
            outlives_its_first_token(opened, kind, block)
            for kind in KINDS
            for block in ("plain", "grace")
        ],
        *[
            scenario(opened, kind)
            for kind in KINDS
            for scenario in (
                is_refreshed_in_its_grace, ends_with_its_new_token, has_a_new_token_without_an_end,
                is_not_changed_by_a_bad_token,
            )
        ],
    )  # fmt: skip


async def assert_forbidden(gateway, live, tab, word):
    """It was ended since its user must not be here, and the log says why."""
    ending = await live.end()
    assert ending.code == (4003 if live.kind == "WebSocket" else None)
    assert ending.message["type"] == "force_disconnect"
    assert ending.message["reason"] == "forbidden"
    entry = await line(gateway, tab)
    assert (entry["reason"], entry["detail"]) == ("forbidden", word)


async def test_another_users_token_ends_a_websocket(opened, gateway):
    path = "/ws/queue/live?tab=other-user"
    async with opened("WebSocket", "plain", tokens.mint(user=7), path=path) as live:
        await live.send({"type": "auth.refresh", "token": tokens.mint(user=8)})
        await assert_forbidden(gateway, live, "tab=other-user", "other_user")


async def test_another_users_token_leaves_a_stream_alone(opened):
    """Whoever knows a session's id cannot take it away from its user."""
    async with opened("event stream", "plain", tokens.mint(user=7)) as live:
        answer = await live.refresh(tokens.mint(user=8))
        assert answer.status_code == 403
        assert answer.json()["reason"] == "forbidden"
        await live.assert_alive()
        said(await live.refresh(tokens.mint(user=7)))


RULES = {
    "another role": ("roles", {"role": "admin"}, {"role": "patient"}, "role"),
    "no role": ("roles", {"role": "admin"}, {"role": None}, "role"),
    "another ward": ("claims", {"wards": ["5", "6"]}, {"wards": ["6"]}, "claim"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", RULES)
async def test_the_rules_of_the_route_are_asked_anew(opened, gateway, rule, kind):
    """Whoever has lost the role, and says so himself, is out at once."""
    block, before, after, word = RULES[rule]
    tab = f"tab={rule.replace(' ', '-')}-{kind[:5]}."
    path = f"{KINDS[kind].PATH}?ward=5&{tab}"
    async with opened(kind, block, tokens.mint(**before), path=path) as live:
        said(await live.refresh(tokens.mint(**before)))
        if kind == "WebSocket":
            await live.send({"type": "auth.refresh", "token": tokens.mint(**after)})
        else:
            assert refusal_of(await live.refresh(tokens.mint(**after))) == (403, word)
        await assert_forbidden(gateway, live, tab, word)


# What the app and old front ends see of all this: nothing.


async def test_a_refresh_never_reaches_the_app(opened):
    """The hospital answers every message it does not know."""
    async with opened("WebSocket", "plain", tokens.mint()) as live:
        for _ in range(3):
            said(await live.refresh(tokens.mint()))
            await live.assert_alive()
        assert live.types() == ["session", *["auth.refreshed", "pong"] * 3]


async def test_a_refresh_is_an_ordinary_message_to_who_does_not_speak_the_subprotocol(opened):
    """Here it is the app that answers."""
    async with opened("WebSocket", "plain", tokens.mint(), controlled=False) as live:
        answer = await live.refresh("whatever")
        assert answer["error"]["message"] == "Unknown message type: auth.refresh"
        await live.assert_alive()


async def test_other_messages_of_such_a_socket_reach_the_app(opened):
    async with opened("WebSocket", "plain", tokens.mint()) as live:
        for text in ('"auth.refresh"', "auth.refresh", "{"):
            await live.socket.send(text)
            heard = await live.hear("error")
            assert heard["error"]["code"] in (4000, 5000), heard
        await live.send({"type": "echo", "text": "x" * 100_000})
        assert len((await live.hear("echo"))["text"]) == 100_000


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_a_refresh_may_come_compressed_and_in_pieces(gateway, compression):
    """Any cut; what stands between the pieces reaches the app, the refresh does not."""
    text = json.dumps({"type": "auth.refresh", "token": tokens.mint()})
    async with gateway.tls.websocket(
        "/ws/queue/pieces",
        name="packed.test",
        headers=tokens.bearer(tokens.mint()),
        subprotocols=["gateway.v1"],
        compression=compression,
    ) as socket:
        assert (await receive(socket))["type"] == "session"
        for size in (1, 7, 100):
            await socket.send([text[index : index + size] for index in range(0, len(text), size)])
            assert (await receive(socket))["type"] == "auth.refreshed"
        await socket.send(text)
        assert (await receive(socket))["type"] == "auth.refreshed"
        # Octets are the app's, whatever they spell.
        await socket.send(text.encode())
        assert await asyncio.wait_for(socket.recv(), 15) == text.encode()
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}


async def test_the_app_chooses_its_own_subprotocol_all_the_same(gateway):
    """The front end speaks both, and is answered with the app's choice."""
    token = tokens.mint()
    offers = ["gateway.v1", "hospital.v1", f"jwt.{token}"]
    path = "/ws/queue/both"
    async with gateway.tls.websocket(path, name="plain.test", subprotocols=offers) as socket:
        assert socket.subprotocol == "hospital.v1"
        seen = [await ask(socket, {"type": "whoami"})]
        while seen[-1]["type"] != "whoami":
            seen.append(await receive(socket))
        assert seen[-1]["subprotocols"] == ["hospital.v1"]


# The POST.


async def post(gateway, content, host="plain.test", **options):
    async with gateway.tls.client() as client:
        headers = {"Host": host, **options.pop("headers", {})}
        return await client.post("/.gateway/refresh", json=content, headers=headers, **options)


@pytest.mark.parametrize("session", ["0" * 32, "x", "../../etc/passwd"])
async def test_an_unknown_session_is_404(gateway, session):
    answer = await post(gateway, {"session": session, "token": tokens.mint()})
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_session_that_is_over_is_404(gateway, opened):
    async with opened("event stream", "plain", tokens.mint()) as live:
        content = {"session": live.headers["X-Session-Id"], "token": tokens.mint()}
        assert (await post(gateway, content)).status_code == 200

    async def gone():
        return (await post(gateway, content)).status_code == 404

    await eventually(gone, "the session to be over")


@pytest.mark.parametrize(
    "content",
    [None, [], {}, {"session": "x"}, {"token": "x"}, {"session": 1, "token": 2}],
    ids=str,
)
async def test_a_post_that_asks_nothing_is_400(gateway, content):
    answer = await post(gateway, content)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_only_post_is_an_answer(gateway):
    async with gateway.tls.client() as client:
        answer = await client.get("/.gateway/refresh", headers={"Host": "plain.test"})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_a_post_that_is_too_long_is_413(gateway):
    answer = await post(gateway, {"session": "x", "token": "x" * 100_000})
    assert answer.status_code == 413


async def test_the_token_of_a_refresh_is_in_no_log(opened, gateway):
    foreign = Key("HS256").mint()
    for kind in KINDS:
        async with opened(kind, "plain", tokens.mint()) as live:
            said(await live.refresh(tokens.mint()))
            await live.refresh(foreign)
            await live.refresh("garbage")
    gateway.assert_no_secret()
