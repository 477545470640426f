"""Targets: whom a request is for, which captures a rule reads, where a redirect leads, and what of
a token travels on in one."""

import json

import pytest

from harness import tokens
from harness.door import Door, refusal
from harness.log import line
from harness.ports import free_port
from harness.raw import connection, once
from harness.wire import Upstream, dialled, switched

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
listen 127.0.0.1:$spare { redirect https 8443 }
listen [::1]:$six { redirect https }

jwt app {
    algorithms HS256; secret env:JWT_SECRET; user user_id; tickets on; from bearer query:token
}
backend odd { server 127.0.0.1:$odd }

rewrite /shop/{id}/patient/{pid} to /raw/patient/{pid} {
    header X-Shop {id}; require path:id != 13
}
rewrite /own/{id} to /raw/own/{id} { require claim:user_id == path:id }
rewrite /legacy/{ward}/{bed} to /raw/ward/{bed} {}
rewrite /gone/{id}/{pid} to /away/{pid} {}
rewrite /old/{id} to /raw/new/{id} { redirect }

route /raw/patient/{id} {
    auth app; require claim:user_id == path:id; backend odd; header X-Patient {id}
}
route /raw/own/{other} { auth app; backend odd; header X-Other {other} }
route /raw/ward/{ward} { backend odd; header X-Ward {ward} }
route /raw/auth        { auth app; backend odd; header X-Target {request.target} }
route /raw {
    backend odd; header X-Host "{request.host}"; header X-Target {request.target}
}
route /away/{id}       { redirect 302 /found/{id} }
route /user/{id}       { auth app; redirect 302 /{auth.user}/{id} }
route /go/{host}       { redirect 302 https://{host}/welcome }
route /tenant/{name}   { redirect 302 https://{name}.example.kr{request.target} }
route /port/{port}     { redirect 302 https://example.kr:{port}/ }
route /first/{text}    { redirect 302 "{text}" }
route /piece/{text}    { redirect 302 "/a/{text}/b?c={text}#{text}" }
route /same            { redirect 308 https://{request.host}{request.target} }
route /near            { redirect 308 /raw{request.target} }
route /plain           { redirect 308 http://{request.host}{request.target} }
route /sso             { redirect 302 "https://sso.example/login?next={request.target}" }
route /other           { redirect 308 https://other.example{request.target} }
route /scheme          { redirect 308 "{request.scheme}://{request.host}:81{request.path}" }

route pub.example/who  { respond 200 public }
route adm.example/who  { respond 200 admin }
route /who             { respond 200 anybody }
route /kept            { path keep; redirect 308 https://{request.host}{request.target} }
route /read            { path keep; backend odd; cors https://app.example; methods GET }
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, odd):
    gateway = start_module_gateway(CONFIGURATION, odd=odd, six=free_port())
    gateway.spare = Door("the way to https", gateway.names["spare"])
    gateway.six = Door("the same over IPv6", gateway.names["six"], host="::1")
    return gateway


def request(path, *fields, host="localhost", method="GET", version="HTTP/1.1"):
    hosts = [] if host is None else [f"Host: {host}"]
    return "\r\n".join([f"{method} {path} {version}", *hosts, *fields, "", ""])


def bearer(user=7, **claims):
    return f"Authorization: Bearer {tokens.mint(user=user, **claims)}"


async def head(door, path, *fields, **options):
    """Target and fields as the app received them; no name twice."""
    answer = await once(door, request(path, *fields, **options))
    assert answer.status == 200, (answer.status, answer.body)
    lines = answer.body.decode("latin-1").split("\r\n")
    pairs = [line.split(": ", 1) for line in lines[1:] if line]
    assert len({name.lower() for name, _ in pairs}) == len(pairs), pairs
    return lines[0].split(" ")[1], {name.lower(): value for name, value in pairs}


async def location(door, path, *fields, **options):
    answer = await once(door, request(path, *fields, **options))
    found = answer.values("location")
    assert len(found) <= 1
    return found[0] if found else answer.status


# Captures.


async def test_a_route_judges_the_path_that_the_app_sees(gateway):
    """The rewrite's `{id}` is the shop; the route's is the patient."""
    refused = await once(gateway.plain, request("/shop/7/patient/9", bearer(7)))
    assert refused.status == 403
    target, seen = await head(gateway.plain, "/shop/9/patient/7", bearer(7))
    assert target == "/raw/patient/7"
    assert seen["x-patient"] == "7"
    assert seen["x-shop"] == "9", "the rewrite's header has the rewrite's capture"


async def test_a_rewrite_judges_the_path_that_was_asked_for(gateway):
    assert (await once(gateway.plain, request("/shop/13/patient/7", bearer(7)))).status == 403
    assert (await once(gateway.plain, request("/own/8", bearer(7)))).status == 403
    target, seen = await head(gateway.plain, "/own/7", bearer(7))
    assert (target, seen["x-other"]) == ("/raw/own/7", "7")


async def test_headers_and_redirects_have_the_routes_capture(gateway):
    _, seen = await head(gateway.plain, "/legacy/7/12")
    assert seen["x-ward"] == "12"
    assert await location(gateway.plain, "/gone/evil/42") == "/found/42"


STORES = """
listen 127.0.0.1:$http
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
backend app { server 127.0.0.1:$app }
sessions wards { store path:ward; device query:client_id; limit 1 block_new }
rewrite /legacy/{ward}/{bed} to /ws/{bed} {}
rewrite /mine/{id}/{pid} to /own/{pid} {}
route /ws/{ward}  { websocket; sessions wards; backend app }
route /own/{id}   { websocket; auth app; require claim:bed == path:id; backend app }
"""


@pytest.fixture
def stores(start_gateway, upstream):
    return start_gateway(STORES, app=upstream.port).plain


async def test_a_store_is_named_by_the_routes_capture(stores, upstream):
    """Both are for ward 12, of which only one device may be there, whatever stands before it."""
    async with dialled(stores, "/legacy/1/12?client_id=a") as client:
        app = await upstream.arrival(client.target.replace("/legacy/1", "/ws"))
        await app.switch()
        await switched(client)
        async with stores.websocket("/legacy/2/12?client_id=b") as other:
            message, code, _ = await refusal(other)
        assert (code, message["store"]) == (4009, "12")
        app.writer.close()


async def test_a_refresh_is_judged_by_the_routes_capture(stores, upstream):
    """The next token is asked what the first was asked."""
    fields = [bearer(7, bed=7), "Sec-WebSocket-Protocol: gateway.v1"]
    async with dialled(stores, "/mine/8/7", *fields) as client:
        app = await upstream.arrival(client.target.replace("/mine/8", "/own"))
        await app.switch()
        await switched(client)
        assert '"session"' in (await client.receive()).payload.decode()
        for bed, word in ((7, "auth.refreshed"), (8, "force_disconnect")):
            order = {"type": "auth.refresh", "token": tokens.mint(user=7, expires=7200, bed=bed)}
            await client.send(1, json.dumps(order))
            assert word in (await client.receive()).payload.decode()
        assert await client.closed() == (4003, "claim")
        app.writer.close()


STRIPPED = """
listen 127.0.0.1:$http
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; from query:token }
backend app { server 127.0.0.1:$app }
route /lab/ { strip /lab; auth app; backend app; header X-Path {request.path} }
route /any  { strip /any; path keep; websocket; backend app }
"""


@pytest.mark.parametrize(
    "asked, path",
    [("/lab/api/kernels/1/channels", "/api/kernels/1/channels"), ("/lab//%61/", "/a/"),
     ("/lab", "/"), ("/any/a//%78", "/a//%78"), ("/any", "/")],
)  # fmt: skip
async def test_a_websocket_of_an_app_below_a_prefix(start_gateway, upstream, asked, path):
    gateway = start_gateway(STRIPPED, app=upstream.port)
    token = tokens.mint(user=7)
    async with dialled(gateway.plain, f"{asked}?token={token}") as client:
        query = client.target.partition("?")[2]
        bare = query.removeprefix(f"token={token}&")
        is_lab = asked.startswith("/lab")
        app = await upstream.arrival(f"{path}?{bare if is_lab else query}")
        assert app.field("x-forwarded-prefix") == asked[:4]
        assert app.field("x-path") == (path if is_lab else None)
        await app.switch()
        await switched(client)
        await client.send(1, "in")
        assert (await app.receive()).payload == b"in"
        app.writer.close()


# Whom a request is for.


@pytest.mark.parametrize(
    "target, host, answer",
    [
        ("http://pub.example/who", "adm.example", "public"),
        ("http://adm.example/who", "pub.example", "admin"),
        ("HTTP://PUB.example:80/who", "adm.example", "public"),
        ("https://pub.example./who", "adm.example", "public"),
        ("http://other.example/who", "adm.example", "anybody"),
        ("http://pub.example/who", "", "public"),
        ("/who", "PUB.Example.:1", "public"),
        ("/who", "", "anybody"),
    ],
)  # fmt: skip
async def test_the_targets_authority_chooses_the_route(gateway, target, host, answer):
    assert (await once(gateway.plain, request(target, host=host))).body == answer.encode()


async def test_the_targets_authority_is_all_the_app_hears_of(gateway):
    """`Host`, `X-Forwarded-Host` and `{request.host}`, and the log (RFC 9112 §3.2.2)."""
    target, seen = await head(
        gateway.plain, "http://Pub.example:81/raw?mark=absolute", host="adm.example"
    )
    assert target == "/raw?mark=absolute"
    assert seen["host"] == seen["x-forwarded-host"] == seen["x-host"] == "Pub.example:81"
    assert (await line(gateway, "mark=absolute"))["host"] == "Pub.example:81"


@pytest.mark.parametrize(
    "target, host, origin, status",
    [
        ("http://pub.example/", "adm.example", "http://pub.example", 101),
        ("http://pub.example/", "adm.example", "http://adm.example", 403),
        ("http://[::1]:8080/", "adm.example", "http://[::1]:8080", 101),
        ("/", "[::1]:8080", "http://[::1]:8080", 101),
        ("/", "", "http://pub.example", 403),
    ],
)
async def test_the_same_origin_is_the_targets(
    start_gateway, upstream, target, host, origin, status
):
    gateway = start_gateway(
        """
        listen 127.0.0.1:$http
        backend app { server 127.0.0.1:$app }
        route / { websocket; backend app; refuse http }
        """,
        app=upstream.port,
    )
    fields = [
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Origin: {origin}",
    ]  # fmt: skip
    async with connection(gateway.plain) as raw:
        await raw.send(request(target, *fields, host=host))
        if status == 101:
            app = await upstream.arrival("/")
            await app.switch()
        assert (await raw.until(b"\r\n")).split(b" ")[1] == str(status).encode()


@pytest.mark.parametrize("version, host", [("HTTP/1.0", None), ("HTTP/1.0", ""), ("HTTP/1.1", "")])
async def test_an_app_is_told_a_host_although_the_client_names_none(gateway, odd, version, host):
    """An HTTP/1.1 request without one is malformed (RFC 9112 §3.2)."""
    async with connection(gateway.plain) as raw:
        await raw.send(request("/raw", "Connection: close", host=host, version=version))
        answer = (await raw.end()).decode("latin-1")
    assert answer.startswith("HTTP/1.1 200")
    lines = answer.lower().split("\r\n")
    assert lines.count(f"host: 127.0.0.1:{odd.port}") == 1
    assert not [line for line in lines if line.startswith("x-forwarded-host")]


async def test_an_app_on_a_unix_socket_is_localhost(start_gateway, tmp_path):
    path = str(tmp_path / "app.sock")
    async with Upstream(path) as upstream:
        gateway = start_gateway(
            "listen 127.0.0.1:$http\nbackend app { server unix:$path }\nroute / { backend app }",
            path=path,
        )
        async with connection(gateway.plain) as raw:
            await raw.send("GET / HTTP/1.0\r\n\r\n")
            app = await upstream.arrival("/")
            assert app.field("Host") == "localhost"
            await app.answer("204 No Content")


# The way to https.


@pytest.mark.parametrize(
    "target, host, answer",
    [
        ("/a?b=%2F", "Example.KR:8080", "https://example.kr:8443/a?b=%2F"),
        ("/a", "[::1]:8080", "https://[::1]:8443/a"),
        ("/", "[2001:DB8::1]", "https://[2001:db8::1]:8443/"),
        ("/a//b/%41%c3%a9/../c;x?d=%41", "a.kr", "https://a.kr:8443/a//b/%41%c3%a9/../c;x?d=%41"),
        ("//evil.example/x", "a.kr", "https://a.kr:8443//evil.example/x"),
        ("http://a.kr?b", "adm.example", "https://a.kr:8443/?b"),
        ("http://pub.example:80/x", "adm.example", "https://pub.example:8443/x"),
        ("http://[::1]:80", "adm.example", "https://[::1]:8443/"),
        ("/a", "", 400), ("/a", None, 400),
    ],
)  # fmt: skip
async def test_redirect_https_names_the_host_that_was_asked(gateway, target, host, answer):
    version = "HTTP/1.0" if host is None else "HTTP/1.1"
    door = gateway.spare
    assert await location(door, target, host=host, version=version) == answer


async def test_redirect_https_can_be_followed_by_the_pages_that_may(gateway):
    for path, method in [("/read//x", "GET"), ("/read", "PUT")]:
        for origin, grant in [("https://app.example", 1), ("https://evil.example", 0)]:
            asked = request(path, f"Origin: {origin}", method=method)
            answer = await once(gateway.spare, asked)
            assert answer.status == 308
            assert answer.values("access-control-allow-origin") == [origin] * grant
            assert answer.values("vary") == ["Origin"]
    assert (await once(gateway.spare, request("/who"))).values("vary") == []


async def test_a_redirect_of_a_route_that_keeps_paths_keeps_them(gateway):
    assert await location(gateway.plain, "/kept//%41?b") == "https://localhost/kept//%41?b"
    assert await location(gateway.plain, "/same//%41?b") == "https://localhost/same/A?b"
    token = tokens.mint(user=7)
    kept = await location(gateway.tls, f"/kept//%41?token={token}")
    assert kept == f"https://localhost/kept//%41?token={token}"


async def test_redirect_https_at_its_own_port_names_none(gateway):
    assert await location(gateway.six, "/a", host="[::1]:8080") == "https://[::1]/a"


# Where a redirect leads.


@pytest.mark.parametrize(
    "path, answer",
    [
        ("/go/good.example", "https://good.example/welcome"),
        ("/go/evil.com%3F", 400), ("/go/evil.com%23", 400), ("/go/a%40evil.com", 400),
        ("/go/evil.com:80", 400), ("/go/evil.com;", 400), ("/go/%20", 400), ("/go/-a", 400),
        ("/go/a..b", 400), ("/go/.", 404), ("/go/a%0d%0aX:1", 400), ("/go/%EA%B0%80", 400),
        ("/tenant/a", "https://a.example.kr/tenant/a"), ("/tenant/evil.com%3F", 400),
        ("/tenant/%5Bx", 400), ("/port/8443", "https://example.kr:8443/"), ("/port/x", 400),
        ("/port/8443@evil.com", 400), ("/port/99999", 400),
        ("/first/javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("/first/https:", "https%3A"),
        ("/piece/a%20b%26%3F%25", "/a/a%20b%26%3F%25/b?c=a%20b%26%3F%25#a%20b%26%3F%25"),
        ("/piece/%EA%B0%80", "/a/%EA%B0%80/b?c=%EA%B0%80#%EA%B0%80"),
        ("/scheme", "http://localhost:81/scheme"),
        ("/same", "https://localhost/same"), ("/near?a=1", "/raw/near?a=1"),
    ],
)  # fmt: skip
async def test_a_capture_stays_in_its_component(gateway, path, answer):
    assert await location(gateway.plain, path) == answer


async def test_an_empty_value_makes_no_host_of_what_follows(gateway):
    nobody = bearer(None, sub="x")
    assert await location(gateway.plain, "/user/evil.com", nobody) == "/evil.com"
    odd = bearer("/evil.com")
    assert await location(gateway.plain, "/user/x", odd) == "/%2Fevil.com/x"


async def test_a_redirect_that_needs_a_host_is_refused_without_one(gateway):
    for path in ("/same", "/scheme", "/plain"):
        assert await location(gateway.plain, path, host="") == 400


@pytest.mark.parametrize("name", ["token", "ticket"])
async def test_a_token_goes_no_further_than_the_host_it_was_sent_to(gateway, name):
    token = tokens.mint(user=7)
    query = f"?{name}={token}"
    for door, path, answer in [
        (gateway.plain, "/same", f"https://localhost/same{query}"),
        (gateway.plain, "/near", f"/raw/near{query}"),
        (gateway.plain, "/old/1", f"/raw/new/1{query}"),
        (gateway.plain, "/plain", f"http://localhost/plain{query}"),
        (gateway.plain, "/other", "https://other.example/other"),
        (gateway.plain, "/sso", "https://sso.example/login?next=/sso"),
        (gateway.plain, "/tenant/a", "https://a.example.kr/tenant/a"),
        (gateway.spare, "/x", "https://localhost:8443/x"),
        (gateway.spare, "//x", "https://localhost:8443//x"),
        (gateway.tls, "/plain", "http://localhost/plain"),
    ]:
        assert await location(door, path + query) == answer
    kept = await location(gateway.plain, f"/other?a=1&{name}={token}&b=%26")
    assert kept == "https://other.example/other?a=1&b=%26"
    kept = await location(gateway.plain, f"/sso?a=1&{name}={token}&b=%26")
    assert kept == "https://sso.example/login?next=/sso%3Fa%3D1%26b%3D%2526"


@pytest.mark.parametrize(
    "query, left",
    [("?token={}", ""), ("?token={}&a=1", "?a=1"), ("?a=1&token={}&b=", "?a=1&b="),
     ("?%74oken={}", ""), ("?token={}&token=x", ""), ("?token={}&", ""), ("?token={}&&a", "?a")],
)  # fmt: skip
async def test_a_token_in_the_query_goes_with_its_question_mark(gateway, query, left):
    target, seen = await head(gateway.plain, "/raw/auth" + query.format(tokens.mint(user=7)))
    assert target == "/raw/auth" + left
    assert seen["x-target"] == "/raw/auth" + left, "a header says no more than the target"


@pytest.mark.parametrize("query", ["", "?", "?a", "?a=1&&b=%20"])
async def test_a_query_without_a_token_is_left_as_it_is(gateway, query):
    target, seen = await head(gateway.plain, "/raw/auth" + query, bearer(7))
    assert target == seen["x-target"] == "/raw/auth" + query


async def test_without_auth_the_query_is_the_apps(gateway):
    target, seen = await head(gateway.plain, "/raw?token=a.b.c")
    assert target == seen["x-target"] == "/raw?token=a.b.c"
