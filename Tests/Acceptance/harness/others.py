"""Other people's apps behind the gateway, with their own clients, through what happens to every
app: the gateway reads its file again, the app is restarted, the gateway is.

A client tells what it sees in the words of `apps_of_others/clients/reports.py`: programs on
standard output, pages in an array. What it heard before an event says nothing; after it, it must
hear more.
"""

import asyncio
import contextlib
import dataclasses
import json
import signal
import subprocess
import sys
import time

import pytest
import websockets

from . import tokens
from .door import Door
from .log import lines_about
from .ports import free_port
from .process import ACCEPTANCE, ROOT, Process, accepts
from .recipes import recipe
from .waiting import eventually, longer_than

FOLDER = ACCEPTANCE / "apps_of_others"
#: So long an app is away: clients ask for it meanwhile, more than once.
AWAY_SECONDS = 2
#: For an app to listen, or to answer a client that waits longer after every failure.
PATIENCE = 60
#: So many more words of the app's show that all is well.
ENOUGH = 10

#: Reports of what no client should see, whatever is restarted.
BAD = ("lost", "stray", "ended")

#: How requests end in the access log that the gateway has nothing against.
FINE = ("normal", "client_gone", "upstream_closed")

#: What is done to them, in this order.
CELLS = {
    "works": "its client works, through TLS and with a token",
    "reload": "SIGHUP changes nothing for it",
    "restart": "the app is restarted, and the client is back",
    "new gateway": "the gateway is stopped and another started, and the client is back",
}


def python(environment):
    """The interpreter of a set of requirements, or that of the tests."""
    if environment is None:
        return sys.executable
    folder = ROOT / ".build" / "apps-of-others" / environment
    wanted = FOLDER / f"requirements-{environment}.txt"
    installed = folder / "installed-requirements.txt"
    if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
        subprocess.run([FOLDER / "install", environment], check=True, stdin=subprocess.DEVNULL)
    return str(folder / "bin" / "python")


@dataclasses.dataclass
class Kind:
    """A row of the table: an app, and who comes to it."""

    name: str
    #: The heading of its recipe.
    recipe: str
    #: What follows the interpreter to start it; PORT stands for the port, HTTPS for the gateway's.
    app: tuple
    #: A program of `clients/`, or the path of a page that Chromium opens.
    client: str
    #: The set of requirements of the app; None is that of the tests.
    environment: str | None
    #: JavaScript that makes the page tell what it sees, if the app's own does not.
    script: str = ""
    #: Further variables for the app, and for a program.
    variables: dict = dataclasses.field(default_factory=dict)
    #: Its page does not come back by itself, with or without a gateway; people load it again.
    is_reloaded: bool = False
    #: What it is answering when it is to end it cuts off, with or without a gateway.
    is_abrupt: bool = False
    #: Left out of the quick run.
    is_long: bool = False

    @property
    def is_page(self):
        return self.client.startswith("/")


class Program:
    """A client in a process of its own."""

    def __init__(self, kind, door, token, certificate, folder):
        variables = {
            "URL": door.http(), "TOKEN": token, "CAFILE": str(certificate),
            "WEBSOCKETS_BACKOFF_INITIAL_DELAY": "0.2", "WEBSOCKETS_BACKOFF_MIN_DELAY": "0.2",
            "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **kind.variables,
        }  # fmt: skip
        command = [python(kind.environment), FOLDER / "clients" / kind.client]
        self._process = Process(kind.client, command, folder, variables)

    async def reports(self):
        """Everything that it told so far."""
        whole = self._process.stdout.rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def trouble(self):
        return self._process.stderr[-1500:]

    async def close(self):
        self._process.stop()


class Screen:
    """A page in Chromium, which may load itself again."""

    def __init__(self, kind, door, token):
        self.kind, self.door = kind, door
        self._cookies = {"token": token} if door.tls else {}
        self._told = []
        self._stack = contextlib.AsyncExitStack()

    async def open(self, browser):
        page = browser.page(
            self.door, self.kind.client, cookies=self._cookies, script=self.kind.script
        )
        self._page = await self._stack.enter_async_context(page)

    async def come_again(self):
        """The page is loaded again, as people do."""
        await self._page.command("Page.reload")

    async def reports(self):
        # Between two documents there is nobody to ask, or nobody to answer.
        with contextlib.suppress(AssertionError, TimeoutError):
            self._told += await self._page.evaluate("(globalThis.reports ?? []).splice(0)")
        return [*self._told]

    def trouble(self):
        return ""

    async def close(self):
        with contextlib.suppress(AssertionError, websockets.ConnectionClosed):
            await self._stack.aclose()


