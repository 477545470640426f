"""Free ports on the loopback address, below the range the kernel hands out by itself."""

import os
import random
import re
import socket

LOWEST, END = 10_000, 32_000


def _own_range():
    """Test processes that run beside each other (pytest-xdist's workers) have ranges of their own,
    so that none takes a port that another has found free and not bound yet."""
    worker = re.search(r"\d+", os.environ.get("PYTEST_XDIST_WORKER", ""))
    if worker is None:
        return range(LOWEST, END)
    # One that takes the place of another which died has the next number.
    count = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    size = (END - LOWEST) // count
    start = LOWEST + int(worker[0]) % count * size
    return range(start, start + size)


_ports = _own_range()
_random = random.Random(os.getpid())
_given = set()


def free_port():
    if len(_given) == len(_ports):
        # The first ones were given back long ago.
        _given.clear()
    while True:
        port = _random.choice(_ports)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
