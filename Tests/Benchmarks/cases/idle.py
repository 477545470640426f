"""Memory of 4,000 idle TLS sockets: uncompressed, with stateless compression, and with windows of
their own within a budget.

Every socket has exchanged one message each way. It is the same message for all, so that the
cache of compressed messages, which belongs to the worker, does not look like sockets. Each
variant is a fresh process."""

import contextlib
import dataclasses

from rig.crowd import Client
from rig.frames import COMPRESSED, client_frame, deflated, inflated
from rig.gateway import Stand, Unsupported, stand
from rig.loop import Loop
from rig.payloads import Payloads
from rig.report import Options, Report, Target, say

SOCKETS = 4000
WARM_UP = 10
MESSAGE_SIZE = 1024
BUDGET_KIB = 16 * 1024
KIB = 1024

PLAIN, STATELESS, DEDICATED = "uncompressed", "stateless", "dedicated"
VARIANTS = {
    PLAIN: "",
    STATELESS: "compress",
    DEDICATED: "compress context dedicated window 11 memory 4 budget {budget}k",
}


@dataclasses.dataclass
class Memory:
    """PSS in octets: with ten sockets, with half of the others, with all of them."""

    sockets: int
    warm: int
    half: int
    full: int
    #: How many sockets keep their windows from message to message.
    taking_over: int

    @property
    def growth(self) -> int:
        return self.full - self.warm

    @property
    def a_socket(self) -> float:
        return self.growth / self.sockets

    @property
    def a_socket_of_the_second_half(self) -> float:
        return (self.full - self.half) / (self.sockets - self.sockets // 2)


def measure(options: Options) -> Report:
    report = Report("idle")
    found: dict[str, Memory] = {}
    # A tenth of the sockets would not use up the whole.
    budget = options.sockets(BUDGET_KIB)
    for name, route in VARIANTS.items():
        try:
            found[name] = _measure(name, route.format(budget=budget), options)
        except Unsupported as reason:
            report.notes.append(f"{name}: {reason}")
    for name, memory in found.items():
        report.add(name, "octets a socket", memory.a_socket)
        report.add(name, "of the second half", memory.a_socket_of_the_second_half)
        report.add(name, "MiB in all", memory.full / KIB / KIB)
        report.add(name, "own windows", memory.taking_over)
    report.targets = _targets(found, budget)
    return report


def _measure(name: str, route: str, options: Options) -> Memory:
    sockets = options.sockets(SOCKETS)
    with contextlib.closing(Loop()) as loop, stand(loop, route) as fresh:
        say(f"{name}: opening {sockets:,} sockets")
        memory = []
        for count in (WARM_UP, sockets // 2, sockets - sockets // 2):
            _exchange(fresh, fresh.crowd.open(count))
            memory.append(fresh.settled_memory())
        over = sum(client.extension.takes_over for client in fresh.crowd.clients)
        warm, half, full = memory
        return Memory(sockets, warm, half, full, over)


def _exchange(fresh: Stand, clients: list[Client]) -> None:
    """One message each way: the app echoes what the client sends."""
    message = Payloads(MESSAGE_SIZE).next()
    compressed = fresh.crowd.compressed

    def compare(_client: Client, first: int, payload: bytes) -> None:
        if bool(first & COMPRESSED) != compressed:
            raise AssertionError(f"compressed on the wire: {not compressed}")
        if (inflated(payload) if compressed else payload) != message:
            raise AssertionError("the echo is another message")

    for number, client in enumerate(clients):
        client.heard = compare
        bits = client.extension.client_window_bits
        client.send(
            client_frame(deflated(message, bits), flags=COMPRESSED)
            if compressed
            else client_frame(message)
        )
        if number % 100 == 0:
            fresh.loop.turn(0)
    fresh.loop.run_until(lambda: all(c.messages for c in clients), "every echo")


def _targets(found: dict[str, Memory], budget_kib: int) -> list[Target]:
    plain, stateless = found[PLAIN], found[STATELESS]
    more = stateless.a_socket - plain.a_socket
    allowed = budget_kib + plain.sockets
    over = with_windows = without = beyond = None
    if dedicated := found.get(DEDICATED):
        over = (dedicated.full - plain.full) / KIB
        with_windows = dedicated.taking_over
        without = plain.sockets + WARM_UP - with_windows
        second_half = dedicated.a_socket_of_the_second_half
        beyond = second_half - stateless.a_socket_of_the_second_half
    return [
        Target("stateless over uncompressed, a socket", more, KIB, "octets"),
        Target("dedicated over uncompressed, in all", over, allowed, "KiB"),
        Target("sockets that got windows of their own", with_windows, 1, at_least=True),
        Target("sockets that were told there are none left", without, 1, at_least=True),
        Target("beyond the budget, over stateless, a socket", beyond, KIB, "octets"),
    ]
