"""100 deflate bombs at once, a gibibyte each, while 20 other sockets play ping-pong.

Bombs come in volleys, with quiet between them; the pauses are what the volleys are compared
with."""

import collections
import contextlib
import dataclasses
import itertools
import json
import statistics

from rig.child import Child
from rig.gateway import Stand, stand
from rig.loop import Loop
from rig.players import PLAYERS, PingPong, p99
from rig.report import Options, Report, Target, say

BOMBS = 100
VOLLEYS = 5
QUIET_SECONDS = 2.0
MIB = 1024 * 1024
#: The defaults of `message_size` and `inflated_size`.
MESSAGE_MIB, INFLATED_MIB = 1, 8
#: What one read takes in, which waits with the message when others are served first; and by how
#: much a buffer grows at a time, of which it has both sizes while it moves.
READ_MIB, GROWTH = 80 / 1024, 1.5
#: A volley may delay the others' 99th percentile by so much.
MOST_DELAY_MILLISECONDS = 50


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
        return statistics.median(p99(during) - p99(quiet) for quiet, during in pairs)


def measure(options: Options) -> Report:
    report = Report("bombs")
    bombs = options.sockets(BOMBS)
    with contextlib.closing(Loop()) as loop, stand(loop, "compress") as fresh:
        players = PingPong(loop, fresh.crowd.open(PLAYERS))
        with contextlib.closing(Child(loop, "rig.bomber", fresh.gateway.port, bombs)) as bomber:
            found = _volleys(fresh, players, bomber)
    for name, parts in (("before", found.quiet), ("during", found.during)):
        latencies = list(itertools.chain(*parts))
        report.add(name, "p50 ms", statistics.median(latencies))
        report.add(name, "p99 ms", p99(latencies))
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


def _volleys(fresh: Stand, players: PingPong, bomber: Child) -> Outcome:
    found = Outcome()
    bomber.wait_for("ready")
    found.memory = fresh.settled_memory()
    fresh.gateway.forget_peak()
    for volley in range(VOLLEYS):
        found.quiet.append(players.play_for(QUIET_SECONDS))
        before = fresh.gateway.cpu_seconds()
        bomber.say("go")
        found.during.append(players.play(lambda: bool(bomber.lines)))
        found.cpu_seconds += fresh.gateway.cpu_seconds() - before
        found.codes += collections.Counter(json.loads(bomber.lines.popleft()))
        bomber.wait_for("ready")
        say(f"volley {volley + 1} of {VOLLEYS}: {dict(found.codes)}")
    found.growth = fresh.gateway.peak_growth()
    return found
