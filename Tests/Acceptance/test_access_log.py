"""The access log: one JSON object a line, with the word of the one table of endings, and never
a token."""

import json

import pytest

from harness import tokens
from harness.door import ask, refusal
from harness.log import line

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; from bearer subprotocol query:token }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
backend nobody   { server 127.0.0.1:$spare }

sessions screens { store query:store_id; role query:role; limit 1 block_new }
sessions halls   { store query:store_id; role query:role; limit 1 eject_old }

route /ws/admin       { websocket; auth app; roles admin; backend hospital }
route /ws/queue/hall  { websocket; sessions halls; backend hospital }
route /ws/            { websocket; auth app; backend hospital }
route /api/sse/stream { events; sessions screens; backend waiting }
route /broken         { backend nobody; while_away hold 200ms }
route /private        { auth app; backend hospital }
route /               { backend hospital }
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting):
    return start_module_gateway(CONFIGURATION, hospital=hospital, waiting=waiting)


async def test_a_request_is_one_line(gateway):
    async with gateway.tls.client() as client:
        await client.get("/echo?tab=one", headers={"X-Request-Id": "log-1"})
    entry = await line(gateway, "tab=one")
    assert entry["method"] == "GET"
    assert entry["path"] == "/echo?tab=one"
    assert entry["status"] == 200
    assert entry["reason"] == "normal"
    assert entry["request_id"] == "log-1"


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/private/1", 401, "unauthenticated"),
        ("/broken/1", 502, "upstream_unavailable"),
        ("/status/missing", 404, "normal"),
    ],
)
async def test_refusals_carry_their_word(gateway, path, status, reason):
    async with gateway.tls.client() as client:
        assert (await client.get(path)).status_code == status
    entry = await line(gateway, path)
    assert (entry["status"], entry["reason"]) == (status, reason)


async def test_a_websocket_is_one_line_when_it_ends(gateway):
    token = tokens.mint(user=77)
    async with gateway.tls.websocket(f"/ws/journey?token={token}&tab=two") as socket:
        await ask(socket, {"type": "ping"})
    entry = await line(gateway, "tab=two")
    assert entry["status"] == 101
    assert entry["reason"] == "normal"
    assert entry["user"] == "77"
    assert token not in gateway.stdout


async def test_a_vanished_client_is_client_gone(gateway):
    socket = await gateway.tls.websocket("/ws/journey?tab=three", token=tokens.mint())
    await ask(socket, {"type": "ping"})
    socket.transport.abort()
    assert (await line(gateway, "tab=three"))["reason"] == "client_gone"


async def test_refused_websockets_carry_their_word(gateway):
    async with gateway.tls.websocket("/ws/journey?tab=four") as socket:
        await refusal(socket)
    assert (await line(gateway, "tab=four"))["reason"] == "unauthenticated"
    async with gateway.tls.websocket("/ws/admin?tab=five", token=tokens.mint(role="x")) as socket:
        await refusal(socket)
    assert (await line(gateway, "tab=five"))["reason"] == "forbidden"


async def test_sessions_that_end_by_rule_carry_their_word(gateway):
    stream = "/api/sse/stream?store_id=1&role=admin&client_id="
    async with gateway.tls.events(stream + "A&tab=six") as a:
        assert (await a.next()).event == "connected"
        async with gateway.tls.events(stream + "B&tab=seven") as b:
            await b.rest()
        assert (await line(gateway, "tab=seven"))["reason"] == "connection_rejected"
        async with gateway.tls.events(stream + "A&tab=eight") as again:
            assert (await again.next()).event == "connected"
            await a.rest()
            assert (await line(gateway, "tab=six"))["reason"] == "replaced"
    hall = "/ws/queue/hall?store_id=1&client_id="
    async with gateway.tls.websocket(hall + "A&tab=nine") as first:
        await ask(first, {"type": "ping"})
        async with gateway.tls.websocket(hall + "B") as second:
            await ask(second, {"type": "ping"})
            assert (await line(gateway, "tab=nine"))["reason"] == "force_disconnect"


async def test_what_a_client_writes_cannot_break_a_line(gateway):
    async with gateway.tls.client(headers={"User-Agent": b'a"b\\c\xe9'}) as client:
        await client.get("/echo?tab=ten&quote=%22%0a%0d")
    assert (await line(gateway, "tab=ten"))["status"] == 200
    for text in gateway.stdout.splitlines():
        json.loads(text)
