"""One-time tickets: what a page puts into a URL in the place of its token."""

import asyncio
import json
import re

import pytest

from harness import tokens
from harness.door import ask, refusal
from harness.log import line
from harness.secrecy import secrecy
from harness.waiting import PATIENCE, longer_than, pace

CONFIGURATION = """
log { access json stdout }
limits { attempts off }
listen 127.0.0.1:$https { tls { certificate self_signed } }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }

jwt app {
    algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0s; tickets on
    from bearer subprotocol query:token
}
jwt bound { algorithms HS256; secret env:JWT_SECRET; user user_id; tickets on bind address }
jwt none  { algorithms HS256; secret env:JWT_SECRET; user user_id }

route app.test/ws/admin         { websocket; auth app; roles admin; backend hospital }
route app.test/ws/              { websocket; auth app; backend hospital }
route app.test/api/sse/stream   { events; auth app; backend waiting }
route app.test/ticket           { auth app; ticket }
route app.test/optional/        { auth app optional; backend waiting }
route app.test/open/            { backend waiting }
route app.test/                 { auth app; backend waiting }
route bound.test/ticket         { auth bound; ticket }
route bound.test/               { auth bound; backend waiting }
route none.test/                { auth none; backend waiting }
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting):
    return start_module_gateway(CONFIGURATION, hospital=hospital, waiting=waiting)


async def get(gateway, path, host="app.test", token=None, address=None):
    headers = {"Host": host, **(tokens.bearer(token) if token else {})}
    async with gateway.tls.client(address) as client:
        return await client.get(path, headers=headers)


async def buy(gateway, host="app.test", address=None, **claims):
    """A ticket for a token with these claims."""
    headers = {"Host": host, **tokens.bearer(tokens.mint(**claims))}
    async with gateway.tls.client(address) as client:
        answer = await client.post("/ticket", headers=headers)
    assert answer.status_code == 200, answer.text
    return secrecy.remember(answer.json()["ticket"])


def assert_refused(answer):
    assert answer.status_code == 401, answer.text
    assert answer.json()["reason"] == "unauthenticated"
    assert answer.json()["detail"] == "Ticket not valid"


async def test_a_ticket_is_answered_as_json_that_nobody_keeps(gateway):
    headers = {"Host": "app.test", **tokens.bearer(tokens.mint())}
    async with gateway.tls.client() as client:
        answer = await client.post("/ticket", headers=headers)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    content = answer.json()
    secrecy.remember(content["ticket"])
    assert content["expires_in"] == 30
    assert content.keys() == {"ticket", "expires_in"}
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", content["ticket"]), "256 bits, as URLs have them"


async def test_a_ticket_lets_in_once(gateway):
    path = f"/echo?ticket={await buy(gateway)}"
    assert (await get(gateway, path)).status_code == 200
    assert_refused(await get(gateway, path))
    assert_refused(await get(gateway, path))


async def test_of_many_at_once_one_is_let_in(gateway):
    path = f"/echo?ticket={await buy(gateway)}"
    answers = await asyncio.gather(*[get(gateway, path) for _ in range(30)])
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 29]


async def test_a_ticket_opens_a_websocket_once(gateway):
    path = f"/ws/queue/ticket?ticket={await buy(gateway, user=11)}"
    async with gateway.tls.websocket(path, name="app.test") as socket:
        seen = await ask(socket, {"type": "whoami"})
        assert ["x-auth-user", "11"] in seen["headers"]
    async with gateway.tls.websocket(path, name="app.test") as socket:
        message, code, reason = await refusal(socket)
    assert (code, reason) == (4001, "ticket_invalid")
    assert message["error"]["details"]["reason"] == "ticket_invalid"


async def test_a_ticket_opens_an_event_stream_once(gateway):
    path = f"/api/sse/stream?store_id=1&ticket={await buy(gateway)}"
    async with gateway.tls.events(path, headers={"Host": "app.test"}) as events:
        assert (await events.next()).event == "connected"
    async with gateway.tls.events(path, headers={"Host": "app.test"}) as events:
        assert events.response.status_code == 401


async def test_a_ticket_lets_in_whom_its_token_would(gateway):
    """The roles of the token; not more."""
    for role, code in (("admin", None), ("patient", 4003)):
        ticket = await buy(gateway, role=role)
        path = f"/ws/admin?ticket={ticket}"
        async with gateway.tls.websocket(path, name="app.test") as socket:
            if code is None:
                assert await ask(socket, {"type": "ping"}) == {"type": "pong"}
            else:
                assert (await refusal(socket))[1] == code


async def test_the_app_is_told_the_identity_and_not_the_ticket(gateway):
    ticket = await buy(gateway, user=12, role="manager", ward="5병동")
    answer = await get(gateway, f"/echo?a=1&ticket={ticket}&b=2")
    seen = answer.json()
    assert seen["query"] == "a=1&b=2"
    assert ticket not in answer.text
    headers = dict(seen["headers"])
    assert (headers["x-auth-user"], headers["x-auth-role"]) == ("12", "manager")
    assert headers["x-auth-claims"]


@pytest.mark.parametrize("way", ["bearer", "query"])
async def test_a_token_counts_before_a_ticket_and_the_ticket_is_stripped_all_the_same(gateway, way):
    ticket = await buy(gateway, user=1)
    if way == "bearer":
        answer = await get(gateway, f"/echo?ticket={ticket}", token=tokens.mint(user=2))
    else:
        answer = await get(gateway, f"/echo?ticket={ticket}&token={tokens.mint(user=2)}")
    seen = answer.json()
    assert (dict(seen["headers"])["x-auth-user"], seen["query"]) == ("2", "")
    bad = tokens.mint(expires=-60)
    assert (await get(gateway, f"/echo?ticket={ticket}", token=bad)).status_code == 401
    # It was not needed, so it is still good.
    assert (await get(gateway, f"/echo?ticket={ticket}")).status_code == 200


@pytest.mark.parametrize("ticket", ["x", "", "A" * 43, "A" * 5000, "%00", "..", "A" * 42 + "="])
async def test_what_is_no_ticket_is_refused(gateway, ticket):
    answer = await get(gateway, f"/echo?ticket={ticket}")
    assert answer.status_code == 401
    assert answer.json()["detail"] == ("Ticket not valid" if ticket else "Token missing")


async def test_a_ticket_is_of_no_use_elsewhere(gateway):
    """For a block without tickets it is no ticket; it is spent where it is shown to another one
    that has them."""
    ticket = await buy(gateway)
    answer = await get(gateway, f"/echo?ticket={ticket}", "none.test")
    assert (answer.status_code, answer.json()["detail"]) == (401, "Token missing")
    assert_refused(await get(gateway, f"/echo?ticket={ticket}", "bound.test"))
    assert_refused(await get(gateway, f"/echo?ticket={ticket}"))


async def test_a_ticket_buys_no_ticket(gateway):
    ticket = await buy(gateway)
    async with gateway.tls.client() as client:
        answer = await client.post(f"/ticket?ticket={ticket}", headers={"Host": "app.test"})
    assert answer.status_code == 401
    assert (await get(gateway, f"/echo?ticket={ticket}")).status_code == 200


async def test_where_tokens_are_optional_a_bad_ticket_is_refused_all_the_same(gateway):
    path = "/optional/echo"
    assert (await get(gateway, path)).status_code == 404, "the app has no such page"
    assert_refused(await get(gateway, f"{path}?ticket={'A' * 43}"))
    assert (await get(gateway, f"{path}?ticket={await buy(gateway)}")).status_code == 404


async def test_only_who_has_a_token_gets_a_ticket(gateway):
    async with gateway.tls.client() as client:
        answer = await client.post("/ticket", headers={"Host": "app.test"})
        assert (answer.status_code, answer.json()["detail"]) == (401, "Token missing")
        headers = {"Host": "app.test", **tokens.bearer(tokens.mint(expires=-60))}
        answer = await client.post("/ticket", headers=headers)
        assert (answer.status_code, answer.json()["detail"]) == (401, "Token expired")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_a_ticket_is_bought_by_post(gateway, method):
    headers = {"Host": "app.test", **tokens.bearer(tokens.mint())}
    async with gateway.tls.client() as client:
        answer = await client.request(method, "/ticket", headers=headers)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_a_bound_ticket_is_good_near_its_buyer(gateway):
    """IPv4: the same /24."""
    ticket = await buy(gateway, "bound.test", "127.0.0.1")
    answer = await get(gateway, f"/echo?ticket={ticket}", "bound.test", address="127.0.0.77")
    assert answer.status_code == 200
    ticket = await buy(gateway, "bound.test", "127.0.0.1")
    answer = await get(gateway, f"/echo?ticket={ticket}", "bound.test", address="127.0.1.1")
    assert_refused(answer)
    # Whoever showed it has stolen it: nobody can use it any more.
    assert_refused(await get(gateway, f"/echo?ticket={ticket}", "bound.test"))
    ticket = await buy(gateway, address="127.0.0.1")
    assert (await get(gateway, f"/echo?ticket={ticket}", address="127.0.1.1")).status_code == 200


async def test_a_ticket_ends_with_its_token(gateway):
    ticket = await buy(gateway, expires=0.5)
    await longer_than("the token", 0.7)
    assert_refused(await get(gateway, f"/echo?ticket={ticket}"))


async def test_a_connection_by_ticket_ends_with_the_token(gateway):
    ticket = await buy(gateway, expires=1.0)
    path = f"/ws/queue/ticket?ticket={ticket}"
    async with gateway.tls.websocket(path, name="app.test") as socket:
        await asyncio.wait_for(socket.wait_closed(), PATIENCE)
        assert socket.close_code == 4001


async def test_a_user_can_hold_so_many_tickets_at_once(gateway):
    """64; then he waits. Others do not."""
    headers = {"Host": "app.test", **tokens.bearer(tokens.mint(user=6464))}
    async with gateway.tls.client() as client:
        answers = await asyncio.gather(
            *[client.post("/ticket", headers=headers) for _ in range(70)]
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 64 + [429] * 6
    (refused,) = {answer.headers.get("retry-after") for answer in answers} - {None}
    assert int(refused) <= 30
    for answer in answers:
        if answer.status_code == 200:
            secrecy.remember(answer.json()["ticket"])
    await buy(gateway, user=6465)


async def test_a_ticket_stands_in_no_log(gateway):
    good = await buy(gateway)
    await get(gateway, f"/echo?ticket={good}&tab=good")
    await get(gateway, f"/echo?ticket={good}&tab=again")
    await get(gateway, f"/open/nothing?ticket={good}&tab=elsewhere")
    for tab, status in (("good", 200), ("again", 401), ("elsewhere", 404)):
        entry = await line(gateway, f"tab={tab}")
        assert entry["status"] == status
        assert good not in json.dumps(entry)
    gateway.assert_no_secret()


@pytest.mark.long
@pytest.mark.timeout(90)
async def test_a_ticket_is_good_for_half_a_minute(gateway):
    early, late = await buy(gateway), await buy(gateway)
    await pace(27)
    assert (await get(gateway, f"/echo?ticket={early}")).status_code == 200
    await pace(4)
    assert_refused(await get(gateway, f"/echo?ticket={late}"))
