"""50 clients that stop reading while the app goes on broadcasting to them and to 100 others.

A round is a fresh set of slow clients: first all read, then the 50 stop until each of them has
been cut off. What a broadcast takes to reach the 100 is compared within the round."""

import contextlib
import dataclasses
import statistics
import time

from rig.crowd import Client
from rig.frames import server_frame
from rig.gateway import Stand, stand
from rig.loop import PATIENCE, Loop
from rig.payloads import Payloads
from rig.report import Options, Report, Target, say

SLOW = 50
OTHERS = 100
ROUNDS = 5
BROADCASTS = 100
MESSAGE_SIZE = 64 * 1024
#: A broadcast this often, or as soon as the last one has arrived.
INTERVAL = 0.02
#: So that the gateway's queue fills, and not the kernel's.
RECEIVE_BUFFER = 16 * 1024
MIB = 1024 * 1024
SEND_QUEUE = 1 * MIB
#: A queue is full when it holds that much, so what is read last comes on top.
ONE_READ = 64 * 1024

VARIANTS = {"uncompressed": "", "compress": "compress"}


@dataclasses.dataclass
class Round:
    """Milliseconds a broadcast took to reach all others, and what the slow ones cost."""

    reading: list[float]
    stopped: list[float]
    growth: int

    @property
    def ratio(self) -> float:
        return statistics.median(self.stopped) / statistics.median(self.reading)


class Broadcasts:
    """Sends messages at a steady pace and watches them arrive."""

    def __init__(self, fresh: Stand, others: list[Client]) -> None:
        self.fresh, self.others = fresh, others
        self.payloads = Payloads(MESSAGE_SIZE)

    def send(self) -> float:
        """One broadcast: how many milliseconds until the others had it."""
        frame = server_frame(self.payloads.next())
        expected = self.others[0].messages + 1
        start = time.monotonic()
        self.fresh.app.broadcast(frame)
        self.fresh.loop.run_until(
            lambda: all(client.messages >= expected for client in self.others),
            "a broadcast to reach those who read",
        )
        end = time.monotonic()
        self.fresh.loop.run_for(start + INTERVAL - end)
        return 1000 * (end - start)

    def send_until_cut_off(self, remaining: int) -> list[float]:
        """Until the app has no more than `remaining` connections."""
        took = []
        deadline = time.monotonic() + PATIENCE
        while len(self.fresh.app.connections) > remaining:
            took.append(self.send())
            if time.monotonic() > deadline:
                raise TimeoutError("slow clients are never cut off")
        return took


def measure(options: Options) -> Report:
    report = Report("slow")
    slow, others = options.sockets(SLOW), options.sockets(OTHERS)
    for name, route in VARIANTS.items():
        rounds = []
        with contextlib.closing(Loop()) as loop, stand(loop, route) as fresh:
            broadcasts = Broadcasts(fresh, fresh.crowd.open(others))
            for number in range(ROUNDS):
                rounds.append(_round(broadcasts, slow))
                say(f"{name}, round {number + 1} of {ROUNDS}: {rounds[-1].ratio:.2f} x")
        _summarise(report, name, rounds, slow)
    return report


def _round(broadcasts: Broadcasts, slow: int) -> Round:
    fresh = broadcasts.fresh
    clients = fresh.crowd.open(slow, RECEIVE_BUFFER)
    reading = [broadcasts.send() for _ in range(BROADCASTS)]
    fresh.loop.run_until(
        lambda: all(client.messages == BROADCASTS for client in clients), "the slow to catch up"
    )
    fresh.gateway.forget_peak()
    fresh.crowd.stop_reading(clients)
    stopped = broadcasts.send_until_cut_off(len(broadcasts.others))
    growth = fresh.gateway.peak_growth()
    fresh.crowd.drop(clients)
    return Round(reading, stopped, growth)


def _summarise(report: Report, name: str, rounds: list[Round], slow: int) -> None:
    for state in ("reading", "stopped"):
        row = f"{name}, the {slow} {state}"
        took = sorted(each for one in rounds for each in getattr(one, state))
        report.add(row, "p50 ms", statistics.median(took))
        report.add(row, "p99 ms", statistics.quantiles(took, n=100)[98])
        report.add(row, "broadcasts", len(took))
    growth = max(one.growth for one in rounds) / MIB
    report.add(f"{name}, the {slow} stopped", "memory grew by MiB", growth)
    ratio = statistics.median(one.ratio for one in rounds)
    # A queue may hold as much again that was sent already: it is moved when that is cheap.
    most = slow * 2 * (SEND_QUEUE + ONE_READ) / MIB
    report.targets += [
        Target(f"{name}: to reach the others, stopped to reading", ratio, 1.2, "x"),
        Target(f"{name}: memory, at its peak over before", growth, most, "MiB"),
    ]
