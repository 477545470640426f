"""`rate`: so many requests of an address, a user or anything else of a request, in the whole process."""

import asyncio
import itertools
import json

import pytest

from harness import tokens
from harness.door import receive, unexplained
from harness.knock import WAYS
from harness.log import line
from harness.operator import Operator
from harness.waiting import BUSY, eventually, together

#: `/h`: while a test lasts, nothing comes back.
CONFIGURATION = """
workers 4
log { access json stdout }
trust 127.0.9.0/24
limits { attempts off }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
jwt guests { algorithms HS256; secret env:CONSOLE_TOKEN; user user_id }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
route /ws/       { websocket; rate 2/h by address; backend hospital }
route /plain/ws/ { websocket; rate 2/h by address; refuse http; backend hospital }
route /api/sse/stream { events; rate 2/h by address; backend waiting }
route /address   { rate 100/h burst 20 by address; respond 200 "in" }
route /user      { auth app; rate 3/h by user; respond 200 "in" }
route /users     { auth app or guests; rate 3/h by user; respond 200 "in" }
route /methods   { methods GET; rate 3/h by query:methods; respond 200 "in" }
route /methods   { methods POST; rate 3/h by query:methods; respond 200 "in" }
route /optional  { auth app optional; rate 3/h by user; respond 200 "in" }
route /tenant    { auth app; rate 3/h by claim:tenant; respond 200 "in" }
route /key       { rate 3/h by header:X-Api-Key; respond 200 "in" }
route /of/{shop} { rate 3/h by path:shop; respond 200 "in" }
route /both      { rate 100/h burst 5 by query:a; rate 3/h by query:b; respond 200 "in" }
route /guarded   { auth app; rate 3/h by address; respond 200 "in" }
route /second    { rate 1/s by address; respond 200 "in" }
route /reported  { rate 2/h by address; report_only rate; respond 200 "in" }
route /inherits  { respond 200 "in" }
route /lifted    { rate off; respond 200 "in" }
defaults { rate 2/h by query:default }
"""

#: Each test comes from addresses of its own.
_addresses = itertools.count(10)


def new_address():
    return f"127.0.2.{next(_addresses)}"


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting):
    return start_module_gateway(CONFIGURATION, hospital=hospital, waiting=waiting)


@pytest.fixture
def console(gateway):
    return Operator(gateway.names["console"])


async def statuses(door, path, count, address=None, **options):
    """One request after the other, on one connection."""
    async with door.client(address or new_address()) as client:
        return [(await client.get(path, **options)).status_code for _ in range(count)]


async def test_a_refusal_says_why_and_when_to_come_back(gateway):
    address = new_address()
    assert await statuses(gateway.tls, "/address", 20, address) == [200] * 20
    async with gateway.tls.client(address) as client:
        answer = await client.get("/address?refused")
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["reason"] == "rate_limited" and document["detail"] == "Too many requests"
    # 100 an hour: one more in 36 seconds.
    assert 30 <= int(answer.headers["retry-after"]) <= 36
    entry = await line(gateway, "/address?refused")
    assert (entry["status"], entry["reason"], entry["detail"]) == (429, "rate_limited", "rate")


async def test_a_limit_holds_for_all_workers_together(gateway):
    """Hundreds of connections at once, which the kernel spreads over four workers."""
    address = new_address()

    async def one():
        async with gateway.plain.client(address) as client:
            return (await client.get("/address")).status_code

    found = await asyncio.gather(*(one() for _ in range(200)))
    assert found.count(200) == 20 and found.count(429) == 180
    assert await statuses(gateway.plain, "/address", 3) == [200] * 3


async def test_a_second_passes_and_there_is_room_again(gateway):
    async with gateway.plain.client(new_address()) as client:

        async def status():
            return (await client.get("/second")).status_code

        assert await status() == 200
        if await status() == 429:
            answer = await client.get("/second")
            if answer.status_code == 429:
                assert answer.headers["retry-after"] == "1"
        # However often it tries meanwhile.
        await eventually(lambda: passes(client), "a request to pass again", patience=5 + BUSY)


async def passes(client):
    return (await client.get("/second")).status_code == 200


async def test_websockets_count_when_they_are_opened(gateway):
    address = new_address()
    for _ in range(2):
        async with gateway.tls.websocket("/ws/queue/x", address=address) as socket:
            for _ in range(10):
                await socket.send(json.dumps({"type": "ping"}))
                assert await receive(socket) == {"type": "pong"}
    async with gateway.tls.websocket("/ws/queue/x", address=address) as socket:
        assert await unexplained(socket) == (1013, "rate")


async def test_with_refuse_http_a_websocket_gets_the_status(gateway):
    address, key = new_address(), "dGhlIHNhbXBsZSBub25jZQ=="
    upgrade = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
    }  # fmt: skip
    found = await statuses(gateway.plain, "/plain/ws/none", 4, address, headers=upgrade)
    assert found[2:] == [429] * 2


