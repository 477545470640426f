"""The hospital of the first report: its Django Channels app serves three URLs, knows no tokens
and no roles; old front ends ask for URLs it never had. The gateway puts all of that right."""

import asyncio
import base64
import datetime
import json
import subprocess
import sys
import pathlib

import httpx
import pytest
import websockets

from harness import tokens
from harness.door import ask, closing, receive, refusal
from harness.tokens import bearer
from harness.waiting import eventually

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http

jwt hospital {
    algorithms HS256
    secret env:JWT_SECRET
    from bearer subprotocol cookie:access_token query:token
    user user_id
    role role
}
backend hospital { server 127.0.0.1:$hospital }

rewrite /ws/journey/{user_id} to /ws/journey {
    require claim:user_id == path:user_id
    header X-Legacy-Id {user_id}
}
rewrite /ws/patient-journey to /ws/journey
rewrite /ws/admin/dashboard to /ws/admin

route /ws/admin   { websocket; auth hospital; roles admin manager; backend hospital }
route /ws/strict  { websocket; auth hospital; refuse http; backend hospital }
route /ws/        { websocket; auth hospital; backend hospital }
route /open/      { backend hospital }
route /           { auth hospital; backend hospital }
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital):
    return start_module_gateway(CONFIGURATION, hospital=hospital)


@pytest.fixture(params=["direct", "gateway"])
def door(request):
    """The same scenario straight at the app proves the app; at the gateway, the gateway."""
    if request.param == "direct":
        return request.getfixturevalue("hospital_itself")
    return request.getfixturevalue("gateway").tls


def fields(message, name):
    return [value for key, value in message["headers"] if key == name]


# What the app does by itself must be the same through the gateway.


async def test_ping_is_answered_with_pong(door):
    """1.2: Ping/Pong 연결 유지."""
    async with door.websocket("/ws/queue/internal-medicine/", headers=bearer(tokens.mint())) as socket:
        for _ in range(3):
            assert await ask(socket, {"type": "ping"}) == {"type": "pong"}


async def test_status_requests_are_answered(door):
    """1.2: queue_status_request."""
    async with door.websocket("/ws/queue/eye-clinic", headers=bearer(tokens.mint())) as socket:
        answer = await ask(socket, {"type": "queue_status_request"})
        assert answer["type"] == "queue_status"
        assert answer["queue_id"] == "eye-clinic"


async def test_the_queue_overview_has_no_id(door):
    """[P1] URL 매핑 통일: /ws/queue/ itself."""
    async with door.websocket("/ws/queue/", headers=bearer(tokens.mint())) as socket:
        answer = await ask(socket, {"type": "queue_status_request"})
        assert answer["queue_id"] is None


async def test_one_broadcast_reaches_everybody_in_the_group_in_order(door, hospital_itself):
    """1.2: 그룹 기반 브로드캐스팅."""
    group = f"queue_{door.name.split()[0]}"
    path = "/ws/queue/" + group.removeprefix("queue_")
    sockets = await asyncio.gather(
        *[door.websocket(path, headers=bearer(tokens.mint(user=user))) for user in range(30)]
    )
    other = await door.websocket("/ws/queue/somewhere-else", headers=bearer(tokens.mint()))
    await asyncio.gather(*[ask(socket, {"type": "ping"}) for socket in [*sockets, other]])
    async with hospital_itself.client() as client:
        for number in range(10):
            message = {"type": "queue_update", "number": number, "이름": "홍길동"}
            (await client.post(f"/broadcast/{group}", json=message)).raise_for_status()
    for socket in sockets:
        heard = [await receive(socket) for _ in range(10)]
        assert [message["number"] for message in heard] == list(range(10))
        assert heard[0]["이름"] == "홍길동"
    assert await ask(other, {"type": "ping"}) == {"type": "pong"}, "another group hears nothing"
    await asyncio.gather(*[socket.close() for socket in [*sockets, other]])


async def test_application_errors_come_through_as_they_are(door):
    """[P2] 에러 처리 강화: the app's own error messages, code 4000."""
    async with door.websocket("/ws/queue/", headers=bearer(tokens.mint())) as socket:
        assert (await ask(socket, {}))["error"]["message"] == "Missing message type"
        answer = await ask(socket, {"type": "nonsense"})
        assert answer["error"]["message"] == "Unknown message type: nonsense"
        assert answer["error"]["code"] == 4000
        await socket.send("no json")
        assert (await receive(socket))["error"]["message"] == "Validation error"


