"""Where issuers put the user and the roles, and where clients put tokens: claims within claims,
headers of other names, and which `Authorization` is the app's own."""

import base64
import json

import jwt
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from harness import tokens
from harness.gateway import command
from harness.raw import connection, once
from harness.serving import serving

AUTH0 = "https://app.example/roles"
CONFIGURATION = f"""
listen 127.0.0.1:$http

jwt keycloak {{
    algorithms HS256; secret env:JWT_SECRET; issuer https://kc.example/realms/a
    user preferred_username; role realm_access.roles; required realm_access.roles
}}
jwt client {{
    algorithms HS256; secret env:JWT_SECRET; issuer kc-client
    user profile.id; role resource_access.app.roles
}}
jwt auth0   {{ algorithms HS256; secret env:JWT_SECRET; issuer auth0; role "{AUTH0}" }}
jwt cognito {{ algorithms HS256; secret env:JWT_SECRET; issuer cognito; role cognito:groups }}
jwt cookie  {{
    algorithms HS256; secret env:JWT_SECRET; issuer us; audience gateway; from cookie:session
}}
jwt both    {{ algorithms HS256; secret env:JWT_SECRET; issuer us; from cookie:session bearer }}
jwt any     {{ algorithms HS256; secret env:JWT_SECRET; from cookie:any }}
jwt header  {{ algorithms HS256; secret env:JWT_SECRET; issuer us; from header:X-Access-Token }}
backend odd {{ server 127.0.0.1:$odd }}

route /raw/keycloak {{ auth keycloak; roles admin; backend odd }}
route /raw/client   {{ auth client; roles admin; backend odd }}
route /raw/auth0    {{ auth auth0; roles admin; backend odd }}
route /raw/cognito  {{ auth cognito; roles admin; backend odd }}
route /raw/cookie   {{ auth cookie; backend odd }}
route /raw/maybe    {{ auth cookie optional; backend odd }}
route /raw/both     {{ auth both; backend odd }}
route /raw/watched  {{ report_only auth both; backend odd }}
route /raw/any      {{ auth any; backend odd }}
route /raw/header   {{ auth header; backend odd }}
route /raw          {{ backend odd }}
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, odd):
    return start_module_gateway(CONFIGURATION, odd=odd)


def mint(**claims):
    return tokens.remember(
        jwt.encode({"exp": 4_000_000_000, **claims}, tokens.SECRET, algorithm="HS256")
    )


async def ask(gateway, path, *fields):
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *fields, "", ""]
    return await once(gateway.plain, "\r\n".join(lines))


async def heard(gateway, path, *fields):
    """The fields that the app heard, as pairs."""
    answer = await ask(gateway, path, *fields)
    assert answer.status == 200, (answer.status, answer.body)
    lines = answer.body.decode("latin-1").split("\r\n")[1:]
    return [tuple(line.split(": ", 1)) for line in lines if line]


def values(pairs, name):
    return [value for key, value in pairs if key.lower() == name.lower()]


# Claims within claims.

KEYCLOAK = {"iss": "https://kc.example/realms/a", "preferred_username": "kim"}
ISSUERS = {
    "keycloak": ("/raw/keycloak", "kim", lambda r: {**KEYCLOAK, "realm_access": {"roles": r}}),
    "a client of keycloak": ("/raw/client", "7", lambda r: {
        "iss": "kc-client", "profile": {"id": 7}, "resource_access": {"app": {"roles": r}}}),
    "auth0": ("/raw/auth0", "auth0|7", lambda r: {"iss": "auth0", "sub": "auth0|7", AUTH0: r}),
    "cognito": ("/raw/cognito", "u", lambda r: {"iss": "cognito", "sub": "u", "cognito:groups": r}),
    "a name that holds dots": ("/raw/keycloak", "kim", lambda r: {
        **KEYCLOAK, "realm_access.roles": r, "realm_access": {"roles": ["admin", "x"]}}),
}  # fmt: skip


@pytest.mark.parametrize("issuer", ISSUERS)
async def test_roles_are_found_where_the_issuer_puts_them(gateway, issuer):
    path, user, claims = ISSUERS[issuer]
    token = mint(**claims(["staff", "admin"]))
    pairs = await heard(gateway, path, f"Authorization: Bearer {token}")
    assert values(pairs, "X-Auth-User") == [user]
    assert values(pairs, "X-Auth-Role") == ["staff,admin"]
    for roles in (["staff"], [], "admins", ["ADMIN"]):
        token = mint(**claims(roles))
        assert (await ask(gateway, path, f"Authorization: Bearer {token}")).status == 403


@pytest.mark.parametrize(
    "claims, status",
    [({}, 401), ({"realm_access": "admin"}, 401), ({"realm_access": {}}, 401),
     ({"realm_access": {"roles": None}}, 401), ({"realm_access": {"roles": {"admin": 1}}}, 401),
     ({"realm_access": {"roles": [["admin"]]}}, 401), ({"realm_access": ["admin"]}, 401),
     ({"realm_access": {"roles": "admin"}}, 200)],
)  # fmt: skip
async def test_what_is_no_list_of_roles_lets_nobody_in(gateway, claims, status):
    token = mint(**KEYCLOAK, **claims)
    answer = await ask(gateway, "/raw/keycloak", f"Authorization: Bearer {token}")
    assert answer.status == status, answer.body


# gateway token.


def minted(tmp_path, rule, *arguments):
    file = tmp_path / "gateway.conf"
    text = CONFIGURATION.replace("$http", "18080").replace("$odd", "18000")
    file.write_text(text)
    done = command("token", "--config", file, "--rule", rule, *arguments)
    assert done.returncode == 0, done.stderr
    assert "refuses" not in done.stderr
    return jwt.decode(
        done.stdout.strip(), tokens.SECRET, algorithms=["HS256"], options={"verify_aud": False}
    )


def test_a_made_token_has_user_and_roles_where_the_rule_looks(tmp_path):
    claims = minted(tmp_path, "keycloak", "--user", "kim", "--role", "a", "--role", "b")
    assert claims["realm_access"] == {"roles": ["a", "b"]}
    claims = minted(tmp_path, "client", "--user", "7", "--role", "a")
    assert claims["profile"] == {"id": "7"}
    assert claims["resource_access"] == {"app": {"roles": "a"}}
    assert minted(tmp_path, "auth0", "--role", "a")[AUTH0] == "a"
    assert minted(tmp_path, "cognito", "--role", "a")["cognito:groups"] == "a"


def test_a_made_token_has_any_other_claim_within_claims(tmp_path):
    claims = minted(
        tmp_path, "keycloak", "--claim", "realm_access.roles[]=admin,staff",
        "--claim", "realm_access.id:=7", "--claim", f"{AUTH0}[]=x", "--claim", "a.b.c=1",
        "--claim", 'a.list:=["x"]',
    )  # fmt: skip
    assert claims["realm_access"] == {"roles": ["admin", "staff"], "id": 7}
    assert claims[AUTH0] == ["x"]
    assert claims["a"] == {"b": {"c": "1"}, "list": ["x"]}


def test_a_claim_for_which_there_is_no_room_is_a_mistake(tmp_path):
    file = tmp_path / "gateway.conf"
    file.write_text(CONFIGURATION.replace("$http", "18080").replace("$odd", "18000"))
    done = command(
        "token", "--config", file, "--rule", "auth0", "--claim", "a=1", "--claim", "a.b=2"
    )
    assert done.returncode != 0 and "'a.b'" in done.stderr


# A token in a header of another name.


async def test_a_token_in_another_header_lets_in_and_stays_here(gateway):
    token = mint(iss="us", sub="7")
    for value in (token, f"Bearer {token}", f"bearer  {token}"):
        pairs = await heard(
            gateway, "/raw/header", f"x-access-token: {value}", "Authorization: Basic eDp5"
        )
        assert values(pairs, "X-Auth-User") == ["7"]
        assert values(pairs, "Authorization") == ["Basic eDp5"]
        assert token not in str(pairs)


@pytest.mark.parametrize("spelling", ["X_Access_Token", "x.access.token", "X-ACCESS_TOKEN"])
async def test_another_spelling_of_that_header_is_no_token_and_stays_here(gateway, spelling):
    token, other = mint(iss="us", sub="7"), mint(iss="us", sub="8")
    assert (await ask(gateway, "/raw/header", f"{spelling}: {token}")).status == 401
    both = [f"X-Access-Token: {token}", f"{spelling}: {other}"]
    assert (await ask(gateway, "/raw/header", *both)).status == 401
    for path in ("/raw", "/raw/cookie"):
        fields = [f"{spelling}: {token}", f"Cookie: session={mint(iss='us', aud='gateway')}"]
        assert token not in str(await heard(gateway, path, *fields))


async def test_bad_tokens_there_are_refused(gateway):
    for value in ("", "abc", "Bearer", "Bearer ", "a.b.c"):
        assert (await ask(gateway, "/raw/header", f"X-Access-Token: {value}")).status == 401
    expired = tokens.remember(jwt.encode({"iss": "us", "exp": 1}, tokens.SECRET))
    answer = await ask(gateway, "/raw/header", f"X-Access-Token: {expired}")
    assert json.loads(answer.body)["details"]["reason"] == "token_expired"


async def test_what_that_header_holds_elsewhere_is_the_apps_unless_it_is_a_token(gateway):
    token = mint(iss="us", sub="7")
    assert values(await heard(gateway, "/raw", "X-Access-Token: abc"), "X-Access-Token") == ["abc"]
    assert not values(await heard(gateway, "/raw", f"X-Access-Token: {token}"), "X-Access-Token")


async def test_no_trailer_brings_it_to_the_app(start_gateway, upstream):
    gateway = start_gateway(
        """
        listen 127.0.0.1:$http
        jwt j { algorithms HS256; secret env:JWT_SECRET; from header:X-Access-Token }
        backend app { server 127.0.0.1:$app }
        route / { auth j; backend app }
        """,
        app=upstream.port,
    )
    token = mint(sub="7")
    async with connection(gateway.plain) as raw:
        await raw.send(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
            f"X-Access-Token: {token}\r\n\r\n2\r\nhi\r\n0\r\n"
            f"X-Access-Token: {token}\r\nx_access.token: abc\r\nX-Sum: 1\r\n\r\n"
        )
        app = await upstream.arrival("/")
        body = await app.reader.readuntil(b"\r\n\r\n")
        assert b"X-Sum: 1" in body and b"ccess" not in body
        app.writer.close()


# Whose `Authorization` it is.

OWN = {"iss": "us", "aud": "gateway"}


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("path", ["/raw/cookie", "/raw/both", "/raw/any", "/raw/maybe"])
@pytest.mark.parametrize(
    "value", ["token 0123abcd", "Basic eDp5", "Bearer 0123abcd", "Digest username=\"a.b.c\"",
              "Bearer a.b.c", "AWS4-HMAC-SHA256 Credential=AKIA/2026/eu/s3, Signature=abcd",
              "JWT", "Negotiate YII="],
)  # fmt: skip
async def test_beside_a_token_in_a_cookie_the_apps_own_authorization_comes_through(
    gateway, path, value
):
    cookie = f"Cookie: a=1; session={mint(sub='7', **OWN)}; any={mint(sub='7', **OWN)}"
    pairs = await heard(gateway, path, cookie, f"Authorization: {value}")
    assert values(pairs, "Authorization") == [value]
    assert values(pairs, "X-Auth-User") == ["7"]


@pytest.mark.parametrize("path", ["/raw/cookie", "/raw/both", "/raw/any", "/raw/maybe"])
@pytest.mark.parametrize(
    "form", ["Bearer {}", "bearer   {}", "JWT {}", "token {}", 'Token token="{}"', "{}", "DPoP {}",
             "Bearer x, Bearer {}", "Bearer\t{}"],
)  # fmt: skip
async def test_a_token_of_ours_does_not_come_through_that_way(gateway, path, form):
    other = tokens.remember(jwt.encode({**OWN, "exp": 1}, tokens.SECRET))
    for token in (mint(sub="7", **OWN), mint(sub="8", **OWN), other):
        cookie = f"Cookie: session={mint(sub='7', **OWN)}; any={mint(sub='7', **OWN)}"
        pairs = await heard(gateway, path, cookie, f"Authorization: {form.format(token)}")
        assert values(pairs, "Authorization") == [], path
        pairs = await heard(gateway, path, cookie, f"Authorization: {basic('u', token)}")
        assert values(pairs, "Authorization") == [], path


async def test_a_token_that_no_rule_can_believe_is_the_apps(gateway):
    """Of another issuer, for another audience, or by another algorithm: whoever signed it."""
    cookie = f"Cookie: session={mint(sub='7', **OWN)}; any={mint(sub='7', **OWN)}"
    strangers = [
        jwt.encode({"iss": "us", "aud": "app"}, "x" * 32, algorithm="HS256"),
        jwt.encode({**OWN}, "x" * 64, algorithm="HS512"),
    ]
    for token in strangers:
        pairs = await heard(gateway, "/raw/cookie", cookie, f"Authorization: Bearer {token}")
        # `jwt any` and `jwt both` ask for less, and believe any issuer and audience.
        wanted = [f"Bearer {token}"] if jwt.get_unverified_header(token)["alg"] != "HS256" else []
        assert values(pairs, "Authorization") == wanted


async def test_only_what_rules_ask_for_makes_a_token_the_apps(start_gateway, odd):
    gateway = start_gateway(
        """
        listen 127.0.0.1:$http
        jwt cookie {
            algorithms HS256; secret env:JWT_SECRET; issuer us; audience gateway
            from cookie:session
        }
        backend odd { server 127.0.0.1:$odd }
        route / { auth cookie; backend odd }
        """,
        odd=odd,
    )
    cookie = f"Cookie: session={mint(sub='7', **OWN)}"
    for claims in ({"iss": "grafana"}, {"iss": "us", "aud": "app"}, {"iss": "us"}, {"sub": "1"}):
        for secret in (tokens.SECRET, "y" * 32):
            token = jwt.encode(claims, secret, algorithm="HS256")
            pairs = await heard(gateway, "/raw", cookie, f"Authorization: Bearer {token}")
            assert values(pairs, "Authorization") == [f"Bearer {token}"]
    for claims in (OWN, {"iss": "us", "aud": ["x", "gateway"]}):
        token = jwt.encode(claims, "y" * 32, algorithm="HS256")
        pairs = await heard(gateway, "/raw", cookie, f"Authorization: Bearer {token}")
        assert values(pairs, "Authorization") == []


async def test_the_token_that_let_in_is_taken_away_wherever_it_was(gateway):
    token = mint(sub="7", **OWN)
    pairs = await heard(gateway, "/raw/both", f"Authorization: Bearer {token}")
    assert values(pairs, "X-Auth-User") == ["7"] and values(pairs, "Authorization") == []
    # Looked at and not believed: it is nobody's, and stays here.
    for value in ("Bearer abc", "Bearer a.b.c"):
        pairs = await heard(gateway, "/raw/watched", f"Authorization: {value}")
        assert values(pairs, "Authorization") == []
    pairs = await heard(gateway, "/raw/watched", "Authorization: token abc")
    assert values(pairs, "Authorization") == ["token abc"]


# With an app that has tokens of its own, as Jupyter's.


async def test_an_app_with_tokens_of_its_own_lives_behind_a_cookie(start_gateway):
    async def notebook(request):
        allowed = request.headers.get("authorization") == "token s3cret-of-the-app"
        return JSONResponse({"allowed": allowed}, status_code=200 if allowed else 403)

    async with serving(Starlette(routes=[Route("/api/contents", notebook)])) as port:
        gateway = start_gateway(
            """
            listen 127.0.0.1:$http
            jwt sso { algorithms HS256; secret env:JWT_SECRET; audience lab; from cookie:sso }
            backend lab { server 127.0.0.1:$lab }
            route / { auth sso; backend lab }
            """,
            lab=port,
        )
        cookie = f"Cookie: sso={mint(sub='7', aud='lab')}"
        own = "Authorization: token s3cret-of-the-app"
        assert (await ask(gateway, "/api/contents", cookie, own)).status == 200
        assert (await ask(gateway, "/api/contents", own)).status == 401
        assert (await ask(gateway, "/api/contents", cookie)).status == 403


# gateway check.


@pytest.mark.parametrize(
    "line, says",
    [("role claim:groups", "write 'groups'"), ("user $.sub", "joined by dots"),
     ("role realm_access[roles]", "joined by dots"), ("role realm_access.", "beside a dot"),
     ("from header:Authorization", "write 'bearer'"), ("from header:Cookie", "write 'cookie:NAME'"),
     ("from header:Host", "no token is looked for"), ("from heder:X-Token", "header:X-Token")],
)  # fmt: skip
def test_check_says_how_to_write_it(tmp_path, line, says):
    file = tmp_path / "gateway.conf"
    file.write_text(
        "listen 127.0.0.1:1\nroute / { auth j; respond 200 }\n"
        f"jwt j {{\nalgorithms HS256; secret env:JWT_SECRET; audience a\n{line}\n}}\n"
    )
    done = command("check", "--config", file)
    assert done.returncode == 1
    assert ":5:" in done.stderr + done.stdout and says in done.stderr + done.stdout
