"""What a person meets in a browser where a request cannot be served: a page in his own language, or
the way to the login; and what programs hear instead. The dates of answers, and `426`."""

import base64
import email.utils
import hashlib
import json
import re
import time

import pytest

from harness import tokens
from harness.ports import free_port
from harness.raw import connection, once
from harness.waiting import eventually

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
listen 127.0.0.1:$spare { redirect https }

jwt app {
    algorithms HS256; secret env:JWT_SECRET; user user_id
    from bearer cookie:session query:token
}
backend echo    { server 127.0.0.1:$echo }
backend waiting { server 127.0.0.1:$waiting }
backend away    { server 127.0.0.1:$away }
backend test    { server 127.0.0.1:$app }

route /hello       { respond 200 "hello" }
route /upgrade     { respond 426 "another protocol" }
route /nothing     { respond 204 }
route /moved       { redirect 308 /hello }
route /only        { methods GET; backend waiting }
route /socket      { websocket; backend echo }
route /echo        { backend echo }
route /away        { backend away; while_away hold 200ms }
route /status/     { backend waiting }
route /asked       { backend test }
route /login       { respond 200 "sign in here" }
route /private/    { auth app; login /login?next={request.target}; backend waiting }
route /admin       { auth app; roles admin; login /login; backend waiting }
route /elsewhere   {
    auth    app
    login   https://sso.test/in?to={request.scheme}://{request.host}{request.path}
    backend waiting
}
route /bare        { auth app; backend waiting }
route /members     { auth app; login /members/login?next={request.target}; backend waiting }
route /live        { events; auth app; backend waiting }
"""

#: What browsers ask for when somebody goes somewhere.
CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
VISIT = {"Accept": CHROMIUM, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def gateway(start_module_gateway, echo, waiting, app_port):
    return start_module_gateway(
        CONFIGURATION, echo=echo, waiting=waiting, away=free_port(), app=app_port
    )


async def visit(gateway, path, headers=VISIT, method="GET"):
    async with gateway.plain.client(follow_redirects=False) as client:
        return await client.request(method, path, headers=headers)


def fetched(**headers):
    return {**VISIT, **{name.replace("_", "-"): value for name, value in headers.items()}}


# Dates


@pytest.mark.parametrize(
    "path", ["/hello", "/nothing", "/moved", "/socket", "/none", "/away", "/private/x", "/only"]
)
async def test_every_answer_of_the_gateways_has_a_date(gateway, path):
    method = "DELETE" if path == "/only" else "GET"
    answer = await visit(gateway, path, {}, method)
    sent = email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp()
    assert abs(sent - time.time()) < 20
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer.headers["date"])


async def test_answers_to_what_is_no_request_have_a_date(gateway):
    answer = await once(gateway.plain, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert answer.status == 400
    assert len(answer.values("date")) == 1
    plain = gateway.tls.__class__("plain on TLS", gateway.tls.port)
    answer = await once(plain, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (answer.status, len(answer.values("date"))) == (400, 1)
    redirect = gateway.plain.__class__("redirect", gateway.names["spare"])
    answer = await once(redirect, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (answer.status, len(answer.values("date"))) == (308, 1)


@pytest.mark.parametrize(
    "fields, expected",
    [
        ([], None),
        (["Date: Sun, 06 Nov 1994 08:49:37 GMT"], "Sun, 06 Nov 1994 08:49:37 GMT"),
        (["Connection: Date", "Date: Sun, 06 Nov 1994 08:49:37 GMT"],
         "Sun, 06 Nov 1994 08:49:37 GMT"),
    ],
    ids=["without", "with", "named by Connection"],
)  # fmt: skip
async def test_an_apps_answer_without_a_date_gets_one(gateway, reading_app, fields, expected):
    """RFC 9110 §6.6.1; the one that an app has is its own."""
    heard = await told(gateway, reading_app, "200 OK", [*fields, "Content-Length: 2"], b"ok")
    (date,) = heard.values("date")
    if expected:
        assert date == expected
    else:
        assert abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()) < 20


async def told(gateway, app, status, fields, body=b"", informational=b""):
    """What a client hears of an answer that the app says so."""
    head = "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()
    app.forget(informational + head + body, then="close")
    return await once(gateway.plain, "GET /asked HTTP/1.1\r\nHost: a\r\n\r\n")


# Lengths


async def test_a_204_has_no_length(gateway, reading_app):
    """RFC 9110 §8.6: whoever says it."""
    assert (await visit(gateway, "/nothing")).headers.get("content-length") is None
    heard = await told(gateway, reading_app, "204 No Content", ["Content-Length: 0"])
    assert heard.status == 204
    assert heard.values("content-length") == []


async def test_an_informational_answer_has_no_length(gateway, reading_app):
    hint = b"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\nLink: </a>\r\n\r\n"
    reading_app.forget(hint + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", then="close")
    async with connection(gateway.plain) as raw:
        await raw.send("GET /asked HTTP/1.1\r\nHost: a\r\n\r\n")
        head = await raw.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 103")
        assert b"link: </a>" in head.lower()
        assert b"content-length" not in head.lower()
        assert (await raw.until(b"ok")).startswith(b"HTTP/1.1 200")


# 426


@pytest.mark.parametrize("path", ["/socket", "/upgrade", "/echo"])
@pytest.mark.parametrize("last", [False, True])
async def test_a_426_says_what_to_upgrade_to(gateway, path, last):
    """RFC 9110 §15.5.22 and §7.8; `/echo` is the library `websockets`, which says so itself."""
    fields = "Connection: close\r\n" if last else ""
    async with connection(gateway.plain) as raw:
        await raw.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
        answer = await raw.answer()
    assert answer.status == 426
    assert answer.values("upgrade") == ["websocket"]
    options = [word.strip().lower() for word in ",".join(answer.values("connection")).split(",")]
    assert "upgrade" in options
    assert ("close" in options) == last


async def test_upgrade_stays_here_in_any_other_answer(gateway, reading_app):
    fields = ["Upgrade: h2c", "Connection: Upgrade", "Content-Length: 2"]
    heard = await told(gateway, reading_app, "200 OK", fields, b"ok")
    assert heard.values("upgrade") == heard.values("connection") == []


# Pages


@pytest.mark.parametrize(
    "path, status, title",
    [
        ("/none", 404, "There is nothing here"),
        ("/socket", 426, "This is not a page"),
        ("/away", 502, "The application cannot be reached"),
        ("/bare", 401, "Please sign in"),
        ("/none?<script>alert(1)</script>", 404, "There is nothing here"),
    ],
)
async def test_who_visits_a_page_is_shown_one(gateway, path, status, title):
    answer = await visit(gateway, path, fetched(Accept_Language="en", X_Request_Id="a=b/c@d"))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-language"] == "en"
    assert f"<title>{title}</title>" in answer.text
    assert "<code>a=b/c@d</code>" in answer.text
    assert "<script" not in answer.text
    assert not re.search(r"(src|href|url)\s*[=(]", answer.text), "nothing comes from elsewhere"
    assert "accept" in answer.headers["vary"].lower()
    assert answer.headers["cache-control"] == "no-store"


async def test_the_pages_style_is_all_that_its_policy_lets_in(gateway):
    answer = await visit(gateway, "/none")
    style = re.search("<style>(.*)</style>", answer.text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "languages, expected",
    [("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("en-US,en;q=0.9", "en"), ("fr, en;q=0.1", "en"),
     ("fr", "ko"), (None, "ko"), ("ko;q=0, en", "en")],
)  # fmt: skip
async def test_the_page_is_in_the_visitors_language(gateway, languages, expected):
    headers = fetched(**({"Accept_Language": languages} if languages else {}))
    answer = await visit(gateway, "/none", headers)
    assert answer.headers["content-language"] == expected
    assert f'<html lang="{expected}">' in answer.text
    word = {"ko": "페이지를 찾을 수 없습니다", "en": "There is nothing here"}[expected]
    assert word in answer.text


#: Requests that no person looks at.
PROGRAMS = {
    "curl": {"Accept": "*/*"},
    "nothing": {},
    "json": {"Accept": "application/json"},
    "json first": {"Accept": "application/json, text/html;q=0.9"},
    "as gladly": {"Accept": "text/html, application/problem+json"},
    "no html": {"Accept": "text/html;q=0, */*"},
    "fetch": fetched(Sec_Fetch_Mode="cors"),
    "fetch of the same origin": fetched(Sec_Fetch_Mode="same-origin"),
    "image": fetched(Sec_Fetch_Mode="no-cors"),
    "xhr": {"Accept": CHROMIUM, "X-Requested-With": "XMLHttpRequest"},
    "event stream": {"Accept": "text/event-stream"},
    "a broken quality": {"Accept": "text/html;q=2.5"},
}


@pytest.mark.parametrize("headers", PROGRAMS.values(), ids=PROGRAMS.keys())
@pytest.mark.parametrize("path, status", [("/none", 404), ("/private/x", 401)])
async def test_programs_hear_a_problem_document(gateway, path, status, headers):
    answer = await visit(gateway, path, headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"]
    assert "accept" in answer.headers["vary"].lower(), "caches know that there is another"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_form_that_is_sent_is_no_visit(gateway, method):
    answer = await visit(gateway, "/private/x", method=method)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_head_hears_the_fields_of_the_page(gateway):
    page = await visit(gateway, "/none")
    async with connection(gateway.plain) as raw:
        await raw.send(f"HEAD /none HTTP/1.1\r\nHost: a\r\nAccept: {CHROMIUM}\r\n\r\n")
        answer = await raw.answer("HEAD")
        assert answer.values("content-type") == ["text/html; charset=utf-8"]
        # Another id, of the same length.
        assert answer.values("content-length") == [page.headers["content-length"]]
        await raw.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await raw.answer()).body == b"hello"


# The login


@pytest.mark.parametrize(
    "path, location",
    [
        ("/private/x", "/login?next=/private/x"),
        ("/private/x?a=1&b=%20c", "/login?next=/private/x%3Fa%3D1%26b%3D%2520c"),
        ("/private//evil.test/", "/login?next=/private/evil.test/"),
        ("/admin", "/login"),
        ("/elsewhere", "https://sso.test/in?to=http://HOST/elsewhere"),
    ],
)
async def test_who_visits_without_a_token_is_sent_to_the_login(gateway, path, location):
    answer = await visit(gateway, path)
    assert answer.status_code == 302
    host = gateway.plain.http().removeprefix("http://").replace(":", "%3A")
    assert answer.headers["location"] == location.replace("HOST", host)
    assert answer.headers["cache-control"] == "no-store"
    assert "accept" in answer.headers["vary"].lower()
    assert answer.headers["content-length"] == "0"
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("kind", ["expired", "forged", "query"])
async def test_a_token_that_is_not_believed_leads_to_the_login_and_stays_behind(gateway, kind):
    token = tokens.mint(expires=-100) if kind == "expired" else tokens.mint()[:-6] + "AAAAAA"
    headers = {**VISIT, "Cookie": f"session={token}"}
    path = "/private/x?a=1"
    if kind == "query":
        headers, path = VISIT, f"/private/x?token={token}&a=1"
    answer = await visit(gateway, path, headers)
    assert answer.status_code == 302
    assert answer.headers["location"] == "/login?next=/private/x%3Fa%3D1"
    assert token not in str(answer.headers)


async def test_who_brings_a_good_token_is_let_in_or_forbidden(gateway):
    token = tokens.mint(role="guest")
    cookie = {**VISIT, "Cookie": f"session={token}"}
    assert (await visit(gateway, "/private/x", cookie)).status_code == 404, "the app's"
    answer = await visit(gateway, "/admin", {**cookie, "Accept-Language": "en"})
    assert answer.status_code == 403, "whoever has signed in would be sent round in circles"
    assert "You may not see this" in answer.text


async def test_sockets_and_streams_are_never_sent_to_the_login(gateway):
    stream = await visit(gateway, "/live", {"Accept": "text/event-stream"})
    assert stream.status_code == 401
    fields = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAccept: {CHROMIUM}\r\n"
    )
    async with connection(gateway.plain) as raw:
        await raw.send(f"GET /private/x HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
        head = await raw.until(b"\r\n\r\n")
    assert b" 101 " in head.split(b"\r\n")[0], "it hears why on the socket"
    assert b"location" not in head.lower()


async def test_a_login_that_asks_for_a_token_itself_is_nowhere_to_be_sent(gateway):
    for path in ("/members/x", "/members/login?next=/members/x"):
        answer = await visit(gateway, path)
        assert answer.status_code == 401
        assert "location" not in answer.headers
    gateway.wait_for_words("warning", "asks for a token itself")


async def test_the_log_has_the_reason_of_a_visit_that_was_sent_to_the_login(gateway):
    await visit(gateway, "/private/logged")

    def logged():
        lines = [json.loads(line) for line in gateway.stdout.splitlines() if "/logged" in line]
        return lines and (lines[0]["status"], lines[0]["reason"]) == (302, "unauthenticated")

    await eventually(logged, "the line of the request")
