"""Pages of other origins: which of them may read answers (CORS), and which may do something in the
name of whoever looks at them, because a browser sends cookies along (CSRF)."""

import json

import pytest
import pytest_asyncio

from harness import tokens
from harness.chromium import at_host
from harness.door import Door, ask
from harness.raw import once
from harness.secrecy import secrecy
from harness.waiting import eventually

APP = "https://app.example"
PARTNER = "https://partner.example"
EVIL = "https://evil.example"

CONFIGURATION = """
log { access json stdout }
limits { attempts off }
listen 127.0.0.1:$https { tls { certificate $certificate; key $key } }
listen 127.0.0.1:$spare { tls { certificate $certificate; key $key } }
listen 127.0.0.1:$http

jwt app {
    algorithms HS256; secret env:JWT_SECRET; user user_id; tickets on
    from bearer cookie:access_token query:token
}
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
sessions screens { store query:store_id; limit 1 eject_old }
sessions kept    { store query:store_id; device query:client_id issue cookie; limit 1 block_new }

rewrite /moved  to /permissive { redirect }
rewrite /legacy to /said

route api.test/listed {
    auth app; backend waiting; methods GET PUT; roles admin
    cors https://app.example { credentials on; max_age 1m; expose X-A }
}
route api.test/listed/any-header { backend waiting; cors https://app.example }
route api.test/split { methods GET; respond 200 "one"; cors https://app.example }
route api.test/split { methods PUT; respond 200 "two"; cors https://partner.example }
route api.test/said {
    backend waiting
    cors https://app.example null { methods GET DELETE; headers X-One X-Two; expose off }
}
route api.test/public     { backend waiting; cors any }
route api.test/permissive { backend waiting; cors https://app.example { credentials on } }
route api.test/api/sse/   { events; auth app; sessions screens; backend waiting
                            cors https://app.example { credentials on } }
route api.test/ticket     { auth app; ticket; cors https://app.example { credentials on } }
route api.test/partner    { auth app; respond 200 "a page"
                            cors https://partner.example { credentials off } }
route api.test/           { backend waiting }

# Without `cors`.
route own.test/api/sse/ { events; auth app; sessions screens; backend waiting }
route own.test/api/sse/short { auth app; sessions screens; backend waiting }
route own.test/kept/    { events; sessions kept; backend waiting }
route own.test/listed/  { auth app; backend waiting; origins https://app.example }
route own.test/any/     { auth app; backend waiting; origins any }
route own.test/ticket   { auth app; ticket }
route own.test/open/    { backend waiting }
route own.test/ws/      { websocket; auth app; backend hospital; origins file:// null }
route own.test/         { auth app; backend waiting }

# For Chromium, which knows one name: pages of one port ask the other.
route gateway.test/api/sse/stream { events; auth app; sessions screens; backend waiting
                                    cors https://gateway.test:$spare { credentials on } }
route gateway.test/ticket         { auth app; ticket
                                    cors https://gateway.test:$spare { credentials on } }
route gateway.test/closed/ticket  { auth app; ticket }
route gateway.test/               { respond 200 "a page" }
"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting, trusted):
    return start_module_gateway(CONFIGURATION, hospital=hospital, waiting=waiting, **trusted)


async def send(gateway, method, path, *, host="api.test", origin=None, cookie=None, **headers):
    """Header names with `_` for `-`."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers |= {"Host": host} | ({"Origin": origin} if origin is not None else {})
    if cookie:
        headers["Cookie"] = f"access_token={cookie}"
    async with gateway.tls.client() as client:
        request = client.build_request(method, path, headers=headers)
        answer = await client.send(request, stream=True)
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            await answer.aread()
        await answer.aclose()
        return answer


async def preflight(gateway, path, origin, method, headers=None, **options):
    options |= {"Access_Control_Request_Method": method}
    if headers is not None:
        options["Access_Control_Request_Headers"] = headers
    return await send(gateway, "OPTIONS", path, origin=origin, **options)


