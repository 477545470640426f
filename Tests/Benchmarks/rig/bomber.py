"""A process of its own that sends deflate bombs, at the lowest priority, so that those who watch
how the gateway takes it are not kept from watching.

    python3 -m rig.bomber PORT COUNT

Opens COUNT sockets, says `ready`, waits for a line, sends one bomb on each at once and answers
with a line of JSON, how many sockets ended with which close code; then begins anew, until its
standard input ends."""

import collections
import contextlib
import json
import os
import resource
import select
import ssl
import sys
import zlib

from .crowd import Client, Crowd
from .frames import CLOSE, COMPRESSED, TAIL, client_frame
from .loop import Loop

MIB = 1024 * 1024
#: Zeros shrink to 1/1030, so that this fits into a message of 1 MiB.
INFLATED_MIB = 1024


def bomb() -> bytes:
    """A gibibyte of zeros as one compressed frame."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    zeros = bytes(MIB)
    parts = [deflater.compress(zeros) for _ in range(INFLATED_MIB)]
    payload = (b"".join(parts) + deflater.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)
    if len(payload) >= MIB:
        raise AssertionError(f"{len(payload)} octets are refused for their size alone")
    return client_frame(payload, flags=COMPRESSED)


class Bombardment:
    """One bomb under way on one socket; what cannot be sent any more stays unsent."""

    def __init__(self, client: Client, loop: Loop, frame: bytes) -> None:
        self.client, self.loop, self.rest = client, loop, memoryview(frame)
        client.may_end = True
        loop.forget(client.stream.fileno())
        loop.watch(client.stream.fileno(), self.ready)
        loop.watch_also_for_room(client.stream.fileno(), True)

    def ready(self, events: int) -> None:
        if events & ~select.EPOLLOUT:
            self.client.ready(events)
        if self.client.close_code:
            with contextlib.suppress(OSError):
                self.client.send(client_frame(self.client.close_code.to_bytes(2, "big"), CLOSE))
            self.loop.forget(self.client.stream.fileno())
            self.client.stream.close()
        elif self.rest:
            self._push()

    def _push(self) -> None:
        """A stretch at a time: the sockets take turns."""
        try:
            self.rest = self.rest[self.client.stream.send(self.rest[: 64 * 1024]) :]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            # The other side has closed; why, is still to be read.
            self.rest = self.rest[:0]
        if not self.rest:
            self.loop.watch_also_for_room(self.client.stream.fileno(), False)


def volley(clients: list[Client], loop: Loop, frame: bytes) -> dict[int | None, int]:
    """How many of the bombs ended with which close code."""
    for client in clients:
        Bombardment(client, loop, frame)
    loop.run_until(lambda: all(c.close_code for c in clients), "the bombs to be refused")
    return collections.Counter(client.close_code for client in clients)


def main(port: int, count: int) -> None:
    os.nice(19)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    frame = bomb()
    with contextlib.closing(Loop()) as loop:
        while True:
            clients = Crowd(loop, port, compressed=True).open(count)
            print("ready", flush=True)
            if not sys.stdin.readline():
                return
            print(json.dumps(volley(clients, loop, frame)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
