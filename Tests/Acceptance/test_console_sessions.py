"""What operators see of sessions, and do to them, through the console: while real clients are
connected."""

import asyncio
import datetime
import json

import httpx
import pytest
import websockets

from harness import tokens
from harness.operator import start
from harness.waiting import eventually

CONFIGURATION = """\
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
backend echo { server 127.0.0.1:$echo }
backend waiting { server 127.0.0.1:$waiting }
sessions boards {
    store query:store_id
    device query:client_id
    role query:role
    limit admin 2 block_new
}
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
route /owned { websocket; auth app; sessions boards; backend echo }
route /ws { websocket; sessions boards; backend echo }
route /api/sse/stream { events; sessions boards; backend waiting }
"""


@pytest.fixture(scope="module")
def running(start_module_gateway, echo, waiting):
    return start(start_module_gateway, CONFIGURATION, echo=echo, waiting=waiting)


@pytest.fixture
def gateway(running):
    return running[0]


@pytest.fixture
def console(running):
    """Nobody is connected when a test is done."""
    yield running[1]
    running[1].clear()


async def open_socket(gateway, store, device, role="admin"):
    socket = await gateway.plain.websocket(
        f"/ws?store_id={store}&client_id={device}&role={role}"
    )
    await socket.send("here")
    assert await socket.recv() == "here"
    return socket


async def ending(socket):
    """The last message before the close frame, and the code."""
    message = None
    try:
        while True:
            message = json.loads(await asyncio.wait_for(socket.recv(), 15))
    except websockets.ConnectionClosed:
        return message, socket.close_code


async def open_owned(gateway, device, user):
    socket = await gateway.plain.websocket(
        f"/owned?store_id=5&client_id={device}&role=admin", token=tokens.mint(user=user)
    )
    await socket.send("here")
    assert await socket.recv() == "here"
    return socket


# Devices of users.


async def test_two_users_with_one_client_id_are_told_apart(gateway, console):
    """Lists show both, an alias is for the ClientId, and a kick for one of them or for all."""
    console.put("/stores/boards/5/devices/pc/alias", {"name": "office PC"})
    mina, joon = [await open_owned(gateway, "pc", user) for user in ("mina", "joon")]
    listed = console.sessions(store="5", device="pc")
    assert sorted(one["user"] for one in listed) == ["joon", "mina"]
    assert {one["device"]["name"] for one in listed} == {"office PC"}
    path = "/stores/boards/5/devices/pc/sessions"
    assert console.delete(path, params={"user": "nobody"}).json() == {"ended": 0}
    assert console.delete(path, params={"user": "joon"}).json() == {"ended": 1}
    assert (await ending(joon))[1] == 4010
    (left,) = console.sessions(store="5", device="pc")
    assert left["user"] == "mina" and console.sessions(store="5", user="mina") == [left]
    await open_owned(gateway, "pc", "joon")
    assert console.delete(path).json() == {"ended": 2}
    assert (await ending(mina))[1] == 4010

    past = await console.wait_for_history(3, store="5", device="pc")
    assert sorted(one["user"] for one in past) == ["joon", "joon", "mina"]


# Lists.


async def test_a_session_says_who_it_is_and_what_its_worker_knows(gateway, console):
    before = datetime.datetime.now(datetime.timezone.utc)
    await open_socket(gateway, "17", "pc")
    (listed,) = console.sessions(block="boards", store="17")
    one = console.get(f"/sessions/{listed['id']}")
    for session in (listed, one):
        assert session["device"] == {
            "client_id": "pc", "name": None, "source": "query:client_id",
        }  # fmt: skip
        assert (session["role"], session["user"]) == ("admin", None)
        assert session["transport"] == "websocket" and session["route"] == "/ws"
        assert session["address"] == "127.0.0.1" and session["generation"] == 1
        assert session["messages_in"] == session["messages_out"] == 1
        assert session["octets_in"] > 4 and session["octets_out"] >= 6
        assert session["server"].startswith("127.0.0.1:")
        for date in ("connected_since", "device_since", "last_heard"):
            moment = datetime.datetime.fromisoformat(session[date])
            assert abs((moment - before).total_seconds()) < 30


async def test_lists_filter_and_page(gateway, console):
    for store, device, role in [("1", "a", "admin"), ("1", "b", "board"), ("2", "c", "admin")]:
        await open_socket(gateway, store, device, role)
    assert console.devices() == ["a", "b", "c"]
    assert console.devices(store="1") == ["a", "b"]
    assert console.devices(role="admin") == ["a", "c"]
    assert console.devices(device="b") == ["b"]
    assert console.devices(transport="event_stream") == []
    page = console.get("/sessions", limit=2)
    rest = console.get("/sessions", limit=2, after=page["next"])
    assert len(page["sessions"]) == 2 and len(rest["sessions"]) == 1 and "next" not in rest
    stores = console.get("/stores", limit=1)
    assert stores["stores"][0]["sessions"] == 2 and stores["stores"][0]["devices"] == 1
    (second,) = console.get("/stores", after=stores["next"])["stores"]
    assert second["store"] == "2"


