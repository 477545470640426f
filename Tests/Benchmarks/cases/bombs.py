"""100 deflate bombs at once, a gibibyte each, while 20 other sockets play ping-pong.

Bombs come in volleys, with quiet between them; the pauses are what the volleys are compared
with. The players send by the clock and not when they have been answered, so that whoever is kept
waiting is counted as often as it waits."""

import collections
import contextlib
import dataclasses
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from rig.crowd import Client
from rig.frames import COMPRESSED, client_frame, deflated
from rig.gateway import Stand, stand
from rig.loop import Loop
from rig.payloads import Payloads
from rig.report import Options, Report, Target, say

BOMBS = 100
PLAYERS = 20
VOLLEYS = 5
QUIET_SECONDS = 2.0
#: Each player sends this often.
INTERVAL = 0.01
MIB = 1024 * 1024
#: The defaults of `message_size` and `inflated_size`.
MESSAGE_MIB, INFLATED_MIB = 1, 8
#: What one read takes in, which waits with the message when others are served first; and by how
#: much a buffer grows at a time, of which it has both sizes while it moves.
READ_MIB, GROWTH = 80 / 1024, 1.5
#: A volley may delay the others' 99th percentile by so much.
MOST_DELAY_MILLISECONDS = 50


class PingPong:
    """The other sockets: each message comes back, and how long that took is kept."""

    def __init__(self, fresh: Stand) -> None:
        self.loop = fresh.loop
        self.clients = fresh.crowd.open(PLAYERS)
        message = deflated(Payloads(600).next(), self.clients[0].extension.client_window_bits)
        self.frame = client_frame(message, flags=COMPRESSED)
        self.sent = {client: collections.deque[float]() for client in self.clients}
        self.latencies: list[float] = []
        for client in self.clients:
            client.heard = self._heard

    def _heard(self, client: Client, _first: int, _payload: bytes) -> None:
        self.latencies.append(time.monotonic() - self.sent[client].popleft())

    def play_for(self, seconds: float) -> list[float]:
        end = time.monotonic() + seconds
        return self.play(lambda: time.monotonic() > end)

    def play(self, enough: Callable[[], bool]) -> list[float]:
        """The latencies, in milliseconds, of what was sent until it was `enough`."""
        self.latencies = []
        due, turn = time.monotonic(), 0
        while not enough():
            while due <= (now := time.monotonic()):
                client = self.clients[turn % PLAYERS]
                self.sent[client].append(now)
                client.send(self.frame)
                due, turn = due + INTERVAL / PLAYERS, turn + 1
            self.loop.turn(due - now)
        self.loop.run_until(lambda: not any(self.sent.values()), "the last answers")
        return [1000 * latency for latency in self.latencies]


class Bomber:
    """The process that sends the bombs."""

    def __init__(self, fresh: Stand, count: int) -> None:
        self.loop, self.lines = fresh.loop, collections.deque[str]()
        self.child = subprocess.Popen(
            [sys.executable, "-m", "rig.bomber", str(fresh.gateway.port), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
        assert self.child.stdin and self.child.stdout
        self.orders, self.answers = self.child.stdin, self.child.stdout
        self.loop.watch(self.answers.fileno(), self._answered)

    def _answered(self, _events: int) -> None:
        line = self.answers.readline().decode()
        if not line:
            self.loop.forget(self.answers.fileno())
        self.lines.append(line)

    def wait_until_ready(self) -> None:
        self.loop.run_until(lambda: bool(self.lines), "the bombs to be ready")
        if self.lines.popleft() != "ready\n":
            raise AssertionError("the bomber has ended")

    def go(self) -> None:
        self.orders.write(b"go\n")
        self.orders.flush()

    def close(self) -> None:
        self.loop.forget(self.answers.fileno())
        self.orders.close()
        self.answers.close()
        self.child.kill()
        self.child.wait()


@dataclasses.dataclass
class Outcome:
    """Of all volleys."""

    #: Latencies in milliseconds, volley by volley: of the pause before it, and while it lasted.
    quiet: list[list[float]] = dataclasses.field(default_factory=list)
    during: list[list[float]] = dataclasses.field(default_factory=list)
    #: How many sockets ended with which close code.
    codes: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    cpu_seconds: float = 0
    #: In octets: at rest before the first volley, and what the highest peak came on top.
    memory: int = 0
    growth: int = 0

    @property
    def delay(self) -> float:
        """By what a volley moves the 99th percentile."""
        pairs = zip(self.quiet, self.during)
        return statistics.median(_p99(during) - _p99(quiet) for quiet, during in pairs)


def measure(options: Options) -> Report:
    report = Report("bombs")
    bombs = options.sockets(BOMBS)
    with contextlib.closing(Loop()) as loop, stand(loop, "compress") as fresh:
        players = PingPong(fresh)
        with contextlib.closing(Bomber(fresh, bombs)) as bomber:
            found = _volleys(fresh, players, bomber)
    for name, parts in (("before", found.quiet), ("during", found.during)):
        latencies = list(itertools.chain(*parts))
        report.add(name, "p50 ms", statistics.median(latencies))
        report.add(name, "p99 ms", _p99(latencies))
        report.add(name, "answers", len(latencies))
    report.add("before", "memory MiB", found.memory / MIB)
    report.add("during", "memory MiB", (found.memory + found.growth) / MIB)
    report.add("during", "CPU ms a bomb", 1000 * found.cpu_seconds / (bombs * VOLLEYS))
    # Every message may be on its way in, and one be inflated.
    most = bombs * (MESSAGE_MIB + READ_MIB) + GROWTH * INFLATED_MIB
    refused = found.codes["1009"] / VOLLEYS
    report.targets = [
        Target("memory, at its peak over before", found.growth / MIB, most, "MiB"),
        Target("p99 of the others, during over before", found.delay, MOST_DELAY_MILLISECONDS, "ms"),
        Target("bombs refused with 1009, a volley", refused, bombs, at_least=True),
    ]
    return report


def _volleys(fresh: Stand, players: PingPong, bomber: Bomber) -> Outcome:
    found = Outcome()
    bomber.wait_until_ready()
    found.memory = fresh.settled_memory()
    fresh.gateway.forget_peak()
    for volley in range(VOLLEYS):
        found.quiet.append(players.play_for(QUIET_SECONDS))
        before = fresh.gateway.cpu_seconds()
        bomber.go()
        found.during.append(players.play(lambda: bool(bomber.lines)))
        found.cpu_seconds += fresh.gateway.cpu_seconds() - before
        found.codes += collections.Counter(json.loads(bomber.lines.popleft()))
        bomber.wait_until_ready()
        say(f"volley {volley + 1} of {VOLLEYS}: {dict(found.codes)}")
    found.growth = fresh.gateway.peak_growth()
    return found


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]
