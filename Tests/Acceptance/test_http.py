"""HTTP/1.1 through the gateway: messages of every kind, what is added to them and what is taken
away, and how a request that cannot be served ends."""

import asyncio
import hashlib
import json
import random
import subprocess

import httpx
import pytest

from harness import tokens
from harness.raw import connection, once
from harness.waiting import eventually

CONFIGURATION = """
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
listen 127.0.0.1:$spare { redirect https }

jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
backend waiting { server 127.0.0.1:$waiting }
backend odd     { server 127.0.0.1:$odd; response_timeout 1s }

route /private        { auth app; backend odd }
route /only           { methods GET HEAD; backend waiting }
route /asked          { auth app; methods GET OPTIONS TRACE; backend odd }
route /hello          { respond 200 "안녕" }
route /moved          { redirect 308 /hello }
route /socket         { websocket; backend odd }
route /echo           { backend waiting }
route /upload         { backend waiting }
route /download/      { backend waiting }
route /document       { backend waiting }
route /status/        { backend waiting }
route /slow-body      { backend waiting }
route small.test/     { body_size 1k; backend waiting }
"""

ODD = [
    "raw", "plain", "statistics", "early-response", "cut-in-length", "cut-in-chunk", "reset",
    "trailers", "half-close", "continue", "early-hints", "silent", "garbage", "two-lengths",
    "hop-by-hop", "refuse-upgrade", "gated", "count",
]  # fmt: skip


@pytest.fixture(scope="module")
def gateway(start_module_gateway, waiting, odd):
    routes = "".join(f"route /{name} {{ backend odd }}\n" for name in ODD)
    return start_module_gateway(CONFIGURATION + routes, waiting=waiting, odd=odd)


@pytest.fixture(params=["direct", "gateway", "gateway, plain"])
def door(request):
    """The waiting-list app itself, and the gateway with and without TLS."""
    if request.param == "direct":
        return request.getfixturevalue("waiting_itself")
    gateway = request.getfixturevalue("gateway")
    return gateway.plain if "plain" in request.param else gateway.tls


@pytest.fixture(params=["direct", "gateway"])
def odd_door(request):
    if request.param == "direct":
        return request.getfixturevalue("odd_itself")
    return request.getfixturevalue("gateway").plain


def get(path, *fields, host="localhost", method="GET", version="HTTP/1.1"):
    return "\r\n".join([f"{method} {path} {version}", f"Host: {host}", *fields, "", ""])


