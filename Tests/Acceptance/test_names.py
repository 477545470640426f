"""Names of fields, roles, cookies and subprotocols: what an app believes, and what it never sees.

What the gateway vouches for, an app may believe in every spelling that it may read: CGI and its
heirs (WSGI, Rack, PHP) make one variable of `X-Auth-User`, `X_Auth_User` and `X.Auth.User`."""

import json

import pytest

from harness import tokens
from harness.raw import connection, once
from harness.wire import wired

CONFIGURATION = """
listen 127.0.0.1:$http

jwt app {
    algorithms HS256; secret env:JWT_SECRET; user user_id
    from bearer subprotocol cookie:session query:token
}
jwt staff { algorithms HS256; secret env:JWT_SECRET; from cookie:staff; user_header X-Staff }
backend odd { server 127.0.0.1:$odd }

rewrite /shop/{id} to /raw/vouched { header X-Tenant rewritten; header X_Extra {id} }
route /raw/vouched {
    auth app; backend odd; header x-tenant t1; header X-Real-IP {client.address}
}
route /raw/tenant    { backend odd; header X-Tenant t1 }
route /raw/forwarded {
    backend odd; header X-Forwarded-For {client.address}; header X-Request-Id mine
}
route /raw/agent     { backend odd; header User-Agent gateway }
route /raw/auth      { auth app or staff; backend odd; header X-Role {auth.role} }
route /raw/asked     { require header:X-Tenant == t1; backend odd }
route /raw/login     { forward_token on; backend odd }
route /raw/issuer    { auth app; forward_token on; backend odd }
route /raw           { backend odd }
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, odd):
    return start_module_gateway(CONFIGURATION, odd=odd)


def request(path, *fields, method="GET"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *fields, "", ""])


def bearer(user=7, **claims):
    return f"Authorization: Bearer {tokens.mint(user=user, **claims)}"


async def head(gateway, path, *fields):
    """Target and field lines as the app received them."""
    answer = await once(gateway.plain, request(path, *fields))
    assert answer.status == 200, (answer.status, answer.body)
    lines = answer.body.decode("latin-1").split("\r\n")
    pairs = [line.split(": ", 1) for line in lines[1:] if line]
    return lines[0].split(" ")[1], [(name, value) for name, value in pairs]


def read_by_cgi(pairs):
    """What a CGI-like app makes of field lines: names folded, repeated ones joined."""
    variables = {}
    for name, value in pairs:
        folded = "".join(c if c.isalnum() else "_" for c in name).upper()
        variables.setdefault(folded, []).append(value)
    return {name: ",".join(values) for name, values in variables.items()}


# Fields that apps believe.

FORGERIES = [
    "X-Auth-User", "X-Auth-Role", "X-Auth-Claims", "X-Staff", "X-Session-Id", "X-Forwarded-For",
    "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Server",
    "X-Forwarded-Prefix", "X-Forwarded-Ssl", "X-Real-IP", "X-Request-Id", "X-Original-URL",
    "X-Rewrite-URL", "Forwarded", "Proxy", "X-Tenant", "True-Client-IP", "X-Original-Host",
]  # fmt: skip


def spellings(name):
    """The ways to write a name that CGI folds into one."""
    marks = ["-", "_", ".", "~", "!", "'", "^", "`", "|", "*", "+", "#", "$", "%", "&"]
    written = {name.replace("-", mark) for mark in marks}
    written |= {name.upper(), name.lower(), name.replace("-", "_").lower()}
    if name.count("-") > 1:
        first, rest = name.split("-", 1)
        written |= {f"{first}-{rest.replace('-', '_')}", f"{first}_{rest}"}
    return sorted(written)


@pytest.mark.parametrize("name", FORGERIES)
async def test_no_spelling_of_a_name_that_the_gateway_vouches_for_comes_through(gateway, name):
    for spelling in spellings(name):
        for path in ("/raw/tenant", "/raw/vouched"):
            _, pairs = await head(gateway, path, bearer(7), f"{spelling}: forged 9.9.9.9")
            assert "forged" not in str(pairs), (spelling, path)


DOUBLES = [
    "Content_Length: 5", "Content.Length: 5", "Transfer_Encoding: chunked", "Accept_Language: xx",
    "User_Agent: double", "Sec_WebSocket_Key: double", "Content_Type: double", "Keep_Alive: 5",
    "Proxy_Authorization: Basic eDp5", "Proxy_Connection: double", "Retry.After: 5",
]  # fmt: skip


@pytest.mark.parametrize("line", DOUBLES)
async def test_the_double_of_a_field_that_the_gateway_acts_upon_stays_here(gateway, line):
    _, pairs = await head(gateway, "/raw", line)
    assert line.split(":")[0].lower() not in [name.lower() for name, _ in pairs]


@pytest.mark.parametrize(
    "line", ["X_Custom: 1", "api_key: 1", "X.Y: 1", "Sec-Fetch-Mode: cors", "Referer: http://x/",
             "X-Forward: 1", "X-Auth: 1", "X-Tenants: 1", "If-Match: x", "Range: bytes=0-1",
             "X-HTTP-Method-Override: PUT", "X-Client-Id: mine", "X-CSRF-Token: 1"],
)  # fmt: skip
async def test_everything_else_comes_through_as_it_was_written(gateway, line):
    _, pairs = await head(gateway, "/raw", line)
    assert tuple(line.split(": ")) in pairs


async def test_a_cgi_app_reads_what_the_gateway_says(gateway):
    forged = [f"{spelling}: is forged" for name in FORGERIES for spelling in spellings(name)]
    for start in range(0, len(forged), 60):
        _, pairs = await head(gateway, "/raw/vouched", bearer(7), *forged[start : start + 60])
        seen = read_by_cgi(pairs)
        assert "forged" not in json.dumps(seen)
        assert seen["X_AUTH_USER"] == "7"
        assert seen["X_TENANT"] == "t1"
        assert seen["X_FORWARDED_FOR"] == "127.0.0.1"


async def test_one_name_is_one_line_and_the_routes_word_is_the_last(gateway):
    """Of a rewrite's and a route's `header`; of the gateway's own and a configured one."""
    _, pairs = await head(gateway, "/shop/1", bearer(7), "X-Extra: theirs")
    assert [pair for pair in pairs if pair[0].lower() == "x-tenant"] == [("x-tenant", "t1")]
    _, pairs = await head(gateway, "/raw/forwarded", "X-Request-Id: theirs")
    assert [value for name, value in pairs if name.lower() == "x-forwarded-for"] == ["127.0.0.1"]
    assert [value for name, value in pairs if name.lower() == "x-request-id"] == ["mine"]
    _, pairs = await head(gateway, "/raw/agent", "User-Agent: theirs")
    assert [value for name, value in pairs if name.lower() == "user-agent"] == ["gateway"]


