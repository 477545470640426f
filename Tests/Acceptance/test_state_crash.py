"""Killed in the midst of a thousand changes a second, the gateway has lost nothing that it had
acknowledged, and knows of nothing that nobody asked for.

Writers change policies (with the versions that ETags name), names of devices and revocations
through the console, each as fast as it is answered, while sessions come and go. How fast they were
is printed: `pytest -s -k crash`. A kill takes the process, not the machine: that what was
acknowledged is on the disk, and not only with the kernel, is seen in the `fsync`s, not here.
"""

import asyncio
import contextlib
import itertools
import json
import random
import re
import signal
import sqlite3
import time

import pytest
import websockets

from harness.operator import start
from harness.tokens import CONSOLE_TOKEN
from harness.waiting import eventually, pace

CONFIGURATION = """\
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
state $state { history 7d 100000 }
listen 127.0.0.1:$http
backend echo { server 127.0.0.1:$echo }
sessions boards { store query:store_id; device query:client_id; limit 100000 block_new }
route /ws { websocket; sessions boards; backend echo }
"""

#: Each with a connection and things of its own, so that it knows what was acknowledged last.
WRITERS = 40
THINGS = 4
VISITORS = 4

#: No two changes are alike, so that each is known again.
_serial = itertools.count(1)


class Desk:
    """A connection to the console that is kept."""

    def __init__(self, port):
        self.port = port

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_):
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def ask(self, method, path, body=None, **fields):
        """Status, ETag (or None) and what the body says."""
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1", "Host: console", f"Authorization: Bearer {CONSOLE_TOKEN}",
            "Content-Type: application/json", f"Content-Length: {len(content)}",
            *[f"{name.replace('_', '-')}: {value}" for name, value in fields.items()], "", "",
        ]  # fmt: skip
        self.writer.write("\r\n".join(lines).encode() + content)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status = int(head.split(" ", 2)[1])
        found = re.search(r"\r\ncontent-length: (\d+)\r\n", head, re.IGNORECASE)
        answer = await self.reader.readexactly(int(found[1]) if found else 0)
        tag = re.search(r'\r\netag: ("[^"]*")\r\n', head, re.IGNORECASE)
        return status, tag and tag[1], json.loads(answer) if answer else None

    async def list(self, path, name):
        """All pages of a list."""
        entries, after = [], ""
        while True:
            status, _, page = await self.ask("GET", f"{path}?limit=500{after}")
            assert status == 200, page
            entries += page[name]
            if "next" not in page:
                return entries
            after = f"&after={page['next']}"


