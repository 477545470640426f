"""Paths: what routes and rewrites are chosen by, and what the app is sent. Behind the gateway stand
apps that read paths each in its own way; none may find itself where another route was to keep the
client away."""

import json

import pytest

from harness import tokens
from harness.gateway import command
from harness.ports import free_port
from harness.process import App
from harness.raw import once
from harness.waiting import eventually

CONFIGURATION = """
listen 127.0.0.1:$http
trust 127.0.0.2
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
backend app { server 127.0.0.1:$app }

rewrite /old/{rest...} to /files/{rest} { header X-Rest {rest} }
rewrite path matches "/v[0-9]+/(?<id>\\\\d{1,8})\\\\.json" to /item/{id} { header X-Id {id} }
rewrite /mine/{id} to /item/{id} { require claim:user_id == path:id }
rewrite /join/{a}/{b} to /x/.{a}{b}

defaults { backend app }
route /admin       { respond 403 "the gateway's" }
route /plain/      {}
route /kept/       { path keep }
route /mnt/        { strip /mnt; path keep }
route /outer/inner { strip /outer; encoded_slashes keep; header X-Seen {request.target} }
route /files/{path...} { encoded_slashes keep; header X-Path {path} }
route /item/{id}   { auth app; encoded_slashes keep; require claim:user_id == path:id }
route /api/v4/projects/ { encoded_slashes keep }
route /go/{rest...} { redirect 302 https://new.example/a/{rest}?from={rest} }
route /            { encoded_slashes keep; path keep }
"""

KINDS = ["starlette", "aiohttp", "werkzeug", "node"]


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def gateway(kind, start_module_gateway, tmp_path_factory):
    with App(kind, free_port(), tmp_path_factory.mktemp(kind)) as app:
        yield start_module_gateway(CONFIGURATION, app=app)


def request(path, *fields, method="GET"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *fields, "", ""])


async def ask(door, path, *fields):
    """The app's own words; for what the gateway says, or a redirect of the app's, the status."""
    answer = await once(door, request(path, *fields))
    if answer.status != 200:
        return answer.status
    return json.loads(answer.body)


def bearer(user):
    return f"Authorization: Bearer {tokens.mint(user=user)}"


# What is sent.


NORMAL = [
    ("/plain//a/%41%7e", "/plain/a/A~"),
    ("/plain/%c3%a9", "/plain/%C3%A9"),
    ("/plain/a/../b/./c", "/plain/b/c"),
    ("/plain/;jsessionid=AB12", "/plain/;jsessionid=AB12"),
    ("/plain/;v=1/b", "/plain/;v=1/b"),
    ("/plain/a;v=1?x=%2F;y", "/plain/a;v=1"),
]

KEPT = [
    "/kept/a/%41%7e",
    "/kept/signed/%61%2a?X-Signature=%41",
    "/kept/%c3%a9",
    "/kept/a;v=1",
    "/b/%7Euser/x",
]


@pytest.mark.parametrize("path, sent", NORMAL)
async def test_paths_are_sent_in_their_normal_form(gateway, path, sent):
    assert (await ask(gateway.plain, path))["target"] == sent


@pytest.mark.parametrize("path", KEPT)
async def test_a_spelling_is_kept_to_the_octet(gateway, path):
    assert (await ask(gateway.plain, path))["target"] == path.partition("?")[0]


async def test_doubled_slashes_reach_the_app_that_is_to_have_them(gateway):
    assert (await ask(gateway.plain, "/kept//a///b"))["target"] == "/kept//a///b"


async def test_a_path_of_parameters_alone_is_legal(gateway):
    assert (await ask(gateway.plain, "/;jsessionid=AB12"))["target"] == "/;jsessionid=AB12"


SLASHES = [
    "/api/v4/projects/group%2Fname/issues",
    "/api/v4/projects/a%2Fb%2Fc/repository/files/lib%2Fx.rb/raw",
    "/@scope%2Fpackage",
    "/_matrix/client/v3/rooms/!x%2Fy:host/send/m%5Cn",
    "/rabbit/queues/%2F/name",
    "/contents/folder%2Fnotebook.ipynb",
]


@pytest.mark.parametrize("path", SLASHES)
async def test_escaped_slashes_reach_apps_that_mean_them(gateway, path):
    said = await ask(gateway.plain, path)
    assert said["target"] == path and said["endpoint"] == "other"


