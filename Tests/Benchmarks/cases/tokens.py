"""What a handshake costs that brings a token, on top of one at a route without `auth`.

Tokens of three algorithms, each seen for the first time (its signature is checked), and the same 64
again and again (they are remembered). Variants take turns, a few handshakes each, so that whatever
else the machine does meets all of them; ratios are formed within a round, and their median counts.
Over TLS every handshake is a whole one, without resumption. Plain TCP is there to see what a token
costs without that; nothing is promised of it."""

import contextlib
import dataclasses
import itertools
import pathlib
import random
import statistics
import tempfile
import time
from collections.abc import Iterator

from harness.ports import free_port

from rig.crowd import handshake
from rig.gateway import Gateway
from rig.handshakes import Answers, Handshakes
from rig.loop import Loop
from rig.report import Options, Report, Target, say
from rig.tokens import ISSUERS, Issuer

ROUNDS = 160
QUICK_ROUNDS = 8
HANDSHAKES_A_ROUND = 64
#: What nobody has seen takes a new token each time, so it takes part in one of so many rounds.
FIRST_SIGHT_EVERY = 8
#: Tokens that come again and again.
FEW = 64
#: Of a handshake without `auth`.
MOST_FOR_REMEMBERED = 1.05

TLS, TCP = "TLS", "TCP"
ANONYMOUS, FIRST_SIGHT, REMEMBERED = "no auth", "first sight", "remembered"


@dataclasses.dataclass
class Variant:
    """One kind of request on one kind of connection."""

    door: Handshakes
    requests: Iterator[bytes]
    #: Sent before each round, and not measured. What is to be remembered is, whatever has been
    #: pushed out or has become too old since; and everybody begins in the same way.
    warm_up: list[bytes]
    every: int = 1
    #: CPU microseconds of a handshake, by round.
    costs: dict[int, float] = dataclasses.field(default_factory=dict)

    def run(self, gateway: Gateway, number: int) -> None:
        """The round with this number; those below 0 do not count."""
        if number % self.every:
            return
        requests = list(itertools.islice(self.requests, HANDSHAKES_A_ROUND))
        self.door.run(self.warm_up)
        before = gateway.cpu_seconds()
        self.door.run(requests)
        spent = gateway.cpu_seconds() - before
        if number >= 0:
            self.costs[number] = spent * 1e6 / len(requests)


def measure(options: Options) -> Report:
    report = Report("tokens")
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    with contextlib.ExitStack() as stack:
        loop = stack.enter_context(contextlib.closing(Loop()))
        app = stack.enter_context(contextlib.closing(Answers(loop)))
        folder = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-benchmark-"))
        )
        plain_port = free_port()
        gateway = stack.enter_context(
            Gateway(folder, app.port, more=_configuration(folder, plain_port))
        )
        doors = {
            TLS: Handshakes(loop, app, gateway.port, tls=True),
            TCP: Handshakes(loop, app, plain_port, tls=False),
        }
        say("signing tokens")
        variants = {
            f"{transport}, {name}": variant
            for transport, door in doors.items()
            for name, variant in _variants(door, rounds).items()
        }
        _run(variants, gateway, rounds)
        _check(app, doors[TCP])
    _summarise(report, variants)
    return report


def _configuration(folder: pathlib.Path, plain_port: int) -> str:
    parts = [f"listen 127.0.0.1:{plain_port}"]
    for issuer in ISSUERS:
        name = issuer.algorithm.lower()
        parts.append(issuer.block(name, folder))
        parts.append(f"route /{name} {{ websocket; auth {name}; backend app }}")
    return "\n".join(parts)


def _request(path: str, token: str = "") -> bytes:
    return (handshake(path, token) + "\r\n").encode()


def _token(issuer: Issuer, number: int) -> str:
    now = int(time.time())
    return issuer.mint(sub=f"user-{number}", jti=f"{number:016x}", iat=now, exp=now + 7200)


def _variants(door: Handshakes, rounds: int) -> dict[str, Variant]:
    anonymous = _request("/open")
    warm_up = [anonymous] * FEW
    variants = {ANONYMOUS: Variant(door, itertools.repeat(anonymous), warm_up)}
    numbers = itertools.count(1_000_000 if door.tls else 2_000_000)
    for issuer in ISSUERS:
        path = f"/{issuer.algorithm.lower()}"
        # One round more, to warm up.
        turns = 1 + -(-rounds // FIRST_SIGHT_EVERY)
        fresh = [
            _request(path, _token(issuer, next(numbers)))
            for _ in range(turns * HANDSHAKES_A_ROUND)
        ]
        same = [_request(path, _token(issuer, next(numbers))) for _ in range(FEW)]
        variants[f"{issuer.algorithm} {FIRST_SIGHT}"] = Variant(
            door, iter(fresh), warm_up, FIRST_SIGHT_EVERY
        )
        variants[f"{issuer.algorithm} {REMEMBERED}"] = Variant(door, itertools.cycle(same), same)
    return variants


def _run(variants: dict[str, Variant], gateway: Gateway, rounds: int) -> None:
    chance, order = random.Random(1), [*variants.values()]
    for number in range(-FIRST_SIGHT_EVERY, rounds):
        chance.shuffle(order)
        for variant in order:
            variant.run(gateway, number)
        if number >= 0 and (number % 40 == 39 or number == rounds - 1):
            say(f"round {number + 1} of {rounds}")


def _check(app: Answers, door: Handshakes) -> None:
    """That a token does what it is measured for."""
    issuer = ISSUERS[-1]
    door.run([_request(f"/{issuer.algorithm.lower()}", _token(issuer, 7))])
    if b"X-Auth-User: user-7\r\n" not in app.head:
        raise AssertionError(f"the app was not told who came: {app.head!r}")


def _summarise(report: Report, variants: dict[str, Variant]) -> None:
    for name, variant in variants.items():
        anonymous = variants[f"{name.partition(',')[0]}, {ANONYMOUS}"]
        costs = variant.costs.values()
        cost = statistics.median(costs)
        report.add(name, "CPU us a handshake", cost)
        report.add(name, "least", min(costs))
        report.add(name, "most", max(costs))
        report.add(name, "a second and core", round(1e6 / cost))
        pairs = [(one, anonymous.costs[number]) for number, one in variant.costs.items()]
        ratio = statistics.median(one / other for one, other in pairs)
        report.add(name, "to no auth", ratio)
        report.add(name, "us more", statistics.median(one - other for one, other in pairs))
        if name.startswith(TLS) and name.endswith(REMEMBERED):
            report.targets.append(Target(f"{name}, to no auth", ratio, MOST_FOR_REMEMBERED, "x"))
