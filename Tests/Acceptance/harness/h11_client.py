"""A client of one connection that asks with h11, as it is told to and in whatever pieces."""

import contextlib
import socket

import h11

from .waiting import PATIENCE


class Answer:
    """One answer, with those that came in front of it."""

    def __init__(self):
        self.informational = []
        self.status = None
        self.headers = []
        self.body = b""
        self.trailers = []

    def values(self, name):
        return [value.decode() for key, value in self.headers if key == name.encode()]


class Request:
    """What is asked: `pieces` are the parts of a chunked body, or one part of a known length."""

    def __init__(self, method, target, headers=(), pieces=(), *, chunked=False):
        self.method = method
        self.target = target
        self.body = b"".join(pieces)
        self.protocol = h11.Connection(h11.CLIENT)
        framing = []
        if chunked:
            framing = [("Transfer-Encoding", "chunked")]
        elif pieces:
            framing = [("Content-Length", str(len(self.body)))]
        head = h11.Request(
            method=method, target=target, headers=[("Host", "demo"), *headers, *framing]
        )
        self.head = self.protocol.send(head)
        parts = [self.protocol.send(h11.Data(data=piece)) for piece in pieces]
        self.rest = b"".join([*parts, self.protocol.send(h11.EndOfMessage())])

    @property
    def octets(self):
        return self.head + self.rest


class Client:
    """One connection; requests may be pipelined, and are answered in order."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.left = b""
        self.has_ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, octets, cuts=()):
        """In pieces: `cuts` are where one ends and the next begins."""
        marks = [0, *sorted(set(cuts)), len(octets)]
        for start, end in zip(marks, marks[1:]):
            self.socket.sendall(octets[start:end])

    def receive(self):
        """More octets; none when the server has finished sending."""
        octets = self.socket.recv(65536)
        self.has_ended = not octets
        return octets

    def answer(self, request):
        """The next answer, which is the one to `request`."""
        answer = Answer()
        protocol = request.protocol
        if self.left:
            protocol.receive_data(self.left)
            self.left = b""
        while True:
            event = protocol.next_event()
            match event:
                case h11.NEED_DATA:
                    protocol.receive_data(self.receive())
                case h11.InformationalResponse():
                    answer.informational.append(event.status_code)
                case h11.Response():
                    answer.status = event.status_code
                    answer.headers = list(event.headers)
                case h11.Data():
                    answer.body += event.data
                case h11.EndOfMessage():
                    answer.trailers = list(event.headers)
                    self.left = protocol.trailing_data[0]
                    return answer
                case h11.ConnectionClosed():
                    raise AssertionError("the connection was closed in place of an answer")

    def ask(self, request, cuts=()):
        with contextlib.suppress(ConnectionError):
            self.send(request.octets, cuts)
        return self.answer(request)

    def end(self):
        """Waits for the end of the connection: what came in front of it."""
        octets = self.left
        while not self.has_ended:
            octets += self.receive()
        return octets
