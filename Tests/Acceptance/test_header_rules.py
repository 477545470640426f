"""What the configuration says of headers: of answers, whoever gives them, of `hsts`, and of what
lets the gateway in at the app."""

import base64
import json
import secrets
import urllib.parse

import httpx
import jwt
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from harness import tokens
from harness.gateway import command
from harness.raw import connection, once
from harness.secrecy import secrecy
from harness.serving import serving
from harness.wire import TEXT, dialled, switched, wired

CONFIGURATION = """
trust 127.0.0.9
listen 127.0.0.1:$https { tls { certificate self_signed }; hsts 1h }
listen 127.0.0.1:$http

jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; audience a }
backend app { server 127.0.0.1:$app }
backend away { server 127.0.0.1:$spare }

defaults {
    response_header X-Frame-Options DENY
    response_header Server remove
}
rewrite /old/{id} to /asked/new { response_header X-Old "{id}"; response_header X-Both rewrite }
rewrite /moved to /asked/new { redirect; response_header X-Moved yes }

route /asked  {
    backend app
    response_header X-Frame-Options DENY
    response_header Server remove
    response_header x-powered-by remove
    response_header X-Request {request.id}
    response_header Link "</a>; rel=preload"
    response_header Link "</b>; rel=preload"
    response_header X-Both route
    hsts 180d subdomains preload
}
route /plain  { backend app }
route /none   { backend app; response_header X-Other 1; hsts off }
route /text   { respond 200 "{}"; response_header Content-Type application/json }
route /to     { redirect 302 /there; response_header X-Frame-Options DENY }
route /away   {
    backend away; while_away hold 200ms
    response_header Cache-Control "public, max-age=3600"
}
route /secret { auth app; backend app; response_header X-User {auth.user} }
route /post   { methods POST; backend app }
route /cors   { backend app; cors https://a.kr; response_header Vary Accept; hsts 5m }
route /ws {
    websocket; backend app; response_header X-Socket yes; response_header Server remove
}
route /refuse { websocket; auth app; backend app; response_header X-Socket yes; hsts 7d }
"""


@pytest.fixture(scope="module")
def gateway(start_wired_gateway):
    return start_wired_gateway(CONFIGURATION)


def request(path, *fields, method="GET"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *fields, "", ""])


def answering(status, *fields, body=b"hello"):
    lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


async def asked(gateway, app, answer, path="/asked", door=None, fields=(), method="GET"):
    app.forget(answer=answer)
    return await once(door or gateway.plain, request(path, *fields, method=method), method)


def values(answer, name):
    return [value for key, value in answer.headers if key.lower() == name.lower()]


HSTS = "Strict-Transport-Security"

# Answers of the app.


@pytest.mark.parametrize("status", [200, 201, 206, 301, 304, 400, 404, 500, 503])
async def test_they_are_in_every_answer_of_the_app_and_once(gateway, reading_app, status):
    body = b"" if status == 304 else b"hello"
    answer = await asked(
        gateway, reading_app,
        answering(status, "X-Frame-Options: SAMEORIGIN", "x-frame-options: ALLOW", "Server: app/1",
                  "X-Powered-By: app", "Link: </c>", "X-Kept: 1", body=body),
    )  # fmt: skip
    assert answer.status == status
    assert values(answer, "X-Frame-Options") == ["DENY"]
    assert values(answer, "Link") == ["</a>; rel=preload", "</b>; rel=preload"]
    assert values(answer, "Server") == values(answer, "X-Powered-By") == []
    assert values(answer, "X-Kept") == ["1"]
    assert len(values(answer, "X-Request")) == 1


async def test_head_says_what_get_says(gateway, reading_app):
    answer = await asked(gateway, reading_app, answering(200, body=b""), method="HEAD")
    assert values(answer, "X-Frame-Options") == ["DENY"]


async def test_a_route_that_says_nothing_has_those_of_defaults_and_one_that_does_has_none(
    gateway, reading_app
):
    app = answering(200, "Server: app", "X-Other: app").replace(b"/asked", b"")
    answer = await asked(gateway, reading_app, app, path="/plain")
    assert values(answer, "X-Frame-Options") == ["DENY"]
    answer = await asked(gateway, reading_app, app, path="/none")
    assert values(answer, "X-Frame-Options") == [] and values(answer, "X-Other") == ["1"]