async def test_the_applications_close_code_comes_through(door):
    async with door.websocket("/ws/queue/", headers=bearer(tokens.mint())) as socket:
        await socket.send(json.dumps({"type": "close", "code": 4321}))
        assert await closing(socket) == ([], 4321)


async def test_binary_messages_of_all_sizes_come_back_whole(door):
    async with door.websocket("/ws/queue/", headers=bearer(tokens.mint()), max_size=None) as socket:
        for size in (1, 125, 126, 65535, 65536, 700_000):
            payload = bytes(index % 251 for index in range(size))
            await socket.send(payload)
            assert await asyncio.wait_for(socket.recv(), 15) == payload


async def test_a_fragmented_message_comes_back_whole(door):
    async with door.websocket("/ws/queue/", headers=bearer(tokens.mint())) as socket:
        await socket.send(['{"type":"echo",', '"text":"', "안녕", '"}'])
        assert await receive(socket) == {"type": "echo", "text": "안녕"}


# [P1] URL 매핑 통일


@pytest.mark.parametrize(
    "path", ["/ws/journey/7/", "/ws/journey/7", "/ws/patient-journey/", "/ws/patient-journey"]
)
async def test_legacy_journey_urls_reach_the_journey(gateway, path):
    """1.5 URL 매핑 불일치: /ws/journey/${userId}/ and /ws/patient-journey/ never existed."""
    async with gateway.tls.websocket(path, token=tokens.mint(user=7)) as socket:
        answer = await ask(socket, {"type": "journey_status_request"})
        assert answer["type"] == "journey_status"
        seen = await ask(socket, {"type": "whoami"})
        assert seen["path"] == "/ws/journey"


@pytest.mark.parametrize("path", ["/ws/admin/dashboard/", "/ws/admin/dashboard", "/ws/admin/"])
async def test_legacy_dashboard_urls_reach_the_dashboard(gateway, path):
    async with gateway.tls.websocket(path, token=tokens.mint(role="manager")) as socket:
        assert (await ask(socket, {"type": "dashboard_request"}))["type"] == "dashboard"


async def test_the_legacy_id_travels_in_a_header(gateway):
    async with gateway.tls.websocket("/ws/journey/7/", token=tokens.mint(user=7)) as socket:
        seen = await ask(socket, {"type": "whoami"})
        assert fields(seen, "x-legacy-id") == ["7"]


async def test_someone_elses_journey_is_forbidden(gateway):
    """Whoever changes the id in the URL sees another patient's journey: 4003."""
    async with gateway.tls.websocket("/ws/journey/8/", token=tokens.mint(user=7)) as socket:
        message, code, _ = await refusal(socket)
        assert message["error"]["code"] == code == 4003


async def test_a_numeric_id_equals_its_decimal_text(gateway):
    async with gateway.tls.websocket("/ws/journey/7", token=tokens.mint(user="7")) as socket:
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}
    async with gateway.tls.websocket("/ws/journey/07", token=tokens.mint(user=7)) as socket:
        _, code, _ = await refusal(socket)
        assert code == 4003


# [P1] JWT 인증 구현


async def test_the_token_may_come_as_a_query_parameter(gateway):
    """방법 1: 쿼리 파라미터."""
    path = f"/ws/journey/?token={tokens.mint()}"
    async with gateway.tls.websocket(path) as socket:
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}
        assert socket.subprotocol is None


async def test_the_token_may_come_as_a_subprotocol(gateway):
    """방법 2: 서브프로토콜 (권장). A browser that gets none of its offers back hangs up, so the
    only offer is selected."""
    token = tokens.mint()
    async with gateway.tls.websocket("/ws/journey/", token=token) as socket:
        assert socket.subprotocol == f"jwt.{token}"
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}


async def test_the_applications_choice_of_subprotocol_wins(gateway):
    token = tokens.mint()
    offers = [f"jwt.{token}", "other.v9", "hospital.v1"]
    async with gateway.tls.websocket("/ws/journey/", subprotocols=offers) as socket:
        assert socket.subprotocol == "hospital.v1"
        seen = await ask(socket, {"type": "whoami"})
        assert seen["subprotocols"] == ["other.v9", "hospital.v1"]


async def test_without_the_applications_choice_the_first_that_is_no_token_is_selected(gateway):
    token = tokens.mint()
    offers = [f"jwt.{token}", "other.v9", "other.v8"]
    async with gateway.tls.websocket("/ws/journey/", subprotocols=offers) as socket:
        assert socket.subprotocol == "other.v9"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_token_may_come_in_the_authorization_header(gateway, scheme):
    headers = {"Authorization": f"{scheme} {tokens.mint()}"}
    async with gateway.tls.websocket("/ws/journey/", headers=headers) as socket:
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}


