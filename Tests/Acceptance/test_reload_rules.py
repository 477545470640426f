"""Whose rules hold after SIGHUP: the newest ones, for every request whose head is complete from then
on, for every new token, and for whoever is connected already."""

import asyncio
import contextlib
import json

import pytest
import websockets

from harness import tokens
from harness.door import Door
from harness.live import KINDS
from harness.log import line
from harness.process import accepts
from harness.raw import connection
from harness.waiting import eventually, longer_than

NEW_SECRET = "another secret, which is long enough for HS256"
CONFIGURATION = """
log {{ access json stdout }}
limits {{ reload_ends {ends}; head_size {head} }}
listen 127.0.0.1:$https {{ tls {{ certificate self_signed }} }}
listen 127.0.0.1:$http {listener}
{more}
jwt app {{ algorithms HS256; secret {secret}; user user_id; leeway 0s; tickets on; {block} }}
jwt staff {{ algorithms HS256; secret env:JWT_SECRET; user user_id }}
backend hospital {{ server 127.0.0.1:$hospital }}
backend waiting  {{ server 127.0.0.1:$waiting }}
route {socket}         {{ websocket; {rules} backend hospital }}
route {stream} {{ events; {rules} backend waiting }}
route /ticket          {{ auth app; ticket }}
route /private         {{ {rules} respond 200 "private" }}
route /generation      {{ respond 200 "{name}" }}
"""
PLAIN = {
    "ends": "0ms", "head": "32k", "listener": "", "more": "", "secret": "env:JWT_SECRET", "block": "",
    "socket": "/ws/queue/live", "stream": "/api/sse/stream", "rules": "auth app",
}  # fmt: skip
GENERATION = "GET /generation HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Reloading:
    """A gateway with the words of `PLAIN` in its configuration, others after `to`."""

    def __init__(self, gateway, waiting_itself):
        self.gateway, self.publisher, self.count = gateway, waiting_itself, 0

    @staticmethod
    def text(name, **words):
        words = {**PLAIN, **words}
        words["rules"] += ";" if words["rules"] else ""
        return CONFIGURATION.format(name=name, **words)

    async def to(self, **words):
        self.count += 1
        name = f"generation {self.count}"
        self.gateway.configure(self.text(name, **words))
        self.gateway.reload()

        words = f"generation {self.count + 1} judges"
        await eventually(lambda: words in self.gateway.stderr, "every worker to serve by it")

    def open(self, kind, token, tab=None, controlled=True):
        path = f"{KINDS[kind].PATH}?tab={tab}" if tab else None
        return KINDS[kind](
            self.gateway.tls, "localhost", token, controlled, path, publisher=self.publisher
        )


@pytest.fixture
def reloading(start_gateway, hospital, waiting, waiting_itself):
    gateway = start_gateway(Reloading.text("first"), hospital=hospital, waiting=waiting)
    return Reloading(gateway, waiting_itself)


def word(answer):
    """What came of a refresh: `None` when it was accepted."""
    if not isinstance(answer, dict):
        return None if answer.status_code == 200 else answer.json()["details"]["reason"]
    return answer["error"]["details"]["reason"] if answer["type"] == "error" else None


@pytest.fixture
def new_secret(tmp_path):
    (tmp_path / "new").write_text(NEW_SECRET)
    return f"file:{tmp_path / 'new'}"


async def assert_forbidden(reloading, live, tab, detail):
    ending = await live.end()
    assert ending.code == (4003 if live.kind == "WebSocket" else None)
    assert (ending.message["type"], ending.message["reason"]) == ("force_disconnect", "forbidden")
    entry = await line(reloading.gateway, f"tab={tab}")
    assert (entry["reason"], entry["detail"]) == ("forbidden", detail)


# New tokens on connections of before


@pytest.mark.parametrize("kind", KINDS)
async def test_new_tokens_are_judged_by_the_newest_keys(reloading, new_secret, kind):
    """Who is connected stays, as with every key that is taken away; but a token of the key that is
    gone renews nothing, and one of the new key does."""
    async with reloading.open(kind, tokens.mint()) as live:
        await live.session()
        await reloading.to(secret=new_secret)
        await live.assert_alive()
        assert word(await live.refresh(tokens.mint())) == "token_signature"
        await live.assert_alive()
        assert word(await live.refresh(tokens.mint(secret=NEW_SECRET))) is None
        await live.assert_alive()


NARROWER = {
    "the issuer": ("issuer https://new.test", {"iss": "https://new.test"}, "token_issuer"),
    "the audience": ("audience new", {"aud": "new"}, "token_audience"),
    "a claim": ("required ward", {"ward": "5"}, "token_missing_claim"),
}


@pytest.mark.parametrize("rule", NARROWER)
@pytest.mark.parametrize("kind", KINDS)
async def test_new_tokens_are_judged_by_the_newest_block(reloading, kind, rule):
    block, claims, refused = NARROWER[rule]
    async with reloading.open(kind, tokens.mint()) as live:
        await live.session()
        await reloading.to(ends="off", block=block)
        assert word(await live.refresh(tokens.mint())) == refused
        assert word(await live.refresh(tokens.mint(**claims))) is None
        await live.assert_alive()


