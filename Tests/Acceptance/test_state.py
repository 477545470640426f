"""What is kept outlives the gateway: also one that is killed, or that finds its folder taken."""

import datetime
import signal

import pytest

from harness import tokens
from harness.operator import start
from harness.door import refusal
from harness.gateway import command
from harness.waiting import eventually, wait_until
from test_console_sessions import ending, open_socket

CONFIGURATION = """\
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
state $state { history 7d 1000 }
listen 127.0.0.1:$http
jwt hospital { algorithms HS256; secret env:JWT_SECRET; user user_id }
backend echo { server 127.0.0.1:$echo }
sessions boards {
    store query:store_id
    device query:client_id
    role query:role
    limit admin 2 block_new
}
route /ws { websocket; sessions boards; backend echo }
route /private { websocket; auth hospital; backend echo }
"""


@pytest.fixture
def starting(start_gateway, echo, tmp_path):
    """Starts a gateway on the folder of the test, again and again."""

    def run(text=CONFIGURATION):
        return start(start_gateway, text, echo=echo, state=tmp_path / "state")

    return run


def kill(gateway):
    """As a power cut, or the kernel when there is no memory left."""
    gateway.signal(signal.SIGKILL)
    gateway.assert_exit(-signal.SIGKILL)


async def test_what_was_acknowledged_is_there_after_a_kill(starting):
    gateway, console = starting()
    path = "/stores/boards/17/policy"
    sockets = [await open_socket(gateway, "17", device) for device in "ab"]
    assert console.put("/stores/boards/17/devices/a/alias", {"name": "office PC"}).status_code == 200
    console.delete("/stores/boards/17/devices/b/sessions")
    await ending(sockets[1])
    await console.wait_for_history(1, store="17")
    revoked = console("POST", "/revocations", json={"user": "7"})
    assert revoked.json()["ended"] == 0
    kept = console.put(path, {"devices": 1, "policy": "block_new", "note": "repairs"})
    assert kept.status_code == 201
    kill(gateway)

    gateway, console = starting()
    policy = console("GET", path)
    assert policy.headers["ETag"] == kept.headers["ETag"]
    assert policy.json() == kept.json()["policy"]
    # In force from the first connection on.
    await open_socket(gateway, "17", "c")
    message, code, _ = await refusal(
        await gateway.plain.websocket("/ws?store_id=17&client_id=d&role=admin")
    )
    assert (message["type"], message["max"], code) == ("connection_rejected", 1, 4009)
    (past,) = console.get("/history", store="17", device="b")["history"]
    assert (past["reason"], past["rule"]) == ("force_disconnect", "kicked")
    (device,) = console.get("/devices")["devices"]
    assert (device["client_id"], device["name"]) == ("a", "office PC")
    token = tokens.mint(user="7")
    message, code, _ = await refusal(await gateway.plain.websocket("/private", token=token))
    assert code == 4001
    assert console.get("/counts")["kept"]["persistent"] is True


async def test_what_was_taken_back_stays_so(starting):
    gateway, console = starting()
    path = "/stores/boards/1/policy"
    assert console.put(path, {"devices": 1, "policy": "block_new"}).status_code == 201
    assert console.delete(path).status_code == 204
    console("POST", "/revocations", json={"user": "7"})
    withdrawn = console.delete("/revocations", params={"user": "7"})
    assert withdrawn.status_code == 204
    kill(gateway)
    gateway, console = starting()
    assert console("GET", path).status_code == 404
    assert console.get("/revocations")["total"] == 0


async def test_a_policy_that_expired_while_nobody_ran_is_over(starting):
    gateway, console = starting()
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
    order = {"devices": 1, "policy": "block_new", "expires": end.isoformat()}
    assert console.put("/stores/boards/2/policy", order).status_code == 201
    kill(gateway)
    wait_until(lambda: datetime.datetime.now(datetime.timezone.utc) > end, "the policy's end")
    gateway, console = starting()
    assert console.get("/stores/boards/2")["limits"][0]["origin"] == "configuration"


async def test_who_was_connected_when_the_gateway_stopped_is_in_the_history(starting):
    gateway, console = starting()
    await open_socket(gateway, "3", "a")
    gateway.signal(signal.SIGINT)
    gateway.assert_exit(0)
    gateway, console = starting()
    (past,) = console.get("/history", store="3")["history"]
    assert (past["reason"], past["rule"]) == ("draining", "stopped")


async def test_who_ended_for_a_drain_is_in_the_history(starting):
    gateway, console = starting()
    socket = await open_socket(gateway, "3", "a")
    gateway.signal(signal.SIGTERM)
    assert (await ending(socket))[1] == 1012
    gateway.assert_exit(0)
    gateway, console = starting()
    (past,) = console.get("/history", store="3")["history"]
    assert past["reason"] == "draining" and past["messages_in"] == 1


async def test_a_reload_changes_nothing_that_was_decided(starting):
    gateway, console = starting()
    path = "/stores/boards/4/policy"
    console.put(path, {"devices": 1, "policy": "block_new"})
    gateway.configure(CONFIGURATION.replace("limit admin 2", "limit admin 5"))
    gateway.reload()
    gateway.wait_for_words("generation 2 judges")
    (limit,) = console.get("/stores/boards/4")["limits"]
    assert (limit["devices"], limit["origin"]) == (1, "console")
    assert console.delete(path).status_code == 204
    (limit,) = console.get("/stores/boards/4")["limits"]
    assert (limit["devices"], limit["origin"]) == (5, "configuration")


async def test_the_history_is_bounded_after_a_reload(starting):
    gateway, console = starting()
    for number in range(3):
        await (await open_socket(gateway, "5", f"d{number}")).close()
    await console.wait_for_history(3, store="5")
    gateway.configure(CONFIGURATION.replace("history 7d 1000", "history off"))
    gateway.reload()
    await eventually(
        lambda: console.get("/history")["history"] == [], "the history to be forgotten"
    )


def test_a_second_gateway_does_not_start(starting, tmp_path, echo):
    starting()
    second = tmp_path / "second.conf"
    second.write_text(
        f"state {tmp_path / 'state'}\nlisten 127.0.0.1:0\nroute / {{ respond 200 \"\" }}\n"
    )
    done = command("run", "--config", second)
    assert done.returncode == 70
    assert "is in use by another gateway" in done.stderr


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
def test_a_folder_that_others_may_write_to_is_refused(tmp_path, mode):
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)
    conf = tmp_path / "gateway.conf"
    conf.write_text(f"state {folder}\nlisten 127.0.0.1:0\nroute / {{ respond 200 \"\" }}\n")
    done = command("run", "--config", conf)
    assert done.returncode == 70
    assert f"other users can write to '{folder}' (chmod go-w '{folder}')" in done.stderr
    assert list(folder.iterdir()) == []


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "gateway.db").write_text("a diary of mine, and nobody else's" * 100)
    conf = tmp_path / "gateway.conf"
    conf.write_text(
        f"state {tmp_path / 'state'}\nlisten 127.0.0.1:0\nroute / {{ respond 200 \"\" }}\n"
    )
    done = command("run", "--config", conf)
    assert done.returncode == 70
    assert "is not a database" in done.stderr
    assert (tmp_path / "state" / "gateway.db").read_text().startswith("a diary")
