"""Answers that come while the client is still sending: it sees the answer, not a reset, and nobody
gets more of the gateway by it than an answer."""

import asyncio
import contextlib
import functools
import json
import signal
import socket
import ssl
import subprocess
import tempfile
import time

import httpx
import pytest
import requests
import urllib3

from harness.certificates import CONTEXT
from harness.chromium import at_host
from harness.log import assert_logged
from harness.operator import start
from harness.raw import connection
from harness.waiting import BUSY, eventually, pace, pause, together
from harness.wire import BINARY, marked, wired

CONFIGURATION = """
workers 2
log { access json stdout }
limits {
    lingering_time $time; lingering_timeout 4s; lingering_rate $rate; request_head 30s
    body_rate 100 over 2s
}
listen 127.0.0.1:$https { tls { certificate $certificate; key $key } }
listen 127.0.0.1:$http
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
jwt app { algorithms HS256; secret env:JWT_SECRET }
backend app  { server 127.0.0.1:$app }
backend gone { server 127.0.0.1:$spare }
defaults { backend app }
route /small   { body_size 1k }
route /private { auth app }
route /denied  { deny all }
route /limited { rate 1/h burst 1 by address; respond 200 "once" }
route /gone    { backend gone; while_away hold 200ms }
route /read    { methods GET }
route /kept    { body_size 1k; buffer_body 8k }
route /socket  { websocket; message_size 64k }
route /page    { respond 200 "a page" }
route /app     { }
"""
MEGABYTE = 1 << 20
OCTETS = "gateway_lingering_octets_total"
#: Path, and what a client that posts there hears long before it has sent everything.
EARLY = {
    "/small": 413, "/kept": 413, "/private": 401, "/denied": 403, "/nowhere": 404,
    "/limited": 429, "/gone": 502, "/read": 405, "/app": 413,
}  # fmt: skip


@pytest.fixture
def begin(start_gateway, app_port, upstream, trusted):
    """A gateway with such limits, and the app that refuses whatever comes without reading it."""

    async def refuse(target):
        with contextlib.suppress(ConnectionError):
            while True:
                app = await upstream.arrival(target, patience=600)
                body = b"too large"
                await app.say(
                    b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                )
                app.writer.close()

    refusals = []

    def begin(time="30s", rate="4m"):
        refusals.append(asyncio.create_task(refuse("/app")))
        return start(
            start_gateway, CONFIGURATION, app=app_port, time=time, rate=rate, **trusted
        )

    yield begin
    for refusal in refusals:
        refusal.cancel()


def slowly(pieces=18, size=1000, every=0.25):
    """An upload that takes twice as long as a connection used to stay."""
    for _ in range(pieces):
        yield b"x" * size
        pause(every)


def posts_with_requests(url):
    return requests.post(url, data=slowly(), verify=False, timeout=30).status_code


def posts_with_urllib3(url):
    with urllib3.PoolManager(cert_reqs="CERT_NONE", retries=False, timeout=30) as pool:
        return pool.request("POST", url, body=slowly()).status


def posts_with_httpx(url):
    return httpx.post(url, content=slowly(), verify=CONTEXT, timeout=30).status_code


def posts_a_length_with_urllib3(url):
    headers = {"Content-Length": "18000"}
    with urllib3.PoolManager(cert_reqs="CERT_NONE", retries=False, timeout=30) as pool:
        return pool.request("POST", url, body=slowly(), headers=headers).status