def cors(answer):
    """What an answer says to browsers, each name once."""
    found = [
        (name, value)
        for name, value in answer.headers.multi_items()
        if name.startswith("access-control-")
    ]
    assert len(dict(found)) == len(found), found
    return {name.removeprefix("access-control-"): value for name, value in found}


def varies(answer):
    return [name.strip().lower() for name in answer.headers.get("vary", "").split(",") if name]


# Preflights.


async def test_a_preflight_is_answered_before_anybody_is_asked_for_a_token(gateway, waiting):
    answer = await preflight(gateway, "/listed", APP, "PUT", "authorization,x-a")
    assert answer.status_code == 204 and answer.content == b""
    assert cors(answer) == {
        "allow-origin": APP,
        "allow-credentials": "true",
        "allow-methods": "GET, PUT",
        "allow-headers": "authorization,x-a",
        "max-age": "60",
    }
    assert "origin" in varies(answer)


async def test_what_the_configuration_names_is_what_may_be_asked(gateway):
    for origin in (APP, "null"):
        answer = await preflight(gateway, "/said", origin, "DELETE", "x-three")
        assert answer.status_code == 204
        assert cors(answer) == {
            "allow-origin": origin,
            "allow-methods": "GET, DELETE",
            "allow-headers": "X-One, X-Two",
            "max-age": "600",
        }


@pytest.mark.parametrize("origin", [EVIL, "http://app.example", "https://app.example:444", "null"])
async def test_other_pages_are_told_nothing(gateway, origin):
    answer = await preflight(gateway, "/listed", origin, "GET")
    assert answer.status_code == 403 and cors(answer) == {} and "origin" in varies(answer)
    assert answer.json()["details"]["reason"] == "origin"


async def test_an_options_that_is_no_preflight_is_the_apps(gateway):
    answer = await send(gateway, "OPTIONS", "/public", origin=APP)
    assert answer.status_code == 404 and cors(answer)["allow-origin"] == "*"


async def test_a_route_without_cors_leaves_preflights_to_the_app(gateway):
    answer = await preflight(gateway, "/echo", APP, "PUT")
    assert answer.status_code == 200 and answer.json()["method"] == "OPTIONS"
    assert cors(answer) == {}


async def test_anything_can_read_what_is_for_all(gateway):
    answer = await preflight(gateway, "/public", EVIL, "PURGE", "x-y")
    assert cors(answer) == {
        "allow-origin": "*",
        "allow-methods": "PURGE",
        "allow-headers": "x-y",
        "max-age": "600",
    }
    assert varies(answer) == []


async def test_a_rewrite_is_asked_like_what_it_leads_to(gateway):
    """Browsers follow no redirect of a preflight, and one of a request only when its page may read
    the redirect itself."""
    for path, method in [("/moved", "PUT"), ("/legacy", "DELETE")]:
        answer = await preflight(gateway, path, APP, method)
        assert answer.status_code == 204 and cors(answer)["allow-origin"] == APP
        assert (await preflight(gateway, path, EVIL, method)).status_code == 403
    for origin in (APP, EVIL, None):
        answer = await send(gateway, "PUT", "/moved?a=1", origin=origin)
        assert (answer.status_code, answer.headers["location"]) == (308, "/permissive?a=1")
        assert cors(answer).get("allow-origin") == (APP if origin == APP else None)
        assert "origin" in varies(answer)


# Answers.


async def test_answers_and_refusals_can_be_read_by_the_page_that_may(gateway):
    for token, status in [(tokens.mint(), 404), (tokens.mint(role="x"), 403), (None, 401)]:
        answer = await send(gateway, "GET", "/listed", origin=APP, cookie=token)
        assert answer.status_code == status
        assert cors(answer) == {
            "allow-origin": APP,
            "allow-credentials": "true",
            "expose-headers": "X-A",
        }
        assert "origin" in varies(answer)


