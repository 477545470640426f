"""Why a connection to a server was not made, and whose fault that is: a full queue is waited for,
and for what the gateway itself has none left of no server is blamed."""

import asyncio
import contextlib
import json
import socket

import pytest

from harness.raw import connection, once
from harness.waiting import eventually

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
