"""Which pages may open a WebSocket: cross-site WebSocket hijacking (CSWSH) ends at the gateway,
since a browser sends its cookies along wherever a socket is opened from."""

import contextlib

import pytest
import websockets

from harness import tokens
from harness.door import ask, unexplained

CONFIGURATION = """
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
jwt hospital { algorithms HS256; secret env:JWT_SECRET; from cookie:access_token; user user_id }
backend hospital { server 127.0.0.1:$hospital }

route /ws/queue/same   { websocket; auth hospital; backend hospital }
route /ws/queue/listed {
    websocket; auth hospital; backend hospital
    origins https://app.example.kr
}
route /ws/queue/any    { websocket; auth hospital; origins any; backend hospital }
route /ws/queue/nameless { websocket; auth hospital; origins null file://; backend hospital }
route /ws/queue/status { websocket; auth hospital; refuse http; backend hospital }
route /echo            { backend hospital }
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital):
    return start_module_gateway(CONFIGURATION, hospital=hospital)


def open_from(door, path, origin):
    headers = {"Cookie": f"access_token={tokens.mint()}"}
    return door.websocket(path, headers=headers, origin=origin)


async def assert_let_in(door, path, origin):
    async with open_from(door, path, origin) as socket:
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}


async def assert_refused(door, path, origin):
    async with open_from(door, path, origin) as socket:
        assert await unexplained(socket) == (1008, "origin")


@pytest.mark.parametrize("route", ["same", "listed", "any", "status"])
async def test_who_sends_no_origin_is_no_browser_and_passes(gateway, route):
    await assert_let_in(gateway.tls, f"/ws/queue/{route}", None)


@pytest.mark.parametrize("route", ["same", "listed", "any", "status"])
async def test_a_page_of_the_same_host_passes(gateway, route):
    await assert_let_in(gateway.tls, f"/ws/queue/{route}", gateway.tls.http())
    await assert_let_in(gateway.plain, f"/ws/queue/{route}", gateway.plain.http())


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://127.0.0.1.evil.example",
        "https://evil.example/127.0.0.1",
        "https://127.0.0.1:1",
        "",
        "garbage",
    ],
)
async def test_other_pages_do_not_pass(gateway, origin):
    await assert_refused(gateway.tls, "/ws/queue/same", origin)


async def test_a_listed_origin_passes_and_its_neighbours_do_not(gateway):
    await assert_let_in(gateway.tls, "/ws/queue/listed", "https://app.example.kr")
    await assert_let_in(gateway.tls, "/ws/queue/listed", "https://APP.example.kr")
    for origin in [
        "http://app.example.kr",
        "https://app.example.kr:444",
        "https://app.example.kr.evil.example",
        "https://xapp.example.kr",
        "null",
    ]:
        await assert_refused(gateway.tls, "/ws/queue/listed", origin)


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_origins_any_lets_every_page_in(gateway, origin):
    await assert_let_in(gateway.tls, "/ws/queue/any", origin)


async def test_a_route_may_refuse_with_the_status_instead(gateway):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await open_from(gateway.tls, "/ws/queue/status", "https://evil.example")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("route", ["same", "listed", "status"])
async def test_behind_tls_a_page_that_came_in_the_clear_is_another_one(gateway, route):
    """Anybody on the way may have written it."""
    with contextlib.suppress(websockets.InvalidStatus):
        async with open_from(
            gateway.tls, f"/ws/queue/{route}", gateway.tls.http().replace("https", "http")
        ) as socket:
            assert await unexplained(socket) == (1008, "origin")


async def test_in_the_clear_tls_may_end_in_front(gateway):
    origin = gateway.plain.http().replace("http", "https")
    await assert_let_in(gateway.plain, "/ws/queue/same", origin)


@pytest.mark.parametrize("origin", ["null", "file://"])
async def test_pages_without_an_origin_can_be_named(gateway, origin):
    await assert_let_in(gateway.tls, "/ws/queue/nameless", origin)
    await assert_refused(gateway.tls, "/ws/queue/listed", origin)


async def test_plain_requests_that_no_cookie_lets_in_are_not_asked_for_their_origin(gateway):
    """CORS is between the browser and the app; `test_cors.py` has the others."""
    async with gateway.tls.client() as client:
        answer = await client.get("/echo", headers={"Origin": "https://evil.example"})
    assert ["origin", "https://evil.example"] in answer.json()["headers"]


async def test_a_refused_page_never_reaches_the_app(gateway, hospital_itself):
    async with hospital_itself.client() as client:
        async with open_from(gateway.tls, "/ws/queue/same", "https://evil.example") as socket:
            await unexplained(socket)
            assert (await client.get("/sockets/queue_same")).json() == {"open": 0}