@pytest.mark.parametrize("path", ["/plain/a%2Fb", "/plain/a%5Cb", "/kept/a%2fb", "/mnt/a%5cb"])
async def test_they_are_refused_where_nothing_is_said(gateway, path):
    answer = await once(gateway.plain, request(path))
    assert answer.status == 400
    assert json.loads(answer.body)["detail"].startswith("The path of the request target")


# Nobody gets past a route.


def spellings():
    slashes = ["/", "//", "%2F", "%2f", "%5C", "/./", "/x/../", "/%2e/", "/;x/"]
    slashes += ["/x/..%2f", "/x%2F../"]
    names = ["admin", "%61dmin", "ADMIN", "admin;x", "admin%3Bx", "admin%2F", "admin%5C", "admin/"]
    names += ["admin%2Fx", "admin%5Cx", "admin/..;/x", "admin%2f..%2fx", "adm%69n/users"]
    for slash in slashes:
        for name in names:
            yield (slash if slash.startswith("/") else "/" + slash) + name
            yield f"/kept{slash}..{slash}{name}"
            yield f"/files{slash}..{slash}{name}"
            yield f"/mnt{slash}{name}"
    yield from ("/%2561dmin", "/%252Fadmin", "/a/..%252fadmin", "/%2e%2e%2fadmin", "/%c0%afadmin")


async def test_no_spelling_leads_an_app_to_what_another_route_guards(gateway):
    """`/mnt/admin` is sent as `/admin`, and is meant to be."""
    reached = 0
    for path in spellings():
        said = await ask(gateway.plain, path)
        if isinstance(said, int):
            assert said in (400, 403, 404, 307, 308), (path, said)
            continue
        reached += 1
        if said["endpoint"] == "admin":
            assert path.startswith("/mnt/"), (path, said)
        if said["endpoint"] == "item":
            pytest.fail(f"{path} got past auth: {said}")
    assert reached > 20


async def test_a_capture_that_decides_is_beyond_doubt(gateway):
    said = await ask(gateway.plain, "/item/7", bearer(7))
    assert said["captures"] == {"id": "7"}
    for path in ("/item/7%2F..%2F8", "/item/7%2F8", "/item/7%5C8", "/item%2F8", "/x%2F..%2Fitem/8"):
        assert await ask(gateway.plain, path, bearer(7)) in (400, 403), path
    for path in ("/mine/7%2F8", "/mine/7%5C8"):
        assert await ask(gateway.plain, path, bearer(7)) == 400, path
    assert (await ask(gateway.plain, "/mine/7", bearer(7)))["endpoint"] == "item"
    assert await ask(gateway.plain, "/mine/8", bearer(7)) == 403


# Rewrites.


async def test_a_capture_may_be_all_that_follows(gateway):
    said = await ask(gateway.plain, "/old/a/b%20c/d?x=1")
    assert said["target"] == "/files/a/b%20c/d"
    assert said["headers"]["x-rest"] == said["headers"]["x-path"] == "a/b c/d"
    said = await ask(gateway.plain, "/files/x/y")
    assert said["headers"]["x-path"] == "x/y" and said["captures"] == {"path": "x/y"}


async def test_a_rewrite_may_match_by_a_regular_expression(gateway):
    said = await ask(gateway.plain, "/v2/42.json", bearer(42))
    assert said["target"] == "/item/42" and said["headers"]["x-id"] == "42"
    assert await ask(gateway.plain, "/v2/43.json", bearer(42)) == 403
    assert (await ask(gateway.plain, "/v2/123456789.json"))["target"] == "/v2/123456789.json"
    assert (await ask(gateway.plain, "/v2/42xjson"))["target"] == "/v2/42xjson"


@pytest.mark.parametrize("path", ["/join/./x", "/join/.%2F/x"])
async def test_captures_do_not_come_together_to_dot_segments(gateway, path):
    said = await ask(gateway.plain, path)
    assert said in (400, 404) or "/." not in said["target"]


async def test_a_redirect_keeps_the_slashes_of_what_it_captured(gateway):
    answer = await once(gateway.plain, request("/go/a/b%20c"))
    assert answer.values("location") == ["https://new.example/a/a/b%20c?from=a/b%20c"]


# An app below a prefix.