async def test_event_streams_are_sessions_too(gateway, console):
    parameters = {"store_id": "접수", "client_id": "tv", "role": "admin"}
    async with gateway.plain.events("/api/sse/stream", parameters) as stream:
        await stream.next()
        (session,) = console.sessions(store="접수")
        assert session["transport"] == "event_stream" and session["messages_in"] is None
        path = "/stores/boards/%EC%A0%91%EC%88%98/sessions"
        assert console.delete(path, params={"message": "bye"}).json() == {"ended": 1}
        events = await stream.rest()
        assert events[-1].event == "force_disconnect"
        assert json.loads(events[-1].data)["message"] == "bye"


# Ends.


async def test_one_session_a_device_and_a_store_are_ended(gateway, console):
    sockets = {device: await open_socket(gateway, "9", device, "board") for device in "abcd"}
    (session,) = console.sessions(device="a")
    path = f"/sessions/{session['id']}"
    answer = console.delete(path, params={"message": "닫습니다", "reconnect": 7})
    assert answer.json() == {"ended": 1}
    message, code = await ending(sockets["a"])
    assert code == 4010
    assert (message["reason"], message["message"]) == ("kicked", "닫습니다")
    assert console.delete(path).status_code == 404
    assert console.delete("/stores/boards/9/devices/b/sessions").json() == {"ended": 1}
    assert (await ending(sockets["b"]))[1] == 4010
    assert console.devices(store="9") == ["c", "d"]
    assert console.delete("/stores/boards/9/sessions").json() == {"ended": 2}
    assert [(await ending(sockets[name]))[1] for name in "cd"] == [4010, 4010]
    assert console.delete("/stores/boards/9/sessions").json() == {"ended": 0}
    for path in ("/stores/board/9/sessions", "/stores/board/9/devices/a/sessions"):
        assert console.delete(path).status_code == 404, "a block that is not there"


async def test_an_order_is_logged_with_whom_it_is_about(gateway, console):
    path = "/stores/boards/%EC%A0%91%EC%88%98%0A2/devices/a/sessions"
    assert console.delete(path, params={"message": "good bye"}).status_code == 200
    order = "console: DELETE /stores/boards/접수␊2/devices/a/sessions from 127.0.0.1: 200"
    gateway.wait_for_words(order)
    assert "bye" not in gateway.stderr


@pytest.mark.parametrize("reconnect", ["no", "yes", "0", "86400"])
async def test_who_is_ended_hears_whether_it_may_come_back(gateway, console, reconnect):
    socket = await open_socket(gateway, "9", "a")
    console.delete("/stores/boards/9/sessions", params={"reconnect": reconnect})
    message, _ = await ending(socket)
    if reconnect == "yes":
        assert 1000 <= message["retry"] <= 5000
    else:
        assert message.get("retry") == (None if reconnect == "no" else int(reconnect) * 1000)


# Policies.


async def test_a_policy_takes_effect_for_newcomers_or_now(gateway, console):
    path = "/stores/boards/5/policy"
    sockets = [await open_socket(gateway, "5", device) for device in ("old", "new")]
    order = {"devices": 1, "policy": "eject_old"}
    tried = console.put(path, order, params={"dry_run": "true"}).json()
    assert [s["device"]["client_id"] for s in tried["sessions"]] == ["old"]
    assert console("GET", path).status_code == 404
    kept = console.put(path, order)
    assert kept.status_code == 201 and kept.json()["ended"] == 0
    assert console.devices(store="5") == ["new", "old"]
    (limit,) = console.get("/stores/boards/5")["limits"]
    assert (limit["devices"], limit["policy"], limit["origin"]) == (1, "eject_old", "console")
    now = console.put(path, order, params={"apply": "now"}, headers={"If-Match": kept.headers["ETag"]})
    assert now.status_code == 200 and now.json()["ended"] == 1
    message, code = await ending(sockets[0])
    assert code == 4010 and message["type"] == "force_disconnect"
    assert console.devices(store="5") == ["new"]
    await open_socket(gateway, "5", "newest")
    assert (await ending(sockets[1]))[0]["reason"] == "eject_old"
    assert console.delete(path).status_code == 204
    await open_socket(gateway, "5", "other")
    assert console.devices(store="5") == ["newest", "other"]


def test_of_two_operators_one_is_told_to_look_again(console):
    path = "/stores/boards/6/policy"
    order = {"devices": 3, "policy": "block_new"}
    first = console.put(path, order, headers={"If-None-Match": "*"})
    assert first.status_code == 201
    assert console.put(path, order, headers={"If-None-Match": "*"}).status_code == 412
    match = {"If-Match": first.headers["ETag"]}
    assert console.put(path, order, headers=match).status_code == 200
    assert console.put(path, order, headers=match).status_code == 412
    assert console.delete(path, headers=match).status_code == 412
    assert console.delete(path, headers={"If-None-Match": "*"}).status_code == 400