@pytest.mark.parametrize(
    "named", ["X-Auth-User", "X-Tenant", "X-Forwarded-For", "X-Real-IP",
              "X-Auth-User, X-Auth-Role, X-Tenant, X_Tenant, Host"],
)  # fmt: skip
async def test_connection_takes_none_of_it_away(gateway, named):
    _, pairs = await head(gateway, "/raw/vouched", bearer(7), f"Connection: {named}")
    seen = dict(pairs)
    assert seen["X-Auth-User"] == "7" and seen["x-tenant"] == "t1"
    assert seen["X-Forwarded-For"] == "127.0.0.1" and seen["Host"] == "localhost"


async def test_a_trusted_proxys_claims_come_through_in_their_own_spelling_only(start_gateway, odd):
    """What it did not take away from its own client may be spelt in any other way."""
    gateway = start_gateway(
        """
        trust 127.0.0.0/8
        listen 127.0.0.1:$http
        backend odd { server 127.0.0.1:$odd }
        route / { backend odd; header X-Tenant t1 }
        """,
        odd=odd,
    )
    claims = ["X-Forwarded-Port: 8443", "X-Forwarded-Prefix: /a", "X-Real-IP: 192.0.2.1"]
    doubles = [
        "X_Forwarded_Port: 1", "X.Forwarded.Prefix: /b", "X_Real_IP: 9.9.9.9", "Proxy: evil",
        "X_Forwarded_For: 9.9.9.9", "X_Tenant: t2", "X-Session-Id: forged",
    ]  # fmt: skip
    _, pairs = await head(gateway, "/raw", *claims, *doubles, "Connection: X-Real-IP")
    for claim in claims:
        assert tuple(claim.split(": ")) in pairs
    names = [name.lower() for name, _ in pairs]
    for double in doubles:
        assert double.split(":")[0].lower() not in names


@pytest.mark.parametrize("name", [*FORGERIES, "X-Client-Id", "Content-Length", "Cookie", "Host"])
async def test_trailers_are_held_to_the_same(start_gateway, upstream, name):
    """A chunked body's trailers, which many servers merge into the head (RFC 9110 §6.5.1)."""
    gateway = start_gateway(
        """
        listen 127.0.0.1:$http
        jwt app { algorithms HS256; secret env:JWT_SECRET; user_header X-Staff }
        backend app { server 127.0.0.1:$app }
        route / { backend app; header X-Tenant t1 }
        """,
        app=upstream.port,
    )
    async with connection(gateway.plain) as raw:
        trailers = "".join(f"{spelling}: forged\r\n" for spelling in spellings(name))
        await raw.send(request("/", "Transfer-Encoding: chunked", method="POST"))
        await raw.send(f"5\r\nhello\r\n0\r\n{trailers}X-Digest: honest\r\n\r\n")
        app = await upstream.arrival("/")
        body = await app.reader.readuntil(b"\r\n\r\n")
        assert b"X-Digest: honest" in body
        assert b"forged" not in body, body
        app.writer.close()


