"""What a page hears in a real browser, which hides more than any library does: no status of a
refused handshake, no reason of a failed one, and event streams that come back by themselves."""

import json

import pytest
import pytest_asyncio

from harness import tokens
from harness.chromium import at_host, message_of
from harness.waiting import eventually

POLICIES = ["block_new", "eject_old"]

#: Stores nobody else knows, by policy, for one device each.
STORES = {policy: [f"{policy}-{number}" for number in range(10)] for policy in POLICIES}
EJECTING = "\n".join(f"    store {store} {{ limit 1 eject_old }}" for store in STORES["eject_old"])

CONFIGURATION = f"""
log {{ access json stdout }}
listen 127.0.0.1:$https {{ tls {{ certificate $certificate; key $key }} }}
listen 127.0.0.1:$http

jwt hospital {{ algorithms HS256; secret env:JWT_SECRET; user user_id }}
backend hospital {{ server 127.0.0.1:$hospital }}
backend waiting  {{ server 127.0.0.1:$waiting }}

sessions screens {{
    store query:store_id
    role  query:role
    limit 1 block_new
{EJECTING}
}}

route /ws/queue/counter {{ websocket; auth hospital; sessions screens; backend hospital }}
route /ws/admin         {{ websocket; auth hospital; roles admin; backend hospital }}
route /ws/              {{ websocket; auth hospital; compress; backend hospital }}
route /api/sse/stream   {{ events; sessions screens; backend waiting }}
route /api/sse/short    {{ events; backend waiting }}
route /private/         {{ auth hospital; login /login?next={{request.target}}; backend waiting }}
route /socket           {{ websocket; backend hospital }}
route /                 {{ respond 200 "a page" }}
"""

# One page for all tests: opening one takes longer than most of what is tested on it.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting, trusted):
    return start_module_gateway(CONFIGURATION, hospital=hospital, waiting=waiting, **trusted)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(browser, gateway):
    async with browser.page(gateway.tls) as page:
        yield page


@pytest.fixture
def policy():
    return "block_new"


@pytest.fixture
def store(policy):
    """A store with that policy which no other test has seen."""
    return STORES[policy].pop()


async def socket(page, gateway, path, *offers):
    return await page.open_socket(at_host(gateway.tls).ws(path), offers)


async def assert_pong(recording):
    await recording.send('{"type":"ping"}')
    assert json.loads(await recording.receive()) == {"type": "pong"}


async def admitted(page, gateway, path):
    """A socket that is open and answered by the app."""
    recording = await socket(page, gateway, path, f"jwt.{tokens.mint()}")
    assert (await recording.next())["type"] == "open"
    await assert_pong(recording)
    return recording


async def unexplained(recording):
    """What a page hears of a refusal about which it has not said that it reads messages."""
    assert (await recording.next())["type"] == "open"
    close = await recording.next()
    assert close["type"] == "close" and close["wasClean"], close
    return close["code"], close["reason"]


async def ending(recording):
    """The last message and the close event of a socket that is open: all that is to come."""
    message = json.loads(await recording.receive())
    close = await recording.next()
    assert close["type"] == "close", close
    assert close["wasClean"], "the closing handshake is complete"
    return message, close["code"]


async def refusal(recording):
    """What a page hears of a refusal: it opens, says why, and closes."""
    opened = await recording.next()
    assert opened["type"] == "open", "an error here would be all that the page ever learns"
    return await ending(recording)


# Tokens.

TOKEN = object()


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        ([TOKEN], TOKEN),
        (["app.v1", TOKEN], "app.v1"),
        ([TOKEN, "app.v1", "app.v2"], "app.v1"),
        (["app.v1", TOKEN, "hospital.v1"], "hospital.v1"),
    ],
    ids=["only the token", "another one first", "the token first", "one the app knows"],
)
async def test_a_token_among_the_subprotocols_opens_the_socket(gateway, page, offers, chosen):
    token = f"jwt.{tokens.mint()}"
    offers = [token if offer is TOKEN else offer for offer in offers]
    recording = await socket(page, gateway, "/ws/queue/", *offers)
    opened = await recording.next()
    assert opened["type"] == "open"
    assert opened["protocol"] == (token if chosen is TOKEN else chosen)
    assert "permessage-deflate" in opened["extensions"]
    await assert_pong(recording)
    await recording.close()
    assert (await recording.next())["wasClean"]


async def test_without_the_gateway_the_browser_hangs_up(browser, hospital_itself):
    """The app chooses none of the offers; the browser takes that for a failed handshake."""
    async with browser.page(hospital_itself, "/healthz") as page:
        recording = await page.open_socket(at_host(hospital_itself).ws("/ws/queue/"), ["app.v1"])
        assert (await recording.next())["type"] == "error"
        assert (await recording.next())["code"] == 1006


# Refusals.


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (lambda: tokens.mint(expires=-60), "token_expired"),
        (lambda: tokens.mint(secret="x" * 64), None),
        (lambda: "garbage", None),
        (None, None),
    ],
    ids=["expired", "another secret", "garbage", "none at all"],
)
async def test_a_page_learns_that_its_token_is_no_good(gateway, page, token, reason):
    offers = [f"jwt.{token()}"] if token else []
    message, code = await refusal(await socket(page, gateway, "/ws/journey", *offers))
    assert (message["type"], message["error"]["code"], code) == ("error", 4001, 4001)
    if reason:
        assert message["error"]["details"]["reason"] == reason


