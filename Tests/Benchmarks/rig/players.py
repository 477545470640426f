"""Sockets that play ping-pong while something happens to others.

They send by the clock and not when they have been answered, so that whoever is kept waiting is
counted as often as it waits."""

import collections
import statistics
import time
from collections.abc import Callable

from .crowd import Client
from .frames import COMPRESSED, client_frame, deflated
from .loop import Loop
from .payloads import Payloads

PLAYERS = 20
#: Each player sends this often.
INTERVAL = 0.01


class PingPong:
    """Each message comes back, and how long that took is kept."""

    def __init__(self, loop: Loop, clients: list[Client]) -> None:
        self.loop, self.clients = loop, clients
        message, extension = Payloads(600).next(), clients[0].extension
        self.frame = (
            client_frame(deflated(message, extension.client_window_bits), flags=COMPRESSED)
            if extension.agreed
            else client_frame(message)
        )
        self.sent = {client: collections.deque[float]() for client in clients}
        self.latencies: list[float] = []
        for client in clients:
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
                client = self.clients[turn % len(self.clients)]
                self.sent[client].append(now)
                client.send(self.frame)
                due, turn = due + INTERVAL / len(self.clients), turn + 1
            self.loop.turn(due - now)
        self.loop.run_until(lambda: not any(self.sent.values()), "the last answers")
        return [1000 * latency for latency in self.latencies]


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]
