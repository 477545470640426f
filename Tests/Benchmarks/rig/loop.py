"""One thread that waits for all sockets of a measurement."""

import select
import time
from collections.abc import Callable

#: How long a condition may take on a busy machine before the measurement gives up.
PATIENCE = 120.0


class Loop:
    """Level-triggered epoll: a callback a descriptor, told which events it is called for."""

    def __init__(self) -> None:
        self._poller = select.epoll()
        self._callbacks: dict[int, Callable[[int], None]] = {}

    def watch(self, descriptor: int, ready: Callable[[int], None]) -> None:
        """Calls `ready` whenever there is something to read. May be called from any thread."""
        self._callbacks[descriptor] = ready
        self._poller.register(descriptor, select.EPOLLIN)

    def watch_also_for_room(self, descriptor: int, wanted: bool) -> None:
        """Whether `ready` is also called when there is room to write."""
        room = select.EPOLLOUT if wanted else 0
        self._poller.modify(descriptor, select.EPOLLIN | room)

    def forget(self, descriptor: int) -> None:
        """Before a descriptor is closed, or to leave unread what it has. Twice does no harm."""
        if self._callbacks.pop(descriptor, None):
            self._poller.unregister(descriptor)

    def turn(self, seconds: float) -> bool:
        """Waits for at most `seconds` and serves what is ready; whether anything was."""
        ready = self._poller.poll(seconds, 1024)
        for descriptor, events in ready:
            callback = self._callbacks.get(descriptor)
            if callback:
                callback(events)
        return bool(ready)

    def run_for(self, seconds: float) -> None:
        """Serves for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.turn(left)

    def run_until(
        self, condition: Callable[[], bool], what: str, patience: float = PATIENCE
    ) -> None:
        """Serves until `condition` holds; fails with `what` when it never does."""
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {patience:.0f} s in vain: {what}")
            self.turn(0.05)

    def close(self) -> None:
        self._poller.close()