@pytest.mark.parametrize(
    "method, path, status",
    [("DELETE", "/listed", 405), ("DELETE", "/split", 405), ("GET", "/listed/a%2Fx", 400),
     ("GET", "/listed/..%2Fadmin", 400)],
)  # fmt: skip
async def test_answers_without_a_route_can_be_read_by_the_pages_of_the_path(
    gateway, method, path, status
):
    head = f"{method} {path} HTTP/1.1\r\nHost: api.test\r\nOrigin: {{}}\r\n\r\n"
    for origin, may in ((APP, True), (EVIL, False)):
        answer = await once(gateway.plain, head.format(origin), method)
        assert answer.status == status
        assert answer.values("access-control-allow-origin") == ([origin] if may else [])
        assert "Origin" in answer.values("vary")


async def test_whichever_route_of_the_path_lets_a_page_read_does(gateway):
    for origin in (APP, PARTNER):
        answer = await send(gateway, "DELETE", "/split", origin=origin)
        assert (answer.status_code, cors(answer)["allow-origin"]) == (405, origin)
        assert answer.headers["allow"] == "GET, HEAD, PUT"


async def test_where_nothing_is_served_nothing_is_said(gateway):
    answer = await send(gateway, "GET", "/listed", host="nobody.test", origin=APP)
    assert answer.status_code == 404 and cors(answer) == {}


async def test_other_pages_cannot_read_them(gateway):
    for origin in (EVIL, None):
        answer = await send(gateway, "GET", "/listed", origin=origin, cookie=tokens.mint())
        assert answer.status_code == 404 and cors(answer) == {} and "origin" in varies(answer)


async def test_what_the_app_says_itself_is_replaced(gateway):
    for origin, expected in [
        (APP, {"allow-origin": APP, "allow-credentials": "true"}),
        (EVIL, {}),
        (None, {}),
    ]:
        answer = await send(gateway, "GET", "/permissive", origin=origin)
        assert answer.status_code == 200
        said = cors(answer)
        said.pop("expose-headers", None)
        assert said == expected
        assert varies(answer) == ["accept-encoding", "origin"]


async def test_without_cors_the_app_speaks_for_itself(gateway):
    answer = await send(gateway, "GET", "/open/permissive", host="own.test", origin=EVIL)
    assert answer.status_code == 404
    assert cors(answer) == {}


async def test_an_event_stream_can_be_read(gateway):
    answer = await send(
        gateway, "GET", "/api/sse/stream?store_id=read", origin=APP, cookie=tokens.mint()
    )
    assert answer.status_code == 200
    assert cors(answer) == {
        "allow-origin": APP,
        "allow-credentials": "true",
        "expose-headers": "Retry-After, X-Session-Id",
    }


# Refreshes.


async def test_refreshes_are_for_the_pages_of_every_route_with_tokens(gateway):
    for origin, credentials in [(APP, True), (PARTNER, False)]:
        answer = await preflight(gateway, "/.gateway/refresh", origin, "POST", "content-type")
        assert answer.status_code == 204
        said = cors(answer)
        assert said["allow-origin"] == origin and said["allow-methods"] == "POST"
        assert ("allow-credentials" in said) == credentials
        refused = await send(gateway, "POST", "/.gateway/refresh", origin=origin)
        assert refused.status_code == 400 and cors(refused)["allow-origin"] == origin
    answer = await preflight(gateway, "/.gateway/refresh", EVIL, "POST")
    assert answer.status_code == 403 and cors(answer) == {}


async def test_a_page_with_cookies_of_theirs_refreshes_where_one_of_them_is_for_it(gateway):
    async def refresh(**options):
        return (await send(gateway, "POST", "/.gateway/refresh", **options)).status_code

    cookie = tokens.mint()
    assert await refresh(origin=EVIL) == 400
    # `own.test/any/` is for every page.
    assert await refresh(origin=EVIL, cookie=cookie) == 400


