"""Everybody who is connected is listed, counted and ended, with a seat in a store or without: real
WebSockets, event streams and streamed downloads, with tokens and without."""

import asyncio
import contextlib
import json
import re
import signal

import httpx
import pytest

from harness import tokens
from harness.event_source import EventSource
from harness.gateway import command
from harness.log import line
from harness.operator import start
from harness.waiting import PATIENCE, eventually
from test_console_sessions import ending

CONFIGURATION = """\
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
log { access json stdout }
listen 127.0.0.1:$http
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; role role }
sessions boards { store query:store_id; device query:client_id; limit 1 eject_old }
backend echo { server 127.0.0.1:$echo }
backend models { server 127.0.0.1:$models }
backend away { server 127.0.0.1:$spare }
route /open { websocket; auth off; backend echo }
route /owned { websocket; auth app; backend echo }
route /seat { websocket; sessions boards; backend echo }
route /both { websocket; auth app; sessions boards; backend echo }
route /away { websocket; while_away hold 60s; backend away }
route /feed/ { events; strip /feed; backend models }
route /mine/ { events; auth app; strip /mine; backend models }
route /said/ { strip /said; backend models }
route /v1/ { stream; backend models }
route /token/ { stream; auth app; strip /token; backend models }
route /alone/ { stream; finish_without_client on; strip /alone; backend models }
"""
CHAT = "v1/chat/completions"


def completion(model):
    message = {"role": "user", "content": "say"}
    return {"model": model, "stream": not model.startswith("thought"), "messages": [message]}


class Connected:
    """One who is connected: `said` has what it was told until it was over."""

    def __init__(self, task):
        self.task = task

    async def over(self):
        return await asyncio.wait_for(self.task, PATIENCE)


class Hall:
    """Opens what lives, and knows when it is open."""

    def __init__(self, gateway, stack):
        self.gateway, self.stack = gateway, stack
        self.streams = []

    async def socket(self, path, token=None, **options):
        socket = await self.gateway.plain.websocket(path, token=token, **options)
        self.stack.push_async_callback(socket.close)
        await socket.send("here")
        assert await socket.recv() == "here"
        return socket

    async def events(self, path, token=None, **headers):
        fields = {**(tokens.bearer(token) if token else {}), **headers}
        stream = await self.stack.enter_async_context(
            self.gateway.plain.events(path, headers=fields)
        )
        assert (await stream.next()).event == "tick"
        # One that nobody holds is closed.
        self.streams.append(stream)
        return stream

    async def download(self, path, model, token=None, has_begun=True):
        """A POST that is answered with words; where `has_begun`, the first of them is there."""
        begun = asyncio.Event()
        client = await self.stack.enter_async_context(self.gateway.plain.client(timeout=60))

        async def read():
            text = b""
            fields = tokens.bearer(token) if token else {}
            order = completion(model)
            async with client.stream("POST", path, json=order, headers=fields) as answer:
                async for piece in answer.aiter_bytes():
                    text += piece
                    begun.set()
            return answer, text

        task = asyncio.create_task(read())
        self.stack.callback(task.cancel)
        if has_begun:
            await asyncio.wait_for(begun.wait(), PATIENCE)
        return Connected(task)


@pytest.fixture(scope="module")
def running(start_module_gateway, echo, models):
    return start(start_module_gateway, CONFIGURATION, echo=echo, models=models)


@pytest.fixture
def gateway(running):
    return running[0]


@pytest.fixture
async def console(running):
    await nobody(running[1])
    yield running[1]
    await nobody(running[1])


@pytest.fixture
async def hall(gateway, console):
    async with contextlib.AsyncExitStack() as stack:
        yield Hall(gateway, stack)


async def nobody(console):
    """Nobody is connected; every seat and every place was given back."""
    await eventually(lambda: console.sessions() == [], "everybody to be gone")
    counts = console.get("/counts")
    assert (counts["sessions"], counts["live"]["connections"]) == (0, 0)
    assert console.total("gateway_live_connections") == 0


async def only(console, **filters):
    """The one that is listed."""
    found = await eventually(lambda: console.sessions(**filters), f"one with {filters}")
    assert len(found) == 1, found
    return found[0]