class Life:
    """One app behind one gateway, from one event to the next. `outcomes` has for every cell what
    went wrong, or None; `works, alone` and `restart, alone` are the same for a client that has no
    gateway before it."""

    def __init__(self, kind, folder, start_gateway, names, browser=None):
        self.kind, self.folder, self.browser = kind, folder, browser
        self._start_gateway, self._names = start_gateway, names
        self.port, self.https = free_port(), free_port()
        #: The app without a gateway.
        self.alone = Door("alone", self.port)
        self.outcomes = {}
        #: How long each cell took that passed.
        self.seconds = {}
        self._starts = 0
        self._clients = {}
        self._all = []

    async def run(self):
        try:
            await self._start_app()
            self._begin_gateway()
            for cell, step in zip(
                CELLS, (self._works, self._reload, self._restart, self._new_gateway)
            ):
                await self._note(cell, step())
        except Exception as problem:
            for cell in CELLS:
                self.outcomes.setdefault(cell, f"{self.kind.name} did not start: {problem}")
        finally:
            for client in self._all:
                await client.close()
            if self._starts:
                self.app.stop()

    async def _note(self, cell, step):
        begin = time.monotonic()
        try:
            await step
            self.outcomes[cell] = None
            self.seconds[cell] = round(time.monotonic() - begin)
        except Exception as problem:
            self.outcomes[cell] = f"{type(problem).__name__}: {problem}"
            # What comes next is not to suffer from it.
            for client in self._clients.values():
                await client.close()
            self._clients.clear()

    # The three.

    async def _start_app(self):
        self._starts += 1
        self.instance = f"start-{self._starts}"
        self.app = Process(
            f"{self.kind.name}-{self._starts}".replace(" ", "-"),
            [
                # Some apps behave differently when they are tested.
                "env", "--unset=PYTEST_CURRENT_TEST", python(self.kind.environment),
                *(self._word(str(word)) for word in self.kind.app),
            ],  # fmt: skip
            self.folder,
            {
                "INSTANCE": self.instance, "PORT": str(self.port), "HOME": str(self.folder),
                "PYTHONPATH": str(FOLDER / "servers"), "PYTHONDONTWRITEBYTECODE": "1",
                **self.kind.variables,
            },
        )  # fmt: skip

        def listens():
            assert self.app.is_alive(), f"it ended:\n{self.app.stderr[-2000:]}"
            return accepts(self.port)

        await eventually(listens, f"{self.kind.name} to listen", PATIENCE)

    def _word(self, word):
        return word.replace("PORT", str(self.port)).replace("HTTPS", str(self.https))

    async def _stop_app(self):
        self.app.signal(signal.SIGTERM)
        try:
            await eventually(lambda: not self.app.is_alive(), "the app to end", 10)
        except AssertionError:
            self.app.kill()

    def _begin_gateway(self):
        self.gateway = self._start_gateway(
            recipe(self.kind.recipe), app=self.port, https=self.https, **self._names
        )

    async def _client(self, door):
        """The client that comes to that door, which lives from one event to the next."""
        if door.name not in self._clients:
            token = tokens.mint(sub="7", aud="my-apps")
            if self.kind.is_page:
                client = Screen(self.kind, door, token)
                await client.open(self.browser)
            else:
                folder = self.folder / f"{door.name}-{len(self._all)}"
                client = Program(self.kind, door, token, self._names["certificate"], folder)
            self._clients[door.name] = client
            self._all.append(client)
            await self._hears(client, 0)
        return self._clients[door.name]

    async def _hears(self, client, since, instance=None, most=ENOUGH):
        """Waits until the client has heard enough from the app (that start of it) after the
        first `since` reports; all reports after those."""
        instance = instance or self.instance
        reports = []

        async def enough():
            reports[:] = (await client.reports())[since:]
            assert not any("ended" in report for report in reports), "it gave up"
            return sum(report.get("instance") == instance for report in reports) >= most

        try:
            await eventually(enough, f"to hear {instance}", PATIENCE)
        except AssertionError as problem:
            said = [report for report in reports if "instance" not in report][-5:]
            raise AssertionError(f"{problem}; it told {said} {client.trouble()}") from None
        return reports

    # What happens to them.

    async def _works(self):
        await self._note("works, alone", self._client(self.alone))
        client = await self._client(self.gateway.tls)
        _assert_none(await client.reports(), *BAD, "failed")
        refused = [line for line in lines_about(self.gateway, "/") if line["reason"] not in FINE]
        assert not refused, f"{len(refused)} refused: {refused[:4]}"

    async def _reload(self):
        client = await self._client(self.gateway.tls)
        since = len(await client.reports())
        self.gateway.reload()
        await eventually(lambda: "reloaded" in self.gateway.stderr, "the reload")
        after = await self._hears(client, since)
        _assert_none(after, *BAD, "failed", "opened")

    async def _restart(self):
        """Of the app, under a client at the gateway and, beside it, one at the app itself."""
        clients = [await self._client(door) for door in (self.gateway.tls, self.alone)]
        since = [len(await client.reports()) for client in clients]
        await self._stop_app()
        await longer_than("two attempts to come back", AWAY_SECONDS)
        await self._start_app()
        if self.kind.is_reloaded:
            await asyncio.gather(*(client.come_again() for client in clients))
        mine, other = await asyncio.gather(
            *(self._comes_back(*each) for each in zip(clients, since)), return_exceptions=True
        )
        self.outcomes["restart, alone"] = other and f"{type(other).__name__}: {other}"
        await clients[1].close()
        del self._clients[self.alone.name]
        if mine:
            raise mine

    async def _comes_back(self, client, since):
        bad = {*BAD} - ({"lost"} if self.kind.is_abrupt else set())
        _assert_none(await self._hears(client, since), *bad)

    async def _new_gateway(self):
        client = await self._client(self.gateway.tls)
        since = len(await client.reports())
        self.gateway.signal(signal.SIGTERM)
        await eventually(lambda: not self.gateway.is_alive(), "the gateway to end", PATIENCE)
        self.gateway.assert_exit(0)
        before = len(await client.reports())
        self._begin_gateway()
        await self._hears(client, before)
        _assert_none((await client.reports())[since:], *BAD)