@pytest.mark.parametrize(
    "path, sent",
    [("/outer/inner", "/inner"), ("/outer/inner/x%2Fy", "/inner/x%2Fy"), ("/mnt/a/b", "/a/b"),
     ("/mnt", "/"), ("/mnt/", "/"), ("/mnt/%61/b", "/%61/b")],
)  # fmt: skip
async def test_a_prefix_is_taken_away_and_told(gateway, path, sent):
    said = await ask(gateway.plain, path, "X-Forwarded-Prefix: /evil", "X_Forwarded_Prefix: /evil")
    assert said["target"] == sent
    assert said["headers"]["x-forwarded-prefix"] == "/" + path.split("/")[1]
    assert "x_forwarded_prefix" not in said["headers"]
    if sent.startswith("/inner"):
        assert said["headers"]["x-seen"] == sent


@pytest.mark.parametrize("path", ["/mnt//evil.com", "/mnt///x", "//evil.com", "//evil.com/admin"])
async def test_what_is_sent_does_not_begin_like_a_host(gateway, path):
    said = await ask(gateway.plain, path)
    assert said in (400, 403), said


# Apps that ignore case or parameters.


IGNORING = """
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$odd }
route /raw/admin { respond 403 no; ignore_case on; parameters refuse }
route /raw/app   { backend app; parameters ignore }
route /raw       { backend app }
"""


@pytest.mark.parametrize(
    "path, status",
    [("/raw/ADMIN", 403), ("/raw/Admin/x", 403), ("/raw/%41dmin", 403), ("/raw/admin", 403),
     ("/raw/admin;x", 400), ("/raw/ADMIN;x/y", 400), ("/raw/;x/admin", 400),
     ("/raw/admin%3Bx", 400), ("/raw/app;v=1/x;y", 200), ("/raw/other;x", 200),
     ("/raw/OTHER", 200)],
)  # fmt: skip
async def test_who_ignores_case_or_parameters_is_not_got_around(
    start_gateway, odd, path, status
):
    gateway = start_gateway(IGNORING, odd=odd)
    answer = await once(gateway.plain, request(path))
    assert answer.status == status
    if status == 200:
        assert answer.body.decode().split(" ")[1] == path


# What a reload does.


RELOADED = """
listen 127.0.0.1:$http
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
backend app { server 127.0.0.1:$odd }
limits { reload_ends 0ms }
route /raw/ { auth app; backend app; encoded_slashes WORD }
"""


async def test_a_reload_refuses_what_is_kept_no_more(start_gateway, odd):
    gateway = start_gateway(RELOADED.replace("WORD", "keep"), odd=odd)
    path = "/raw/a%2Fb"

    async def status():
        return (await once(gateway.plain, request(path, bearer(7)))).status

    assert await status() == 200
    gateway.configure(RELOADED.replace("WORD", "refuse"))
    gateway.reload()
    words = "generation 2 judges"
    await eventually(lambda: words in gateway.stderr, "every worker to serve by it")
    assert await status() == 400


# What a check says.


@pytest.mark.parametrize(
    "line, words",
    [
        ("route /admin/* { respond 200 }", "(write '/admin/', or"),
        ("route /admin/** { respond 200 }", "(write '/admin/', or"),
        ("route /a/:id { respond 200 }", "(write '{id}')"),
        ("route /a/<id> { respond 200 }", "(write '{id}')"),
        ("route /a/{id { respond 200 }", "(write '{id}')"),
        ("route ^/a/.*$ { respond 200 }", "regular expressions are not supported"),
        ("route /a/(.*)$ { respond 200 }", "wildcards within a segment are not supported"),
        ("route */a { respond 200 }", "leave it out"),
        ("rewrite /a/* to /b", "(write '/a/{rest...}'"),
        ("rewrite /a/{x} to /b/$1", "'$1' is not a placeholder"),
        ("route /a { redirect 308 https://b.kr$request_uri }", "(write '{request.target}')"),
    ],
)
def test_what_would_match_nothing_is_an_error(tmp_path, line, words):
    path = tmp_path / "gateway.conf"
    path.write_text(f"listen 127.0.0.1:0\n{line}\nroute / {{ respond 200 }}\n")
    done = command("check", "--config", path)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert words in said and "    2 | " in said and "^" in said.splitlines()[2], said
