"""A crowd of clients that talk at once, and what came of it."""

import asyncio
import collections
import contextlib
import json
import random
import re
import time

from ..certificates import CONTEXT
from ..waiting import STEP, pace
from .asks import Plan, Scope
from .talker import Talker

#: How many clients talk at the same time.
CLIENTS = 48
#: What a connection may take; whoever waits longer waits in vain.
PATIENCE = 40
#: Those of a run that looks for the reason of a fault have numbers from here on.
FIRST_OF_SHRUNK = 128
SHRUNK_ANSWERS = 600
WAY = re.compile(r"u[0-9a-f]{8}l [A-Z]+ ([a-z-]+)")
#: Behind so many faults more of them say nothing new.
ENOUGH = 40


class Verdict:
    """What was heard so far."""

    def __init__(self, seed, enough=ENOUGH):
        self.seed, self.enough = seed, enough
        self.answers = self.apps_answers = self.messages = self.connections = 0
        self.outcomes = collections.Counter()
        self.kinds = collections.Counter()
        self.faults = []
        self.app = {}
        self.shrunk = []
        self.seconds = 0.0

    def answered(self, ask, status, is_apps):
        self.answers += 1
        self.apps_answers += is_apps
        self.outcomes[ask.how, status] += 1

    def fault(self, kind, ask, plan, octets=b"", foreign=None):
        self.kinds[kind] += 1
        if len(self.faults) < ENOUGH:
            self.faults.append(
                {
                    "kind": kind,
                    "mark": ask.mark.decode(),
                    "foreign": foreign and foreign.decode(),
                    "words": f"{ask} (client: {plan})",
                    "octets": octets[:300].decode("latin-1"),
                }
            )

    @property
    def total(self):
        """Faults of both sides."""
        return sum(self.kinds.values())

    @property
    def has_enough(self):
        return self.enough is not None and self.total >= self.enough

    def take_report(self, report):
        """What the app saw."""
        self.app = report["counts"]
        for kind in ("foreign request", "garbled request", "repeated request"):
            if self.app.get(kind):
                self.kinds[kind] += self.app[kind]
        self.faults += report["faults"]

    def describe(self):
        lines = [
            f"seed {self.seed}: {self.answers} answers ({self.apps_answers} of the app's own), "
            f"{self.messages} messages, {self.connections} connections in {self.seconds:.1f} s; the "
            f"app: {self.app.get('requests', 0)} requests on {self.app.get('connections', 0)} "
            "connections",
            f"faults: {dict(self.kinds) or 'none'}",
        ]
        for fault in self.faults[:3]:
            lines.append("")
            lines.append(f"{fault['kind']}: {fault['words']}")
            lines.append(f"  octets: {fault['octets']!r}")
            for line in fault.get("story", fault.get("history", [])):
                lines.append(f"  {line}")
        lines += self.shrunk
        return "\n".join(lines)


async def connect(host, port, tls, plan, verdict):
    loop = asyncio.get_running_loop()
    _, talker = await loop.create_connection(
        lambda: Talker(plan, verdict),
        host,
        port,
        ssl=CONTEXT if tls else None,
        server_hostname="localhost" if tls else None,
    )
    return talker


async def talk(doors, slot, verdict, is_over, scope):
    """One client after the other, each with a plan of its own; what they do depends on the seed and
    on their number only."""
    number = 0
    while not is_over():
        chance = random.Random(f"{verdict.seed}/{slot}/{number}")
        plan = Plan(number, slot, chance, scope)
        host, port, tls = doors[chance.randrange(len(doors))]
        number += 1
        verdict.connections += 1
        with contextlib.suppress(ConnectionError):
            talker = await connect(host, port, tls, plan, verdict)
            try:
                await asyncio.wait_for(talker.done, PATIENCE)
            except TimeoutError:
                talker.fault("no answer", bytes(talker.buffer))


async def ask_app(port, target):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {target} HTTP/1.1\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
    writer.close()
    return json.loads(body)


async def crosstalk(
    doors, app_port, seed, answers, between=None, scope=Scope(), enough=ENOUGH, first=0
):
    """Clients, numbered from `first` on, talk at the `doors` (host, port, TLS) until so many
    answers were heard. `between` is called about twenty times meanwhile. A `Verdict`."""
    verdict = Verdict(seed, enough)
    start = time.monotonic()
    step = max(1, answers // 20)

    def is_over():
        return verdict.answers >= answers or verdict.has_enough

    async def disturb():
        due = step
        while not is_over():
            await pace(STEP)
            if verdict.answers >= due:
                due += step
                between()

    slots = range(first, first + CLIENTS)
    talking = [talk(doors, slot, verdict, is_over, scope) for slot in slots]
    if between:
        talking.append(disturb())
    await asyncio.gather(*talking)
    verdict.seconds = time.monotonic() - start
    verdict.take_report(await ask_app(app_port, "/report"))
    for fault in verdict.faults[:3]:
        fault["story"] = await story(app_port, fault)
    return verdict


async def story(app_port, fault):
    """What the connections went through that the two requests came on."""
    marks = [mark for mark in (fault.get("foreign"), fault["mark"]) if mark]
    places = await ask_app(app_port, "/story/" + "/".join(marks))
    lines = [
        f"{'the other' if mark == fault.get('foreign') else 'this one'} came on {place}"
        for mark in marks
        for place in places.get(mark) or ["no connection of the app's"]
    ]
    return lines + [f"before: {line}" for line in fault.get("history", [])]


async def shrink(doors, app_port, verdict):
    """Looks for the one way of the app's, or the few, that show the first fault as well, while
    clients are calm if they can be; what was found stands in the verdict."""
    ways = []
    for line in reversed(verdict.faults[0]["story"]):
        ways += [way for way in reversed(WAY.findall(line)) if way not in ways]
    for is_calm in (True, False):
        for few in (*[(way,) for way in ways], tuple(ways)):
            await ask_app(app_port, "/forget")
            again = await crosstalk(
                doors,
                app_port,
                verdict.seed,
                SHRUNK_ANSWERS,
                scope=Scope(late=True, only=few, is_calm=is_calm),
                first=FIRST_OF_SHRUNK,
                enough=1,
            )
            if again.total:
                manner = "asked one by one" if is_calm else "by clients of all kinds"
                verdict.shrunk = ["", f"It takes no more than {', '.join(few)}, {manner}:"]
                verdict.shrunk += again.describe().splitlines()
                return
