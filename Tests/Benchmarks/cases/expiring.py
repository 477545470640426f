"""5,000 sockets whose tokens end in the same second, while 20 others on the same worker play
ping-pong; and the same when a list of revoked users names all of theirs.

Both come in volleys, with quiet before each, which it is compared with. The sockets that end and
their app are in a process of their own, so that the players are not kept from playing by ours."""

import collections
import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import statistics
import tempfile
import time

from rig.child import Child
from rig.gateway import Stand, stand
from rig.leavers import PATH
from rig.loop import Loop
from rig.players import PLAYERS, PingPong, p99
from rig.report import Options, Report, Target, say
from rig.tokens import ISSUERS

SOCKETS = 5000
QUICK_SOCKETS = 1000
VOLLEYS = 3
QUIET_SECONDS = 3.0
#: Before the first volley: how long to open one socket takes at most, until it is known.
OPENING_SECONDS = 0.01
#: Of the players, while the others end.
MOST_MILLISECONDS = 50
#: From when they are due until the last has been told.
MOST_SECONDS = 1.0
#: A file is looked at this often.
FILE_SECONDS = 2.0
#: Of what the sockets took, what memory keeps when they are gone, and by what that grows from the
#: first volley to the last.
MOST_KEPT, MOST_GROWTH = 0.1, 0.1
UNAUTHENTICATED = "4001"
MIB = 1024 * 1024

EXPIRED, REVOKED = "expired", "revoked"


@dataclasses.dataclass
class Ends:
    """Of all volleys of one kind."""

    #: Latencies of the players in milliseconds: of the quiet before, and while the others ended.
    quiet: list[float] = dataclasses.field(default_factory=list)
    during: list[float] = dataclasses.field(default_factory=list)
    codes: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    #: Seconds from when they were due until the first and the last heard of it.
    first: list[float] = dataclasses.field(default_factory=list)
    last: list[float] = dataclasses.field(default_factory=list)
    cpu_seconds: float = 0
    #: Octets: with the sockets, and when they were gone.
    full: list[int] = dataclasses.field(default_factory=list)
    empty: list[int] = dataclasses.field(default_factory=list)


class Volleys:
    """Opens sockets, and has them end at once."""

    def __init__(
        self, fresh: Stand, leavers: Child, players: PingPong, revoked: pathlib.Path, count: int
    ) -> None:
        self.fresh, self.leavers, self.players = fresh, leavers, players
        self.revoked, self.count = revoked, count
        self.opening_seconds = OPENING_SECONDS * count
        self.memory_before = fresh.settled_memory()
        self._names = (f"user-{number}" for number in itertools.count())

    def expire(self, ends: Ends) -> None:
        name = next(self._names)
        margin = 2 * QUIET_SECONDS + 10
        expires = int(time.time() + self.opening_seconds + margin)
        self._open(expires, name)
        if time.time() > expires - margin / 2:
            say("opening took too long: once more")
            self.leavers.say("watch")
            self.leavers.answer()
            return self.expire(ends)
        self._quiet(ends)
        self.players.play(lambda: time.time() > expires - 0.1)
        self._watch(ends, expires)

    def revoke(self, ends: Ends) -> None:
        name = next(self._names)
        self._open(int(time.time()) + 7200, name)
        self._quiet(ends)
        lines = "".join(f"user {name}-{number}\n" for number in range(self.count))
        fresh_list = self.revoked.with_suffix(".new")
        fresh_list.write_text(lines)
        os.replace(fresh_list, self.revoked)
        self._watch(ends, time.time())

    def _open(self, expires: int, name: str) -> None:
        start = time.monotonic()
        self.leavers.say(f"open {self.count} {expires} {name}")
        self.leavers.wait_for("open")
        self.opening_seconds = 1.5 * (time.monotonic() - start)

    def _quiet(self, ends: Ends) -> None:
        ends.full.append(self.fresh.gateway.memory())
        ends.quiet += self.players.play_for(QUIET_SECONDS)

    def _watch(self, ends: Ends, due: float) -> None:
        """`due`: in seconds since 1970."""
        before = self.fresh.gateway.cpu_seconds()
        self.leavers.say("watch")
        during = self.players.play(lambda: bool(self.leavers.lines))
        ends.during += during
        ends.cpu_seconds += self.fresh.gateway.cpu_seconds() - before
        found = json.loads(self.leavers.answer())
        ends.codes += collections.Counter(found["codes"])
        ends.first.append(found["first"] - due)
        ends.last.append(found["last"] - due)
        ends.empty.append(self.fresh.settled_memory())
        sizes = ", ".join(f"{o / MIB:.1f}" for o in (ends.full[-1], ends.empty[-1]))
        say(f"longest {max(during):.0f} ms, memory {self.memory_before / MIB:.1f}, {sizes} MiB")
        say(f"{found['codes']}, {ends.first[-1]:.2f} to {ends.last[-1]:.2f} s after they were due")


