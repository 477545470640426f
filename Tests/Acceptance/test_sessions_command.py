"""`gateway sessions`: what an operator types, and what he reads."""

import http.server
import json
import threading
import unicodedata
from urllib.parse import quote

import pytest

from harness.operator import start
from harness.gateway import command
from harness.tokens import ENVIRONMENT
from test_console_sessions import CONFIGURATION, ending, open_socket


@pytest.fixture(scope="module")
def running(start_module_gateway, echo, waiting):
    return start(start_module_gateway, CONFIGURATION, echo=echo, waiting=waiting)


@pytest.fixture
def gateway(running):
    yield running[0]
    running[1].clear()


@pytest.fixture
def sessions(gateway):
    """Runs `gateway sessions WORDS…`; it must end as it should, and never show the token."""

    def run(*words, code=0):
        done = command("sessions", *words, "--config", gateway.file)
        assert ENVIRONMENT["CONSOLE_TOKEN"] not in done.stdout + done.stderr
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    return run


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_a_list_is_a_table_with_aligned_columns(gateway, sessions, running, form):
    assert sessions("list") == "no sessions\n"
    store = unicodedata.normalize(form, "접수")
    for device in ("a", "long-client-id"):
        await open_socket(gateway, quote(store), device, "board")
    path = f"/stores/boards/{quote(store)}/devices/a/alias"
    running[1].put(path, {"name": "office PC"})
    titles, *rows = sessions("list", "--store", store).splitlines()
    assert titles.split()[:3] == ["STORE", "DEVICE", "ROLE"]
    assert len(rows) == 2
    # Hangul takes two cells of a terminal each.
    role = titles.index("ROLE") + len(store) - 4
    assert all(row[role:].startswith("board ") for row in rows)
    assert any("a (office PC)" in row for row in rows)
    running[1].delete(path)


async def test_json_is_what_the_console_said(gateway, sessions):
    await open_socket(gateway, "1", "a")
    (session,) = json.loads(sessions("list", "--json"))["sessions"]
    assert session["device"]["client_id"] == "a"
    assert json.loads(sessions("list", "--device", "b", "--json")) == {"sessions": []}


async def test_what_clients_say_does_not_reach_the_terminal_as_orders(gateway, sessions):
    await open_socket(gateway, "%1B%5B2J%0A%C2%9B2J", "a")
    for words in (["list"], ["list", "--json"]):
        shown = sessions(*words)
        assert "\x1b" not in shown and "\x9b" not in shown
        assert len(shown.splitlines()) == 3 - len(words)


async def test_a_long_list_is_read_on(gateway, sessions):
    for device in "abc":
        await open_socket(gateway, "1", device, "board")
    *first, last = sessions("list", "--limit", 2).splitlines()
    after = last.split()[-1]
    rest = sessions("list", "--limit", 2, "--after", after).splitlines()
    assert (len(first), len(rest)) == (3, 2)


async def test_kicks(gateway, sessions, running):
    sockets = [await open_socket(gateway, "2", device, "board") for device in "abc"]
    (session,) = running[1].sessions(device="a")
    words = ["--message", "bye", "--reconnect", "9"]
    assert sessions("kick", session["id"], *words) == "ended 1 session\n"
    message, code = await ending(sockets[0])
    assert (message["message"], code) == ("bye", 4010)
    words = ["--store", "2", "--device", "b"]
    assert sessions("kick", *words, "--user", "somebody") == "ended 0 sessions\n"
    assert sessions("kick", *words) == "ended 1 session\n"
    assert sessions("kick", "--store", "2", "--json") == '{"ended":1}\n'
    assert "404" in sessions("kick", session["id"], code=1)


async def test_policies_are_tried_set_seen_and_taken_back(gateway, sessions):
    for device in ("old", "new"):
        await open_socket(gateway, "3", device)
    words = ["--store", "3", "--devices", "1", "--policy", "eject_old", "--now"]
    tried = sessions("policy", "set", *words, "--dry-run")
    assert tried.startswith("nothing was changed; sessions that would be ended: 1\n")
    assert " old " in tried and " new " not in tried
    assert "configuration" in sessions("policy", "get", "--store", "3")
    done = sessions("policy", "set", *words, "--for", "2h", "--note", "repairs")
    assert done.startswith("the policy is set; sessions that were ended: 1\n")
    assert "console" in sessions("policy", "get", "--store", "3")
    assert sessions("policy", "clear", "--store", "3") == "the policy is removed\n"
    assert "404" in sessions("policy", "clear", "--store", "3", code=1)


async def test_the_history_is_a_table(gateway, sessions, running):
    await (await open_socket(gateway, "4", "a")).close()
    await running[1].wait_for_history(1, store="4")
    titles, row = sessions("history", "--store", "4").splitlines()
    assert titles.startswith("ENDED (UTC)") and " normal" in row
    assert json.loads(sessions("history", "--store", "4", "--json"))["history"]


@pytest.mark.parametrize(
    "words",
    [
        ["kick"], ["kick", "x", "--store", "1"],
        ["kick", "--store", "1", "--user", "x"], ["kick", "--store", "1", "--reconnect", "soon"],
        ["policy", "set", "--store", "1"], ["policy", "get"], ["nosuch"],
        ["list", "--limit", "many"],
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_about_usage(sessions, words):
    sessions(*words, code=2)


def test_what_the_console_refuses_is_said(sessions):
    assert "400" in sessions("list", "--limit", "0", code=1)
    assert "404" in sessions("policy", "get", "--store", "1", "--block", "nosuch", code=1)


def test_without_a_console_or_a_gateway_it_says_so(tmp_path, gateway):
    conf = tmp_path / "gateway.conf"
    conf.write_text('listen 127.0.0.1:0\nroute / { respond 200 "" }\n')
    done = command("sessions", "list", "--config", conf)
    assert done.returncode == 1 and "has no 'console'" in done.stderr
    conf.write_text("console 127.0.0.1:9 { token env:CONSOLE_TOKEN }\n" + conf.read_text())
    done = command("sessions", "list", "--config", conf)
    assert done.returncode == 1 and "the console at 127.0.0.1:9 does not answer" in done.stderr


@pytest.mark.parametrize("body", [b"[]", b"hello", b'{"sessions":'], ids=repr)
def test_what_is_no_console_is_not_believed(tmp_path, body):
    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        conf = tmp_path / "gateway.conf"
        conf.write_text(
            f"console 127.0.0.1:{server.server_port} {{ token env:CONSOLE_TOKEN }}\n"
            'listen 127.0.0.1:0\nroute / { respond 200 "" }\n'
        )
        done = command("sessions", "list", "--config", conf)
    assert done.returncode == 1 and "is not a console" in done.stderr and done.stdout == ""


def test_a_wrong_token_is_refused(gateway):
    done = command(
        "sessions", "list", "--config", gateway.file,
        environment={"CONSOLE_TOKEN": "not the token of this one"},
    )  # fmt: skip
    assert done.returncode == 1 and "does not accept the token" in done.stderr
