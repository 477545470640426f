"""Why a connection to a server was not made, and whose fault that is: a full queue is waited for,
and for what the gateway itself has none left of no server is blamed."""

import asyncio
import contextlib
import json
import socket

import pytest

from harness.ports import free_port
from harness.raw import connection, once
from harness.waiting import eventually, longer_than

GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CLOSING = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


# A queue that is full.

QUEUE = """
workers 1
log { access json stdout }
listen 127.0.0.1:$http
backend app { server unix:$socket; connect_timeout $patience; fail_timeout 60s }
route / { backend app; while_away hold 200ms }
"""


class Crowded:
    """An app at a path, with room for one connection in its queue, which is taken."""

    def __init__(self, path):
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(0)
        self.visitors = [self._connect()]

    def _connect(self):
        visitor = socket.socket(socket.AF_UNIX)
        visitor.connect(self.path)
        return visitor

    async def serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin")

    async def begin(self):
        """Takes whoever waits, from now on."""
        self.listener.setblocking(False)
        return await asyncio.start_unix_server(self.serve, sock=self.listener, backlog=1)

    def close(self):
        self.listener.close()
        for visitor in self.visitors:
            visitor.close()


@pytest.fixture
def crowded(tmp_path):
    app = Crowded(tmp_path / "app.sock")
    yield app
    app.close()


async def test_a_full_queue_is_waited_for(start_gateway, crowded):
    """As TCP does by itself."""
    gateway = start_gateway(QUEUE, socket=crowded.path, patience="20s")
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(connection(gateway.plain)) for _ in range(20)
        ]
        for client in clients:
            await client.send(GET)
        answers = [asyncio.create_task(client.answer()) for client in clients]
        done, _ = await asyncio.wait(answers, timeout=0.5)
        assert not done, [answer.result().status for answer in done]
        async with await crowded.begin():
            assert {(await answer).status for answer in answers} == {200}
    assert "cannot be reached" not in gateway.stderr


async def test_a_queue_that_stays_full_is_a_server_that_cannot_be_reached(
    start_gateway, crowded
):
    gateway = start_gateway(QUEUE, socket=crowded.path, patience="300ms")
    answer = await once(gateway.plain, CLOSING)
    assert answer.status == 502
    assert "cannot be reached" in gateway.stderr


async def test_who_leaves_meanwhile_is_forgotten(start_gateway, crowded):
    gateway = start_gateway(QUEUE, socket=crowded.path, patience="500ms")
    async with connection(gateway.plain) as client:
        await client.send(GET)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.2)
        client.abort()
    assert (await once(gateway.plain, CLOSING)).status == 502
    await eventually(lambda: gateway.stdout.count("\n") == 2, "both to be over")


# No descriptor left.

EXHAUSTED = """
workers 1
log { access json stdout }
listen 127.0.0.1:$http
backend app {
    server 127.0.0.1:$first
    server 127.0.0.1:$second backup
    fail_timeout 60s
    keep_alive   0
    retries      2
}
route / { backend app; while_away hold 200ms }
"""
PLAIN = "GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def test_a_gateway_without_descriptors_blames_no_server(start_gateway, start_app):
    """The first server goes on being the first when there are descriptors again."""
    first, second = start_app("odd"), start_app("odd")
    gateway = start_gateway(
        EXHAUSTED, before=("prlimit", "--nofile=60:60"), first=first, second=second
    )
    async with contextlib.AsyncExitStack() as stack:
        asking = await stack.enter_async_context(connection(gateway.plain))
        # Served once, so that it is in for sure.
        await asking.send(PLAIN)
        assert (await asking.answer()).status == 200
        for _ in range(60):
            await stack.enter_async_context(connection(gateway.plain))
        # Said now and then, not every time that it is tried again.
        await eventually(lambda: "more)" in gateway.stderr, "every descriptor to be taken")
        lines = [line for line in gateway.stderr.splitlines() if "no file descriptor" in line]
        assert len(lines) == 2
        await asking.send(PLAIN)
        answer = await asking.answer()
        assert (answer.status, answer.values("retry-after")) == (503, ["1"])
        assert b'"overloaded"' in answer.body
    assert "cannot be reached" not in gateway.stderr
    for _ in range(5):
        assert (await once(gateway.plain, PLAIN)).status == 200
    lines = [json.loads(line) for line in gateway.stdout.splitlines()]
    servers = {line.get("server") for line in lines[-5:]}
    assert servers == {f"127.0.0.1:{first.port}"}, "the backup was asked"


# A server that is back.

KEPT = """
workers 1
listen 127.0.0.1:$http
backend pair { server 127.0.0.1:$first; server 127.0.0.1:$second; fail_timeout 2s }
route / { backend pair }
"""


class Counted:
    """An app that counts its requests, keeps connections, and may refuse new ones."""

    def __init__(self):
        self.port, self.count, self.waiting = free_port(), 0, 0
        self.gate = asyncio.Event()

    async def serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.count += 1
                if head.startswith(b"GET /wait "):
                    self.waiting += 1
                    await self.gate.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin")
        writer.close()

    async def __aenter__(self):
        await self.listen()
        return self

    async def listen(self):
        self.listener = await asyncio.start_server(self.serve, "127.0.0.1", self.port)

    def refuse(self):
        self.listener.close()

    async def __aexit__(self, *_):
        self.refuse()


@contextlib.asynccontextmanager
async def a_request_each(gateway, *apps):
    """Every app has one that waits, and answers it afterwards."""
    before = [app.waiting for app in apps]
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for count, app in enumerate(apps):
            clients.append(await stack.enter_async_context(connection(gateway.plain)))
            await clients[-1].send(GET.replace("/", "/wait", 1))
            await eventually(
                lambda: sum(app.waiting for app in apps) > sum(before) + count, "it to arrive"
            )
        assert [app.waiting for app in apps] == [count + 1 for count in before]
        yield
        for app in apps:
            app.gate.set()
        for client in clients:
            assert (await client.answer()).status == 200
        for app in apps:
            app.gate.clear()


async def test_a_server_that_answers_on_a_connection_that_was_kept_is_back(start_gateway):
    """New connections to it were refused for a moment. When it has its turn again, and a connection
    to it is left from before, that is as good as a new one."""
    async with Counted() as first, Counted() as second:
        gateway = start_gateway(KEPT, first=first.port, second=second.port)
        async with a_request_each(gateway, first, second):
            pass
        async with a_request_each(gateway, first, second):
            first.refuse()
            for _ in range(2):
                assert (await once(gateway.plain, CLOSING)).status == 200
            assert "cannot be reached" in gateway.stderr
        await first.listen()
        await longer_than("`fail_timeout`", 2.5)
        count = first.count
        for _ in range(8):
            assert (await once(gateway.plain, CLOSING)).status == 200
        assert first.count - count >= 3, "its share"
    assert "is back after" in gateway.stderr