async def test_a_rewrite_has_its_own_and_the_routes_word_is_the_last(gateway, reading_app):
    answer = await asked(gateway, reading_app, answering(200), path="/old/a%20b")
    assert values(answer, "X-Old") == ["a b"]
    assert values(answer, "X-Both") == ["route"]
    assert values(answer, "X-Frame-Options") == ["DENY"]


async def test_nothing_that_a_client_says_ends_a_line(gateway, reading_app):
    answer = await asked(gateway, reading_app, answering(200), path="/old/a%0D%0AX-Evil:%201")
    assert values(answer, "X-Evil") == []


async def test_interim_answers_and_trailers_lose_what_is_removed(gateway, reading_app):
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </early>\r\nServer: app\r\nX-Hint: 1\r\n\r\n"
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
    trailers = b"Server: app\r\nX-Frame-Options: ALLOW\r\nX-Sum: 1\r\n\r\n"
    reading_app.forget(answer=early + body + trailers)
    async with connection(gateway.plain) as raw:
        await raw.send(request("/asked"))
        hints = await raw.until(b"\r\n\r\n")
        assert b"X-Hint" in hints and b"Server" not in hints and b"early" not in hints
        assert b"X-Frame-Options: DENY" in await raw.until(b"\r\n\r\n")
        rest = await raw.until(b"0\r\n") + await raw.until(b"\r\n\r\n")
        assert b"X-Sum" in rest and b"Server" not in rest and b"ALLOW" not in rest


async def test_event_streams_have_them_too(gateway, reading_app):
    stream = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nServer: app\r\n\r\ndata: 1\n\n"
    reading_app.forget(answer=stream, then="close")
    answer = await once(gateway.plain, request("/asked", "Accept: text/event-stream"))
    assert values(answer, "X-Frame-Options") == ["DENY"] and values(answer, "Server") == []
    assert b"data: 1" in answer.body


# Answers of the gateway's own.


@pytest.mark.parametrize(
    "path, status, name, value",
    [("/to", 302, "X-Frame-Options", "DENY"), ("/to", 302, "Location", "/there"),
     ("/text", 200, "Content-Type", "application/json"), ("/moved", 308, "X-Moved", "yes"),
     ("/moved", 308, "X-Frame-Options", "DENY"), ("/secret", 401, "X-User", ""),
     ("/away", 502, "Cache-Control", "no-store"), ("/ws", 426, "X-Socket", "yes")],
)  # fmt: skip
async def test_its_own_answers_have_them(gateway, path, status, name, value):
    answer = await once(gateway.plain, request(path))
    assert answer.status == status
    assert values(answer, name) == [value]
    assert len(values(answer, "Content-Length")) == 1


async def test_whom_the_token_names_is_known_in_them(gateway, reading_app):
    token = tokens.mint(user=7, aud="a")
    field = f"Authorization: Bearer {token}"
    answer = await asked(gateway, reading_app, answering(200), "/secret/asked", fields=[field])
    assert answer.status == 200 and values(answer, "X-User") == ["7"]


async def test_no_token_comes_back_in_one(start_gateway, reading_app, app_port):
    gateway = start_gateway(
        """
        listen 127.0.0.1:$http
        jwt j { algorithms HS256; secret env:JWT_SECRET; from query:token }
        backend app { server 127.0.0.1:$app }
        route / { backend app; auth j; response_header X-Target {request.target} }
        """,
        app=app_port,
    )
    token = tokens.mint(user=7)
    answer = await once(gateway.plain, request(f"/x?a=1&token={token}"))
    assert values(answer, "X-Target") == ["/x?a=1"]


async def test_cors_and_a_vary_of_ones_own_stand_beside_each_other(gateway, reading_app):
    answer = await asked(
        gateway, reading_app, answering(200, "Vary: Origin, Cookie"), path="/cors",
        fields=["Origin: https://a.kr"],
    )  # fmt: skip
    assert sorted(values(answer, "Vary")) == ["Accept", "Origin"]
    preflight = await once(
        gateway.tls,
        request("/cors", "Origin: https://a.kr", "Access-Control-Request-Method: PUT",
                method="OPTIONS"),
    )  # fmt: skip
    assert preflight.status == 204 and values(preflight, HSTS) == ["max-age=300"]
    assert len(values(preflight, "Access-Control-Allow-Origin")) == 1