async def test_a_page_of_elsewhere_refreshes_nothing(start_gateway, waiting):
    gateway = start_gateway(
        """
        listen 127.0.0.1:$https { tls { certificate self_signed } }
        jwt app { algorithms HS256; secret env:JWT_SECRET; from cookie:access_token }
        backend waiting { server 127.0.0.1:$waiting }
        route /a { auth app; backend waiting }
        route /b { auth app; backend waiting; origins https://app.example }
        route /c { backend waiting; origins any }
        """,
        waiting=waiting,
    )

    async def refresh(**options):
        return (await send(gateway, "POST", "/.gateway/refresh", **options)).status_code

    cookie = tokens.mint()
    assert await refresh(cookie=cookie) == 400
    assert await refresh(origin=EVIL) == 400
    assert await refresh(origin=APP, cookie=cookie) == 400
    assert await refresh(origin="https://api.test", cookie=cookie) == 400
    assert await refresh(origin="http://api.test", cookie=cookie) == 403
    assert await refresh(origin=EVIL, cookie=cookie) == 403
    assert await refresh(cookie=cookie, Sec_Fetch_Site="cross-site") == 403
    assert (await preflight(gateway, "/.gateway/refresh", APP, "POST")).status_code == 405


# Cookies.

#: What a browser says of a page, and whether the routes of `own.test` are for it.
PAGES = {
    "no browser": ({}, True),
    "its own page": ({"origin": "https://own.test"}, True),
    "its own page, which hides": ({"origin": "null", "Sec_Fetch_Site": "same-origin"}, True),
    "its own page, without Origin": ({"Sec_Fetch_Site": "same-origin"}, True),
    "the address bar": ({"Sec_Fetch_Site": "none"}, True),
    "another page": ({"origin": EVIL}, False),
    "another page, without Origin": ({"Sec_Fetch_Site": "cross-site"}, False),
    "a neighbour, without Origin": ({"Sec_Fetch_Site": "same-site"}, False),
    "a frame": ({"origin": "null"}, False),
    "its own page in the clear": ({"origin": "http://own.test"}, False),
}

#: What a foreign page must not do with somebody's cookie.
DEEDS = {
    "a post": ("POST", "/echo", {}),
    "a put": ("PUT", "/echo", {}),
    "a delete": ("DELETE", "/echo", {}),
    "a method nobody knows": ("PURGE", "/echo", {}),
    "a ticket": ("POST", "/ticket", {}),
    "an event stream": ("GET", "/api/sse/stream?store_id=deed", {}),
    "an event stream where all is served": (
        "GET", "/any-kind", {"Accept": "text/event-stream"}
    ),
}  # fmt: skip


#: It knows neither every path nor every method.
OF_THE_APP = (200, 404, 405)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("deed", DEEDS)
async def test_with_a_cookie_only_pages_of_its_own_do_anything(gateway, deed, page):
    method, path, more = DEEDS[deed]
    headers, is_own = PAGES[page]
    answer = await send(
        gateway, method, path, host="own.test", cookie=tokens.mint(), **headers, **more
    )
    if is_own:
        assert answer.status_code in OF_THE_APP
    else:
        assert answer.status_code == 403
        assert answer.json()["details"]["reason"] == "origin"


@pytest.mark.parametrize("deed", DEEDS)
async def test_who_shows_the_token_is_no_browsers_victim(gateway, deed):
    method, path, more = DEEDS[deed]
    token = tokens.mint()
    join = "&" if "?" in path else "?"
    for where, headers in [(path, tokens.bearer(token)), (f"{path}{join}token={token}", {})]:
        answer = await send(
            gateway, method, where, host="own.test", origin=EVIL, **headers, **more
        )
        assert answer.status_code in OF_THE_APP


