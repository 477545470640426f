"""What is believed no more: told on the console or written into a file, it ends what lives and
refuses what comes."""

import asyncio
import datetime
import time

import pytest

from harness import tokens
from harness.operator import Operator
from harness.knock import IN, WAYS, refused
from harness.live import KINDS
from harness.log import line
from harness.waiting import BUSY, eventually, together

CONFIGURATION = """
log { access json stdout }
limits { attempts off }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$https { tls { certificate self_signed } }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }

jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; tickets on; revoked file:$revoked }
route app.test/ws/            { websocket; auth app; backend hospital }
route app.test/api/sse/stream { events; auth app; backend waiting }
route app.test/ticket         { auth app; ticket }
route app.test/               { auth app; backend hospital }

jwt other { algorithms HS256; secret env:JWT_SECRET; user user_id }
route other.test/ { auth other; backend hospital }
"""

HOST = "app.test"
REVOKED = refused("token_revoked")


@pytest.fixture
def list_path(tmp_path):
    path = tmp_path / "revoked.txt"
    path.write_text("# nobody yet\n")
    return path


@pytest.fixture
def gateway(start_gateway, hospital, waiting, list_path):
    return start_gateway(CONFIGURATION, hospital=hospital, waiting=waiting, revoked=str(list_path))


@pytest.fixture
def console(gateway):
    return Operator(gateway.names["console"])


@pytest.fixture
def opened(gateway, waiting_itself):
    def open(kind, token, **options):
        return KINDS[kind](gateway.tls, HOST, token, publisher=waiting_itself, **options)

    return open


async def knocks(gateway, token, outcome):
    async def knock(way):
        assert await WAYS[way](gateway.tls, HOST, token) == outcome, way

    await together(*[knock(way) for way in WAYS])


async def assert_revoked(live, since, within=0.5):
    ending = await live.end()
    assert ending.when - since <= within + BUSY, f"{ending.when - since:.3f} s later"
    assert ending.message["type"] == "force_disconnect", live.heard
    assert ending.message["reason"] == "token_revoked"
    assert ending.code == (4001 if live.kind == "WebSocket" else None)


def one(user, jti, **claims):
    return tokens.mint(user=user, jti=jti, **claims)