# WebSockets.


async def test_an_opened_socket_has_them(gateway, upstream):
    async with wired(gateway.plain, upstream, "/ws", answer=["Server: app"]) as (client, _):
        assert client.field("X-Socket") == "yes"
        assert client.field("Server") is None


async def test_a_refused_socket_has_them(gateway):
    for door, hsts in ((gateway.plain, None), (gateway.tls, "max-age=604800")):
        async with door.websocket("/refuse") as socket:
            head = socket.response.headers
            assert head["X-Socket"] == "yes" and head.get(HSTS) == hsts


async def test_a_socket_that_is_opened_for_its_first_message_has_them(start_gateway, upstream):
    gateway = start_gateway(
        """
        listen 127.0.0.1:$http
        jwt j { algorithms HS256; secret env:JWT_SECRET; audience a; from message:token }
        backend app { server 127.0.0.1:$app }
        route / { websocket; auth j; backend app; response_header X-Socket yes }
        """,
        app=upstream.port,
    )
    async with gateway.plain.websocket("/first") as socket:
        assert socket.response.headers["X-Socket"] == "yes"
        own = "Authorization: token of-the-app"
        token = tokens.mint(user=7, aud="a")
    async with dialled(gateway.plain, "/second", own) as client:
        opened = await switched(client)
        await opened.send(TEXT, json.dumps({"token": token}).encode())
        app = await upstream.arrival(client.target)
        assert own.encode() in app.head
        app.writer.close()


# hsts.


async def test_hsts_is_said_over_https_only(gateway, reading_app):
    app = answering(200, f"{HSTS}: max-age=1")
    answer = await asked(gateway, reading_app, app, door=gateway.tls)
    assert values(answer, HSTS) == ["max-age=15552000; includeSubDomains; preload"]
    assert values(await asked(gateway, reading_app, app), HSTS) == []


async def test_the_listeners_word_counts_where_the_route_has_none(gateway, reading_app):
    answer = await asked(gateway, reading_app, answering(200), "/plain/asked", door=gateway.tls)
    assert values(answer, HSTS) == ["max-age=3600"]
    assert values(await once(gateway.tls, request("/text")), HSTS) == ["max-age=3600"]
    assert values(await once(gateway.tls, request("/nowhere")), HSTS) == ["max-age=3600"]
    assert values(await once(gateway.tls, "NONSENSE\r\n\r\n"), HSTS) == ["max-age=3600"]
    assert values(await once(gateway.plain, request("/nowhere")), HSTS) == []
    app = answering(200, f"{HSTS}: max-age=9")
    answer = await asked(gateway, reading_app, app, "/none/asked", door=gateway.tls)
    assert values(answer, "X-Other") == ["1"]


async def test_a_trusted_proxy_may_have_spoken_tls(gateway, reading_app):
    fields = ["X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.1"]
    answer = await asked(gateway, reading_app, answering(200), fields=fields)
    assert values(answer, HSTS) == []
    reading_app.forget(answer=answering(200))
    async with connection(gateway.plain, local_addr=("127.0.0.9", 0)) as raw:
        await raw.send(request("/asked", *fields))
        assert len(values(await raw.answer(), HSTS)) == 1


# What lets the gateway in at the app.

PASSWORD = secrecy.remember(secrets.token_hex(16))
LOGIN = secrecy.remember(base64.b64encode(f"gateway:{PASSWORD}".encode()).decode())


@pytest.fixture
def credentials(start_gateway, app_port, tmp_path, monkeypatch):
    monkeypatch.setitem(tokens.ENVIRONMENT, "APP_LOGIN", LOGIN)
    (tmp_path / "key").write_text(PASSWORD + "\n")
    return start_gateway(
        f"""
        listen 127.0.0.1:$http
        jwt j {{ algorithms HS256; secret env:JWT_SECRET; forward_token on }}
        backend app {{ server 127.0.0.1:$app }}
        rewrite /old to /basic {{ header X-Api-Key secret file:{tmp_path}/key }}
        route /basic {{
            backend app; forward_token on
            header Authorization Basic secret env:APP_LOGIN
        }}
        route /token {{
            auth j; backend app; header Authorization Bearer secret file:{tmp_path}/key
        }}
        route /gone  {{ backend app; header Authorization remove; header X-Debug remove }}
        route /quoted {{ backend app; header X-Word "remove" }}
        """,
        app=app_port,
    )


