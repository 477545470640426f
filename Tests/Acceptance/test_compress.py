"""permessage-deflate (RFC 7692) between client and gateway, although the app has never heard of
it: what the client reads and sends is compressed on the wire and plain at the app."""

import asyncio
import contextlib
import json
import random

import aiohttp
import pytest
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from harness.certificates import CONTEXT
from harness.counting import counted
from harness.door import ask, closing, receive

CONFIGURATION = """
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend hospital { server 127.0.0.1:$hospital }
route /ws/queue/plain { websocket; backend hospital }
route /ws/queue/small { websocket; compress; message_size 64k; inflated_size 256k; backend hospital }
route /ws/queue/ratio { websocket; compress ratio 100; backend hospital }
route /ws/            { websocket; compress level 1 over 256; backend hospital }
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital):
    return start_module_gateway(CONFIGURATION, hospital=hospital)


def negotiated(socket):
    return [extension.name for extension in socket.protocol.extensions]


#: What a dashboard is sent all day.
TEXT = json.dumps({"name": "홍길동", "status": "waiting", "room": 3}, ensure_ascii=False)


def people(count):
    """So many records as an app sends them: alike, but not the same over and over."""
    chance = random.Random(count)
    return "".join(
        TEXT.replace("3}", f"{chance.randrange(10**6)}}}") for _ in range(count)
    )


@pytest.fixture(params=["default", "no takeover", "small window"])
def extensions(request):
    factory = ClientPerMessageDeflateFactory
    return {
        "default": [factory(client_max_window_bits=True)],
        "no takeover": [
            factory(server_no_context_takeover=True, client_no_context_takeover=True)
        ],
        "small window": [factory(server_max_window_bits=10, client_max_window_bits=9)],
    }[request.param]


async def test_messages_survive_compression_both_ways(gateway, extensions):
    noise = random.Random(7)
    async with gateway.tls.websocket(
        "/ws/queue/deflate", extensions=extensions, max_size=None
    ) as socket:
        assert negotiated(socket) == ["permessage-deflate"]
        for size in (1, 2, 100, 255, 256, 257, 5_000, 200_000):
            text = people(size // len(TEXT) + 1)[:size]
            assert (await ask(socket, {"type": "echo", "text": text}))["text"] == text
            binary = noise.randbytes(size)
            await socket.send(binary)
            assert await asyncio.wait_for(socket.recv(), 15) == binary, "noise does not shrink"


async def test_aiohttp_agrees(gateway):
    """Another implementation of the extension."""
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(
            gateway.tls.ws("/ws/queue/deflate"), ssl=CONTEXT, compress=15
        ) as socket:
            assert socket.compress
            for text in (people(1), people(10), people(1000)):
                await socket.send_json({"type": "echo", "text": text})
                assert (await socket.receive_json(timeout=15))["text"] == text


async def test_the_app_never_hears_of_it(gateway):
    async with gateway.tls.websocket("/ws/queue/deflate", compression="deflate") as socket:
        seen = await ask(socket, {"type": "whoami"})
    assert [name for name, _ in seen["headers"] if name == "sec-websocket-extensions"] == []


async def test_the_wire_carries_less(gateway):
    """A long message costs a fraction on the wire, in both directions."""
    for compression, most in [("deflate", 20_000), (None, 300_000)]:
        async with counted(gateway.plain) as counter:
            async with counter.door.websocket(
                "/ws/queue/deflate", compression=compression
            ) as socket:
                text = people(2000)
                await ask(socket, {"type": "echo", "text": text})
            assert (counter.to_client < most) and (counter.to_gateway < most)
            if compression is None:
                assert counter.to_client > 100_000, "without it the message is as long as it is"


async def test_broadcasts_are_compressed_for_those_who_asked_and_plain_for_the_others(
    gateway, hospital_itself
):
    modes = ["deflate", None] * 10
    sockets = await asyncio.gather(
        *[gateway.tls.websocket("/ws/queue/mixed", compression=mode) for mode in modes]
    )
    await asyncio.gather(*[ask(socket, {"type": "ping"}) for socket in sockets])
    async with hospital_itself.client() as client:
        for number in range(5):
            message = {"type": "update", "number": number, "text": TEXT * 100}
            await client.post("/broadcast/queue_mixed", json=message)
    for socket in sockets:
        heard = [await receive(socket) for _ in range(5)]
        assert [message["number"] for message in heard] == list(range(5))
        assert all(message["text"] == TEXT * 100 for message in heard)
        await socket.close()


async def test_a_fragmented_compressed_message_arrives_whole(gateway):
    async with gateway.tls.websocket("/ws/queue/deflate", compression="deflate") as socket:
        parts = ['{"type":"echo","text":"', TEXT.replace('"', "'") * 50, "안녕" * 1000, '"}']
        await socket.send(parts)
        assert (await receive(socket))["text"] == "".join(parts[1:3])


async def test_a_route_without_compress_negotiates_none(gateway):
    async with gateway.tls.websocket("/ws/queue/plain", compression="deflate") as socket:
        assert negotiated(socket) == []
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}


async def test_a_client_that_offers_none_gets_none(gateway):
    async with gateway.tls.websocket("/ws/queue/deflate", compression=None) as socket:
        assert negotiated(socket) == []
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}


# Bombs.


async def send_and_hear_the_end(socket, message):
    with contextlib.suppress(websockets.ConnectionClosed):
        await socket.send(message)
    return await closing(socket)


@pytest.mark.parametrize("fragments", [1, 100])
async def test_a_deflate_bomb_is_1009(gateway, fragments):
    """100 MB of nothing fits into 100 kB on the wire."""
    zeros = "0" * (100_000_000 // fragments)
    message = zeros if fragments == 1 else [zeros] * fragments
    memory = gateway.memory()
    async with gateway.tls.websocket("/ws/queue/bomb", compression="deflate") as socket:
        assert await send_and_hear_the_end(socket, message) == ([], 1009)
    assert gateway.memory() - memory < 16 << 20


async def test_a_message_over_the_size_on_the_wire_is_1009(gateway):
    async with gateway.tls.websocket("/ws/queue/small", compression=None) as socket:
        assert (await ask(socket, {"type": "echo", "text": "x" * 60_000}))["type"] == "echo"
        assert await send_and_hear_the_end(socket, "x" * 66_000) == ([], 1009)


async def test_a_message_over_the_inflated_size_is_1009(gateway):
    noise = random.Random(9)
    text = "".join(noise.choice("abcdefgh") * 10 for _ in range(30_000))
    async with gateway.tls.websocket("/ws/queue/small", compression="deflate") as socket:
        assert (await ask(socket, {"type": "echo", "text": text[:200_000]}))["type"] == "echo"
        assert await send_and_hear_the_end(socket, text) == ([], 1009)


#: What apps send that shrinks to a thousandth.
REGULAR = {
    "grid": json.dumps({"grid": [0] * 150_000}),
    "table": json.dumps([{"name": "", "value": None, "unit": ""}] * 20_000),
    "character": "0" * 900_000,
}


@pytest.mark.parametrize("text", REGULAR.values(), ids=REGULAR)
async def test_an_ordinary_message_that_shrinks_well_is_no_bomb(gateway, text):
    async with gateway.tls.websocket("/ws/queue/deflate", compression="deflate") as socket:
        assert (await ask(socket, {"type": "echo", "text": text}))["text"] == text


@pytest.mark.parametrize("text", REGULAR.values(), ids=REGULAR)
async def test_a_ratio_holds_where_one_is_asked_for(gateway, text):
    """Above 64 KiB."""
    async with gateway.tls.websocket("/ws/queue/ratio", compression="deflate") as socket:
        assert (await ask(socket, {"type": "echo", "text": "0" * 60_000}))["type"] == "echo"
        assert await send_and_hear_the_end(socket, text) == ([], 1009)