#: By name: how it is opened, and what is said of it.
KINDS = {
    "socket": (lambda hall: hall.socket("/open"), "/open", "websocket", None, "echo"),
    "socket with token": (
        lambda hall: hall.socket("/owned", tokens.mint()), "/owned", "websocket", "7", "echo",
    ),
    "events": (lambda hall: hall.events("/feed/events"), "/feed/", "event_stream", None, "models"),
    "events with token": (
        lambda hall: hall.events("/mine/events", tokens.mint()),
        "/mine/", "event_stream", "7", "models",
    ),
    "events that nobody asked for": (
        lambda hall: hall.events("/said/events", Accept="*/*"),
        "/said/", "event_stream", None, "models",
    ),
    "stream": (
        lambda hall: hall.download(f"/{CHAT}", "words-9999"), "/v1/", "stream", None, "models",
    ),
    "stream with token": (
        lambda hall: hall.download(f"/token/{CHAT}", "words-9999", tokens.mint()),
        "/token/", "stream", "7", "models",
    ),
    "stream before its answer": (
        lambda hall: hall.download(f"/{CHAT}", "thought-60", has_begun=False),
        "/v1/", "stream", None, "models",
    ),
    "stream that nobody announced": (
        lambda hall: hall.download(f"/said/{CHAT}", "words-9999"),
        "/said/", "stream", None, "models",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
async def test_one_without_a_seat_is_listed_counted_and_ended(kind, hall, console):
    begin, route, transport, user, backend = KINDS[kind]
    client = await begin(hall)
    session = await only(console)
    assert session["seated"] is False
    for name in ("block", "store", "device", "device_since", "user_agent"):
        assert session[name] is None
    assert (session["route"], session["transport"]) == (route, transport)
    assert (session["user"], session["role"]) == (user, user and "admin")
    assert session["address"] == "127.0.0.1" and session["generation"] == 1
    # Of one that waits for an answer no server may have been chosen yet.
    await eventually(lambda: console.sessions()[0]["server"], "a server")
    session = console.get(f"/sessions/{session['id']}")
    assert session["backend"] == backend
    if kind != "stream before its answer":
        assert session["octets_out"] > 0
    assert session["messages_in"] == (1 if transport == "websocket" else None)

    live = console.get("/counts")["live"]
    assert (live["connections"], live["seated"], live[transport]) == (1, 0, 1)
    labels = {"transport": transport, "seated": "false"}
    assert console.total("gateway_live_connections", **labels) == 1
    kicked = console.get("/counts")["since_start"]["kicked"]

    path = f"/sessions/{session['id']}"
    parameters = {"message": "닫습니다", "reconnect": 60}
    assert console.delete(path, params=parameters).json() == {"ended": 1}
    assert console.delete(path).status_code == 404 == console("GET", path).status_code
    assert console.sessions() == []
    await HEARD[transport](client, kind)
    assert console.get("/counts")["since_start"]["kicked"] == kicked + 1
    entry = await eventually(lambda: logged(hall.gateway, session["id"]), "its line in the log")
    assert (entry["reason"], entry["detail"]) == ("force_disconnect", "kicked")


def logged(gateway, session):
    """The line of the access log about it; there is one."""
    whole = gateway.stdout.rpartition("\n")[0]
    found = [entry for entry in map(json.loads, whole.splitlines())
             if entry.get("session") == session]  # fmt: skip
    assert len(found) <= 1
    return found[0] if found else None


async def heard_on_socket(socket, _):
    message, code = await ending(socket)
    assert code == 4010 and message["type"] == "force_disconnect"
    assert (message["reason"], message["message"]) == ("kicked", "닫습니다")
    assert message["retry"] == 60_000


async def heard_on_events(stream, _):
    last = (await stream.rest())[-1]
    assert last.event == "force_disconnect" and last.retry == 60_000
    assert json.loads(last.data)["message"] == "닫습니다"


async def heard_on_download(client, kind):
    """Nothing is written into it: it breaks off, or is answered in the first place."""
    if kind == "stream before its answer":
        answer, text = await client.over()
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "60"
        problem = json.loads(text)
        assert (problem["reason"], problem["detail"]) == ("force_disconnect", "닫습니다")
    else:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.over()


HEARD = {
    "websocket": heard_on_socket, "event_stream": heard_on_events, "stream": heard_on_download,
}  # fmt: skip


async def test_whoever_need_not_come_back_is_not_asked_to(hall, console):
    """Client libraries repeat what is answered with 503, not what is answered with 403."""
    client = await hall.download(f"/{CHAT}", "thought-60", has_begun=False)
    session = await only(console)
    assert console.delete(f"/sessions/{session['id']}").json() == {"ended": 1}
    answer, text = await client.over()
    assert answer.status_code == 403 and "Retry-After" not in answer.headers
    assert b"operator" in text


@pytest.mark.parametrize("language, word", [("en-GB", "administrator"), ("fr", "관리자")])
async def test_who_is_ended_hears_why_in_a_language_of_its_own(hall, console, language, word):
    fields = {"Accept-Language": language}
    socket = await hall.socket("/open", headers=fields)
    stream = await hall.events("/feed/events", **fields)
    late = await hall.events("/said/events", Accept="*/*", **fields)
    for session in console.sessions():
        console.delete(f"/sessions/{session['id']}")
    assert word in (await ending(socket))[0]["message"]
    for each in (stream, late):
        assert word in json.loads((await each.rest())[-1].data)["message"]


# Beside those with seats.


async def fill(hall):
    token = tokens.mint(user="mina")
    await hall.socket("/open")
    await hall.socket("/owned", token)
    await hall.socket("/seat?store_id=1&client_id=a")
    await hall.socket("/both?store_id=2&client_id=b", token)
    await hall.events("/feed/events")
    await hall.events("/mine/events", token)
    await hall.download(f"/{CHAT}", "words-9999")
    await hall.download(f"/token/{CHAT}", "words-9999", token)


@pytest.mark.parametrize(
    "filters, routes",
    [
        ({}, "/both /feed/ /mine/ /open /owned /seat /token/ /v1/"),
        ({"seated": "true"}, "/both /seat"),
        ({"seated": "false"}, "/feed/ /mine/ /open /owned /token/ /v1/"),
        ({"user": "mina"}, "/both /mine/ /owned /token/"),
        ({"role": "admin", "seated": "false"}, "/mine/ /owned /token/"),
        ({"transport": "websocket"}, "/both /open /owned /seat"),
        ({"transport": "event_stream"}, "/feed/ /mine/"),
        ({"transport": "stream"}, "/token/ /v1/"),
        ({"route": "/open"}, "/open"), ({"route": "/seat"}, "/seat"), ({"route": "/"}, ""),
        ({"block": "boards"}, "/both /seat"), ({"store": "1"}, "/seat"), ({"device": "b"}, "/both"),
        ({"store": "1", "seated": "false"}, ""),
    ],
)  # fmt: skip
async def test_lists_filter(hall, console, filters, routes):
    await fill(hall)
    found = console.sessions(**filters)
    assert sorted(one["route"] for one in found) == routes.split()
    assert all(one["seated"] == (one["route"] in ("/seat", "/both")) for one in found)


async def test_all_are_counted_and_come_in_pages(hall, console):
    await fill(hall)
    counts = console.get("/counts")
    assert counts["sessions"] == 2
    assert counts["live"] == {
        "connections": 8, "seated": 2, "websocket": 4, "event_stream": 2, "stream": 2,
    }  # fmt: skip
    assert console.total("gateway_live_connections") == 8
    assert console.total("gateway_live_connections", seated="true") == 2
    ids = [one["id"] for one in console.sessions()]
    assert ids == sorted(ids) and len(set(ids)) == 8
    for limit in (1, 3, 7, 8):
        seen, after = [], {}
        while True:
            page = console.get("/sessions", limit=limit, **after)
            seen += [one["id"] for one in page["sessions"]]
            if "next" not in page:
                break
            after = {"after": page["next"]}
        assert seen == ids
    (seat,) = [one["id"] for one in console.sessions(store="1")]
    # The end of a store is that of nobody else.
    assert console.delete("/stores/boards/1/sessions").json() == {"ended": 1}
    assert [one["id"] for one in console.sessions()] == [one for one in ids if one != seat]


async def test_a_table_marks_who_has_no_seat(hall, console, gateway):
    await hall.socket("/open")
    await hall.socket("/seat?store_id=1&client_id=a")

    def sessions(*words):
        done = command("sessions", *words, "--config", gateway.file)
        assert done.returncode == 0, done.stderr
        return done.stdout

    titles, *rows = sessions("list").splitlines()
    assert re.split(r" {2,}", titles) == [
        "STORE", "DEVICE", "ROLE", "USER", "ADDRESS", "TRANSPORT", "ROUTE", "SEAT", "SINCE (UTC)",
        "IN", "OUT", "ID",
    ]  # fmt: skip
    cells = {row.split()[6]: row.split() for row in rows}
    assert cells["/open"][:8] == ["-", "-", "-", "-", "127.0.0.1", "websocket", "/open", "no"]
    assert cells["/seat"][7] == "yes"
    assert len(sessions("list", "--seated", "no").splitlines()) == 2
    assert "/seat" in sessions("list", "--seated", "yes", "--route", "/seat")
    assert sessions("list", "--seated", "no", "--store", "1") == "no sessions\n"
    assert sessions("kick", cells["/open"][-1]) == "ended 1 session\n"
    assert len(sessions("list").splitlines()) == 2


# Every entry is gone exactly once (`console` waits for that), however it comes to its end.


async def test_whoever_leaves_is_gone(hall, console):
    socket = await hall.socket("/open")
    lost = await hall.socket("/owned", tokens.mint())
    client = await hall.download(f"/{CHAT}", "words-9999")
    async with EventSource(hall.gateway.plain, "/feed/events") as source:
        assert await source.next() == "tick"
        assert len(console.sessions()) == 4
    await socket.close()
    lost.transport.abort()
    client.task.cancel()
    await nobody(console)


async def test_what_is_whole_is_gone(hall, console):
    client = await hall.download(f"/{CHAT}", "words-5")
    session = await only(console)
    answer, text = await client.over()
    assert answer.status_code == 200 and text.endswith(b"[DONE]\n\n")
    await nobody(console)
    assert console.delete(f"/sessions/{session['id']}").status_code == 404


async def test_what_is_finished_for_nobody_is_not_listed(hall, console):
    client = await hall.download(f"/alone/{CHAT}", "words-20")
    await only(console, route="/alone/")
    client.task.cancel()
    await nobody(console)
    assert not (await line(hall.gateway, "/alone/"))["octets_out"] == 0


async def opened(gateway, path):
    return await gateway.plain.websocket(path)


@pytest.mark.parametrize("path, token", [("/open", None), ("/owned", tokens.mint(user="jo"))])
async def test_a_request_that_waits_for_its_app_is_listed_and_ended(hall, console, path, token):
    waiting = asyncio.create_task(opened(hall.gateway, "/away"))
    session = await only(console)
    assert (session["route"], session["backend"]) == ("/away", "away")
    assert session["seated"] is False and session["octets_out"] == 0
    await hall.socket(path, token)
    assert console.delete(f"/sessions/{session['id']}").json() == {"ended": 1}
    message, code = await ending(await asyncio.wait_for(waiting, PATIENCE))
    assert code == 4010 and message["reason"] == "kicked"
    assert (await only(console))["route"] == path


async def test_a_revocation_ends_who_lives_on_the_token_and_no_download(hall, console):
    token = tokens.mint(user="eve", jti="of-eve")
    socket = await hall.socket("/owned", token)
    await hall.socket("/open")
    await hall.download(f"/token/{CHAT}", "words-9999", token)
    assert console.revoke(jti="of-eve")["ended"] == 1
    message, code = await ending(socket)
    assert (message["reason"], code) == ("token_revoked", 4001)
    routes = sorted(one["route"] for one in console.sessions())
    assert routes == ["/open", "/token/"]
    # Nor does it let anybody in who has it still.
    assert console.sessions(user="eve")[0]["transport"] == "stream"


async def test_who_is_ejected_is_gone_once(hall, console):
    token = tokens.mint()
    old = await hall.socket("/both?store_id=9&client_id=old", token)
    await hall.socket("/both?store_id=9&client_id=new", token)
    assert (await ending(old))[1] == 4010
    session = await only(console)
    assert (session["seated"], session["device"]["client_id"]) == (True, "new")
    await eventually(
        lambda: console.get("/counts")["live"]["connections"] == 1, "the place of the old one"
    )


async def test_one_without_a_token_is_no_session_for_a_refresh(hall, console):
    await hall.socket("/open")
    await hall.download(f"/token/{CHAT}", "words-9999", tokens.mint())
    for session in console.sessions():
        order = {"session": session["id"], "token": tokens.mint()}
        async with hall.gateway.plain.client() as client:
            answer = await client.post("/.gateway/refresh", json=order)
        assert answer.status_code == 404, answer.text


async def test_who_lives_on_over_a_reload_is_listed_as_before(start_gateway, echo, models):
    gateway, console = start(start_gateway, CONFIGURATION, echo=echo, models=models)
    async with contextlib.AsyncExitStack() as stack:
        hall = Hall(gateway, stack)
        await fill(hall)
        before = [one["id"] for one in console.sessions()]
        gateway.configure(CONFIGURATION.replace("route /open {", "route /open2 {"))
        gateway.reload()
        gateway.wait_for_words("reloaded")
        fresh = await hall.socket("/open2")
        after = {one["id"]: one for one in console.sessions()}
        assert set(before) < set(after) and len(after) == 9
        assert {after[one]["generation"] for one in before} == {1}
        (newest,) = set(after) - set(before)
        assert (after[newest]["generation"], after[newest]["route"]) == (2, "/open2")
        # By the rules of before, and by its id, it is ended as any other.
        (old,) = [one for one in after.values() if one["route"] == "/open"]
        assert console.delete(f"/sessions/{old['id']}").json() == {"ended": 1}
        await fresh.send("here")
        assert await fresh.recv() == "here"
    await nobody(console)


async def test_while_the_gateway_stops_only_what_is_finished_is_listed(start_gateway, echo, models):
    text = CONFIGURATION.replace("log {", "limits { drain 30s }\nlog {", 1)
    gateway, console = start(start_gateway, text, echo=echo, models=models)
    async with contextlib.AsyncExitStack() as stack:
        hall = Hall(gateway, stack)
        await hall.socket("/open")
        await hall.events("/feed/events")
        client = await hall.download(f"/{CHAT}", "words-20")
        gateway.signal(signal.SIGTERM)
        await eventually(
            lambda: [one["route"] for one in console.sessions()] == ["/v1/"], "the others to go"
        )
        assert console.get("/counts")["live"]["connections"] == 1
        answer, text = await client.over()
        assert text.endswith(b"[DONE]\n\n")
    gateway.assert_exit(0)


async def test_whoever_stays_is_listed_once_while_others_come_and_go(start_gateway, echo, models):
    gateway, console = start(start_gateway, CONFIGURATION, echo=echo, models=models)
    async with contextlib.AsyncExitStack() as stack:
        hall = Hall(gateway, stack)
        stay = [await hall.socket("/open") for _ in range(150)]
        known = {one["id"] for one in console.get("/sessions", limit=1000)["sessions"]}
        assert len(known) == len(stay)

        async def churn():
            while True:
                socket = await hall.socket("/open")
                await socket.close()

        churning = [asyncio.create_task(churn()) for _ in range(4)]
        for _ in range(5):
            seen, after = [], {}
            while True:
                page = await asyncio.to_thread(console.get, "/sessions", limit=10, **after)
                seen += [one["id"] for one in page["sessions"]]
                if "next" not in page:
                    break
                after = {"after": page["next"]}
            assert len(seen) == len(set(seen)) and known <= set(seen)
        for task in churning:
            task.cancel()
        await asyncio.gather(*churning, return_exceptions=True)
    await nobody(console)
