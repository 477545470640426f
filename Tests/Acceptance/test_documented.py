"""What the operator's page tells to type works as it stands there; the words and names that the
pages list are those there are."""

import os
import re
import signal
import subprocess

import pytest

from harness import tokens
from harness.gateway import binary
from harness.operator import Operator
from harness.process import ROOT
from harness.tokens import CONSOLE_TOKEN, ENVIRONMENT
from harness.waiting import eventually
from test_console_sessions import ending, open_socket

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
    async with gateway.plain.websocket("/", token=tokens.mint()) as seatless:
        (other,) = operator.sessions(seated="false")
        names = {
            "4363a94f43cf0476d2ca21aeb64131d5": one["id"],
            "0b7c1f5ae2d94c6888a1d06c3e5f9a72": other["id"],
        }
        for name, there in names.items():
            assert any(name in line for line in asked)
            asked = [line.replace(name, there) for line in asked]
        printed = typed([ask, store, *asked])
        assert (await ending(seatless))[1] == 4010
    assert '"name":"office PC"' in printed and printed.count('"ended":1') == 3
    assert operator.devices() == []

    await open_socket(gateway, "17", "till-2")
    await eventually(lambda: operator.devices() == ["till-2"], "a device to be back")
    printed = typed(typing)
    assert "till-2 (office PC)" in printed and "kicked" in printed


async def test_a_server_before_it_is_replaced(gateway, typed):
    echo = gateway.names["echo"]
    gateway.file.write_text(gateway.file.read_text().replace("backend echo", "backend app"))
    gateway.reload()
    await eventually(lambda: "generation 2 judges" in gateway.stderr, "the reload")
    lines = commands("Before a server is replaced")
    assert [line.split()[1] for line in lines] == ["servers", "drain", "servers", "up"]
    printed = typed(line.replace("127.0.0.1:8001", f"127.0.0.1:{echo}") for line in lines)
    assert printed.count("drained") == 2 and printed.count(" up ") == 2
    assert "no server of 'app' is up" in printed


def test_the_status(typed):
    printed = typed(commands("Status"))
    assert "generation 1" in printed and '"days_left"' not in printed and '"version"' in printed


async def test_readiness_as_the_page_configures_it(start_gateway, echo):
    limits, route, *_ = commands("Draining")
    start = CONFIGURATION.replace("route / {", f"{limits}\n{route.split('#')[0]}\nroute / {{")
    gateway = start_gateway(start, echo=echo)
    async with gateway.plain.client() as client:
        assert (await client.get("/readyz")).status_code == 200
        gateway.signal(signal.SIGTERM)

        async def is_unready():
            return (await client.get("/readyz")).status_code == 503

        await eventually(is_unready, "it to say that it is not ready")
    gateway.signal(signal.SIGTERM)
    gateway.assert_exit(0)


# Lists.


PAGES = {path.name: path.read_text() for path in (ROOT / "Deploy").glob("*.md")}
SOURCES = "\n".join(path.read_text() for path in (ROOT / "Sources").rglob("*.swift"))


def rows(title):
    """The cells of the table right under a heading."""
    text = section(title).split("\n###")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def words(text):
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


def test_every_metric_is_listed_and_nothing_else(gateway):
    text = Operator(gateway.names["console"]).metrics()
    families = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    labels = {}
    for name, found in re.findall(r"^(gateway_\w+)\{(.*)\}", text, re.M):
        labels.setdefault(name, set()).update(re.findall(r"(\w+)=", found))
    listed = {name: set(words(row[1])) for row in rows("Metrics") for name in words(row[0])}
    assert listed.keys() == families
    assert {name: listed[name] for name in labels} == labels
    values = set(re.findall(r'"(\w+)"', text))
    named = {word for row in rows("Metrics") for word in words(row[2])}
    for value in ("queue", "proxy_protocol", "refused_connection", "served"):
        assert value in values and value in named


