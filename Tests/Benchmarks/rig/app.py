"""The app behind the gateway: a WebSocket server that echoes, and writes one message to all."""

import itertools
import re
import select
import socket
import threading
from collections.abc import Callable

from .frames import CLOSE, OPCODE, PING, PONG, FrameReader, accept_value, server_frame
from .loop import Loop


class Connection:
    """One WebSocket of the gateway's at the app."""

    def __init__(self, stream: socket.socket, loop: Loop, ended: Callable[[], None]) -> None:
        self.stream, self.loop, self.ended = stream, loop, ended
        self.reader = FrameReader()
        #: The rest of a frame that the kernel did not take.
        self.waiting = b""

    def send(self, frame: bytes) -> bool:
        """Whether the frame was taken; it is not while an earlier one is still on its way out,
        since an app that waits for a slow socket would slow down the others."""
        if self.waiting:
            return False
        self._write(frame)
        return True

    def _write(self, octets: bytes) -> None:
        try:
            written = self.stream.send(octets)
        except BlockingIOError:
            written = 0
        except OSError:
            self.end()
            return
        waited, self.waiting = bool(self.waiting), octets[written:]
        if waited or self.waiting:
            self.loop.watch_also_for_room(self.stream.fileno(), bool(self.waiting))

    def ready(self, events: int) -> None:
        if events & select.EPOLLOUT and self.waiting:
            self._write(self.waiting)
        if events & ~select.EPOLLOUT:
            self._read()

    def _read(self) -> None:
        try:
            octets = self.stream.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self.end()
        for first, payload in self.reader.feed(octets):
            opcode = first & OPCODE
            if opcode == CLOSE:
                self.end()
            elif opcode == PING:
                self.send(server_frame(payload, PONG))
            elif opcode != PONG:
                self.send(server_frame(payload, opcode))

    def end(self) -> None:
        self.loop.forget(self.stream.fileno())
        self.stream.close()
        self.ended()


class App:
    """Accepts on a thread of its own, so that clients may be opened one after the other; all
    the rest happens in the loop."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.connections: dict[int, Connection] = {}
        self._accepted = itertools.count()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port: int = self.listener.getsockname()[1]
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def broadcast(self, frame: bytes) -> None:
        """Writes the frame to every connection that is not stuck with an earlier one."""
        for connection in list(self.connections.values()):
            connection.send(frame)

    def close(self) -> None:
        # Closing alone would leave the thread in its accept.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.listener.close()
        for connection in list(self.connections.values()):
            connection.end()

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            self._upgrade(stream)

    def _upgrade(self, stream: socket.socket) -> None:
        """Answers the handshake; a connection that says nothing sensible is dropped."""
        stream.settimeout(5)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = b""
        try:
            while b"\r\n\r\n" not in head and (octets := stream.recv(65536)):
                head += octets
            key = re.search(rb"(?im)^sec-websocket-key: *(\S+)", head)
            if not key:
                stream.close()
                return
            answer = (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept_value(key[1])}\r\n\r\n"
            )
            # All is ready before the answer is out, since whoever hears it may speak at once.
            stream.setblocking(False)
            number = next(self._accepted)
            connection = Connection(stream, self.loop, lambda: self._forget(number))
            self.connections[number] = connection
            self.loop.watch(stream.fileno(), connection.ready)
            stream.sendall(answer.encode())
        except OSError:
            stream.close()

    def _forget(self, number: int) -> None:
        self.connections.pop(number, None)