@pytest.mark.parametrize("kind", KINDS)
async def test_the_rules_of_the_newest_route_are_asked_of_a_new_token(reloading, kind):
    async with reloading.open(kind, tokens.mint(role="user"), "newest") as live:
        await live.session()
        await reloading.to(ends="off", rules="auth app; roles admin")
        assert word(await live.refresh(tokens.mint(role="admin"))) is None
        if kind == "WebSocket":
            await live.send({"type": "auth.refresh", "token": tokens.mint(role="user")})
        else:
            assert word(await live.refresh(tokens.mint(role="user"))) == "role"
        await assert_forbidden(reloading, live, "newest", "role")


async def test_where_no_token_is_asked_for_any_more_none_ends_and_none_is_needed(reloading):
    async with reloading.open("WebSocket", tokens.mint(expires=3.0)) as live:
        await live.session()
        await reloading.to(rules="")
        assert word(await live.refresh(tokens.mint())) == "session"
        async with reloading.open("WebSocket", None, controlled=False) as other:
            await longer_than("the token, were it to end", 3.5)
            await other.assert_alive()
        await live.assert_alive()


async def test_a_ticket_is_worth_what_its_token_is_now(reloading, new_secret):
    async def ticket():
        async with reloading.gateway.tls.client() as client:
            answer = await client.post("/ticket", headers=tokens.bearer(tokens.mint()))
            return answer.json()["ticket"]

    first, second = await ticket(), await ticket()
    async with reloading.gateway.tls.client() as client:
        assert (await client.get(f"/private?ticket={first}")).status_code == 200
        await reloading.to(secret=new_secret)
        answer = await client.get(f"/private?ticket={second}")
    assert (answer.status_code, answer.json()["details"]["reason"]) == (401, "ticket_invalid")


# Who is connected


ENDED = {
    "a role": ({"rules": "auth app; roles admin"}, "role"),
    "a claim": ({"rules": 'auth app; require claim:ward == "5"'}, "claim"),
    "what nobody asked about before": (
        {"rules": 'auth app; require query:tab == "other"'},
        "claim",
    ),
    "another block": ({"rules": "auth staff"}, "jwt"),
    "another issuer": ({"block": "issuer https://new.test"}, "token_issuer"),
    "another audience": ({"block": "audience new"}, "token_audience"),
    "a claim of the block's": ({"block": "required ward"}, "token_missing_claim"),
    "nothing": ({"socket": "/elsewhere", "stream": "/elsewhere/too"}, "route"),
}


@pytest.mark.parametrize("rule", ENDED)
@pytest.mark.parametrize("kind", KINDS)
async def test_who_may_not_be_here_any_more_is_told_and_ends(reloading, kind, rule):
    words, detail = ENDED[rule]
    async with reloading.open(kind, tokens.mint(role="user"), "gone") as live:
        await live.session()
        await reloading.to(**words)
        await assert_forbidden(reloading, live, "gone", detail)


@pytest.mark.parametrize("kind", KINDS)
async def test_who_may_still_be_here_stays(reloading, kind):
    token = tokens.mint(role="admin", ward="5", iss="https://new.test", aud=["new", "old"])
    async with reloading.open(kind, token, "stays") as live:
        await live.session()
        for rule, (words, _) in ENDED.items():
            if rule in ("another block", "nothing", "what nobody asked about before"):
                continue
            await reloading.to(**words)
            await live.assert_alive()
        await reloading.to(rules='auth app; require query:tab == "stays"')
        await live.assert_alive()


async def test_all_end_within_the_time_and_not_all_at_once(reloading):
    async with contextlib.AsyncExitStack() as stack:
        lives = [
            await stack.enter_async_context(
                reloading.open("WebSocket", tokens.mint(role="user"), f"spread{number}")
            )
            for number in range(12)
        ]
        for live in lives:
            await live.session()
        await reloading.to(ends="2s", rules="auth app; roles admin")
        endings = [await live.end() for live in lives]
    assert {ending.code for ending in endings} == {4003}
    times = [ending.when for ending in endings]
    assert max(times) - min(times) > 0.3


async def test_an_operator_may_let_them_stay(reloading):
    async with reloading.open("WebSocket", tokens.mint(role="user"), "kept") as live:
        await live.session()
        await reloading.to(ends="off", rules="auth app; roles admin")
        await eventually(
            lambda: "1 connections may not stay" in reloading.gateway.stderr, "word of it"
        )
        await live.assert_alive()


async def test_rules_that_only_report_end_nobody(reloading):
    async with reloading.open("WebSocket", tokens.mint(role="user"), "reported") as live:
        await live.session()
        rules = "auth staff; roles admin; report_only auth roles"
        await reloading.to(rules=rules)
        await live.assert_alive()
        await live.socket.close()
        entry = await line(reloading.gateway, "tab=reported")
        assert sorted(entry["would_refuse"]) == ["auth", "roles"]


# The next request of a connection


def private(token):
    return f"GET /private HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"


