"""Everything that happens to servers and to the gateway in a bad week, under sockets, event streams
and requests: reloads, servers that are killed, hang, are ill, and change their addresses. Nobody
whose server lives notices; the others are with a living one at once."""

import asyncio
import collections
import random
import signal
import sys
import time

import pytest

from harness.gateway import command
from harness.name_server import NameServer
from harness.operator import start
from harness.ports import free_port
from harness.process import ACCEPTANCE, Process
from harness.residents import Requests, SocketResident, StreamResident
from harness.tokens import ENVIRONMENT
from harness.waiting import eventually, pace

CONFIGURATION = """
log { access json off }
workers 2
limits { drain 3s }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
resolver 127.0.0.1:$dns { min_ttl 500ms; timeout 500ms }
backend app {
    balance least_connections
    server 127.0.0.1:$one
    server 127.0.0.1:$two
    server 127.0.0.1:$three
    server app.test:$named
    check GET /health every 500ms timeout 500ms rise 2 fall 2
    on_down close
    response_timeout 2s; handshake_timeout 2s
    retries 3; retry_on broken timeout 500
}
defaults { backend app }
route /ws { websocket }
route /events { events }
route /generation/$number { respond 200 "here" }
route / { }
"""
#: Seconds for which what was done to a server may show: checks that find out, and the time in which
#: its sockets are ended one by one.
AFTERWARDS = 8


class Server:
    """A process that is killed and started again, under one name."""

    def __init__(self, name, address, port, folder):
        self.name, self.address, self.port, self.folder = name, address, port, folder
        #: (from, to) in which it did not serve.
        self.outages = []
        self.start()

    def start(self):
        arguments = [ACCEPTANCE / "apps" / "deployed.py", self.name, self.address, self.port]
        self.process = Process(self.name, [sys.executable, *arguments], self.folder)

    async def is_there(self):
        async def answers():
            assert self.process.is_alive(), self.process.stderr
            try:
                _, writer = await asyncio.open_connection(self.address, self.port)
            except OSError:
                return False
            writer.close()
            return True

        await eventually(answers, f"{self.name} to listen", patience=60)

    async def suffer(self, kind, seconds):
        begin = time.time()
        self.outages.append((begin, float("inf")))
        if kind == "killed":
            self.process.kill()
            await pace(seconds)
            self.start()
            await self.is_there()
        elif kind == "hung":
            self.process.signal(signal.SIGSTOP)
            await pace(seconds)
            self.process.signal(signal.SIGCONT)
        else:
            self.process.signal(signal.SIGUSR1)
            await pace(seconds)
            self.process.signal(signal.SIGUSR2)
        self.outages[-1] = (begin, time.time() + AFTERWARDS)

    def was_out(self, moment):
        return any(begin <= moment <= end for begin, end in self.outages)


class Week:
    def __init__(self, gateway, operator, servers, names, seed):
        self.gateway, self.operator, self.names = gateway, operator, names
        self.servers = {server.name: server for server in servers}
        self.random = random.Random(seed)
        self.done = collections.Counter()

    async def reload(self):
        self.done["reload"] += 1
        number = self.done["reload"] + 1
        self.gateway.names["number"] = number
        self.gateway.configure(CONFIGURATION)
        self.gateway.reload()
        await eventually(lambda: self.generation() == number, f"generation {number}")

    def generation(self):
        return self.operator("GET", "/status").json()["generation"]["number"]

    async def rename(self):
        """The name stands for one address more or less; that one is never the only one."""
        addresses = ["127.0.0.2", "127.0.0.3"]
        await asyncio.to_thread(
            self.names.change, {"app.test": self.random.sample(addresses, 1 + self.done["rename"] % 2)}
        )
        self.done["rename"] += 1

    async def hurt(self, name, kind):
        self.done[kind] += 1
        await self.servers[name].suffer(kind, 3)
        await self.all_up()

    async def all_up(self):
        """The next one comes when all are well: two at once are for other tests."""

        def states():
            servers = self.operator("GET", "/servers").json()["servers"]
            return {entry["state"] for entry in servers}

        await eventually(lambda: states() == {"up"}, "all servers to be up", patience=30)


