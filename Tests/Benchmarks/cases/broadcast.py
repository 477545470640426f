"""One message to 2,000 sockets: what a delivered message costs, compressed and not.

The app writes the same frame to all of its connections; the next message follows when everybody
has the last one. The variants take turns, round by round, so that whatever else the machine does
meets all of them; ratios are formed within a round, and their median counts."""

import contextlib
import dataclasses
import statistics

from rig.crowd import Client
from rig.frames import COMPRESSED, inflated, server_frame
from rig.gateway import Stand, Unsupported, stand
from rig.loop import Loop
from rig.payloads import Payloads
from rig.report import Options, Report, Target, say

SOCKETS = 2000
ROUNDS = 7
MESSAGES_A_ROUND = 40
MESSAGE_SIZE = 1024
#: Of so many deliveries one is inflated and compared.
SAMPLE = 100

PLAIN, CACHED, UNCACHED = "uncompressed", "compress", "compress, cache off"
#: Pings would come when they like, in some rounds and not in others.
QUIET = "ping 1h; silence 2h"
#: Route and limits.
VARIANTS = {
    PLAIN: (QUIET, ""),
    CACHED: (f"compress; {QUIET}", ""),
    UNCACHED: (f"compress; {QUIET}", "compress_cache off"),
}


@dataclasses.dataclass
class Broadcast:
    """One variant: its gateway, and what its deliveries cost."""

    stand: Stand
    compressed: bool
    costs: list[float] = dataclasses.field(default_factory=list)
    message: bytes = b""
    wire_octets: int = 0
    samples: int = 0

    def open(self, count: int) -> None:
        for client in self.stand.crowd.open(count):
            client.heard = self._heard

    def _heard(self, client: Client, first: int, payload: bytes) -> None:
        if (client.number + client.messages) % SAMPLE:
            return
        if bool(first & COMPRESSED) != self.compressed:
            raise AssertionError(f"compressed on the wire: {not self.compressed}")
        self.samples += 1
        self.wire_octets += len(payload)
        if (inflated(payload) if self.compressed else payload) != self.message:
            raise AssertionError("another message than the app sent")

    def run(self, messages: list[bytes]) -> None:
        """A round: appends the CPU microseconds of a delivered message."""
        clients, expected = self.stand.crowd.clients, self.stand.crowd.clients[0].messages
        before = self.stand.gateway.cpu_seconds()
        for self.message in messages:
            expected += 1
            self.stand.app.broadcast(server_frame(self.message))
            self._until_all_have(expected)
        spent = self.stand.gateway.cpu_seconds() - before
        self.costs.append(spent * 1e6 / (len(clients) * len(messages)))

    def _until_all_have(self, expected: int) -> None:
        late = [c for c in self.stand.crowd.clients if c.messages < expected]

        def nobody_waits() -> bool:
            while late and late[-1].messages >= expected:
                late.pop()
            return not late

        self.stand.loop.run_until(nobody_waits, "the message to reach everybody")


def measure(options: Options) -> Report:
    report = Report("broadcast")
    payloads = Payloads(MESSAGE_SIZE)
    with contextlib.ExitStack() as open_stands:
        loop = open_stands.enter_context(contextlib.closing(Loop()))
        broadcasts = _open(loop, open_stands, options, report)
        for number in range(-1, ROUNDS):
            messages = [payloads.next() for _ in range(MESSAGES_A_ROUND)]
            turn = number % len(broadcasts)
            order = [*broadcasts.values()][turn:] + [*broadcasts.values()][:turn]
            for broadcast in order:
                broadcast.run(messages)
            costs = {name: round(each.costs[-1], 2) for name, each in broadcasts.items()}
            say(f"round {number + 1} of {ROUNDS}: {costs} us" if number >= 0 else "warmed up")
    _summarise(report, broadcasts)
    return report


def _open(
    loop: Loop, stands: contextlib.ExitStack, options: Options, report: Report
) -> dict[str, Broadcast]:
    broadcasts: dict[str, Broadcast] = {}
    for name, (route, limits) in VARIANTS.items():
        try:
            built = stands.enter_context(stand(loop, route, limits))
        except Unsupported as reason:
            report.notes.append(f"{name}: {reason}")
            continue
        say(f"{name}: opening {options.sockets(SOCKETS):,} sockets")
        broadcasts[name] = Broadcast(built, built.crowd.compressed)
        broadcasts[name].open(options.sockets(SOCKETS))
    return broadcasts


def _summarise(report: Report, broadcasts: dict[str, Broadcast]) -> None:
    for name, each in broadcasts.items():
        del each.costs[0]  # Of warming up.
        report.add(name, "CPU us a message", statistics.median(each.costs))
        report.add(name, "least", min(each.costs))
        report.add(name, "most", max(each.costs))
        report.add(name, "octets on the wire", round(each.wire_octets / each.samples))

    plain, cached = broadcasts[PLAIN].costs, broadcasts[CACHED].costs
    ratio = _ratio(cached, plain)
    share = None
    if UNCACHED in broadcasts:
        uncached = broadcasts[UNCACHED].costs
        share = _added(cached, plain) / _added(uncached, plain)
        total = _ratio(uncached, cached)
        report.notes.append(f"a message costs {total:.2f} times as much with the cache off")
    report.targets = [
        Target("compressed to uncompressed", ratio, 1.2, "x"),
        Target("what compression adds, cache on to cache off", share, 0.25, "x"),
    ]


def _ratio(costs: list[float], others: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(costs, others))


def _added(compressed: list[float], plain: list[float]) -> float:
    """Microseconds on top of an uncompressed message."""
    return statistics.median(one - other for one, other in zip(compressed, plain))