async def test_a_cookie_is_found_out_behind_a_bad_token_elsewhere(gateway, start_gateway, waiting):
    """A page can add a query to a URL; that does not make it the one that knows a token."""
    gateway = start_gateway(
        """
        listen 127.0.0.1:$https { tls { certificate self_signed } }
        jwt a { algorithms HS256; secret env:JWT_SECRET; from query:token }
        jwt b { algorithms HS256; secret env:JWT_SECRET; from cookie:access_token }
        backend waiting { server 127.0.0.1:$waiting }
        route / { auth a or b; backend waiting }
        """,
        waiting=waiting,
    )
    cookie, bad = tokens.mint(), tokens.mint(secret="x" * 64)
    for query, status in [(f"?token={bad}", 403), (f"?token={tokens.mint()}", 200), ("", 403)]:
        answer = await send(gateway, "POST", f"/echo{query}", origin=EVIL, cookie=cookie)
        assert answer.status_code == status, query


async def test_reading_is_between_browser_and_app(gateway):
    """No request that changes nothing is refused: other pages cannot read the answer."""
    for method in ("GET", "OPTIONS"):
        answer = await send(
            gateway, method, "/echo", host="own.test", origin=EVIL, cookie=tokens.mint()
        )
        assert answer.status_code == 200


async def test_named_pages_may(gateway):
    for origin, status in [(APP, 200), (EVIL, 403)]:
        answer = await send(
            gateway, "POST", "/listed/echo", host="own.test", origin=origin, cookie=tokens.mint()
        )
        assert answer.status_code in (status, 404) and (answer.status_code == 403) == (status == 403)
    answer = await send(
        gateway, "POST", "/any/echo", host="own.test", origin=EVIL, cookie=tokens.mint()
    )
    assert answer.status_code == 404


async def test_pages_that_cors_lets_send_cookies_may(gateway):
    for origin, status in [(APP, 200), (EVIL, 403), ("https://api.test", 200)]:
        answer = await send(gateway, "POST", "/ticket", origin=origin, cookie=tokens.mint())
        assert answer.status_code == status
        if status == 200:
            secrecy.remember(answer.json()["ticket"])
    for origin, status in [(PARTNER, 403), ("https://api.test", 200)]:
        answer = await send(gateway, "POST", "/partner", origin=origin, cookie=tokens.mint())
        assert answer.status_code == status


async def test_a_foreign_page_ejects_nobody(gateway):
    """`eject_old`: who opens one stream more ends the first."""
    path = "/api/sse/stream?store_id=colleague"
    options = {"host": "own.test", "cookie": tokens.mint(user=8)}
    headers = {"Host": "own.test", **tokens.bearer(tokens.mint())}
    async with gateway.tls.events(path + "&client_id=a", None, headers) as colleague:
        assert (await colleague.next()).event == "connected"
        other = path + "&client_id=b"
        assert (await send(gateway, "GET", other, origin=EVIL, **options)).status_code == 403
        answer = await send(gateway, "GET", other, Sec_Fetch_Site="cross-site", **options)
        assert answer.status_code == 403
        assert (await send(gateway, "GET", other, **options)).status_code == 200
        assert (await colleague.next()).event == "force_disconnect"


async def test_an_answer_that_turns_out_to_be_a_stream_takes_no_seat_for_a_foreign_page(gateway):
    path = "/api/sse/short?store_id=late"
    for headers, status in [({"origin": EVIL}, 403), ({"origin": "https://own.test"}, 200), ({}, 200)]:
        answer = await send(gateway, "GET", path, host="own.test", cookie=tokens.mint(), **headers)
        assert answer.status_code == status


async def test_a_device_that_is_known_by_a_cookie_is_no_prey_either(gateway):
    """No token is asked for here: the seat is the one of the cookie."""
    path = "/kept/x?store_id=kept"

    async def come(**headers):
        headers = {"Cookie": "gw_client=mine", **headers}
        return (await send(gateway, "GET", path, host="own.test", **headers)).status_code

    assert await come(origin=EVIL) == 403
    assert await come(Sec_Fetch_Site="cross-site") == 403
    assert await come() == 404, "the app's answer"
    assert await come(origin="https://own.test") == 404


