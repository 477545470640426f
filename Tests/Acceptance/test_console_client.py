"""`gateway sessions` as a client of HTTP: before consoles behind every kind of framing, and before
servers that break off, say too much, or are no consoles. Requests are read by h11."""

import contextlib
import json
import socket
import struct
import threading

import h11
import pytest

from harness.gateway import command
from harness.tokens import ENVIRONMENT

NOBODY = b'{"sessions":[]}'
OK = b"HTTP/1.1 200 OK\r\n"


class Console:
    """Takes one request, which it keeps, and says `said` piece by piece; with `reset` it breaks the
    connection then, else it ends it."""

    def __init__(self, *said, reset=False):
        self.said, self.reset = said, reset
        self.request, self.body = None, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            self.hear(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in self.said:
                connection.sendall(piece)
            if self.reset:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            else:
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass

    def hear(self, connection):
        parser = h11.Connection(h11.SERVER)
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                parser.receive_data(connection.recv(4096))
            elif isinstance(event, h11.Request):
                self.request = event
            elif isinstance(event, h11.Data):
                self.body += bytes(event.data)
            else:
                assert isinstance(event, h11.EndOfMessage)
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        # Nobody may have come: whoever still waits for somebody hears of it.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(20)
        self.listener.close()
        assert not self.thread.is_alive()


@pytest.fixture
def asked(tmp_path):
    """What comes of `gateway sessions WORDS…` before `console`."""

    def ask(console, *words, environment=None):
        conf = tmp_path / "gateway.conf"
        conf.write_text(
            f"console 127.0.0.1:{console.port} {{ token env:CONSOLE_TOKEN }}\n"
            "sessions boards { store query:store_id; limit admin 2 block_new }\n"
            'listen 127.0.0.1:0\nroute / { respond 200 "" }\n'
        )
        with console:
            return command("sessions", *words, "--config", conf, environment=environment)

    return ask


def by_h11(status, body, headers, trailers=()):
    """A response as h11 writes it."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    connection.next_event(), connection.next_event()
    octets = connection.send(h11.Response(status_code=status, headers=headers))
    for octet in body:
        octets += connection.send(h11.Data(data=bytes([octet])))
    return octets + connection.send(h11.EndOfMessage(headers=list(trailers)))


CHUNKED = [("Transfer-Encoding", "chunked")]
WITH_LENGTH = OK + b"Content-Length: %d\r\n\r\n" % len(NOBODY) + NOBODY


@pytest.mark.parametrize(
    "said",
    [
        [WITH_LENGTH],
        [WITH_LENGTH[index:index + 1] for index in range(len(WITH_LENGTH))],
        [by_h11(200, NOBODY, CHUNKED)],
        [by_h11(200, NOBODY, CHUNKED, [("X-Sum", "1")])],
        [OK + b"Connection: close\r\n\r\n" + NOBODY],
        [b"HTTP/1.0 200 OK\r\n\r\n", NOBODY],
        [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", WITH_LENGTH],
        [WITH_LENGTH + b"HTTP/1.1 200 OK\r\n\r\n"],
    ],
    ids=["length", "octets", "chunks", "trailers", "close", "1.0", "early", "surplus"],
)
def test_an_answer_is_understood_in_every_framing(asked, said):
    done = asked(Console(*said), "list")
    assert (done.returncode, done.stdout) == (0, "no sessions\n"), done.stderr


@pytest.mark.parametrize(
    "said",
    [
        [],
        [b"HTTP/1.1 2"],
        [b"HTTP/1.1 103 Early Hints\r\n\r\n"],
        [OK + b"Content-Length: 90\r\n\r\n" + NOBODY],
        [by_h11(200, NOBODY, CHUNKED)[:-5]],
    ],
    ids=["nothing", "line", "early", "length", "chunks"],
)
@pytest.mark.parametrize("reset", [False, True], ids=["end", "reset"])
def test_an_answer_that_breaks_off_is_none(asked, said, reset):
    done = asked(Console(*said, reset=reset), "list")
    assert (done.returncode, done.stdout) == (1, ""), done
    assert "broke off" in done.stderr


def test_a_body_does_not_end_with_a_reset(asked):
    """What came may be all of it, or not: nobody knows."""
    done = asked(Console(OK + b"\r\n", NOBODY, reset=True), "list")
    assert (done.returncode, done.stdout) == (1, ""), done
    assert "broke off" in done.stderr


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([b"SSH-2.0-OpenSSH_9.6\r\n\r\n"], "is not a console"),
        ([b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"], "is not a console"),
        (
            [OK + b"Content-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n" + NOBODY],
            "is not a console",
        ),
        ([OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"], "is not a console"),
        ([b"HTTP/1.1 102 Processing\r\n\r\n" * 2000, WITH_LENGTH], "is not a console"),
        ([OK + b"Content-Length: 99999999999\r\n\r\n" + NOBODY], "is too large"),
    ],
    ids=["ssh", "switch", "two lengths", "no chunk", "endless", "large"],
)
def test_what_is_no_answer_is_not_believed(asked, said, words):
    done = asked(Console(*said), "list")
    assert (done.returncode, done.stdout) == (1, ""), done
    assert words in done.stderr


def test_a_refusal_is_told_in_every_framing(asked):
    problem = b'{"detail":"try later"}'
    done = asked(Console(by_h11(503, problem, CHUNKED)), "list")
    assert done.returncode == 1 and "(503): try later" in done.stderr
    done = asked(Console(b"HTTP/1.1 401 No\r\n\r\n", b"{}"), "list")
    assert done.returncode == 1 and "does not accept the token" in done.stderr


def test_what_is_asked_for_is_one_whole_request(asked):
    console = Console(OK + b'Content-Length: 2\r\n\r\n{}')
    words = ["--store", "1 & 2/3", "--devices", "1", "--policy", "eject_old", "--note", "수리"]
    done = asked(console, "policy", "set", *words)
    assert done.returncode == 0, done.stderr
    assert console.request.method == b"PUT"
    assert b"/boards/1%20%26%202%2F3/" in console.request.target
    fields = dict(console.request.headers)
    assert fields[b"authorization"].decode() == "Bearer " + ENVIRONMENT["CONSOLE_TOKEN"]
    assert fields[b"connection"] == b"close" and fields[b"content-type"] == b"application/json"
    assert int(fields[b"content-length"]) == len(console.body)
    assert json.loads(console.body)["note"] == "수리"


def test_a_request_without_content_says_nothing_of_any(asked):
    console = Console(OK + b'Content-Length: 11\r\n\r\n{"ended":1}')
    done = asked(console, "kick", "some-id", "--message", "안녕")
    assert (done.returncode, done.stdout) == (0, "ended 1 session\n"), done.stderr
    fields = dict(console.request.headers)
    assert not {b"content-length", b"content-type", b"transfer-encoding"} & set(fields)
    assert console.request.method == b"DELETE" and console.body == b""


@pytest.mark.parametrize("method", ["list", "history"])
def test_nobody_puts_lines_into_a_request(asked, method):
    console = Console(OK + b"Content-Length: 2\r\n\r\n{}")
    asked(console, method, "--store", "1 HTTP/1.1\r\nX-Evil: 1\r\n\r\n")
    assert b"x-evil" not in dict(console.request.headers)
    assert b"%0D%0A" in console.request.target


def test_a_token_that_would_break_the_head_is_not_sent(asked):
    """No octet of the request is written then, and the token is not shown."""
    token = "a-token-of-the-console-that-ends-early\r\nX-Evil: 1"
    console = Console(WITH_LENGTH)
    done = asked(console, "list", environment={"CONSOLE_TOKEN": token})
    assert console.request is None
    assert done.returncode == 1 and "cannot be sent" in done.stderr
    assert "ends-early" not in done.stderr + done.stdout
