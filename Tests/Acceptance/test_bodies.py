"""Bodies far larger than any buffer: byte-identical, in little memory, at the reader's pace."""

import asyncio
import hashlib
import random

import pytest

from harness.raw import connection
from harness.waiting import eventually, settled
from harness.watch import peak_memory
from harness.wire import Wire

CONFIGURATION = """
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend waiting { server 127.0.0.1:$waiting }
backend odd     { server 127.0.0.1:$odd }
route /flood           { backend odd }
route /streamed/       { stream; strip /streamed; backend odd }
route /websocket-flood { websocket; backend odd }
route /stuck           { backend odd }
route /                { backend waiting }
"""

MEGABYTE = 1 << 20
MOST_GROWTH = 12 * MEGABYTE
SIZES = [
    pytest.param(64 * MEGABYTE, id="64 MB"),
    pytest.param(
        1024 * MEGABYTE, id="1 GB", marks=[pytest.mark.long, pytest.mark.timeout(600)]
    ),
]


@pytest.fixture(scope="module")
def gateway(start_module_gateway, waiting, odd):
    return start_module_gateway(CONFIGURATION, waiting=waiting, odd=odd)


@pytest.fixture(params=["direct", "gateway"])
def door(request):
    if request.param == "direct":
        return request.getfixturevalue("waiting_itself")
    return request.getfixturevalue("gateway").tls


def chunks(total, chunk_size=256 * 1024):
    block = random.Random(total).randbytes(chunk_size)
    for index in range(total // chunk_size):
        yield index.to_bytes(8, "big") + block[8:]


async def upload(door, size):
    sent = hashlib.sha256()

    async def body():
        for chunk in chunks(size):
            sent.update(chunk)
            yield chunk

    async with door.client(timeout=120) as client:
        answer = (await client.post("/upload", content=body())).json()
    assert answer == {"size": size, "sha256": sent.hexdigest()}


async def download(door, itself, size):
    digests = []
    for one in (door, itself):
        digest = hashlib.sha256()
        async with one.client(timeout=120) as client:
            async with client.stream("GET", f"/download/{size}") as answer:
                async for chunk in answer.aiter_raw():
                    digest.update(chunk)
        digests.append(digest.hexdigest())
    assert digests[0] == digests[1]


async def test_a_few_megabytes_both_ways(door, waiting_itself):
    await upload(door, 8 * MEGABYTE)
    await download(door, waiting_itself, 8 * MEGABYTE)


@pytest.mark.parametrize("size", SIZES)
async def test_a_chunked_upload_through_tls(gateway, size):
    await upload(gateway.tls, MEGABYTE)
    async with peak_memory(gateway) as peak:
        await upload(gateway.tls, size)
    assert peak.growth < MOST_GROWTH


@pytest.mark.parametrize("size", SIZES)
async def test_a_download_through_tls(gateway, waiting_itself, size):
    await download(gateway.tls, waiting_itself, MEGABYTE)
    async with peak_memory(gateway) as peak:
        await download(gateway.tls, waiting_itself, size)
    assert peak.growth < MOST_GROWTH


async def test_many_transfers_at_once_do_not_mix(gateway, waiting_itself):
    async with gateway.tls.client() as client, waiting_itself.client() as itself:
        sizes = [100_000 + 7919 * number for number in range(30)]
        through = await asyncio.gather(*[client.get(f"/download/{size}") for size in sizes])
        direct = await asyncio.gather(*[itself.get(f"/download/{size}") for size in sizes])
    for one, other in zip(through, direct):
        assert one.content == other.content


# Back-pressure: who reads slowly slows the sender down, and nobody else.


async def statistics(odd_itself, word):
    async with odd_itself.client() as client:
        return (await client.get("/statistics")).json()[word]


@pytest.mark.parametrize("path", ["/flood", "/streamed/flood"])
@pytest.mark.parametrize("kind", ["plain", "tls"])
async def test_a_client_that_stops_reading_stops_the_upstream(gateway, odd_itself, kind, path):
    def sent():
        return statistics(odd_itself, "flooded")

    before = await sent()
    async with connection(getattr(gateway, kind), limit=65536) as raw, peak_memory(gateway) as peak:
        await raw.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await raw.until(b"\r\n\r\n")
        stood = await settled(sent, "the upstream's sending")
        assert stood - before < 64 * MEGABYTE, "no more than the kernel's buffers hold"
        for _ in range(1000):
            await raw.reader.readexactly(65536)

        async def goes_on():
            return await sent() > stood + 16 * MEGABYTE

        await eventually(goes_on, "the upstream to go on when the client reads again")
        raw.abort()
    assert peak.growth < MOST_GROWTH


async def test_an_upstream_that_stops_reading_stops_the_client(gateway):
    """`/stuck` never reads the body."""
    async with connection(gateway.plain) as raw, peak_memory(gateway) as peak:
        await raw.send(
            "POST /stuck HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000000\r\n\r\n"
        )
        sent = 0

        async def push():
            nonlocal sent
            while True:
                await raw.send(b"x" * 65536)
                sent += 65536

        pushing = asyncio.create_task(push())
        stood = await settled(lambda: sent, "the client's sending")
        assert stood < 64 * MEGABYTE
        pushing.cancel()
        # What still waits in its kernel would keep a FIN from being heard.
        Wire(raw.reader, raw.writer, True).reset()
    assert peak.growth < MOST_GROWTH


async def test_a_websocket_client_that_stops_reading_costs_no_memory(gateway):
    """Whether it is held back or cut off as a slow consumer, nothing piles up here."""
    async with gateway.tls.websocket("/websocket-flood", max_queue=4, max_size=None) as slow:
        assert len(await slow.recv()) == 16384
        async with peak_memory(gateway) as peak:
            async with gateway.tls.websocket("/websocket-flood", max_size=None) as quick:
                for _ in range(3000):
                    assert len(await quick.recv()) == 16384
                quick.transport.abort()
        slow.transport.abort()
    assert peak.growth < MOST_GROWTH


async def test_a_client_that_leaves_ends_the_download(gateway, odd_itself):
    open_before = await statistics(odd_itself, "open")
    async with connection(gateway.tls) as raw:
        await raw.send("GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await raw.until(b"\r\n\r\n")
        raw.abort()

    async def gone():
        return await statistics(odd_itself, "open") <= open_before

    await eventually(gone, "the upstream connection to end with its client")
