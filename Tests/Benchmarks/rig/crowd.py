"""The clients in front of the gateway: many TLS WebSockets in one loop."""

import concurrent.futures
import re
import socket
import ssl
from collections.abc import Callable

from .frames import CLOSE, OPCODE, PING, PONG, Extension, FrameReader, client_frame
from .loop import Loop

OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def handshake(path: str = "/", token: str = "") -> str:
    """The head of a request, with the token in `Authorization` if there is one, and without the
    empty line."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"
    ) + (f"Authorization: Bearer {token}\r\n" if token else "")


REQUEST = handshake()
#: Handshakes at a time, and how many are waited for together.
OPENERS, AT_ONCE = 4, 100


def _trusting_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


CONTEXT = _trusting_context()


class Client:
    """One open WebSocket; messages go to `heard(client, first octet of the frame, payload)`."""

    def __init__(self, number: int, stream: ssl.SSLSocket, extension: Extension) -> None:
        self.number, self.stream, self.extension = number, stream, extension
        self.heard: Callable[["Client", int, bytes], None] = _nothing
        #: What arrived so far; pings are answered.
        self.messages = self.pings = 0
        #: Of the close frame, or 1006 for an end without one; None while open.
        self.close_code: int | None = None
        #: Its end is what is measured, and no mishap.
        self.may_end = False
        self._reader = FrameReader()

    def send(self, frame: bytes) -> None:
        """For small frames, which the kernel takes as they come."""
        self.stream.send(frame)

    def ready(self, _events: int) -> None:
        try:
            octets = self.stream.recv(65536)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            octets = b""
        if not octets:
            self.close_code = self.close_code or 1006
        for first, payload in self._reader.feed(octets):
            opcode = first & OPCODE
            if opcode == PING:
                self.pings += 1
                self.send(client_frame(payload, PONG))
            elif opcode == CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big") or 1005
            elif opcode != PONG:
                self.messages += 1
                self.heard(self, first, payload)
        if self.close_code and not self.may_end:
            raise ConnectionError(f"the gateway ended a socket with {self.close_code}")


def _nothing(_client: Client, _first: int, _payload: bytes) -> None:
    """For clients that only count."""


def open_client(
    number: int, port: int, compressed: bool, receive_buffer: int = 0, request: str = REQUEST
) -> Client:
    """TLS and WebSocket handshake. `compressed`: offers permessage-deflate; whether that was
    agreed is the caller's to judge. `receive_buffer`: octets, for a client that is to fill up.
    `request`: its head without the empty line."""
    stream = socket.socket()
    if receive_buffer:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    stream.settimeout(30)
    stream.connect(("127.0.0.1", port))
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    secure = CONTEXT.wrap_socket(stream)
    secure.sendall((request + (OFFER if compressed else "") + "\r\n").encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        octets = secure.recv(1)
        if not octets:
            raise ConnectionError(f"closed instead of 101: {head!r}")
        head += octets
    if not head.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(f"refused: {head!r}")
    answer = re.search(rb"(?im)^sec-websocket-extensions: *([^\r\n]*)", head)
    secure.setblocking(False)
    return Client(number, secure, Extension.parse(answer[1].decode() if answer else ""))


class Crowd:
    """All clients of one gateway."""

    def __init__(self, loop: Loop, port: int, compressed: bool) -> None:
        self.loop, self.port, self.compressed = loop, port, compressed
        self.clients: list[Client] = []

    def open(
        self,
        count: int,
        receive_buffer: int = 0,
        request: Callable[[int], str] = lambda _number: REQUEST,
    ) -> list[Client]:
        """So many more, all of which agreed to compression, or none of which did. `request`: the
        head of the client with this number."""
        first = len(self.clients)
        last = first + count
        with concurrent.futures.ThreadPoolExecutor(OPENERS) as openers:
            for start in range(first, last, AT_ONCE):
                opening = [
                    openers.submit(
                        open_client,
                        number,
                        self.port,
                        self.compressed,
                        receive_buffer,
                        request(number),
                    )
                    for number in range(start, min(start + AT_ONCE, last))
                ]
                self._wait_for(opening)
                self._take([each.result() for each in opening])
        return self.clients[first:]

    def _wait_for(self, opening: list[concurrent.futures.Future[Client]]) -> None:
        """In the loop: those that are open already are pinged meanwhile."""
        self.loop.run_until(lambda: all(each.done() for each in opening), "handshakes")

    def _take(self, clients: list[Client]) -> None:
        for client in clients:
            if client.extension.agreed != self.compressed:
                raise AssertionError(
                    f"permessage-deflate: offered {self.compressed}, "
                    f"agreed {client.extension.agreed}"
                )
            self.clients.append(client)
            self.loop.watch(client.stream.fileno(), client.ready)

    def stop_reading(self, clients: list[Client]) -> None:
        for client in clients:
            self.loop.forget(client.stream.fileno())

    def drop(self, clients: list[Client]) -> None:
        """Closes these without a word."""
        for client in clients:
            if client.stream.fileno() >= 0:
                self.loop.forget(client.stream.fileno())
                client.stream.close()
        gone = set(clients)
        self.clients = [client for client in self.clients if client not in gone]

    def close(self) -> None:
        self.drop(self.clients)