def posts_with_curl(url):
    """At the pace of a bad line; curl stops by itself when it sees the answer."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x" * 400_000)
        file.flush()
        command = [
            "curl", "-sk", "--limit-rate", "60k", "-H", "Expect:", "--data-binary",
            f"@{file.name}", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "30", url,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"curl ended with {done.returncode}: {done.stderr}"
    return int(done.stdout)


CLIENTS = [
    posts_with_requests, posts_with_urllib3, posts_a_length_with_urllib3, posts_with_httpx,
    posts_with_curl,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_clients_see_the_answer_and_no_reset(begin, tls):
    gateway, operator = begin()
    door = gateway.tls if tls else gateway.plain
    # Whoever comes first takes the only request there is.
    async with door.client() as client:
        await client.get("/limited")

    async def post(client, path, status):
        try:
            seen = await asyncio.to_thread(client, door.http(path))
        except Exception as error:
            seen = repr(error)
        assert seen == status, f"{client.__name__} {path}: {seen}"

    pairs = [(client, path) for client in CLIENTS for path in ("/small", "/app")]
    with_all = [post(client, path, EARLY[path]) for client, path in pairs]
    with_one = [post(posts_with_requests, path, status) for path, status in EARLY.items()]
    await together(*with_all, *with_one)
    assert operator.total("gateway_lingering_connections_total") > len(EARLY)
    assert operator.total(OCTETS) > 0


async def fetched(page, url, megabytes):
    return await page.evaluate(
        f"""fetch({json.dumps(url)}, {{method: 'POST', body: new Blob(
            Array({megabytes}).fill(new Uint8Array(1 << 20)))}}).then(
            answer => answer.status, error => String(error))"""
    )


async def test_a_page_sees_the_answer(begin, browser):
    """Megabytes, more than all kernels on the way hold."""
    gateway, _ = begin(rate="16m")
    door = at_host(gateway.tls)
    async with browser.page(gateway.tls) as page:
        await page.go(door.http("/page"))
        for path in ("/small", "/app", "/nowhere", "/private"):
            assert await fetched(page, door.http(path), 24) == EARLY[path]


async def say(client, octets, pieces, every=0.25):
    for _ in range(pieces):
        await client.send(octets)
        await pace(every)


async def head_that_is_too_large_is_told(gateway):
    async with connection(gateway.plain) as client:
        await client.send("GET / HTTP/1.1\r\nHost: h\r\nX: " + "x" * 40_000)
        await say(client, b"x" * 1000, 16)
        assert (await client.answer()).status == 431


async def chunks_that_are_none_are_told(gateway, upstream):
    target = marked("/app")
    async with connection(gateway.plain) as client:
        head = f"POST {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        await client.send(head)
        await upstream.arrival(target)
        await say(client, b"nonsense\r\n", 16)
        assert (await client.answer("POST")).status == 400


async def message_that_is_too_large_is_told(gateway, upstream):
    """Its sender looks for frames when it has sent all."""
    async with wired(gateway.plain, upstream, marked("/socket")) as (client, app):
        await client.say(client.octets(BINARY, b"", length=MEGABYTE))
        for _ in range(16):
            await client.say(b"x" * 1000)
            await pace(0.25)
        code, _ = await client.closed()
        assert code == 1009


async def client_without_time_is_let_go(gateway, upstream):
    """A body that does not come in time is nothing to wait for once more."""
    target = marked("/app")
    async with connection(gateway.plain) as client:
        head = f"POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 90000\r\n\r\n"
        await client.send(head)
        await upstream.arrival(target)
        trickling = asyncio.create_task(say(client, b"x", 400, 0.05))
        assert (await client.answer("POST")).status == 408
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(trickling, 15)
        assert time.monotonic() - began < 3.8 + BUSY
    await assert_logged(gateway, target, "timeout", status=408)


async def test_others_that_are_answered_early(begin, upstream):
    gateway, _ = begin()
    await together(
        head_that_is_too_large_is_told(gateway),
        chunks_that_are_none_are_told(gateway, upstream),
        message_that_is_too_large_is_told(gateway, upstream),
        client_without_time_is_let_go(gateway, upstream),
    )


# What a client does not get by it.

ENDLESS = b"POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 90000000000\r\n\r\n"


@contextlib.asynccontextmanager
async def answered_early(door):
    async with connection(door) as client:
        await client.send(ENDLESS)
        assert (await client.answer("POST")).status == 413
        client.answered = time.monotonic()
        yield client


async def push(client, octets, every=0):
    """Until the connection is reset."""
    with contextlib.suppress(ConnectionError):
        while not client.writer.transport.is_closing():
            await client.send(octets)
            await pace(every)


async def lasts(gateway, least, most, push=None):
    """So long the connection stays behind its answer."""
    async with answered_early(gateway.plain) as client:
        pushing = asyncio.create_task(push(client)) if push else None
        await eventually(lambda: gateway.connections() == 0, "the connection to go", 20)
        seconds = time.monotonic() - client.answered
        assert least <= seconds < most, f"{seconds:.1f} s"
        if pushing:
            await asyncio.wait_for(pushing, 5)


def pushes(door):
    """How long a client with a blocking socket gets rid of octets behind its answer."""
    with socket.create_connection((door.host, door.port)) as plain:
        stream = CONTEXT.wrap_socket(plain) if door.tls else plain
        stream.settimeout(20)
        stream.sendall(ENDLESS)
        assert b" 413 " in stream.recv(65_536)
        began = time.monotonic()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while True:
                stream.sendall(b"x" * 65_536)
        return time.monotonic() - began


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_it_is_no_sink(begin, tls):
    """As fast as it comes, and the gateway takes a little: the rest has to wait at the client."""
    gateway, operator = begin(time="6s", rate="256k")
    memory = gateway.memory()
    seconds = await asyncio.to_thread(pushes, gateway.tls if tls else gateway.plain)
    assert 5.5 < seconds < 11, f"{seconds:.1f} s"
    taken = operator.total(OCTETS)
    assert MEGABYTE // 2 < taken < 256 * 1024 * seconds + MEGABYTE // 2
    assert gateway.memory() - memory < 8 * MEGABYTE
    assert operator.total("gateway_memory_held_octets") == 0


async def test_nobody_stays_for_long(begin):
    """The time in all, and between two octets."""
    gateway, _ = begin(time="6s")
    trickle = functools.partial(push, octets=b"x", every=0.1)
    await lasts(gateway, 5.5, 10, trickle)
    await lasts(gateway, 3.5, 5.9)


async def test_off_is_as_short_as_can_be(begin):
    gateway, operator = begin(time="off")
    await lasts(gateway, 0, 4 + BUSY, functools.partial(push, octets=b"x", every=0.1))
    assert operator.total("gateway_lingering_connections_total") == 0


async def test_it_ends_when_the_gateway_stops(begin):
    gateway, operator = begin()
    async with answered_early(gateway.plain) as client:
        pushing = asyncio.create_task(push(client, b"x", 0.1))
        await eventually(lambda: operator.total(OCTETS) > 0, "it to be read on from")
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        await asyncio.to_thread(gateway.assert_exit, 0)
        assert time.monotonic() - began < 6 + BUSY
        await asyncio.wait_for(pushing, 5)


async def test_others_are_not_held_up(begin):
    """By a hundred who push as fast as they can."""
    gateway, _ = begin(time="8s", rate="1m")
    async with contextlib.AsyncExitStack() as stack:
        pushings = []
        for _ in range(100):
            client = await stack.enter_async_context(answered_early(gateway.plain))
            pushings.append(asyncio.create_task(push(client, b"x" * 65_536, 0.01)))
        async with gateway.plain.client() as client:
            slowest = 0
            for _ in range(50):
                began = time.monotonic()
                assert (await client.get("/page")).status_code == 200
                slowest = max(slowest, time.monotonic() - began)
        assert slowest < 2 + BUSY, f"{slowest:.2f} s"
        for pushing in pushings:
            pushing.cancel()