async def test_event_streams_count_when_they_are_opened(gateway):
    address = new_address()
    for _ in range(2):
        async with gateway.tls.events("/api/sse/stream?store_id=r", address=address) as events:
            assert events.response.status_code == 200
    async with gateway.tls.client(address) as client:
        answer = await client.get("/api/sse/stream?store_id=r")
    assert answer.status_code == 429 and "retry-after" in answer.headers


async def test_users_are_counted_wherever_they_come_from(gateway):
    one, other = (tokens.bearer(tokens.mint(user_id=f"rate-{name}")) for name in "ab")
    for expected in (200, 200, 200, 429, 429):
        assert await statuses(gateway.tls, "/user", 1, headers=one) == [expected]
    assert await statuses(gateway.tls, "/user", 4, headers=other) == [200] * 3 + [429]


async def test_users_of_two_issuers_and_names_that_look_alike_are_two(gateway):
    """As devices are: nobody uses up what another user may ask for."""
    guest = tokens.bearer(tokens.mint(user_id="rate-7", secret=tokens.CONSOLE_TOKEN))
    assert await statuses(gateway.tls, "/users", 4, headers=guest) == [200] * 3 + [429]
    for user in ("rate-7", "caf\u00e9", "cafe\u0301"):
        headers = tokens.bearer(tokens.mint(user_id=user))
        assert await statuses(gateway.tls, "/users", 4, headers=headers) == [200] * 3 + [429]
    for key in ("%C3%A9", "e%CC%81"):
        path = f"/methods?methods={key}"
        assert await statuses(gateway.plain, path, 4) == [200] * 3 + [429]


async def test_each_of_two_routes_of_one_path_counts_by_itself(gateway):
    path = "/methods?methods=each"
    assert await statuses(gateway.plain, path, 4) == [200] * 3 + [429]
    async with gateway.plain.client(new_address()) as client:
        found = [(await client.post(path)).status_code for _ in range(4)]
    assert found == [200] * 3 + [429]


async def test_who_has_no_user_is_not_counted_by_user(gateway):
    assert await statuses(gateway.tls, "/optional", 6) == [200] * 6
    headers = tokens.bearer(tokens.mint(user_id="rate-c"))
    assert await statuses(gateway.tls, "/optional", 4, headers=headers) == [200] * 3 + [429]


async def test_a_claim_is_counted_for_all_who_bring_it(gateway):
    def come(user, **claims):
        token = tokens.mint(user_id=user, **claims)
        return statuses(gateway.tls, "/tenant", 2, headers=tokens.bearer(token))

    assert await come("a", tenant="red") == [200, 200]
    assert await come("b", tenant="red") == [200, 429]
    assert await come("b", tenant="blue") == [200, 200]
    # A token without the claim.
    assert await come("c") + await come("c") == [200] * 4


@pytest.mark.parametrize("path, headers", [("/key", {"X-Api-Key": "k1"}), ("/of/seoul", {})])
async def test_other_things_of_a_request(gateway, path, headers):
    door = gateway.plain
    assert await statuses(door, path, 4, headers=headers) == [200] * 3 + [429]
    other = {name: value + "x" for name, value in headers.items()}
    assert await statuses(door, path + ("" if headers else "x"), 3, headers=other) == [200] * 3


async def test_who_brings_nothing_to_count_by_is_not_counted(gateway):
    assert await statuses(gateway.plain, "/key", 6) == [200] * 6
    twice = [("X-Api-Key", "k2"), ("X-Api-Key", "k3")]
    assert await statuses(gateway.plain, "/key", 6, headers=twice) == [200] * 6


async def test_all_limits_must_have_room_and_a_refusal_takes_nothing(gateway):
    door = gateway.plain
    assert await statuses(door, "/both?a=1&b=1", 10) == [200] * 3 + [429] * 7
    # Seven refusals later there are still two of the five.
    assert await statuses(door, "/both?a=1&b=2", 3) == [200] * 2 + [429]
    # And of these three, the last took nothing either.
    assert await statuses(door, "/both?a=2&b=2", 2) == [200, 429]


async def test_an_address_is_counted_before_its_token_is_looked_at(gateway):
    address = new_address()
    forged = tokens.bearer(tokens.mint(secret="x" * 64))
    found = await statuses(gateway.tls, "/guarded", 5, address, headers=forged)
    assert found == [401] * 3 + [429] * 2
    good = tokens.bearer(tokens.mint())
    assert await statuses(gateway.tls, "/guarded", 1, address, headers=good) == [429]
    assert await statuses(gateway.tls, "/guarded", 1, headers=good) == [200]