# What passes as it is.


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_methods_targets_and_bodies_arrive_unchanged(door, method):
    body = random.Random(method).randbytes(3000) if method not in ("GET", "OPTIONS") else b""
    async with door.client() as client:
        answer = await client.request(method, "/echo?b=%20x+y&a=1&a=2&%ED%95%9C=", content=body)
    seen = answer.json()
    assert seen["method"] == method
    assert seen["query"] == "b=%20x+y&a=1&a=2&%ED%95%9C="
    assert (seen["size"], seen["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


async def test_a_chunked_request_body_arrives_whole(door):
    chunks = [random.Random(size).randbytes(size) for size in (1, 10, 4096, 70_000, 3)]

    async def body():
        for chunk in chunks:
            yield chunk

    async with door.client() as client:
        answer = (await client.post("/upload", content=body())).json()
    whole = b"".join(chunks)
    assert answer == {"size": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}


async def test_chunk_extensions_and_request_trailers_do_no_harm(door):
    async with connection(door) as raw:
        await raw.send(get("/upload", "Transfer-Encoding: chunked", method="POST"))
        await raw.send("5;name=value\r\nhello\r\n0\r\nX-Trailer: t\r\n\r\n")
        answer = await raw.answer("POST")
        assert json.loads(answer.body)["size"] == 5
        await raw.send(get("/echo"))
        assert (await raw.answer()).status == 200


@pytest.mark.parametrize("length", ["", "?length=1"], ids=["chunked", "with a length"])
@pytest.mark.parametrize("count", [0, 1, 65_536, 3_000_001])
async def test_downloads_arrive_whole(door, waiting_itself, count, length):
    async with door.client() as client, waiting_itself.client() as itself:
        answer = await client.get(f"/download/{count}{length}")
        expected = await itself.get(f"/download/{count}")
    assert len(answer.content) == count
    assert answer.content == expected.content
    assert ("content-length" in answer.headers) == bool(length)


async def test_head_has_the_fields_and_no_body(door):
    async with connection(door) as raw:
        await raw.send(get("/document", method="HEAD"))
        answer = await raw.answer("HEAD")
        assert answer.values("content-length") == ["25"]
        assert answer.values("etag") == ['"one"']
        assert answer.body == b""
        await raw.send(get("/document"))
        assert len((await raw.answer()).body) == 25, "the connection is still in step"


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body_leave_the_connection_in_step(door, status):
    async with connection(door) as raw:
        for _ in range(3):
            await raw.send(get(f"/status/{status}"))
            answer = await raw.answer()
            assert (answer.status, answer.body) == (status, b"")
            assert answer.values("x-status") == [str(status)]


@pytest.mark.parametrize("status", [200, 404, 418, 500, 503])
async def test_the_apps_own_statuses_come_through(door, status):
    async with door.client() as client:
        assert (await client.get(f"/status/{status}")).status_code == status


async def test_a_connection_serves_many_requests(door):
    async with connection(door) as raw:
        for number in range(20):
            await raw.send(get(f"/echo?number={number}"))
            answer = await raw.answer()
            assert json.loads(answer.body)["query"] == f"number={number}"


async def test_pipelined_requests_are_answered_in_order(door):
    """RFC 9112 §9.3.2."""
    async with connection(door) as raw:
        body = "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
        await raw.send(get("/echo?a") + get("/slow-body") + body + get("/echo?b"))
        assert json.loads((await raw.answer()).body)["query"] == "a"
        assert (await raw.answer()).body.count(b"chunk") == 5
        assert json.loads((await raw.answer()).body)["size"] == 5
        assert json.loads((await raw.answer()).body)["query"] == "b"


async def test_connection_close_is_honoured(door):
    async with connection(door) as raw:
        await raw.send(get("/echo", "Connection: close"))
        assert (await raw.answer()).status == 200
        assert await raw.end() == b""


async def test_an_http_1_0_client_is_served_and_hung_up_on(gateway):
    """No chunks for those who do not know them."""
    async with connection(gateway.plain) as raw:
        await raw.send("GET /download/1000 HTTP/1.0\r\n\r\n")
        head = await raw.until(b"\r\n\r\n")
        assert b"200" in head.split(b"\r\n")[0]
        assert b"transfer-encoding" not in head.lower()
        assert len(await raw.end()) == 1000


async def test_a_request_in_single_octets_is_understood(door):
    async with connection(door) as raw:
        for octet in get("/echo?slowly"):
            await raw.send(octet)
        assert json.loads((await raw.answer()).body)["query"] == "slowly"


async def test_an_answer_streams_as_it_comes(odd_door, odd_itself):
    """Nothing waits for a buffer to fill."""
    async with connection(odd_door) as raw, odd_itself.client() as other:
        await raw.send(get("/gated"))
        await raw.until(b"first")
        assert (await other.get("/open-gate")).text == "open"
        await raw.until(b"second")


async def test_a_request_body_streams_as_it_comes(odd_door, odd_itself):
    async with connection(odd_door) as raw, odd_itself.client() as other:

        async def received():
            return (await other.get("/statistics")).json()["received"]

        before = await received()
        await raw.send(get("/count", "Content-Length: 100000", method="POST"))
        for part in range(1, 4):
            await raw.send("x" * 100)

            async def arrived():
                return await received() >= before + 100 * part

            await eventually(arrived, f"part {part} to arrive before the next is sent")


async def test_100_continue_comes_from_who_wants_the_body(odd_door):
    """RFC 9110 §10.1.1."""
    async with connection(odd_door) as raw:
        fields = ["Expect: 100-continue", "Content-Length: 5"]
        await raw.send(get("/continue", *fields, method="POST"))
        assert b" 100 " in await raw.until(b"\r\n\r\n")
        await raw.send("hello")
        answer = await raw.answer("POST")
        assert (answer.status, answer.body) == (200, b"hello")


async def test_an_early_answer_arrives_although_the_body_is_not_read(odd_door):
    async with connection(odd_door) as raw:
        await raw.send(get("/early-response", "Content-Length: 50000000", method="POST"))
        await raw.send("x" * 10_000)
        answer = await raw.answer("POST")
        assert (answer.status, answer.body) == (413, b"no, thank you")


async def test_trailers_of_an_answer_do_not_garble_it(odd_door):
    async with connection(odd_door) as raw:
        for _ in range(2):
            await raw.send(get("/trailers"))
            assert (await raw.answer()).body == b"hello world"


async def test_a_body_that_ends_with_the_connection_arrives_whole(odd_door):
    assert (await once(odd_door, get("/half-close"))).body == b"until the end"


async def test_early_hints_do_not_hide_the_answer(odd_door):
    async with connection(odd_door) as raw:
        for _ in range(2):
            await raw.send(get("/early-hints"))
            answer = await raw.answer()
            assert (answer.status, answer.body) == (200, b"with hints")
            assert set(answer.informational) <= {103}


async def test_a_refused_upgrade_is_a_plain_answer(odd_door):
    fields = [
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]  # fmt: skip
    async with connection(odd_door) as raw:
        await raw.send(get("/refuse-upgrade", *fields))
        answer = await raw.answer()
        assert (answer.status, answer.body) == (403, b"not for you")
        if answer.values("connection") == ["close"]:
            # The gateway's: a handshake is the last request of its connection.
            return await raw.end()
        await raw.send(get("/plain"))
        assert (await raw.answer()).body == b"plain", "the app's connection goes on"


def test_curl_agrees(gateway):
    """Another client's idea of uploads with Expect, and of certificates."""
    done = subprocess.run(
        [
            "curl", "-sSk", "--fail", "--max-time", "20", "-H", "Expect: 100-continue",
            "--data-binary", "@-", gateway.tls.http("/upload"),
        ],
        input=b"curl" * 500_000, capture_output=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["size"] == 2_000_000, done.stderr


# What is added and taken away.


async def raw_head(door, *fields, path="/raw", host="localhost"):
    """The head as the upstream received it: a list of lower-case names and values."""
    answer = await once(door, get(path, *fields, host=host))
    assert answer.status == 200, answer.body
    lines = answer.body.decode("latin-1").split("\r\n")
    assert lines[0] == f"GET {path} HTTP/1.1"
    pairs = [line.split(": ", 1) for line in lines[1:] if line]
    return [(name.lower(), value) for name, value in pairs]


def only(head, name):
    values = [value for key, value in head if key == name]
    assert len(values) == 1, f"{name}: {values}"
    return values[0]


def absent(head, name):
    return all(key != name for key, _ in head)


async def test_the_app_learns_who_asked_and_how(gateway):
    head = await raw_head(gateway.tls, host="api.example.kr:8443")
    assert only(head, "host") == "api.example.kr:8443", "Host is kept"
    assert only(head, "x-forwarded-for") == "127.0.0.1"
    assert only(head, "x-forwarded-proto") == "https"
    assert only(head, "x-forwarded-host") == "api.example.kr:8443"
    assert only(await raw_head(gateway.plain), "x-forwarded-proto") == "http"


async def test_forwarded_headers_of_strangers_are_not_believed(gateway):
    spoofed = ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: ftp", "X-Forwarded-Host: evil"]
    head = await raw_head(gateway.tls, *spoofed)
    assert only(head, "x-forwarded-for") == "127.0.0.1"
    assert only(head, "x-forwarded-proto") == "https"
    assert only(head, "x-forwarded-host") == "localhost"


async def test_forwarded_headers_of_trusted_proxies_are_kept(start_gateway, odd):
    gateway = start_gateway(
        """
        trust 127.0.0.0/8
        listen 127.0.0.1:$http
        backend odd { server 127.0.0.1:$odd }
        route / { backend odd }
        """,
        odd=odd,
    )
    head = await raw_head(
        gateway.plain, "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"
    )
    assert only(head, "x-forwarded-for") == "203.0.113.9, 127.0.0.1"
    assert only(head, "x-forwarded-proto") == "https"


async def test_every_request_has_an_id_of_its_own(gateway):
    ids = {only(await raw_head(gateway.plain), "x-request-id") for _ in range(5)}
    assert len(ids) == 5


async def test_a_sane_request_id_is_kept_and_others_are_replaced(gateway):
    head = await raw_head(gateway.plain, "X-Request-Id: 7f3c-order_66")
    assert only(head, "x-request-id") == "7f3c-order_66"
    for mad in ["a" * 500, 'a"b{}<script>', "a b"]:
        assert only(await raw_head(gateway.plain, f"X-Request-Id: {mad}"), "x-request-id") != mad


LAST_HOP = [
    ("OPTIONS", "/raw", "0", 204, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ("OPTIONS", "/raw", "00", 204, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ("TRACE", "/raw", "0", 405, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ("OPTIONS", "/asked", "0", 204, "GET, HEAD, OPTIONS, TRACE"),
    ("TRACE", "/asked", "0", 405, "GET, HEAD, OPTIONS"),
    ("OPTIONS", "/only", "0", 405, "GET, HEAD"),
    ("OPTIONS", "/raw", "", 400, None), ("OPTIONS", "/raw", "-1", 400, None),
    ("TRACE", "/raw", "1, 2", 400, None), ("TRACE", "/raw", "x", 400, None),
]  # fmt: skip


@pytest.mark.parametrize("method, path, limit, status, allow", LAST_HOP)
async def test_what_may_go_no_further_is_answered_here(gateway, method, path, limit, status, allow):
    """RFC 9110, section 7.6.2. The app would answer 200."""
    fields = [f"Max-Forwards: {limit}", f"Authorization: Bearer {tokens.mint()}"]
    answer = await once(gateway.plain, get(path, *fields, method=method))
    assert answer.status == status
    assert answer.values("allow") == ([allow] if allow else [])
    assert b"GET /raw" not in answer.body and b"TRACE" not in answer.body.split(b"detail")[0]


async def test_what_may_go_no_further_is_asked_for_its_token(gateway):
    answer = await once(gateway.plain, get("/asked", "Max-Forwards: 0", method="OPTIONS"))
    assert answer.status == 401


@pytest.mark.parametrize(
    "method, limit, seen",
    [("OPTIONS", "1", "0"), ("TRACE", "10", "9"), ("OPTIONS", "007", "6"),
     ("OPTIONS", "9" * 40, "999999998"), ("GET", "0", "0"), ("GET", "x", "x"), ("POST", "5", "5")],
)  # fmt: skip
async def test_a_hop_is_counted_where_hops_are(gateway, method, limit, seen):
    fields = [f"Max-Forwards: {limit}", "Max_Forwards: 7", "Connection: max-forwards"]
    answer = await once(gateway.plain, get("/raw", *fields, method=method))
    assert answer.status == 200, answer.body
    lines = answer.body.decode("latin-1").lower().split("\r\n")
    assert [line for line in lines if line.startswith("max")] == [f"max-forwards: {seen}"]


async def test_a_trace_passes_as_it_came_and_none_is_begun(gateway):
    """W3C Trace Context: the gateway takes no part in it."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    head = await raw_head(gateway.plain, f"traceparent: {parent}", "tracestate: a=1,b=2")
    assert (only(head, "traceparent"), only(head, "tracestate")) == (parent, "a=1,b=2")
    assert absent(await raw_head(gateway.plain), "traceparent")


async def test_hop_by_hop_fields_of_a_request_stay_here(gateway):
    """RFC 9110 §7.6.1."""
    head = await raw_head(
        gateway.plain,
        "Connection: keep-alive, X-Gone",
        "X-Gone: 1",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: trailers",
        "Upgrade: h2c",
        "X-Stays: 1",
        "Accept-Encoding: gzip",
    )
    for name in ("x-gone", "keep-alive", "proxy-connection", "te", "upgrade"):
        assert absent(head, name), name
    assert only(head, "x-stays") == "1"
    assert only(head, "accept-encoding") == "gzip"


async def test_hop_by_hop_fields_of_an_answer_stay_here(gateway):
    answer = await once(gateway.plain, get("/hop-by-hop"))
    assert answer.values("x-internal") == []
    assert answer.values("keep-alive") == []
    assert answer.values("x-public") == ["open"]
    assert answer.values("set-cookie") == ["a=1", "b=2"]


async def test_the_target_passes_as_it_was_written(gateway):
    path = "/raw/%ED%95%9C%20a/b;c=1/@:!$&'()*+,=?q=%2F..%2f&x=%22"
    answer = await once(gateway.plain, get(path))
    assert answer.body.split(b" ")[1] == path.encode()


async def test_upstream_connections_are_used_again(gateway, odd_itself):
    async with gateway.plain.client() as client, odd_itself.client() as itself:
        await client.get("/plain")
        before = (await itself.get("/statistics")).json()["connections"]
        for _ in range(20):
            assert (await client.get("/plain")).text == "plain"
        after = (await itself.get("/statistics")).json()["connections"]
    assert after - before <= 2, "one a worker at most"


# Answers of the gateway's own.


def assert_problem(answer, status, reason):
    """RFC 9457, with the word of the one table of endings."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["reason"] == reason
    assert problem["title"]
    assert problem["type"]
    assert problem["request_id"]
    return problem


async def test_an_unknown_route_is_404(gateway):
    async with gateway.tls.client() as client:
        answer = await client.get("/nowhere", headers={"X-Request-Id": "find-me"})
    problem = assert_problem(answer, 404, "policy")
    assert problem["request_id"] == "find-me"
    assert "nowhere" not in problem["detail"]


async def test_a_method_that_is_not_allowed_is_405(gateway):
    async with gateway.tls.client() as client:
        answer = await client.delete("/only")
        assert_problem(answer, 405, "policy")
        allowed = {method.strip() for method in answer.headers["allow"].split(",")}
        assert allowed == {"GET", "HEAD"}


async def test_a_plain_request_to_a_websocket_route_is_refused(gateway):
    async with gateway.tls.client() as client:
        answer = await client.get("/socket")
    assert answer.status_code == 426
    assert answer.headers["upgrade"].lower() == "websocket"


async def test_a_route_may_answer_by_itself(gateway):
    async with gateway.tls.client() as client:
        answer = await client.get("/hello")
        assert (answer.status_code, answer.text) == (200, "안녕")
        answer = await client.get("/moved")
        assert (answer.status_code, answer.headers["location"]) == (308, "/hello")


@pytest.mark.parametrize("path", ["/", "/echo?a=1&b=%20"])
async def test_the_redirect_listener_points_to_https(gateway, path):
    port = gateway.names["spare"]
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            f"http://127.0.0.1:{port}{path}", headers={"Host": f"api.example.kr:{port}"}
        )
    assert answer.status_code == 308
    assert answer.headers["location"] == f"https://api.example.kr{path}"


async def test_a_body_over_the_routes_size_is_413(gateway):
    async with gateway.tls.client(headers={"Host": "small.test"}) as client:
        assert (await client.post("/echo", content=b"x" * 1024)).json()["size"] == 1024
        assert_problem(await client.post("/echo", content=b"x" * 1025), 413, "too_big")

        async def chunks():
            for _ in range(20):
                yield b"x" * 100

        answer = await client.post("/echo", content=chunks())
        assert answer.status_code == 413


async def test_a_refusal_does_not_wait_for_the_body(gateway):
    async with connection(gateway.plain) as raw:
        fields = ["Expect: 100-continue", "Content-Length: 5"]
        await raw.send(get("/private", *fields, method="POST"))
        answer = await raw.answer("POST")
        assert (answer.status, answer.informational) == (401, [])


async def test_a_good_token_opens_the_same_door(gateway):
    fields = [f"Authorization: Bearer {tokens.mint()}"]
    assert (await once(gateway.plain, get("/private", *fields))).body == b"plain"


@pytest.mark.parametrize("path", ["/garbage", "/two-lengths", "/reset"])
async def test_an_upstream_that_talks_nonsense_is_502(gateway, path):
    async with gateway.tls.client() as client:
        assert_problem(await client.get(path), 502, "upstream_unavailable")


async def test_an_upstream_that_never_answers_is_504(gateway):
    async with gateway.tls.client() as client:
        assert_problem(await client.get("/silent"), 504, "upstream_unavailable")


@pytest.mark.parametrize("path", ["/cut-in-length", "/cut-in-chunk"])
async def test_a_cut_answer_looks_cut(gateway, path):
    """A client must never take half an answer for a whole one."""
    async with gateway.tls.client() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(path)


async def test_other_clients_are_served_while_one_waits(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send(get("/silent"))
        async with gateway.plain.client() as client:
            answers = await asyncio.gather(*[client.get("/plain") for _ in range(20)])
        assert all(answer.text == "plain" for answer in answers)