async def test_a_reload_holds_for_a_policy_before_anybody_comes(start_gateway, echo, waiting):
    names = {"echo": echo, "waiting": waiting}
    gateway, console = start(start_gateway, CONFIGURATION, **names)
    for device in "abc":
        await open_socket(gateway, "5", device, "kiosk")
    gateway.configure(CONFIGURATION.replace("    limit", "    limit kiosk 9 block_new\n    limit"))
    gateway.reload()
    gateway.wait_for_words("reloaded")
    order = {"devices": 1, "policy": "block_new"}
    parameters = {"role": "kiosk", "apply": "now"}
    path = "/stores/boards/5/policy"
    tried = console.put(path, order, params={**parameters, "dry_run": "true"}).json()
    assert tried["ended"] == console.put(path, order, params=parameters).json()["ended"] == 2
    assert console.devices() == ["c"]


async def test_a_policy_for_a_while_is_over_when_it_is(gateway, console):
    path = "/stores/boards/7/policy"
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    order = {"devices": 1, "policy": "block_new", "expires": end.isoformat()}
    assert console.put(path, order).status_code == 201
    await eventually(
        lambda: console("GET", path).status_code == 404, "the policy to be over"
    )
    (limit,) = console.get("/stores/boards/7")["limits"]
    assert (limit["devices"], limit["origin"]) == (2, "configuration")
    assert console.put(path, order).status_code == 422


@pytest.mark.parametrize(
    "path, order, status",
    [
        ("/stores/nosuch/1/policy", {"devices": 1, "policy": "block_new"}, 404),
        ("/stores/boards/1/policy?role=board", {"devices": 1, "policy": "block_new"}, 422),
        ("/stores/boards/1/policy", {"devices": 1}, 400),
    ],
)
def test_a_policy_that_means_nobody_is_refused(console, path, order, status):
    assert console.put(path, order).status_code == status


# Names, history, counts.


async def test_a_device_goes_by_its_name(gateway, console):
    path = "/stores/boards/3/devices/pc/alias"
    assert console.put(path, {"name": "office PC"}).json()["name"] == "office PC"
    socket = await open_socket(gateway, "3", "pc")
    (session,) = console.sessions(store="3")
    assert session["device"]["name"] == "office PC"
    await socket.close()
    (past,) = await console.wait_for_history(1, block="boards", store="3")
    assert past["device"]["name"] == "office PC"
    assert [d["client_id"] for d in console.get("/devices", store="3")["devices"]] == ["pc"]
    assert console.delete(path).status_code == 204
    assert console.get("/devices", store="3")["devices"] == []


async def test_the_history_says_how_each_session_ended_and_by_what_rule(gateway, console):
    console.put("/stores/boards/4/policy", {"devices": 1, "policy": "eject_old"})
    sockets = [await open_socket(gateway, "4", device) for device in ("a", "b", "b")]
    await ending(sockets[0])
    await ending(sockets[1])
    await sockets[2].close()
    last = await open_socket(gateway, "4", "c")
    console.delete("/stores/boards/4/devices/c/sessions")
    await ending(last)
    gone = await open_socket(gateway, "4", "d")
    gone.transport.abort()
    past = await console.wait_for_history(5, block="boards", store="4")
    assert [(p["device"]["client_id"], p["reason"], p["rule"]) for p in past] == [
        ("d", "client_gone", None), ("c", "force_disconnect", "kicked"), ("b", "normal", None),
        ("b", "replaced", None), ("a", "force_disconnect", "eject_old"),
    ]  # fmt: skip
    assert all(p["messages_in"] == 1 and p["octets_in"] > 4 for p in past)
    only = console.get("/history", device="b", limit=1)
    assert len(only["history"]) == 1
    rest = console.get("/history", device="b", limit=1, after=only["next"])["history"]
    assert [p["reason"] for p in rest] == ["replaced"]


async def test_counts_and_metrics_agree(gateway, console):
    await open_socket(gateway, "8", "a")
    counts = console.get("/counts")
    assert counts["sessions"] == 1
    assert counts["kept"]["persistent"] is False
    metrics = console("GET", "/metrics").text
    assert '\ngateway_sessions{block="boards"} 1\n' in metrics
    admitted = counts["since_start"]["admitted"]
    assert f"\ngateway_sessions_admitted_total {admitted}\n" in metrics
    assert "\ngateway_state_persistent 0\n" in metrics


def test_without_state_the_gateway_says_that_nothing_outlives_it(gateway):
    gateway.wait_for_words("state: kept in memory only")


# Who may ask.


def test_without_the_token_every_path_answers_401(start_gateway, console):
    # A gateway of its own: whoever fails too often is sent away for a while.
    _, fresh = start(start_gateway, "\n".join(CONFIGURATION.splitlines()[:2]) + "\n")
    paths = console.get("/openapi.json")["paths"]
    asked = [
        (method, path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation.get("security") != []
    ]
    assert len(asked) > 18 and len(paths.keys() - {path for _, path in asked}) == 2
    for method, path in [*asked, ("get", "/nothing")]:
        target = path.replace("{", "").replace("}", "")
        while (
            answer := httpx.request(method, fresh.url + target, headers={"Authorization": "Bearer no"})
        ).status_code == 429:
            pass
        assert answer.status_code == 401, f"{method} {path}"