async def test_the_address_is_the_one_that_a_trusted_proxy_names(gateway):
    """Of IPv6, a customer has a whole /64; who is no trusted proxy may name whom he likes."""
    proxy = "127.0.9.1"

    async def come(name, address=proxy, count=1):
        headers = {"X-Forwarded-For": name}
        return await statuses(gateway.plain, "/address", count, address, headers=headers)

    assert await come("192.0.2.1", count=21) == [200] * 20 + [429]
    assert await come("192.0.2.2") == [200]
    for last in range(20):
        assert await come(f"2001:db8::{last}") == [200]
    assert await come("2001:db8::ffff") == [429]
    assert await come("2001:db8:0:1::1") == [200]
    liar = new_address()
    found = [await come(f"192.0.2.{number}", liar) for number in range(30, 51)]
    assert found == [[200]] * 20 + [[429]]


async def test_defaults_hold_for_each_route_and_can_be_lifted(gateway):
    assert await statuses(gateway.plain, "/inherits?default=1", 3) == [200, 200, 429]
    assert await statuses(gateway.plain, "/lifted?default=1", 5) == [200] * 5


async def test_report_only_lets_pass_and_tells_the_operator(gateway, console):
    address = new_address()
    assert await statuses(gateway.tls, "/reported?mark", 4, address) == [200] * 4
    entries = await line(gateway, "/reported?mark", 4)
    assert [e.get("would_refuse") for e in entries] == [None, None, ["rate"], ["rate"]]
    metrics = console("GET", "/metrics").text
    assert '\ngateway_report_only_total{route="/reported",rule="rate"} 2\n' in metrics
    assert 'gateway_refused_requests_total{route="/reported"' not in metrics


async def test_refusals_are_counted_by_route_and_named_once_a_second(start_gateway):
    text = """
    console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
    listen 127.0.0.1:$http
    route /here { rate 2/h by address; respond 200 }
    """
    gateway, address = start_gateway(text), new_address()
    console = Operator(gateway.names["console"])
    assert (await statuses(gateway.plain, "/here", 300, address)).count(429) == 298
    metrics = console("GET", "/metrics").text
    assert '\ngateway_refused_requests_total{route="/here",rule="rate"} 298\n' in metrics
    assert "\ngateway_rate_buckets 1\n" in metrics
    lines = [text for text in gateway.stderr.splitlines() if "too many requests" in text]
    assert 1 <= len(lines) < 30 and address in lines[0] and "/here" in lines[0], lines


async def test_a_reload_fills_no_bucket(start_gateway):
    text = """
    workers 2
    listen 127.0.0.1:$http
    route /here  { rate $rate by address; respond 200 }
    route /state { respond 200 "$rate" }
    """
    gateway, address = start_gateway(text, rate="3/h"), new_address()
    assert await statuses(gateway.plain, "/here", 4, address) == [200] * 3 + [429]

    async def reload(rate):
        gateway.names["rate"] = rate
        gateway.configure(text + f"route /generation/{next(_addresses)} {{ respond 200 }}\n")
        before = gateway.stderr.count("generation")
        gateway.reload()
        await eventually(lambda: gateway.stderr.count("generation") > before, "the reload")
        await together(*(says(gateway, rate) for _ in range(8)))

    await reload("3/h")
    assert await statuses(gateway.plain, "/here", 1, address) == [429]
    # Another limit is another bucket.
    await reload("4/h")
    assert await statuses(gateway.plain, "/here", 5, address) == [200] * 4 + [429]


async def says(gateway, rate):
    async def new():
        async with gateway.plain.client() as client:
            return (await client.get("/state")).text == rate

    await eventually(new, "a new connection to meet the new configuration")


async def test_every_way_in_counts_alike(start_gateway, hospital, waiting):
    """HTTP, WebSockets with each kind of token, event streams: one bucket for all."""
    text = """
    listen 127.0.0.1:$https { tls { certificate self_signed } }
    jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
    backend hospital { server 127.0.0.1:$hospital }
    backend waiting  { server 127.0.0.1:$waiting }
    route /ws/            { websocket; auth app; rate 1/h by user; backend hospital }
    route /api/sse/stream { events; auth app; rate 1/h by user; backend waiting }
    route /               { auth app; rate 1/h by user; backend hospital }
    """
    gateway = start_gateway(text, hospital=hospital, waiting=waiting)
    paths = {"/ws/": 0, "/api": 0, "/": 0}
    for name, way in WAYS.items():
        kind = "/api" if "stream" in name else "/ws/" if "WebSocket" in name else "/"
        outcome = await way(gateway.tls, "localhost", tokens.mint(user_id="rate-w"))
        paths[kind] += 1
        assert outcome.is_in == (paths[kind] == 1), (name, outcome)
    assert all(paths.values())