async def test_a_page_learns_that_its_role_is_not_let_in(gateway, page):
    token = tokens.mint(role="patient")
    message, code = await refusal(await socket(page, gateway, "/ws/admin", f"jwt.{token}"))
    assert (message["error"]["code"], code) == (4003, 4003)


async def test_a_page_of_another_origin_is_not_let_in(gateway, browser):
    """The same host at another port and without TLS: another site to the browser, which says so
    in a header that no page can change."""
    async with browser.page(gateway.plain) as page:
        token = tokens.mint()
        recording = await socket(page, gateway, "/ws/queue/", f"jwt.{token}")
        assert await unexplained(recording) == (1008, "origin")
        recording = await page.open_socket(
            at_host(gateway.plain).ws("/ws/queue/"), [f"jwt.{token}"]
        )
        assert (await recording.next())["type"] == "open", "its own door is open to it"


# Device limits.


def counter(store, device):
    return f"/ws/queue/counter?role=admin&store_id={store}&client_id={device}"


async def test_a_page_learns_that_the_store_is_full(gateway, page, store):
    first = await admitted(page, gateway, counter(store, "A"))
    second = await socket(page, gateway, counter(store, "B"), f"jwt.{tokens.mint()}")
    message, code = await refusal(second)
    assert (message["type"], message["policy"], code) == ("connection_rejected", "block_new", 4009)
    await assert_pong(first)


@pytest.mark.parametrize("policy", ["eject_old"])
async def test_a_page_learns_that_it_made_way(gateway, page, store):
    first = await admitted(page, gateway, counter(store, "A"))
    second = await admitted(page, gateway, counter(store, "B"))
    message, code = await ending(first)
    assert (message["type"], message["reason"], code) == ("force_disconnect", "eject_old", 4010)
    await assert_pong(second)


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_page_learns_that_a_newer_tab_took_over(gateway, page, store):
    first = await admitted(page, gateway, counter(store, "A"))
    second = await admitted(page, gateway, counter(store, "A"))
    message, code = await ending(first)
    assert (message["type"], message["reason"], code) == ("force_disconnect", "replaced", 4011)
    await assert_pong(second)


# Event streams.


def stream(store, device, tab=""):
    return f"/api/sse/stream?role=admin&store_id={store}&client_id={device}&tab={tab}"


async def open_stream(page, path):
    recording = await page.open_events(path)
    assert (await recording.next())["type"] == "open"
    return recording


async def connected(page, path):
    recording = await open_stream(page, path)
    assert (await recording.next())["type"] == "connected"
    return recording


async def assert_waits(recording):
    """The stream has ended, and the EventSource means to come back (0 is CONNECTING)."""
    assert await recording.next() == {"type": "error", "readyState": 0}


async def assert_stays_away(page, mark):
    """After ten minutes an EventSource whose stream just ended has come back, as they do after
    seconds; the one with `mark` in its URL has not."""
    await assert_waits(await connected(page, "/api/sse/short"))
    await page.pass_time(seconds=600)
    await eventually(lambda: page.requests("/short") > 1, "the other EventSource to come back")
    assert page.requests(mark) == 1, "it came back"


@pytest_asyncio.fixture(loop_scope="module")
async def timeless(browser, gateway):
    """A page whose clock may be turned forward."""
    async with browser.page(gateway.tls) as page:
        yield page


async def test_a_rejected_event_source_stays_away(page, timeless, store):
    first = await connected(page, stream(store, "A"))
    rejected = await open_stream(timeless, stream(store, "B", tab=f"late-{store}"))
    event = await rejected.next()
    assert event["type"] == "connection_rejected"
    assert json.loads(message_of(event))["policy"] == "block_new"
    await assert_waits(rejected)
    await assert_stays_away(timeless, f"late-{store}")
    assert await first.get("readyState") == 1


@pytest.mark.parametrize(
    ("policy", "newcomer", "reason"),
    [
        ("eject_old", "B", "eject_old"),
        ("eject_old", "A", "replaced"),
        ("block_new", "A", "replaced"),
    ],
)
async def test_an_event_source_that_made_way_stays_away(page, timeless, store, newcomer, reason):
    """If it came back, the two would drive each other out for ever."""
    ejected = await connected(timeless, stream(store, "A", tab=f"early-{store}"))
    second = await connected(page, stream(store, newcomer))
    event = await ejected.next()
    assert event["type"] == "force_disconnect"
    assert json.loads(message_of(event))["reason"] == reason
    await assert_waits(ejected)
    await assert_stays_away(timeless, f"early-{store}")
    assert await second.get("readyState") == 1


# Pages of the gateway's own.


async def test_an_error_is_a_page_with_its_style(page, gateway):
    await page.go(at_host(gateway.tls).http("/socket"))
    title = await page.evaluate("document.querySelector('h1').innerText")
    assert title in ("This is not a page", "페이지가 아닙니다")
    assert await page.evaluate("getComputedStyle(document.body).maxWidth") != "none"


async def test_a_visit_is_led_to_the_login_and_a_script_is_not(page, gateway):
    await page.go(at_host(gateway.tls).http("/private/x?a=1"))
    assert await page.evaluate("location.pathname + location.search") == (
        "/login?next=/private/x%3Fa%3D1"
    )
    script = "fetch('/private/x', {headers: {Accept: 'text/html'}}).then(answer => answer.status)"
    assert await page.evaluate(script) == 401