async def test_the_token_may_come_in_a_cookie(gateway):
    headers = {"Cookie": f"theme=dark; access_token={tokens.mint()}; language=ko"}
    async with gateway.tls.websocket("/ws/journey/", headers=headers) as socket:
        seen = await ask(socket, {"type": "whoami"})
        assert fields(seen, "cookie") == ["theme=dark; language=ko"]


async def test_the_first_place_wins_and_the_others_are_stripped(gateway):
    """`from bearer subprotocol …`: a bad bearer token is not saved by a good query token."""
    path = f"/ws/journey/?token={tokens.mint(user=8)}"
    async with gateway.tls.websocket(path, headers=bearer(tokens.mint(user=7))) as socket:
        seen = await ask(socket, {"type": "whoami"})
        assert fields(seen, "x-auth-user") == ["7"]
        assert seen["query"] == ""
    headers = bearer(tokens.mint(user=7, expires=-3600))
    async with gateway.tls.websocket(path, headers=headers) as socket:
        assert (await refusal(socket))[1] == 4001


async def test_no_token_is_4001_with_the_error_first(gateway):
    """1.4 인증 처리 부재; a browser sees neither status nor body, so it is told in a message."""
    async with gateway.tls.websocket("/ws/journey/") as socket:
        message, code, reason = await refusal(socket)
    assert message["type"] == "error"
    assert message["error"]["code"] == code == 4001
    assert message["error"]["message"]
    assert reason
    when = datetime.datetime.fromisoformat(message["error"]["timestamp"].replace("Z", "+00:00"))
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs(now - when) < datetime.timedelta(minutes=1)


async def test_an_expired_token_is_4001_and_says_so(gateway):
    async with gateway.tls.websocket("/ws/journey/", token=tokens.mint(expires=-60)) as socket:
        message, code, _ = await refusal(socket)
    assert message["error"]["code"] == code == 4001
    assert message["error"]["details"]["reason"] == "token_expired"


async def test_a_token_that_expired_within_the_leeway_is_good(gateway):
    async with gateway.tls.websocket("/ws/journey/", token=tokens.mint(expires=-5)) as socket:
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}


def cut(token):
    return token[:-4]


def changed(token):
    head, body, signature = token.split(".")
    content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    content["role"] = "superuser"
    forged = base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{signature}"


@pytest.mark.parametrize(
    "bad",
    [
        lambda: tokens.mint(secret="x" * 64),
        lambda: tokens.mint(algorithm="none"),
        lambda: tokens.mint(algorithm="HS512"),
        lambda: tokens.mint(nbf=4102444800),
        lambda: cut(tokens.mint()),
        lambda: changed(tokens.mint()),
        lambda: "garbage",
        lambda: "a.b.c",
        lambda: "",
    ],
    ids=[
        "another secret", "algorithm none", "algorithm not allowed", "not yet valid",
        "signature cut", "claims changed", "garbage", "three letters", "empty",
    ],
)  # fmt: skip
async def test_a_bad_token_is_4001(gateway, hospital_itself, bad):
    async with hospital_itself.client() as client:
        before = (await client.get("/sockets/journey")).json()["open"]
        async with gateway.tls.websocket("/ws/journey/", headers=bearer(bad())) as socket:
            message, code, _ = await refusal(socket)
            assert message["error"]["code"] == code == 4001
        after = (await client.get("/sockets/journey")).json()["open"]
    assert after <= before, "a refused socket never reaches the app"


@pytest.mark.parametrize("role", ["patient", "ADMIN", "", None])
async def test_the_wrong_role_is_4003(gateway, role):
    """1.3: 역할 기반 접근 제어 (부분)."""
    async with gateway.tls.websocket("/ws/admin/", token=tokens.mint(role=role)) as socket:
        message, code, _ = await refusal(socket)
        assert message["error"]["code"] == code == 4003


async def test_a_route_may_refuse_with_the_status_instead(gateway):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await gateway.tls.websocket("/ws/strict")
    assert refused.value.response.status_code == 401


# What the app is told, and what it never sees.


