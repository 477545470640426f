"""What the operator's page tells to type works as it stands there."""

import os
import re
import subprocess

import pytest

from harness.gateway import binary
from harness.operator import Operator
from harness.process import ROOT
from harness.tokens import CONSOLE_TOKEN, ENVIRONMENT
from harness.waiting import eventually
from test_console_sessions import open_socket

PAGE = (ROOT / "Deploy" / "README.md").read_text()

#: The block the page talks about.
CONFIGURATION = """
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
jwt staff { algorithms HS256; secret env:JWT_SECRET }
backend echo { server 127.0.0.1:$echo }
sessions dashboards {
    store  query:store_id
    device query:client_id
    role   query:role
    limit  admin manager 2 block_new
}
route /ws { websocket; sessions dashboards; backend echo }
route / { auth staff; backend echo }
"""


def section(title):
    """What stands under a heading, with what is below it."""
    level = re.search(rf"^(#+) {re.escape(title)}$", PAGE, re.M)
    rest = PAGE[level.end() :]
    end = re.search(rf"^#{{1,{len(level[1])}}} ", rest, re.M)
    return rest[: end.start()] if end else rest


def commands(title):
    """The lines to type under a heading."""
    return [line[4:] for line in section(title).splitlines() if line.startswith("    ")]


@pytest.fixture
def gateway(start_gateway, echo):
    return start_gateway(CONFIGURATION, echo=echo)


@pytest.fixture
def typed(gateway):
    """What lines print that are typed into one shell, all of which must succeed."""

    def run(lines):
        aliases = [f'gateway() {{ "{binary()}" "$@" --config "{gateway.file}"; }}']
        script = "\n".join(["set -e", *aliases, *lines]).replace(
            "127.0.0.1:9901", f"127.0.0.1:{gateway.names['console']}"
        )
        # An answer that says no is a failure.
        script = script.replace("curl -sS", "curl -sS --fail-with-body")
        done = subprocess.run(
            ["bash", "-c", script],
            env={**os.environ, **ENVIRONMENT, "GATEWAY_CONSOLE_TOKEN": CONSOLE_TOKEN},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stderr}\n{done.stdout}"
        return done.stdout

    return run


@pytest.fixture
def ask():
    return next(line for line in commands("The console") if line.startswith("ask()"))


def test_the_console(typed):
    printed = typed(line for line in commands("The console") if not line.startswith("console "))
    assert '"openapi":"3.1' in printed and printed.count('"ended":0}') == 3


async def test_a_manager_changes_the_setting(gateway, typed, ask):
    lines = commands("When a manager changes the setting")
    for device in ("till-1", "till-2"):
        await open_socket(gateway, "17", device)
    printed = typed([ask, *lines])
    assert '"note":"by Ms. Kim"' in printed
    assert printed.count('"ended":1') == 2 and '"dry_run":true' in printed
    assert Operator(gateway.names["console"]).devices() == ["till-2"]


async def test_who_is_connected_and_how_they_are_ended(gateway, typed, ask):
    operator = Operator(gateway.names["console"])
    (store,) = [line for line in commands("When a manager changes the setting") if "store=" in line]
    lines = commands("Who is connected, and ending it")
    asked = [line for line in lines if line.startswith("ask ")]
    typing = [line for line in lines if line.startswith("gateway ")]
    assert len(asked) + len(typing) == len(lines)

    for device in ("till-1", "till-2"):
        await open_socket(gateway, "17", device)
    (one, *_) = operator.sessions(store="17")
    printed = typed(
        [ask, store, *[line.replace("4363a94f43cf0476d2ca21aeb64131d5", one["id"]) for line in asked]]
    )
    assert '"name":"office PC"' in printed and printed.count('"ended":1') == 2
    assert operator.devices() == []

    await open_socket(gateway, "17", "till-2")
    await eventually(lambda: operator.devices() == ["till-2"], "a device to be back")
    printed = typed(typing)
    assert "till-2 (office PC)" in printed and "kicked" in printed