async def test_the_next_request_of_a_connection_is_judged_by_the_newest_rules(reloading):
    token = tokens.mint(role="user")
    async with (
        connection(reloading.gateway.tls) as served,
        connection(reloading.gateway.tls) as fresh,
        connection(reloading.gateway.tls) as half,
    ):
        await served.send(private(token))
        assert (await served.answer()).status == 200
        head = private(token)
        await half.send(head[:20])
        await reloading.to(rules="auth app; roles admin")
        await half.send(head[20:])
        await served.send(head)
        await fresh.send(head)
        for raw in (served, fresh, half):
            assert (await raw.answer()).status == 403
        await served.send(private(tokens.mint(role="admin")))
        assert (await served.answer()).status == 200


@pytest.mark.parametrize("size, status", [("2k", 431), ("64k", 200)])
async def test_the_next_head_may_be_of_the_newest_size(reloading, size, status):
    def head(octets):
        return f"GET /generation HTTP/1.1\r\nHost: localhost\r\nX-Long: {'x' * octets}\r\n\r\n"

    async with connection(reloading.gateway.tls) as served, connection(reloading.gateway.tls) as new:
        await served.send(head(3000))
        assert (await served.answer()).status == 200
        await reloading.to(head=size)
        for raw in (served, new):
            await raw.send(head(3000 if size == "2k" else 40_000))
            assert (await raw.answer()).status == status


async def test_a_listener_that_redirects_does_so_on_connections_of_before(reloading):
    async with connection(reloading.gateway.plain) as raw:
        await raw.send(GENERATION)
        assert (await raw.answer()).status == 200
        await reloading.to(listener="{ redirect https }")
        await raw.send(GENERATION)
        assert (await raw.answer()).status == 308


async def test_connections_of_a_listener_that_is_gone_end_gently(reloading):
    spare = reloading.gateway.names["spare"]
    await reloading.to(more="listen 127.0.0.1:$spare")
    await eventually(lambda: accepts(spare), "the listener")
    door = Door("gateway, for a while", spare)
    async with connection(door) as idle, connection(door) as half, connection(door) as fresh:
        await idle.send(GENERATION)
        assert (await idle.answer()).status == 200
        await half.send(GENERATION[:20])
        await reloading.to()
        assert await idle.end() == b""
        await half.send(GENERATION[20:])
        await fresh.send(GENERATION)
        for raw in (half, fresh):
            answer = await raw.answer()
            assert answer.status == 200
            assert answer.body.decode() == f"generation {reloading.count}"
            assert answer.values("connection") == ["close"]
            assert await raw.end() == b""


# What trusted proxies said when it was opened


BY_HOST = """
log {{ access json stdout }}
trust 127.0.0.1
limits {{ reload_ends {ends} }}
listen 127.0.0.1:$http
jwt app {{ algorithms HS256; secret env:JWT_SECRET; user user_id }}
backend hospital {{ server 127.0.0.1:$hospital }}
rewrite /ws/{{ward}}/old to /ws/queue/live {{ {rewrite} }}
route /ws/queue/live           {{ websocket; auth app; roles nobody; backend hospital }}
route outer.test/ws/queue/live {{ websocket; auth app; {rules} backend hospital }}
"""


async def test_a_reload_asks_for_the_host_that_a_trusted_proxy_named(start_gateway, hospital):
    """Rewrites, captures and routes of now are asked about the host and the path of then; two
    reloads within a second are no more than the newest of them."""

    def text(ends="0ms", rewrite="", rules=""):
        return BY_HOST.format(ends=ends, rewrite=rewrite, rules=rules)

    gateway = start_gateway(text(), hospital=hospital)
    serving = 1

    async def reload(*texts):
        nonlocal serving
        for each in texts:
            gateway.configure(each)
            gateway.reload()
            serving += 1
            words = f"generation {serving} judges"
            await eventually(lambda: words in gateway.stderr, "every worker to serve by it")

    def open(ward, tab):
        return websockets.connect(
            f"ws://127.0.0.1:{gateway.names['http']}/ws/{ward}/old?tab={tab}",
            additional_headers={
                "X-Forwarded-Host": "outer.test", "X-Forwarded-For": "192.0.2.1",
                **tokens.bearer(tokens.mint(role="admin")),
            },
        )  # fmt: skip

    async with open(3, "stays") as stays, open(4, "goes") as goes:
        narrow = text(rewrite="require path:ward == 3", rules="roles admin;")
        await reload(text("5m", rules="roles nobody;"), text())
        for socket in (stays, goes):
            await socket.send(json.dumps({"type": "ping"}))
            assert json.loads(await socket.recv()) == {"type": "pong"}
        await reload(narrow)
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                await asyncio.wait_for(goes.recv(), 20)
        assert goes.close_code == 4003
        await stays.send(json.dumps({"type": "ping"}))
        assert json.loads(await stays.recv()) == {"type": "pong"}
        await reload(text("off", rules="roles nobody;"), text("0ms", rules="roles nobody;"))
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                await asyncio.wait_for(stays.recv(), 20)
        assert stays.close_code == 4003
    assert (await line(gateway, "tab=goes"))["detail"] == "claim"
    assert (await line(gateway, "tab=stays"))["detail"] == "role"