async def test_sockets_of_pages_without_an_origin(gateway):
    for origin in ("file://", "null"):
        headers = {"Cookie": f"access_token={tokens.mint()}"}
        async with gateway.tls.websocket(
            "/ws/queue/x", headers=headers, origin=origin, name="own.test"
        ) as socket:
            assert await ask(socket, {"type": "ping"}) == {"type": "pong"}


# Chromium.


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def elsewhere(browser, gateway):
    """A page of another origin than `gateway.tls`, in a browser that has a cookie for it."""
    async with browser.page(Door("elsewhere", gateway.names["spare"], tls=True)) as page:
        await page.command(
            "Network.setCookie",
            name="access_token", value=tokens.mint(), url=at_host(gateway.tls).http("/"),
            secure=True, httpOnly=True, sameSite="None",
        )  # fmt: skip
        yield page


FETCH = """
(async () => {{
    try {{
        const answer = await fetch({url}, {options});
        return {{ status: answer.status, body: await answer.text() }};
    }} catch (error) {{ return {{ error: error.name }}; }}
}})()
"""


async def fetch(page, url, **options):
    text = FETCH.format(url=json.dumps(url), options=json.dumps(options))
    return await page.evaluate(text)


async def test_chromium_takes_a_ticket_from_another_origin_and_spends_it(gateway, elsewhere):
    door = at_host(gateway.tls)
    answer = await fetch(elsewhere, door.http("/ticket"), method="POST", credentials="include")
    assert answer["status"] == 200
    ticket = secrecy.remember(json.loads(answer["body"])["ticket"])
    stream = await elsewhere.open_events(
        door.http(f"/api/sse/stream?store_id=ticket&ticket={ticket}")
    )
    assert (await stream.next())["type"] == "open"
    await stream.close()
    # With a header of its own, which takes a preflight.
    answer = await fetch(
        elsewhere, door.http("/ticket"), method="POST", headers=tokens.bearer(tokens.mint())
    )
    assert answer["status"] == 200
    secrecy.remember(json.loads(answer["body"])["ticket"])
    # A refusal can be read, too.
    forged = tokens.bearer(tokens.mint(secret="x" * 64))
    answer = await fetch(elsewhere, door.http("/ticket"), method="POST", headers=forged)
    assert answer["status"] == 401 and "token_signature" in answer["body"]


async def test_chromium_refreshes_an_event_stream_from_another_origin(gateway, elsewhere):
    door = at_host(gateway.tls)
    answer = await elsewhere.evaluate(
        f"""
        (async () => {{
            const url = {json.dumps(door.http("/api/sse/stream?store_id=far&gateway=v1"))};
            const source = new EventSource(url, {{ withCredentials: true }});
            const session = await new Promise((resolve, reject) => {{
                source.addEventListener("session", (event) => resolve(JSON.parse(event.data)));
                source.onerror = () => reject(new Error("no stream"));
            }});
            const answer = await fetch({json.dumps(door.http("/.gateway/refresh"))}, {{
                method: "POST", credentials: "include",
                headers: {{ "Content-Type": "application/json" }},
                body: JSON.stringify({{
                    session: session.session, token: {json.dumps(tokens.mint())}
                }}),
            }});
            const body = await answer.text();
            source.close();
            return {{ status: answer.status, body }};
        }})()
        """
    )
    assert answer["status"] == 200 and json.loads(answer["body"])["type"] == "auth.refreshed"


async def test_chromium_takes_no_ticket_where_no_page_of_another_origin_may(gateway, elsewhere):
    answer = await fetch(
        elsewhere, at_host(gateway.tls).http("/closed/ticket"), method="POST",
        credentials="include", mode="no-cors",
    )  # fmt: skip
    # It may be asked without CORS, but reads nothing; and nothing was done.
    assert answer.get("status") == 0
    await eventually(
        lambda: any(
            json.loads(line).get("path") == "/closed/ticket"
            and json.loads(line)["status"] == 403
            for line in gateway.stdout.splitlines()
            if line.startswith("{")
        ),
        "the refusal in the log",
    )