def test_every_path_of_the_console_is_listed_and_nothing_else(gateway):
    served = Operator(gateway.names["console"]).get("/openapi.json")["paths"]
    roots = {"/" + path.split("/")[1] for path in served}
    cells = [word for row in rows("The console") for word in words(row[0])]
    assert {cell.split()[-1] for cell in cells} == roots
    for cell in cells:
        method, _, path = cell.rpartition(" ")
        assert not method or method.lower() in served[path]
    # What is typed is told by the tests above; here, which words stand in a query.
    for path, name in re.findall(r"/([a-z]+)\?([a-z_]+)=", section("Device limits")):
        said = [item for key in served if path in key for item in served[key].values()]
        assert any(name in str(item.get("parameters")) for item in said), f"{path}?{name}"


def test_every_metric_that_a_page_names_is_there():
    for page in PAGES.values():
        for name in set(re.findall(r"gateway_[a-z_]+(?:_total|_up|_stale|_seconds)", page)):
            assert f"`{name}`" in section("Metrics"), name


def raw_values(enumeration):
    """What stands for the cases of an enumeration of words."""
    body = re.search(rf"enum {enumeration}: String.*?\n\n", SOURCES, re.S)[0]
    return {
        value or name
        for name, value in re.findall(r'^    case (\w+)(?: = "(\w+)")?$', body, re.M)
    }


def test_every_word_that_the_log_may_have_is_listed():
    literal = set(re.findall(r'(?:detail: |detail = |detail, message\) =\s+)"(\w+)"', SOURCES))
    literal |= {word for word in re.findall(r'\("(\w+)", "The path of the request', SOURCES)}
    for enumeration in ("WebSocketError", "TokenError", "ControlError", "DisconnectCause"):
        literal |= raw_values(enumeration)
    assert len(literal) > 60
    listed = set(words(section("Logs"))) | set(words(PAGES["tokens.md"]))
    # Of the console's own log.
    literal -= {"upstream_", "upstream_inflate", "token_invalid"}
    assert literal <= listed, literal - listed


def options(command):
    """The long options of a command of the gateway's, by its own help."""
    done = subprocess.run(
        [binary(), *command, "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    return set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", done.stdout))


def test_every_option_that_a_page_names_is_there():
    known = {("sessions", sub): options(["sessions", sub]) for sub in ("list", "kick", "history")}
    for sub in ("get", "set", "clear"):
        known["sessions", "policy", sub] = options(["sessions", "policy", sub])
    for name in ("run", "check", "reload", "servers", "drain", "up", "status", "token", "demo"):
        known[name,] = options([name])
    everything = set().union(*known.values())
    count = 0
    for page in PAGES.values():
        for text in re.findall(r"(?:^    |`)gateway ([a-z][^`\n]*)", page, re.M):
            text = text.split("#")[0]
            name = tuple(text.split()[:3])
            fits = [known[name[:size]] for size in (3, 2, 1) if name[:size] in known]
            for option in re.findall(r"--([a-z][a-z-]*)", text):
                count += 1
                assert option in (fits[0] if fits else everything), f"gateway {text}"
    assert count > 15


def test_the_map_of_the_tests_names_every_file():
    page = (ROOT / "Tests" / "README.md").read_text()
    files = [path.name for path in (ROOT / "Tests" / "Acceptance").glob("test_*.py")]
    assert [name for name in files if f"`{name}`" not in page] == []
    assert [name for name in set(re.findall(r"`(test_\w+\.py)`", page)) if name not in files] == []


def anchors(page):
    """What may be linked to: headings as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S), re.M)
    plain = [re.sub(r"[^\w\- ]", "", title.lower()) for title in titles]
    return {title.replace(" ", "-") for title in plain}


def test_every_link_leads_somewhere():
    pages = [ROOT / "README.md", *(ROOT / "Deploy").glob("*.md"), *ROOT.glob("*/README.md")]
    for page in pages:
        for path, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text()):
            there = (page.parent / path).resolve() if path else page
            assert there.exists(), f"{page}: {path}"
            assert not anchor or anchor in anchors(there.read_text()), f"{page}: {path}#{anchor}"
