"""WebSockets that are opened and dropped at once, many at a time: both ends of the gateway, in one
loop, and as little work a handshake as an interpreter can do."""

import contextlib
import dataclasses
import select
import socket
import ssl
import struct
from collections.abc import Iterator

from .crowd import CONTEXT, KEY
from .frames import accept_value
from .loop import Loop

#: Everybody sends the same key.
ANSWER = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {accept_value(KEY.encode())}\r\n\r\n"
).encode()
#: Closed by a reset: no port waits for a minute.
NO_LINGER = struct.pack("ii", 1, 0)
#: Under way at a time.
AT_ONCE = 64


class Answers:
    """The app: takes every handshake, and lets go when it is let go."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.open: dict[int, socket.socket] = {}
        #: The last head that arrived.
        self.head = b""
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.listener.setblocking(False)
        self.port: int = self.listener.getsockname()[1]
        loop.watch(self.listener.fileno(), self._accept)

    def _accept(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                stream, _ = self.listener.accept()
                stream.setblocking(False)
                number = stream.fileno()
                self.open[number] = stream
                self.loop.watch(number, lambda _events, number=number: self._ready(number))

    def _ready(self, number: int) -> None:
        stream = self.open[number]
        try:
            octets = stream.recv(65536)
            if octets.startswith(b"GET "):
                # Heads of this size come whole.
                assert octets.endswith(b"\r\n\r\n"), octets
                self.head = octets
                stream.send(ANSWER)
                return
        except OSError:
            octets = b""
        # A close frame is as good an end as any.
        self._drop(number)

    def _drop(self, number: int) -> None:
        stream = self.open.pop(number)
        self.loop.forget(number)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        stream.close()

    def close(self) -> None:
        for number in list(self.open):
            self._drop(number)
        self.loop.forget(self.listener.fileno())
        self.listener.close()


@dataclasses.dataclass
class Handshakes:
    """The clients."""

    loop: Loop
    app: Answers
    port: int
    #: A whole handshake each time, without a ticket of an earlier one.
    tls: bool

    def run(self, requests: list[bytes]) -> None:
        """A handshake for each; returns when both ends have forgotten all of them."""
        waiting = iter(requests)
        self.under_way = 0
        for _ in range(AT_ONCE):
            self._next(waiting)
        self.loop.run_until(
            lambda: not self.under_way and not self.app.open, "handshakes to come to an end"
        )

    def _next(self, waiting: Iterator[bytes]) -> None:
        for octets in waiting:
            self.under_way += 1
            _Handshake(self, octets, waiting)
            return

    def _ended(self, waiting: Iterator[bytes]) -> None:
        self.under_way -= 1
        self._next(waiting)


class _Handshake:
    def __init__(self, owner: Handshakes, octets: bytes, waiting: Iterator[bytes]) -> None:
        self.owner, self.octets, self.waiting = owner, octets, waiting
        stream = socket.socket()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # On one machine this takes no time.
        stream.connect(("127.0.0.1", owner.port))
        stream.setblocking(False)
        self.is_secure = not owner.tls
        self.stream = stream
        if owner.tls:
            self.stream = CONTEXT.wrap_socket(stream, do_handshake_on_connect=False)
        owner.loop.watch(self.stream.fileno(), self._ready)
        self._go_on()

    def _ready(self, events: int) -> None:
        if self.octets:
            self._go_on()
        if not self.octets and events & select.EPOLLIN:
            self._read()

    def _go_on(self) -> None:
        """Until the request is out."""
        try:
            if not self.is_secure:
                self.stream.do_handshake()  # type: ignore[attr-defined]
                self.is_secure = True
            self.stream.send(self.octets)
            self.octets = b""
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass

    def _read(self) -> None:
        try:
            head = self.stream.recv(4096)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"refused: {head!r}")
        self.owner.loop.forget(self.stream.fileno())
        self.stream.close()
        self.owner._ended(self.waiting)
