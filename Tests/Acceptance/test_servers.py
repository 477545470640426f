"""The two servers of the program that are no proxies, the console and the demo: how they speak
HTTP/1, asked by h11, by `websockets`, and octet by octet."""

import json
import random

import pytest
import websockets.sync.client

from harness.gateway import binary
from harness.h11_client import Client, Request
from harness.operator import start
from harness.ports import free_port
from harness.process import Process
from harness.tokens import CONSOLE_TOKEN

CONFIGURATION = """
listen 127.0.0.1:$http
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
route / { respond 200 "hello" }
"""
TOKEN = ("Authorization", f"Bearer {CONSOLE_TOKEN}")
SEEDS = range(40)


class Demo(Process):
    def __init__(self, folder):
        self.port = free_port()
        super().__init__(
            "demo", [binary(), "demo", "--listen", f"127.0.0.1:{self.port}"], folder
        )
        self.wait_for_port(self.port)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with Demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture(scope="module")
def console(start_module_gateway):
    gateway, _ = start(start_module_gateway, CONFIGURATION)
    return gateway.names["console"]


def made_up(generator):
    """A request that the demo shows as it came."""
    method = generator.choice(["GET", "POST", "PUT", "HEAD", "PATCH"])
    pieces = [
        generator.randbytes(generator.randint(1, 2000)) for _ in range(generator.randint(0, 4))
    ]
    return Request(
        method, f"/echo?n={generator.random()}", [("X-Mark", str(generator.random()))], pieces,
        chunked=generator.random() < 0.5,
    )  # fmt: skip


def check(request, answer):
    assert answer.status == 200
    if request.method == "HEAD":
        assert answer.body == b""
        return
    seen = json.loads(answer.body)
    assert seen["method"] == request.method
    assert f"{seen['path']}?{seen['query']}" == request.target
    assert seen["body_octets"] == len(request.body)


@pytest.mark.parametrize("seed", SEEDS)
def test_made_up_requests_are_answered_in_order(demo, seed):
    generator = random.Random(seed)
    with Client(demo.port) as client:
        for _ in range(4):
            requests = [made_up(generator) for _ in range(generator.randint(1, 5))]
            octets = b"".join(request.octets for request in requests)
            count = generator.randint(0, 8)
            client.send(octets, [generator.randrange(len(octets)) for _ in range(count)])
            for request in requests:
                check(request, client.answer(request))


def test_a_client_that_waits_is_told_to_go_on(demo):
    with Client(demo.port) as client:
        request = Request("POST", "/echo?", [("Expect", "100-continue")], [b"abc"])
        client.send(request.head)
        protocol_rest = client.receive()
        assert protocol_rest == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.left = protocol_rest
        client.send(request.rest)
        answer = client.answer(request)
        assert answer.informational == [100]
        check(request, answer)


@pytest.mark.parametrize("length", [2 * 1024 * 1024, 1024 * 1024 + 1])
def test_a_body_that_is_too_large_is_refused_before_it_is_sent(demo, length):
    with Client(demo.port) as client:
        client.send(
            b"POST /echo HTTP/1.1\r\nHost: demo\r\nExpect: 100-continue\r\n"
            b"Content-Length: %d\r\n\r\n" % length
        )
        answered = client.end()
        assert answered.startswith(b"HTTP/1.1 413 ")
        assert b"\r\nConnection: close\r\n" in answered


@pytest.mark.parametrize(
    "version, field, goes_on",
    [
        ("1.1", "X: y", True),
        ("1.1", "Connection: close", False),
        ("1.0", "X: y", False),
        ("1.0", "Connection: keep-alive", True),
    ],
)
def test_the_client_says_whether_the_connection_goes_on(demo, version, field, goes_on):
    with Client(demo.port) as client:
        client.send(f"GET /healthz HTTP/{version}\r\nHost: demo\r\n{field}\r\n\r\n".encode())
        if not goes_on:
            assert client.end().endswith(b"Connection: close\r\n\r\nok\n")
            return
        # HTTP/1.0 has to be told (RFC 9112, C.2.2).
        octets = b""
        while not octets.endswith(b"ok\n"):
            octets += client.receive()
        assert (b"Connection: keep-alive" in octets) == (version == "1.0")
        check(request := Request("GET", "/echo?"), client.ask(request))