def _assert_none(reports, *words):
    found = [report for report in reports if any(word in report for word in words)]
    assert not found, f"{len(found)} of {len(reports)} reports: {found[:4]}"


class Lives:
    """What became of several."""

    def __init__(self, lives):
        self._lives = {life.kind.name: life for life in lives}

    def judge(self, kind, cell, record_property):
        """Passes or fails as that cell of the table, and leaves for the table what it needs."""
        life = self._lives[kind.name]
        outcome, alone = (life.outcomes.get(name, "not tried") for name in (cell, f"{cell}, alone"))
        record_property("cell", (kind.name, cell, life.seconds.get(cell)))
        assert outcome is None, f"{outcome}\nWithout a gateway: {alone or 'it works'}"


def rows(kinds):
    """A test for each cell of the table."""
    return [
        pytest.param(
            kind,
            cell,
            id=f"{kind.name}, {cell}",
            marks=[pytest.mark.long] if kind.is_long else [],
        )
        for kind in kinds
        for cell in CELLS
    ]


def table(reports):
    """Lines that show every cell of the pytest reports that have one."""
    words = {"passed": "yes", "failed": "NO", "skipped": "not tried"}
    cells = {}
    for report in reports:
        for name, value in report.user_properties:
            if name == "cell":
                app, cell, seconds = value
                took = "" if seconds is None else f", {seconds} s"
                cells.setdefault(app, {})[cell] = words[report.outcome] + took
    if not cells:
        return []
    width = max(map(len, cells)) + 2
    lines = [" " * width + "".join(f"{cell:14}" for cell in CELLS).rstrip()]
    for app, row in cells.items():
        shown = "".join(f"{row.get(cell, '-'):14}" for cell in CELLS)
        lines.append(f"{app:{width}}{shown}".rstrip())
    return [*lines, *(f"{cell}: {meaning}" for cell, meaning in CELLS.items())]
