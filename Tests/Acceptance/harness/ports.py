"""Free ports on the loopback address, below the range the kernel hands out by itself."""

import os
import random
import socket

_random = random.Random(os.getpid())
_given = set()


def free_port():
    while True:
        port = _random.randrange(10_000, 32_000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