async def said(gateway, app, path, *fields):
    app.forget()
    assert (await once(gateway.plain, request(path, *fields))).status == 200
    return app.heads[-1]


async def test_the_app_hears_the_gateways_credentials_and_no_others(credentials, reading_app):
    theirs = ["Authorization: Basic eDp5", "X_Api_Key: theirs", "X-API-Key: theirs"]
    head = await said(credentials, reading_app, "/basic", *theirs)
    assert head["authorization"] == f"Basic {LOGIN}"
    head = await said(credentials, reading_app, "/old", *theirs)
    assert head["authorization"] == f"Basic {LOGIN}" and head["x-api-key"] == PASSWORD
    assert "theirs" not in str(head)
    head = await said(
        credentials, reading_app, "/token", f"Authorization: Bearer {tokens.mint(user=7)}"
    )
    assert head["authorization"] == f"Bearer {PASSWORD}"


async def test_no_trailer_says_them(credentials, reading_app):
    reading_app.forget()
    async with connection(credentials.plain) as raw:
        await raw.send(
            "POST /old HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
            "Authorization: theirs\r\nX-Api-Key: theirs\r\nX_API.key: theirs\r\n\r\n"
        )
        assert (await raw.answer()).status == 200
    assert reading_app.heads[-1]["x-api-key"] == PASSWORD
    assert "theirs" not in str(reading_app.heads)


async def test_what_is_removed_does_not_come_through_in_any_spelling(credentials, reading_app):
    head = await said(
        credentials, reading_app, "/gone", "Authorization: Basic eDp5", "X_Debug: 1", "X-Kept: 1"
    )
    assert "authorization" not in head and "x_debug" not in head and head["x-kept"] == "1"
    assert (await said(credentials, reading_app, "/quoted"))["x-word"] == "remove"


# How the app is told who somebody is.


def encoded(text, encoding):
    if encoding == "base64":
        return base64.b64encode(text.encode()).decode()
    plain = text.isascii() and "'" not in text and "," not in text
    if encoding == "utf8" or plain:
        return text.encode().decode("latin-1")
    return "UTF-8''" + urllib.parse.quote(text, safe="!#$&+-.^_`|~")


def decoded(value, encoding):
    """As an app would, that knows the setting."""
    if encoding == "base64":
        return base64.b64decode(value).decode()
    if encoding == "rfc8187" and value.startswith("UTF-8''"):
        return urllib.parse.unquote(value.removeprefix("UTF-8''"), errors="strict")
    return value.encode("latin-1").decode() if encoding == "utf8" else value


NAMES = ["7", "김철수", "kim@example.kr", "a b", "O'Brien", "UTF-8''admin", "utf-8'en'x", "50%",
         "%2C", "é", "😀", "a=b;c\"d"]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf8", "rfc8187", "base64"])