class Thing:
    """Something of the state: as it was acknowledged last, and as it may be besides, because a
    change was asked for and not answered."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.acknowledged = self.asked = None
        self.is_pending = False

    async def change(self, desk, random):
        """To another value, or to None: it is there no more."""
        value = None if self.acknowledged and random.random() < 0.3 else self.new_value(random)
        self.asked, self.is_pending = value, True
        await (self.remove(desk) if value is None else self.put(desk, value))
        self.acknowledged, self.is_pending = value, False

    def settle(self, found):
        """After the kill: whether it is as it may be; what is found holds from now on."""
        is_right = found == self.acknowledged or self.is_pending and found == self.asked
        assert is_right, f"{self.name}: {found}, not {self.acknowledged} (or {self.asked})"
        was_kept = self.is_pending and found == self.asked
        self.acknowledged, self.is_pending = found, False
        return was_kept


class Policy(Thing):
    """Of a store. Now and then somebody means a version that is no more, and changes nothing."""

    tag = outdated = None

    @property
    def path(self):
        return f"/stores/boards/{self.name}/policy"

    def new_value(self, random):
        rule = random.choice(["block_new", "eject_old"])
        return (random.randint(1, 1000), rule, f"note {next(_serial)}")

    async def put(self, desk, value):
        devices, policy, note = value
        order = {"devices": devices, "policy": policy, "note": note}
        if self.outdated:
            status, _, _ = await desk.ask("PUT", self.path, order, If_Match=self.outdated)
            assert status == 412
        condition = {"If_Match": self.tag} if self.acknowledged else {"If_None_Match": "*"}
        status, tag, answer = await desk.ask("PUT", self.path, order, **condition)
        assert status == (200 if self.acknowledged else 201), answer
        self.world.note_version(tag)
        self.tag, self.outdated = tag, self.tag

    async def remove(self, desk):
        status, _, answer = await desk.ask("DELETE", self.path, If_Match=self.tag)
        assert status == 204, answer
        self.tag = None

    async def look(self, desk):
        """What the console says of it."""
        status, tag, answer = await desk.ask("GET", self.path)
        assert status in (200, 404), answer
        found = (
            (answer["devices"], answer["policy"], answer["note"]) if status == 200 else None
        )
        if found == self.acknowledged:
            assert tag == self.tag, "it is the same, and another version"
        elif tag:
            self.world.note_version(tag)
        self.tag, self.outdated = tag, None
        return found


class Name(Thing):
    """What people call a device."""

    @property
    def path(self):
        return f"/stores/boards/names/devices/{self.name}/alias"

    def new_value(self, _):
        return f"name {next(_serial)}"

    async def put(self, desk, value):
        status, _, answer = await desk.ask("PUT", self.path, {"name": value})
        assert status == 200, answer

    async def remove(self, desk):
        status, _, answer = await desk.ask("DELETE", self.path)
        assert status == 204, answer


class Revoked(Thing):
    """A token that is believed no more. It may be revoked once more, which changes nothing."""

    def new_value(self, _):
        return True

    async def put(self, desk, _):
        status, _, answer = await desk.ask("POST", "/revocations", {"jti": self.name})
        assert status == 200, answer

    async def remove(self, desk):
        status, _, answer = await desk.ask("DELETE", f"/revocations?jti={self.name}")
        assert status == 204, answer


class World:
    """What was asked of the state, and acknowledged, over all lives of the gateway."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        kinds = [Policy, Name, Revoked]
        self.things = [
            [kinds[(writer + n) % 3](self, f"{writer}-{n}") for n in range(THINGS)]
            for writer in range(WRITERS)
        ]
        self.acknowledged = 0
        self.versions = set()
        #: ClientIds that came, and ids of sessions that the history has told of.
        self.devices, self.past = set(), set()

    def all(self, kind):
        return [one for things in self.things for one in things if isinstance(one, kind)]

    def note_version(self, tag):
        assert tag not in self.versions, "a version of a policy comes twice"
        self.versions.add(tag)

    # While the gateway lives: each of these ends with it.

    async def write(self, port, things):
        chance = random.Random(self.random.random())
        async with Desk(port) as desk:
            while True:
                await chance.choice(things).change(desk, chance)
                self.acknowledged += 1

    async def visit(self, door):
        while True:
            device = f"device-{next(_serial)}"
            self.devices.add(device)
            async with door.websocket(f"/ws?store_id=visits&client_id={device}") as socket:
                await socket.send("here")
                await socket.recv()
            await pace(0.02)

    async def remember(self, port):
        """What the history has told once, it has to tell again."""
        async with Desk(port) as desk:
            while True:
                _, _, page = await desk.ask("GET", "/history?limit=500")
                self.past.update(entry["id"] for entry in page["history"])
                await pace(0.05)

    # When it lives again.

    async def check(self, port):
        """How many changes were there that nobody had been told of."""
        async with Desk(port) as desk:
            found = {policy: await policy.look(desk) for policy in self.all(Policy)}
            names = await desk.list("/devices", "devices")
            revoked = await desk.list("/revocations", "revocations")
            history = await desk.list("/history", "history")
        names = {entry["client_id"]: entry["name"] for entry in names}
        revoked = {entry["jti"]: True for entry in revoked}
        found |= {one: names.pop(one.name, None) for one in self.all(Name)}
        found |= {one: revoked.pop(one.name, None) for one in self.all(Revoked)}
        assert not names and not revoked, "what nobody asked for"
        ids = [entry["id"] for entry in history]
        assert len(ids) == len({*ids}) and self.past <= {*ids}
        assert {entry["device"]["client_id"] for entry in history} <= self.devices
        return sum(one.settle(value) for one, value in found.items())

    def check_file(self, path):
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            stores = {store for (store,) in file.execute("SELECT store FROM policy")}
        assert stores == {one.name for one in self.all(Policy) if one.acknowledged}


#: How conversations with the gateway end when it is killed.
GONE = (OSError, EOFError, websockets.WebSocketException)


async def live(world, gateway, console, enough):
    """Until `enough` was acknowledged, and then some; in the midst of it the gateway is killed."""
    before, began = world.acknowledged, time.monotonic()
    tasks = [
        *[asyncio.create_task(world.write(console.port, things)) for things in world.things],
        *[asyncio.create_task(world.visit(gateway.plain)) for _ in range(VISITORS)],
        asyncio.create_task(world.remember(console.port)),
    ]

    def is_enough():
        # Whoever ends before the kill has found something.
        for task in tasks:
            if task.done():
                task.result()
        return world.acknowledged - before >= enough

    await eventually(is_enough, f"{enough} changes to be acknowledged", 40)
    # At a moment that nobody chose.
    await pace(world.random.random() / 50)
    count, seconds = world.acknowledged - before, time.monotonic() - began
    gateway.signal(signal.SIGKILL)
    gateway.assert_exit(-signal.SIGKILL)
    for end in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(end, GONE):
            raise end
    return f"{count} acknowledged in {seconds:.2f} s, {count / seconds:.0f} a second"


@pytest.mark.parametrize(
    "rounds, least",
    [(5, 500), pytest.param(30, 1000, marks=[pytest.mark.long, pytest.mark.timeout(600)])],
)
async def test_a_kill_takes_back_nothing(start_gateway, echo, tmp_path, rounds, least):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    world, folder = World(seed), tmp_path / "state"
    for number in range(rounds + 1):
        gateway, console = start(start_gateway, CONFIGURATION, echo=echo, state=folder)
        kept = await world.check(console.port)
        world.check_file(folder / "gateway.db")
        assert {line.split()[1] for line in gateway.stderr.splitlines()} == {"info"}
        if number:
            print(f"round {number}: {pace}; {kept} kept that nobody had been told of")
        if number < rounds:
            enough = world.random.randint(least, 3 * least)
            pace = await live(world, gateway, console, enough)
    assert world.acknowledged >= rounds * least
    print(f"{world.acknowledged} acknowledged, {len(world.past)} past sessions, none lost")