async def test_a_rule_about_a_field_is_not_told_another_one(gateway):
    """`require header:X-Tenant` believes no request of which the app may read another tenant."""
    assert (await once(gateway.plain, request("/raw/asked", "X-Tenant: t1"))).status == 200
    for doubles in (["X-Tenant: t1", "X_Tenant: t2"], ["X_Tenant: t1"], ["x.tenant: t1"],
                    ["X_Tenant: t2", "X-Tenant: t1"]):  # fmt: skip
        assert (await once(gateway.plain, request("/raw/asked", *doubles))).status == 403


# Roles.


@pytest.mark.parametrize(
    "role, told",
    [(["guest,admin"], "guest%2Cadmin"), ("guest,admin", "guest%2Cadmin"),
     (["guest", "admin"], "guest,admin"), (["a,b", "c"], "a%2Cb,c"), ("접수", "접수")],
)  # fmt: skip
async def test_one_role_does_not_look_like_two(gateway, role, told):
    _, pairs = await head(gateway, "/raw/auth", bearer(7, role=role))
    seen = dict(pairs)
    assert seen["X-Auth-Role"].encode("latin-1").decode() == told
    assert seen["X-Role"].encode("latin-1").decode() == told.split(",")[0]


# Tokens.


async def test_cookies_that_hold_a_token_reach_no_app_that_does_not_ask_for_them(gateway):
    """A browser sends them everywhere, also to where there is no `auth`."""
    token = tokens.mint(user=7)
    for path, fields in (("/raw", []), ("/raw/auth", [bearer(7)]), ("/raw/tenant", [])):
        _, pairs = await head(
            gateway, path, *fields, f"Cookie: a=1; staff={token}; b=2", f"Cookie: session={token}"
        )
        assert token not in str(pairs)
        assert ("Cookie", "a=1; b=2") in pairs
    _, pairs = await head(gateway, "/raw", f'Cookie: session="{token}"')
    assert "cookie" not in [name.lower() for name, _ in pairs]


async def test_without_auth_all_else_is_the_apps(gateway):
    """A cookie of that name that holds no token, `Authorization`, the query of a link it made."""
    other = tokens.mint(user=7)
    target, pairs = await head(
        gateway, f"/raw?token={other}&a", "Cookie: session=abc; staff=a.b", bearer(7)
    )
    assert target == f"/raw?token={other}&a"
    assert ("Cookie", "session=abc; staff=a.b") in pairs
    assert "Authorization" in dict(pairs)


async def test_an_app_that_makes_tokens_gets_them_where_it_is_said(gateway):
    token = tokens.mint(user=7)
    for path in ("/raw/login", "/raw/issuer"):
        target, pairs = await head(
            gateway, f"{path}?token={token}", f"Authorization: Bearer {token}",
            f"Cookie: session={token}; staff={token}",
        )  # fmt: skip
        seen = dict(pairs)
        assert target.endswith(f"?token={token}")
        assert seen["Authorization"] == f"Bearer {token}"
        assert seen["Cookie"] == f"session={token}; staff={token}"


# Sockets.

SOCKETS = """
listen 127.0.0.1:$http
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; from subprotocol cookie:session }
backend app { server 127.0.0.1:$app }
route /open { websocket; backend app; header X-Tenant t1 }
route /     { websocket; auth app; backend app; header X-Tenant t1 }
"""


@pytest.fixture
def sockets(start_gateway, upstream):
    return start_gateway(SOCKETS, app=upstream.port).plain


async def test_a_handshake_is_held_to_the_same(sockets, upstream):
    doubles = ["Sec_WebSocket_Key", "sec.websocket.protocol", "Sec_WebSocket_Extensions"]
    for name in ("X-Auth-User", "X-Tenant", "X-Session-Id", "X-Forwarded-For"):
        doubles += spellings(name)[:16]
    offer = f"Sec-WebSocket-Protocol: v1, jwt.{tokens.mint(user=7)}"
    forged = [f"{name}: forged" for name in doubles]
    async with wired(sockets, upstream, "/", *forged, offer) as (_, app):
        assert b"forged" not in app.head
        assert app.field("X-Auth-User") == "7"
        assert app.field("Sec-WebSocket-Protocol") == "v1"


async def test_a_token_offered_where_there_is_no_auth_stays_here(sockets, upstream):
    token = tokens.mint(user=7)
    offers = f"Sec-WebSocket-Protocol: v1, jwt.{token}, jwt.mine"
    cookie = f"Cookie: session={token}; a=1"
    async with wired(sockets, upstream, "/open", offers, cookie) as (client, app):
        assert app.field("Sec-WebSocket-Protocol") == "v1, jwt.mine"
        assert app.field("Cookie") == "a=1"
        assert client.field("Sec-WebSocket-Protocol") == "v1"


async def test_an_app_cannot_name_the_session_of_a_live_connection(sockets, upstream):
    offer = f"Sec-WebSocket-Protocol: jwt.{tokens.mint(user=7)}"
    forged = ["X_Session_Id: forged", "X.Session.Id: forged"]
    async with wired(sockets, upstream, "/", offer, answer=forged) as (client, app):
        assert b"forged" not in client.head
        assert client.field("X-Session-Id") == app.field("X-Session-Id")