def ago(seconds):
    moment = datetime.datetime.fromtimestamp(int(time.time()) - seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


#: What is said to the console, the token it means, and one that it does not.
REVOCATIONS = {
    "a token": (lambda: {"jti": "lost"}, lambda: one(7, "lost"), lambda: one(7, "kept")),
    "a user": (lambda: {"user": "7"}, lambda: one(7, "a"), lambda: one(70, "7")),
    "what is old of a user": (
        lambda: {"before": ago(60), "user": "7"},
        lambda: one(7, "a", iat=int(time.time()) - 90),
        lambda: one(8, "b", iat=int(time.time()) - 90),
    ),
    "a token of a block": (
        lambda: {"jti": "lost", "rule": "app"}, lambda: one(7, "lost"), lambda: one(7, "kept"),
    ),
    "what is old": (
        lambda: {"before": ago(60)},
        lambda: one(7, "a", iat=int(time.time()) - 90),
        lambda: one(7, "b", iat=int(time.time()) - 10),
    ),
    "what does not say how old it is": (
        lambda: {"before": ago(60)},
        lambda: one(7, "a", iat=None),
        lambda: one(7, "b", iat=int(time.time())),
    ),
}


@pytest.mark.parametrize("what", REVOCATIONS)
async def test_a_revocation_ends_what_lives_and_refuses_what_comes(
    gateway, console, opened, what
):
    order, meant, spared = (make() for make in REVOCATIONS[what])
    await knocks(gateway, meant, IN)
    ready, told = asyncio.Semaphore(0), asyncio.Event()

    async def ends(kind, controlled):
        async with opened(kind, meant, controlled=controlled) as live:
            await live.assert_alive()
            ready.release()
            await told.wait()
            await assert_revoked(live, since)

    async def stays(kind):
        async with opened(kind, spared) as live:
            await live.assert_alive()
            ready.release()
            await told.wait()
            await asyncio.wait(ending)
            await live.assert_alive()

    ending = [asyncio.create_task(ends(kind, asks)) for kind in KINDS for asks in (False, True)]
    scenarios = [*ending, *[asyncio.create_task(stays(kind)) for kind in KINDS]]
    for _ in scenarios:
        await ready.acquire()
    since = time.time()
    answer = console.revoke(**order)
    told.set()
    assert answer["ended"] == 2 * len(KINDS)
    await together(*scenarios)
    await knocks(gateway, meant, REVOKED)
    await knocks(gateway, spared, IN)


async def test_a_list_is_read_again_when_it_changes(gateway, opened, list_path):
    """Without a signal; within a few seconds."""
    lost, thief, kept = one(7, "lost"), one("4711", "x"), one(8, "kept")
    async with opened("WebSocket", lost) as a, opened("event stream", thief) as b:
        async with opened("WebSocket", kept) as c:
            await together(a.assert_alive(), b.assert_alive(), c.assert_alive())
            since = time.time()
            list_path.write_text("jti  lost\nuser 4711   # lost phone\n")
            await together(assert_revoked(a, since, 4), assert_revoked(b, since, 4))
            await c.assert_alive()
    await knocks(gateway, lost, REVOKED)
    await knocks(gateway, thief, REVOKED)
    await knocks(gateway, kept, IN)

    # Whoever stands in it no more is believed again; a list with a mistake changes nothing, and
    # neither does one that is gone.
    list_path.write_text("jti lost\nusers 4711\n")
    await eventually(lambda: "revoked.txt" in gateway.stderr, "the mistake to be reported")
    await knocks(gateway, thief, REVOKED)
    list_path.write_text("jti lost\n")

    async def believed():
        return await WAYS["HTTP"](gateway.tls, HOST, thief) == IN

    await eventually(believed, "the user to be believed again")
    list_path.unlink()
    await eventually(lambda: "no such file" in gateway.stderr, "the loss to be reported")
    await knocks(gateway, lost, REVOKED)


async def test_a_reload_forgets_no_revocation(gateway, console):
    token = one(7, "lost")
    console.revoke(jti="lost")
    await knocks(gateway, token, REVOKED)
    gateway.configure(CONFIGURATION + 'route app.test/reloaded { respond 200 "yes" }\n')
    gateway.reload()

    async def reloaded():
        async with gateway.tls.client() as client:
            answer = await client.get("/reloaded", headers={"Host": HOST})
            return answer.text == "yes"

    await eventually(reloaded, "the new configuration")
    await knocks(gateway, token, REVOKED)


async def test_a_ticket_of_a_revoked_user_is_refused(gateway, console):
    async with gateway.tls.client() as client:
        headers = {"Host": HOST, **tokens.bearer(one(7, "a"))}
        ticket = (await client.post("/ticket", headers=headers)).json()["ticket"]
        console.revoke(user="7")
        answer = await client.get(f"/echo?ticket={ticket}", headers={"Host": HOST})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "Token revoked"


async def test_a_revoked_token_refreshes_nothing(console, opened):
    """And a connection that was let in with a ticket is known by its user, too."""
    async with opened("WebSocket", one(7, "kept"), controlled=True) as live:
        await live.session()
        console.revoke(jti="lost")
        answer = await live.refresh(one(7, "lost"))
        assert answer["error"]["details"]["reason"] == "token_revoked"
        assert (await live.refresh(one(7, "fresh")))["type"] == "auth.refreshed"
        # It is another token by now.
        console.revoke(jti="kept")
        await live.assert_alive()
        since = time.time()
        console.revoke(jti="fresh")
        await assert_revoked(live, since)


async def test_what_is_revoked_has_its_word_in_the_log(gateway, console, opened):
    async with opened("WebSocket", one(9, "x"), path="/ws/queue/x?tab=revoked-1") as live:
        console.revoke(user="9")
        await live.end()
    entry = await line(gateway, "revoked-1")
    assert (entry["reason"], entry["detail"]) == ("unauthenticated", "token_revoked")


async def test_a_rush_of_newcomers_slips_through_nowhere(gateway, console, opened):
    """Whoever enters while the user is revoked is either refused or cut off."""
    token = one(7, "rush")
    over = asyncio.Event()
    entered, ends = 0, []

    async def enter():
        nonlocal entered
        while not over.is_set():
            async with gateway.tls.websocket("/ws/queue/rush", name=HOST, token=token) as socket:
                entered += 1
                await socket.wait_closed()
                ends.append(socket.close_code)

    clients = [asyncio.create_task(enter()) for _ in range(20)]
    await eventually(lambda: entered >= len(clients) / 2, "half of them to be in")
    console.revoke(user="7")
    await eventually(lambda: len(ends) > 100, "newcomers to be refused")
    over.set()
    await together(*clients)
    assert set(ends) == {4001}


async def test_what_was_revoked_may_be_taken_back(gateway, console):
    token = one(7, "found-again")
    console.revoke(jti="found-again")
    await knocks(gateway, token, REVOKED)
    listed = console.get("/revocations")
    assert listed["total"] == 1
    answer = console.delete("/revocations?jti=found-again")
    assert answer.status_code == 204
    await knocks(gateway, token, IN)


# The console itself.


async def test_the_console_is_for_those_who_know_its_token(gateway, console):
    for token in (None, "x" * 64, tokens.CONSOLE_TOKEN[:-1]):
        answer = console("POST", "/revocations", token, json={"user": "7"})
        assert answer.status_code == 401
        assert "Bearer" in answer.headers["www-authenticate"]
    await knocks(gateway, one(7, "a"), IN)


async def test_an_order_that_means_nobody_is_refused(gateway, console):
    for order in ({}, [], {"jti": 7}, {"user": ""}, {"whom": "7"}, {"before": "tomorrow"}):
        answer = console("POST", "/revocations", json=order)
        assert answer.status_code == 400, f"{order}: {answer.text}"
    await knocks(gateway, one(7, "a"), IN)


async def test_clients_cannot_give_orders(gateway):
    """The path is the console's, not the listener's."""
    async with gateway.tls.client() as client:
        headers = {"Host": HOST, **tokens.bearer(tokens.CONSOLE_TOKEN)}
        answer = await client.post("/revocations", json={"user": "7"}, headers=headers)
    assert answer.status_code in (401, 404)
    await knocks(gateway, one(7, "a"), IN)