async def test_an_asgi_app_reads_names_as_they_are(start_gateway, encoding):
    async def whoami(request):
        names = ("x-auth-user", "x-auth-role", "x-auth-claims", "x-name")
        return JSONResponse({name: request.headers.get(name) for name in names})

    async with serving(Starlette(routes=[Route("/", whoami)])) as port:
        gateway = start_gateway(
            f"""
            listen 127.0.0.1:$http
            jwt j {{
                algorithms HS256; secret env:JWT_SECRET; user user_id; auth_headers {encoding}
            }}
            backend app {{ server 127.0.0.1:$app }}
            route / {{ auth j optional; backend app; header X-Name {{auth.user}} }}
            """,
            app=port,
        )
        address = f"http://127.0.0.1:{gateway.plain.port}/"
        async with httpx.AsyncClient() as client:
            for name in NAMES:
                token = tokens.mint(user=name, role=["접수", name])
                bearer = {"Authorization": f"Bearer {token}"}
                seen = (await client.get(address, headers=bearer)).json()
                assert seen["x-auth-user"] == seen["x-name"] == encoded(name, encoding)
                assert decoded(seen["x-auth-user"], encoding) == name
                roles = [decoded(role, encoding) for role in seen["x-auth-role"].split(",")]
                assert roles == ["접수", name]
                claims = seen["x-auth-claims"]
                claims = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
                assert jwt.decode(token, options={"verify_signature": False})["user_id"] == name
                assert b"user_id" in claims
            # Nobody brings no name, and what a client says for itself is not heard.
            forged = {name: "forged" for name in ("X-Auth-User", "X-Auth-Role", "X-Auth-Claims")}
            seen = (await client.get(address, headers=forged)).json()
            assert seen == {
                "x-auth-user": None, "x-auth-role": None, "x-auth-claims": None, "x-name": "",
            }  # fmt: skip
            token = tokens.mint(user=None, role=None)
            seen = (await client.get(address, headers=tokens.bearer(token))).json()
            assert seen["x-auth-user"] is seen["x-auth-role"] is None and seen["x-auth-claims"]


# gateway check.


def checked(tmp_path, line, **environment):
    file = tmp_path / "gateway.conf"
    file.write_text(
        "listen 127.0.0.1:1\nbackend b { server 127.0.0.1:2 }\n"
        f"route /a/{{id}} {{\nbackend b\n{line}\n}}\n"
    )
    done = command("check", "--config", file)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "line, says",
    [("response_header Content-Length 5", "set by the gateway itself"),
     ("response_header connection remove", "set by the gateway itself"),
     ("response_header Transfer_Encoding x", "set by the gateway itself"),
     ("response_header Date now", "when an answer was made"),
     ("response_header Content-Encoding gzip", "how a body is encoded"),
     ("response_header Set-Cookie a=1", "only 'remove'"),
     (f"response_header {HSTS} max-age=1", "hsts 180d"),
     ("response_header X-A {request.ip}", "{request.id}"),
     ("response_header X-A remove; response_header x-a 1", "set and removed"),
     ("cors https://a.kr; response_header Access-Control-Allow-Origin *", "set by 'cors'"),
     ("hsts", "hsts DURATION"), ("hsts 180", "180"), ("hsts 180d includeSubDomains", "subdomains"),
     ("add_header X-A 1", "response_header"),
     ("header Authorization env:LOGIN", "secret env:LOGIN"),
     ("header Authorization Basic env:LOGIN", "after the word 'secret'"),
     ("header Authorization secret env:NOPE_NOPE", "is not set"),
     ("header Authorization Basic secret env:PLAIN_LOGIN", "base64")],
)  # fmt: skip
def test_check_says_what_to_write(tmp_path, monkeypatch, line, says):
    monkeypatch.setitem(tokens.ENVIRONMENT, "PLAIN_LOGIN", "user:hunter2")
    code, text = checked(tmp_path, line)
    assert code == 1 and ":5:" in text and says in text, text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "line, says",
    [(f"header {HSTS} max-age=1", "write 'hsts 180d'"),
     ("header X-Frame-Options DENY", "response_header X-Frame-Options"),
     ("header Access-Control-Allow-Origin *", "response_header Access-Control-Allow-Origin"),
     ("response_header Authorization x", "header Authorization"),
     ("header Authorization \"Basic hunter2\"", "secret env:NAME"),
     ("header X-Api-Key hunter2", "secret env:NAME"),
     ("hsts 180d", "for https only"), ("hsts 30d subdomains preload", "at least 365d")],
)  # fmt: skip
def test_check_warns_of_what_was_hardly_meant(tmp_path, line, says):
    code, text = checked(tmp_path, line)
    assert code == 0 and ":5:" in text and says in text, text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "line", ["header Authorization secret hunter2", "header Authorization Basic secret hunter2",
             "header X-A Prefix secret hunter2", "header Authorization \"{hunter2}\"",
             "header Authorization secret hunter2 hunter2 hunter2",
             "header Authorization hunter2 b",
             "header X-A secret \"hunter2"],
)  # fmt: skip
def test_a_secret_that_is_written_out_is_not_repeated(tmp_path, line):
    code, text = checked(tmp_path, line)
    assert code == 1
    assert "hunter2" not in text