@pytest.mark.parametrize("place", ["query", "subprotocol", "bearer", "cookie"])
async def test_the_token_never_reaches_the_app_and_the_identity_does(gateway, place):
    token = tokens.mint(user=7, role="manager", ward="5병동")
    path, headers, offers = "/ws/journey/?lang=ko&x=1", {}, []
    if place == "query":
        path = f"/ws/journey/?lang=ko&token={token}&x=1"
    elif place == "subprotocol":
        offers = [f"jwt.{token}"]
    elif place == "bearer":
        headers = bearer(token)
    else:
        headers = {"Cookie": f"access_token={token}"}
    async with gateway.tls.websocket(path, headers=headers, subprotocols=offers) as socket:
        seen = await ask(socket, {"type": "whoami"})
    assert token not in json.dumps(seen)
    assert token.rpartition(".")[2] not in json.dumps(seen)
    assert seen["query"] == "lang=ko&x=1"
    assert fields(seen, "authorization") == []
    assert fields(seen, "cookie") == []
    assert fields(seen, "x-auth-user") == ["7"]
    assert fields(seen, "x-auth-role") == ["manager"]
    (claims,) = fields(seen, "x-auth-claims")
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert claims["user_id"] == 7
    assert claims["ward"] == "5병동"


SPOOFED = [
    ("X-Auth-User", "1"),
    ("x-auth-user", "2"),
    ("X-AUTH-ROLE", "root"),
    ("X-Auth-Claims", "e30"),
]


async def test_spoofed_identity_headers_are_removed(gateway):
    headers = [*SPOOFED, *bearer(tokens.mint(user=7, role="patient")).items()]
    async with gateway.tls.websocket("/ws/journey/", headers=headers) as socket:
        seen = await ask(socket, {"type": "whoami"})
    assert fields(seen, "x-auth-user") == ["7"]
    assert fields(seen, "x-auth-role") == ["patient"]
    assert len(fields(seen, "x-auth-claims")) == 1


async def test_spoofed_identity_headers_are_removed_from_plain_requests_too(gateway):
    async with gateway.tls.client() as client:
        answer = await client.get("/echo", headers=[*SPOOFED, *bearer(tokens.mint()).items()])
    seen = answer.json()
    assert fields(seen, "x-auth-user") == ["7"]
    assert fields(seen, "x-auth-role") == ["admin"]
    assert fields(seen, "authorization") == []


async def test_spoofed_identity_headers_are_removed_where_nobody_has_to_log_in(gateway):
    async with gateway.tls.client() as client:
        seen = (await client.get("/open/echo", headers=SPOOFED)).json()
    for name, _ in SPOOFED:
        assert fields(seen, name.lower()) == []


# Plain HTTP under the same rules.


async def test_http_without_a_token_is_401_with_a_challenge(gateway):
    async with gateway.tls.client() as client:
        answer = await client.get("/echo")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "unauthenticated"


async def test_http_with_an_expired_token_says_invalid_token(gateway):
    async with gateway.tls.client() as client:
        answer = await client.get("/echo", headers=bearer(tokens.mint(expires=-60)))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_no_upstream_connection_is_left_behind(gateway, hospital_itself):
    """After all of them have gone, the app holds no socket."""
    async with gateway.tls.websocket("/ws/journey/", token=tokens.mint()) as socket:
        await ask(socket, {"type": "ping"})
    async with hospital_itself.client() as client:

        async def none_open():
            return (await client.get("/sockets/journey")).json()["open"] == 0

        await eventually(none_open, "the app to have no open journey")


# Other people's clients.


def test_websocat_gets_its_pong(gateway):
    """A third client, with its own idea of the protocol."""
    websocat = pathlib.Path(sys.executable).parent / "websocat"
    with subprocess.Popen(
        [
            str(websocat), "-k", "-1", "--protocol", f"jwt.{tokens.mint()}",
            gateway.tls.ws("/ws/queue/"),
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        # It would leave at the end of its input, be there an answer or not.
        child.stdin.write('{"type":"ping"}\n')
        child.stdin.flush()
        assert json.loads(child.stdout.readline()) == {"type": "pong"}


async def test_no_token_stands_in_the_log(gateway):
    token = tokens.mint()
    async with gateway.tls.websocket(f"/ws/journey/?token={token}&tab=2") as socket:
        await ask(socket, {"type": "ping"})
    async with gateway.tls.client() as client:
        await client.get(f"/echo?token={token}")
        await client.get("/missing", headers=bearer(token))
    await eventually(lambda: "/missing" in gateway.stdout, "the access log to name /missing")
    gateway.assert_no_secret()


async def test_plain_http_listener_takes_websockets_too(gateway):
    async with gateway.plain.websocket("/ws/queue/", token=tokens.mint()) as socket:
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}
    async with httpx.AsyncClient() as client:
        answer = await client.get(gateway.plain.http("/echo"), headers=bearer(tokens.mint()))
    assert answer.json()["method"] == "GET"