def measure(options: Options) -> Report:
    report = Report("expiring")
    count = QUICK_SOCKETS if options.quick else SOCKETS
    found = {EXPIRED: Ends(), REVOKED: Ends()}
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-benchmark-"))
        )
        loop = stack.enter_context(contextlib.closing(Loop()))
        leavers = stack.enter_context(contextlib.closing(Child(loop, "rig.leavers")))
        revoked = folder / "revoked.txt"
        revoked.write_text("# nobody\n")
        more = _configuration(folder, revoked, int(leavers.answer()))
        fresh = stack.enter_context(stand(loop, more=more))
        leavers.say(f"gateway {fresh.gateway.port}")
        players = PingPong(loop, fresh.crowd.open(PLAYERS))
        volleys = Volleys(fresh, leavers, players, revoked, count)
        for _ in range(VOLLEYS):
            volleys.expire(found[EXPIRED])
            volleys.revoke(found[REVOKED])
    for name, ends in found.items():
        _summarise(report, name, ends, count, volleys.memory_before)
    return report


def _configuration(folder: pathlib.Path, revoked: pathlib.Path, app_port: int) -> str:
    block = ISSUERS[0].block("leaving", folder, "leeway 0ms", f"revoked file:{revoked}")
    return (
        f"{block}backend leaving {{ server 127.0.0.1:{app_port}; "
        "connect_timeout 20s; handshake_timeout 30s }\n"
        f"route {PATH} {{ websocket; auth leaving; backend leaving; ping 1h; silence 2h }}\n"
    )


def _summarise(report: Report, name: str, ends: Ends, count: int, before: int) -> None:
    for state, latencies in ((f"before, {name}", ends.quiet), (f"during, {name}", ends.during)):
        report.add(state, "p50 ms", statistics.median(latencies))
        report.add(state, "p99 ms", p99(latencies))
        report.add(state, "most ms", max(latencies))
        report.add(state, "answers", len(latencies))
    row = f"during, {name}"
    report.add(row, "first told after s", statistics.median(ends.first))
    report.add(row, "last", statistics.median(ends.last))
    report.add(row, "CPU us an end", ends.cpu_seconds * 1e6 / (count * VOLLEYS))
    report.add(f"before, {name}", "memory MiB", statistics.median(ends.full) / MIB)
    report.add(row, "memory MiB", ends.empty[-1] / MIB)
    taken = max(ends.full) - before
    most = MOST_SECONDS + (FILE_SECONDS if name == REVOKED else 0)
    report.targets += [
        Target(f"{name}: the longest a player waited", max(ends.during), MOST_MILLISECONDS, "ms"),
        Target(f"{name}: until the last was told", max(ends.last), most, "s"),
        Target(
            f"{name}: told {UNAUTHENTICATED}, a volley",
            ends.codes[UNAUTHENTICATED] / VOLLEYS,
            count,
            at_least=True,
        ),
        Target(
            f"{name}: memory kept of what they took",
            (ends.empty[-1] - before) / taken,
            MOST_KEPT,
            "x",
        ),
        Target(
            f"{name}: that grew, first volley to last",
            (ends.empty[-1] - ends.empty[0]) / taken,
            MOST_GROWTH,
            "x",
        ),
    ]
