"""Which server of a group a request goes to, how many each takes at once, and who comes back to the
same one: every word of `backend` about it, with real servers."""

import asyncio
import collections
import contextlib

import pytest

from harness import tokens
from harness.operator import start
from harness.ports import free_port
from harness.serving import serving
from harness.waiting import eventually, longer_than, together

CONFIGURATION = """
workers 2
listen 127.0.0.1:$http
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
backend app { $words }
route /user/ { auth app; while_away error; backend app }
route /{room}/ { while_away error; backend app }
"""


class App:
    """Says its name, and counts. `/…/slow` and WebSockets stay until `gate` opens."""

    def __init__(self, name):
        self.name = name
        self.gate = asyncio.Event()
        self.now = self.most = self.total = 0
        self.connections = set()
        self.cookies = []

    async def __call__(self, scope, receive, send):
        self.now += 1
        self.total += 1
        self.most = max(self.most, self.now)
        self.connections.add(scope["client"])
        self.cookies += [value for name, value in scope["headers"] if name == b"cookie"]
        try:
            if scope["type"] == "websocket":
                await self.talk(receive, send)
            else:
                await self.answer(scope, send)
        finally:
            self.now -= 1

    async def answer(self, scope, send):
        if scope["path"].endswith("/slow"):
            await self.gate.wait()
        body = self.name.encode()
        fields = [(b"content-length", b"%d" % len(body)), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    async def talk(self, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": self.name})
        while (await receive())["type"] != "websocket.disconnect":
            pass


class Scene:
    """A gateway in front of apps called a, b, c, …"""

    def __init__(self, start_gateway, stack):
        self.start_gateway, self.stack = start_gateway, stack
        self.apps, self.ports = [], []

    async def begin(self, count, words):
        """`words` are those of the backend; `$a`, `$b`, … stand for the apps' addresses."""
        for name in "abcdefgh"[:count]:
            self.apps.append(App(name))
            # The app sees connections, not what is forwarded of clients.
            served = serving(self.apps[-1], proxy_headers=False)
            self.ports.append(await self.stack.enter_async_context(served))
        self.gateway, self.operator = start(
            self.start_gateway, self.configuration(words), words=""
        )
        self.client = await self.stack.enter_async_context(self.gateway.plain.client())
        # Cookies are the tests' to keep.
        self.client.cookies.jar.set_policy(NoCookies())
        return self

    def configuration(self, words):
        for name, port in zip("abcdefgh", self.ports):
            words = words.replace(f"${name};", f"127.0.0.1:{port};")
            words = words.replace(f"${name} ", f"127.0.0.1:{port} ")
        return CONFIGURATION.replace("$words", words)

    async def reload(self, words):
        await self.reload_to(self.configuration(words))

    async def reload_to(self, text):
        before = self.gateway.stderr.count("reloaded: generation")
        self.gateway.configure(text)
        self.gateway.reload()
        await eventually(
            lambda: self.gateway.stderr.count("reloaded: generation") > before, "a new generation"
        )

    async def who(self, path="/r/", **options):
        answer = await self.client.get(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def counts(self, count, path="/r/"):
        return collections.Counter([await self.who(path) for _ in range(count)])


class NoCookies:
    """A policy of `http.cookiejar` that keeps none."""

    netscape, rfc2965, hide_cookie2 = True, False, False

    def set_ok(self, *_):
        return False

    def return_ok(self, *_):
        return False

    def domain_return_ok(self, *_):
        return False

    def path_return_ok(self, *_):
        return False


@pytest.fixture
async def scene(start_gateway):
    async with contextlib.AsyncExitStack() as stack:
        scene = Scene(start_gateway, stack)
        stack.callback(lambda: [app.gate.set() for app in scene.apps])
        yield scene


@contextlib.asynccontextmanager
async def sockets(scene, count, path="/r/"):
    """So many WebSockets, and the names of their servers."""
    async with contextlib.AsyncExitStack() as stack:
        names = []
        for _ in range(count):
            socket = await stack.enter_async_context(scene.gateway.plain.websocket(path))
            names.append(await asyncio.wait_for(socket.recv(), 20))
        yield collections.Counter(names)


# Algorithms.


async def test_turns_are_by_weight_and_down_has_none(scene):
    await scene.begin(
        4, "server $a ; server $b weight=2; server $c weight=3; server $d weight=9 down"
    )
    assert await scene.counts(60) == {"a": 10, "b": 20, "c": 30}


async def test_random_goes_to_all(scene):
    await scene.begin(3, "balance random; server $a ; server $b ; server $c ;")
    counts = await scene.counts(120)
    assert set(counts) == {"a", "b", "c"} and min(counts.values()) > 15, counts


async def test_a_key_stays_with_its_server_when_others_go(scene):
    servers = "server $a ; server $b ; server $c ;"
    await scene.begin(3, "balance hash query:room; " + servers)
    rooms = [f"/r/?room={number}" for number in range(30)]
    before = {room: await scene.who(room) for room in rooms}
    assert set(before.values()) == {"a", "b", "c"}
    assert {room: await scene.who(room) for room in rooms} == before
    await scene.reload("balance hash query:room; server $c ; server $a ; server $b down;")
    after = {room: await scene.who(room) for room in rooms}
    for room in rooms:
        assert after[room] == before[room] or before[room] == "b"
    assert "b" not in after.values()


async def test_sockets_that_live_count_over_a_reload(scene):
    await scene.begin(3, "balance least_connections; server $a ; server $b ;")
    async with sockets(scene, 6) as old:
        assert old == {"a": 3, "b": 3}
        await scene.reload("balance least_connections; server $a ; server $b ; server $c ;")
        async with sockets(scene, 3) as new:
            assert new == {"c": 3}


# Limits.


async def test_no_server_gets_more_than_it_takes_and_the_others_wait(scene):
    await scene.begin(
        2, "queue 50 30s; server $a max_connections=2; server $b max_connections=1"
    )
    requests = [asyncio.create_task(scene.who("/r/slow")) for _ in range(12)]
    await eventually(lambda: [app.now for app in scene.apps] == [2, 1], "both to be full")
    await eventually(
        lambda: scene.operator.total("gateway_backend_queued_requests") == 9, "the others to wait"
    )
    for app in scene.apps:
        app.gate.set()
    assert len(await asyncio.gather(*requests)) == 12
    assert [app.most for app in scene.apps] == [2, 1]
    assert scene.operator.total("gateway_backend_queued_requests") == 0
    assert await scene.counts(4) == {"a": 2, "b": 2}


async def test_many_workers_and_clients_share_one_place(scene):
    await scene.begin(1, "queue 200 30s; server $a max_connections=1")
    names = await asyncio.gather(*(scene.who() for _ in range(150)))
    assert names == ["a"] * 150
    assert scene.apps[0].most == 1


async def test_sockets_hold_their_places_while_they_live(scene):
    await scene.begin(1, "queue 5 30s; server $a max_connections=2")
    async with sockets(scene, 2):
        waiting = asyncio.create_task(scene.who())
        await eventually(
            lambda: scene.operator.total("gateway_backend_queued_requests") == 1, "one to wait"
        )
        assert not waiting.done()
    assert await waiting == "a"


async def test_who_waits_too_long_or_finds_too_many_is_told_to_come_back(scene):
    await scene.begin(1, "queue 1 300ms; server $a max_connections=1")
    held = asyncio.create_task(scene.who("/r/slow"))
    await eventually(lambda: scene.apps[0].now == 1, "the server to be full")
    late = asyncio.create_task(scene.client.get("/r/"))
    await eventually(
        lambda: scene.operator.total("gateway_backend_queued_requests") == 1 or late.done(),
        "one to wait",
    )
    refused = await scene.client.get("/r/")
    late = await late
    assert word(late) == "queue_timeout"
    assert late.status_code == refused.status_code == 503
    assert word(refused) in ("queue", "queue_timeout")
    assert late.headers["Retry-After"] == refused.headers["Retry-After"] == "1"
    scene.apps[0].gate.set()
    assert await held == "a"
    assert scene.apps[0].total == 1


async def test_who_leaves_the_queue_is_not_sent_to_the_server(scene):
    await scene.begin(1, "queue 9 30s; server $a max_connections=1")
    held = asyncio.create_task(scene.who("/r/slow"))
    await eventually(lambda: scene.apps[0].now == 1, "the server to be full")
    leaving = asyncio.create_task(scene.client.get("/r/"))
    await eventually(
        lambda: scene.operator.total("gateway_backend_queued_requests") == 1, "one to wait"
    )
    leaving.cancel()
    await eventually(
        lambda: scene.operator.total("gateway_backend_queued_requests") == 0, "him to be gone"
    )
    staying = asyncio.create_task(scene.who())
    scene.apps[0].gate.set()
    assert await asyncio.gather(held, staying) == ["a", "a"]
    assert scene.apps[0].total == 2


async def test_no_more_requests_wait_for_an_answer_than_may(scene):
    await scene.begin(1, "max_pending 2; server $a ;")
    held = [asyncio.create_task(scene.who("/r/slow")) for _ in range(2)]
    await eventually(lambda: scene.apps[0].now == 2, "two to wait")
    refused = await scene.client.get("/r/")
    assert (refused.status_code, word(refused)) == (503, "pending")
    assert refused.headers["Retry-After"] == "1"
    scene.apps[0].gate.set()
    assert await asyncio.gather(*held) == ["a", "a"]
    # Their answers have begun: sockets that live wait for nothing.
    async with sockets(scene, 3) as names:
        assert names == {"a": 3}


def word(answer):
    """The finest word of a problem document."""
    return answer.json()["details"]["reason"]


# Who comes back to the same server.


async def test_the_cookie_leads_to_one_server_and_says_nothing_of_it(scene):
    await scene.begin(3, "sticky cookie; server $a ; server $b ; server $c ;")
    first = await scene.client.get("/r/")
    said = first.headers["Set-Cookie"]
    name, value = said.split(";")[0].split("=")
    assert name == "gw_server" and len(value) == 20
    assert [part.strip() for part in said.split(";")[1:]] == ["Path=/", "HttpOnly", "SameSite=Lax"]
    assert not any(str(port) in said for port in scene.ports)
    cookie = {"Cookie": f"{name}={value}"}
    for _ in range(8):
        again = await scene.client.get("/r/", headers=cookie)
        assert again.text == first.text
        assert "Set-Cookie" not in again.headers
    async with scene.gateway.plain.websocket("/r/", headers=cookie) as socket:
        assert await socket.recv() == first.text
    # Nobody makes one up.
    made_up = {"Cookie": f"{name}=" + "A" * len(value)}
    answers = [await scene.client.get("/r/", headers=made_up) for _ in range(6)]
    assert {answer.text for answer in answers} == {"a", "b", "c"}
    assert all("Set-Cookie" in answer.headers for answer in answers)
    # It holds over a reload, also of a server that takes nobody new.
    await scene.reload(
        "sticky cookie; server $c ; server $b ; server $a ;".replace(
            f"${first.text} ", f"${first.text} weight=0"
        )
    )
    assert await scene.who(headers=cookie) == first.text
    assert first.text not in await scene.counts(8)


async def test_a_websocket_is_told_its_server(scene):
    await scene.begin(2, "sticky cookie place; server $a ; server $b ;")
    async with scene.gateway.plain.websocket("/r/") as socket:
        name = await socket.recv()
        cookie = socket.response.headers["Set-Cookie"].split(";")[0]
    assert cookie.startswith("place=")
    for _ in range(4):
        assert await scene.who(headers={"Cookie": cookie}) == name


async def test_a_server_that_is_away_is_left_for_another_one(scene):
    port = free_port()
    spare = App("spare")
    async with serving(spare, port):
        await scene.begin(2, f"sticky cookie; server 127.0.0.1:{port}; server $a ; server $b ;")
        cookies = {}
        while "spare" not in cookies:
            answer = await scene.client.get("/r/")
            cookies[answer.text] = answer.headers["Set-Cookie"].split(";")[0]
    gone = await scene.client.get("/r/", headers={"Cookie": cookies["spare"]})
    assert gone.text in ("a", "b")
    moved = {"Cookie": gone.headers["Set-Cookie"].split(";")[0]}
    for _ in range(4):
        again = await scene.client.get("/r/", headers=moved)
        assert again.text == gone.text and "Set-Cookie" not in again.headers


async def test_two_gateways_of_one_secret_say_the_same(scene, start_gateway):
    words = "sticky cookie secret env:JWT_SECRET; server $a ; server $b ;"
    await scene.begin(2, words)
    other = start_gateway(scene.configuration(words), words="")
    async with other.plain.client() as client:
        for _ in range(3):
            answer = await scene.client.get("/r/")
            cookie = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
            assert (await client.get("/r/", headers=cookie)).text == answer.text


@pytest.mark.parametrize("source", ["user", "claim:user_id"])
async def test_a_user_comes_to_the_same_server(scene, source):
    words = "server $a ; server $b ; server $c ;"
    await scene.begin(3, words)
    text = scene.configuration(f"sticky {source}; {words}").split("route /{room}/")[0]
    await scene.reload_to(text)
    users = {user: tokens.bearer(tokens.mint(user=user)) for user in range(6)}
    places = {user: await scene.who("/user/", headers=field) for user, field in users.items()}
    assert set(places.values()) == {"a", "b", "c"}
    for user, field in reversed(users.items()):
        assert await scene.who("/user/", headers=field) == places[user]


# Attempts.


async def test_attempts_beyond_the_budget_are_not_made(scene):
    dead = free_port()
    servers = f"fail_timeout 0ms; server 127.0.0.1:{dead}; server $a ;"
    await scene.begin(1, servers)
    assert await scene.counts(10) == {"a": 10}
    await scene.reload("retry_budget 0% 0; " + servers)
    statuses = [(await scene.client.get("/r/")).status_code for _ in range(10)]
    assert statuses.count(502) == 5 and statuses.count(200) == 5
    assert scene.operator.total("gateway_backend_retries_total") == 5
    assert scene.operator.total("gateway_backend_refused_total", limit="retry_budget") == 5


async def test_a_server_that_is_back_begins_slowly(scene):
    port = free_port()
    back = App("back")
    await scene.begin(
        1, f"slow_start 1h; fail_timeout 0ms; server 127.0.0.1:{port}; server $a ;"
    )
    assert await scene.counts(4) == {"a": 4}
    async with serving(back, port):
        while await scene.who() != "back":
            pass
        counts = await scene.counts(200)
        assert 0 < counts["back"] < 30, counts


# Connections that are kept.


async def test_fifty_busy_clients_need_no_new_connections(scene):
    await scene.begin(1, "server $a ;")

    async def busy():
        async with scene.gateway.plain.client() as client:
            for _ in range(20):
                assert (await client.get("/r/")).text == "a"

    await together(*(busy() for _ in range(50)))
    assert scene.apps[0].total == 1000
    assert len(scene.apps[0].connections) <= 60


async def test_an_old_connection_is_not_used_again(scene):
    await scene.begin(1, "keep_alive_age 1s; server $a ;")
    await scene.counts(5)
    assert len(scene.apps[0].connections) == 1
    await longer_than("age", 1.1)
    await scene.counts(5)
    assert len(scene.apps[0].connections) == 2