def test_what_a_426_says_is_named_by_connection_once(demo):
    with Client(demo.port) as client:
        answer = client.ask(Request("GET", "/ws/echo", [("Connection", "close")]))
        assert answer.status == 426
        assert answer.values("upgrade") == ["websocket"]
        assert answer.values("connection") == ["Upgrade, close"]


def test_what_a_stream_of_events_is_told_by_head_is_no_length(demo):
    with Client(demo.port) as client:
        answer = client.ask(Request("HEAD", "/api/sse/stream?store_id=1"))
        assert answer.status == 200
        assert answer.values("content-length") == []
        check(request := Request("GET", "/echo?"), client.ask(request))


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_stream_of_events_comes_to_a_whole_end(tmp_path, version):
    with Demo(tmp_path) as demo, Client(demo.port) as client:
        client.send(
            f"GET /api/sse/stream?store_id=1 HTTP/{version}\r\nHost: demo\r\n\r\n".encode()
        )
        octets = b""
        while b"queue_update" not in octets:
            octets += client.receive()
        demo.child.terminate()
        octets += client.end()
        head, _, body = octets.partition(b"\r\n\r\n")
        assert b"\r\nConnection: close" in head
        assert (b"\r\nTransfer-Encoding: chunked" in head) == (version == "1.1")
        assert body.endswith(b"0\r\n\r\n" if version == "1.1" else b"\n\n")


def test_octets_right_behind_a_handshake_are_the_websockets(demo):
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    head = (
        "GET /ws/echo HTTP/1.1\r\nHost: demo\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )
    # A masked text frame, and a close frame.
    frames = b"\x81\x82\0\0\0\0hi" + b"\x88\x80\0\0\0\0"
    with Client(demo.port) as client:
        client.send(head.encode() + frames)
        answered = client.end()
        assert answered.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answered
        assert answered.count(b"Connection: Upgrade") == 1
        assert answered.endswith(b"\r\n\r\n\x81\x02hi\x88\x00")


@pytest.mark.parametrize(
    "version, key, status", [(8, "dGhlIHNhbXBsZSBub25jZQ==", 426), (13, "dGhl", 400)]
)
def test_a_handshake_that_is_not_proper_is_refused(demo, version, key, status):
    fields = [
        ("Connection", "Upgrade"), ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", str(version)), ("Sec-WebSocket-Key", key),
    ]  # fmt: skip
    with Client(demo.port) as client:
        answer = client.ask(Request("GET", "/ws/echo", fields))
        assert answer.status == status
        assert answer.values("sec-websocket-version") == (["13"] if status == 426 else [])
        assert answer.values("upgrade") == (["websocket"] if status == 426 else [])
        # It was a request like any other.
        check(request := Request("GET", "/echo?"), client.ask(request))


def test_a_websocket_is_served(demo):
    url = f"ws://127.0.0.1:{demo.port}/ws/echo"
    with websockets.sync.client.connect(url, subprotocols=["jwt.x", "app.v1"]) as socket:
        assert socket.subprotocol == "app.v1"
        for message in ["hello", "접" * 5000, b"\0" * 70000]:
            socket.send(message)
            assert socket.recv(timeout=20) == message


@pytest.mark.parametrize("chunked", [False, True])
def test_the_console_reads_a_body_away_that_nobody_wants(console, chunked):
    with Client(console) as client:
        for _ in range(3):
            request = Request(
                "POST", "/nothing", [TOKEN], [b"x" * 9000, b"y"], chunked=chunked
            )
            answer = client.ask(request)
            assert answer.status == 404
            assert answer.values("connection") == []
        assert client.ask(Request("GET", "/counts", [TOKEN])).status == 200


def test_the_console_answers_who_has_finished_sending(console):
    with Client(console) as client:
        requests = [Request("GET", "/counts", [TOKEN]) for _ in range(3)]
        client.send(b"".join(request.octets for request in requests))
        client.socket.shutdown(1)
        for request in requests:
            assert client.answer(request).status == 200
        assert client.end() == b""


def test_the_console_tells_strangers_nothing_of_their_framing(console):
    with Client(console) as client:
        client.send(b"POST /counts HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")
        assert client.end().startswith(b"HTTP/1.1 401 ")