@pytest.fixture
async def residents():
    """`residents(port, sockets, streams, rate)`: they live until the test is over."""
    over, tasks = asyncio.Event(), []

    def begin(port, sockets, streams, rate):
        living = [SocketResident(port) for _ in range(sockets)]
        living += [StreamResident(port) for _ in range(streams)]
        requests = Requests(port, rate)
        tasks.extend(asyncio.create_task(one.live(over)) for one in living)
        tasks.append(asyncio.create_task(requests.run(over)))
        return living, requests

    yield begin
    over.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def servers(tmp_path):
    ports = [free_port() for _ in range(4)]
    addresses = ["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.3"]
    names = ["one", "two", "three", "named-2", "named-3"]
    made = [
        Server(name, address, port, tmp_path)
        for name, address, port in zip(names, addresses, [*ports, ports[3]])
    ]
    for server in made:
        await server.is_there()
    yield made
    for server in made:
        server.process.kill()


async def everybody_in(living):
    try:
        await eventually(lambda: all(one.server for one in living), "all to be in", patience=30)
    except AssertionError:
        raise AssertionError([one.failures[-1:] for one in living if not one.server][:5]) from None


def judge(week, living, requests, began):
    """What nobody was to notice, and what those did whose server was gone."""
    gone = [
        (round(when - began, 1), server, why)
        for one in living
        for when, server, why in one.ends
        if not week.servers[server].was_out(when)
    ]
    assert gone == [], "these lost a server that lived"
    failures = [
        (round(when - began, 1), why) for one in living for when, why in one.failures
    ]
    assert failures == [], "these came in vain"
    assert [
        (round(when - began, 1), *rest) for when, *rest in requests.failures
    ] == [], "these requests could have been served elsewhere"


async def live_through(start_gateway, residents, servers, folder, rounds, size, spacing):
    sockets, streams, rate = size
    one, two, three, named = [server.port for server in servers[:4]]
    with NameServer(folder / "dns", hosts={"app.test": ["127.0.0.2", "127.0.0.3"]}) as names:
        gateway, operator = start(
            start_gateway, CONFIGURATION, dns=names.port, one=one, two=two, three=three,
            named=named, number=1,
        )  # fmt: skip
        week = Week(gateway, operator, servers, names, seed=rounds)
        began = time.time()
        living, requests = residents(gateway.plain.port, sockets, streams, rate)
        await everybody_in(living)
        for number in range(rounds):
            for kind in ("killed", "hung", "ill"):
                await week.reload()
                await week.rename()
                await week.hurt(("one", "two", "three")[number % 3], kind)
                await week.reload()
                await pace(spacing)
        await everybody_in(living)
        for one in living:
            one.speak()
        await eventually(lambda: all(one.heard.is_set() for one in living), "all to hear the app")
        judge(week, living, requests, began)
        absences = sorted(time for one in living for time in one.absences)
        print(
            f"{time.time() - began:.0f} s: {dict(week.done)}; {requests.count} requests;"
            f" {sum(len(one.ends) for one in living)} ends, and who was told when to return was in"
            f" again after {absences[len(absences) // 2] if absences else 0:.3f} s (median),"
            f" {absences[-1] if absences else 0:.3f} s (last)"
        )
        return week, living, requests


async def test_a_short_week(start_gateway, residents, servers, tmp_path):
    week, living, requests = await live_through(
        start_gateway, residents, servers, tmp_path, rounds=1, size=(60, 15, 60), spacing=0
    )
    assert week.done["reload"] == 6 and week.done["killed"] == 1
    assert sum(len(one.ends) for one in living) > 0 and requests.count > 0
    assert command("servers", "--config", week.gateway.file, environment=ENVIRONMENT).returncode == 0


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_long_week(start_gateway, residents, servers, tmp_path):
    """Ten minutes, sixty reloads."""
    week, _, _ = await live_through(
        start_gateway, residents, servers, tmp_path, rounds=10, size=(500, 100, 200), spacing=16
    )
    assert week.done["reload"] == 60
