"""`compress … upstream`: permessage-deflate (RFC 7692) is spoken with the app, too, if it likes;
and other people's clients and apps on every kind of route."""

import asyncio
import random
import zlib

import pytest
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from harness.deflating import (
    BROWSER, DEFLATE, FIELD, NO_TAKEOVER, Speaker, parameters, words,
)  # fmt: skip
from harness.log import line
from harness.watch import peak_memory
from harness.wire import (
    BINARY, CLOSE, CONTINUATION, PING, RSV1, TEXT, Frame, Message, deflated, dialled, switched,
    wired,
)  # fmt: skip

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend app   { server 127.0.0.1:$app }
backend other { server 127.0.0.1:$spare }
defaults { backend app; refuse http; inflated_size 256k }
route /both            { websocket; compress over 64 upstream }
route /both/dedicated  {
    websocket; compress over 64 context dedicated window 11 memory 4 budget 1m upstream
}
route /other/shared    { websocket; backend other; compress over 64 }
route /other/dedicated {
    websocket; backend other; compress over 64 context dedicated window 11 memory 4 budget 1m
}
route /other/both      { websocket; backend other; compress over 64 upstream }
route /other/both/dedicated { websocket; backend other; compress context dedicated upstream }
"""
LONG = words(4000)


@pytest.mark.parametrize("path", ["/both", "/both/dedicated"])
@pytest.mark.parametrize("offer", [None, BROWSER], ids=["no offer", "an offer"])
async def test_compression_is_offered_to_the_app_whatever_the_client_offers(
    gateway, upstream, path, offer
):
    fields = [offer] if offer else []
    async with wired(gateway.plain, upstream, path, *fields) as (client, app):
        for one in app.field("sec-websocket-extensions").split(","):
            assert one.strip().startswith("permessage-deflate")
        assert (client.field("sec-websocket-extensions") is None) == (offer is None)
        # The app has declined, and hears everything plain.
        await client.send(TEXT, LONG)
        assert await app.message() == Message(TEXT, LONG.encode(), False)
        await app.send(TEXT, LONG)
        assert await client.message() == Message(TEXT, LONG.encode(), offer is not None)


ANSWERS = {
    "nothing but the name": {},
    "no takeover": {"server_no_context_takeover": True, "client_no_context_takeover": True},
    "no server takeover": {"server_no_context_takeover": True},
    "no client takeover": {"client_no_context_takeover": True},
    "server window 9": {"server_max_window_bits": 9},
    "server window 15": {"server_max_window_bits": 15},
    "client window 9": {"client_max_window_bits": 9},
    "client window 15": {"client_max_window_bits": 15},
}


@pytest.mark.parametrize("path", ["/both", "/both/dedicated"])
@pytest.mark.parametrize("offer", [None, BROWSER], ids=["no offer", "an offer"])
@pytest.mark.parametrize("name", ANSWERS)
async def test_what_the_app_answers_is_kept_to(gateway, upstream, path, offer, name):
    """Or refused, if it is not what it was offered."""
    answer = dict(ANSWERS[name])
    async with dialled(gateway.plain, path, *([offer] if offer else [])) as client:
        app = await upstream.arrival(client.target)
        offered = parameters(app.field("sec-websocket-extensions").split(",")[0])
        # What must be in the answer to such an offer (section 7.1).
        if "server_no_context_takeover" in offered:
            answer["server_no_context_takeover"] = True
        if "server_max_window_bits" in offered:
            most = offered["server_max_window_bits"]
            answer["server_max_window_bits"] = min(most, answer.get("server_max_window_bits", most))
        value = "; ".join(
            ["permessage-deflate"]
            + [key if number is True else f"{key}={number}" for key, number in answer.items()]
        )
        await app.switch(FIELD + value)
        if "client_max_window_bits" in answer and "client_max_window_bits" not in offered:
            assert (await client.reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 502 ")
            return
        await switched(client)
        await assert_app_speaks(client, app, answer, Speaker(client) if offer else None)


async def assert_app_speaks(client, app, answer, speaker):
    """Both directions between gateway and app, as strictly as they agreed."""

    def compressor():
        bits = answer.get("server_max_window_bits", 15)
        return zlib.compressobj(6, zlib.DEFLATED, -bits)

    kept = compressor()
    if "client_no_context_takeover" not in answer:
        app.inflater = zlib.decompressobj(-answer.get("client_max_window_bits", 15))
    for number in range(6):
        text = words(1500, number % 2)
        one = compressor() if "server_no_context_takeover" in answer else kept
        octets = one.compress(text.encode()) + one.flush(zlib.Z_SYNC_FLUSH)
        await app.send(TEXT, octets[:100], final=False, reserved=RSV1)
        await app.send(PING, b"between")
        await client.expect(PING, b"between")
        await app.send(CONTINUATION, octets[100:-4])
        await client.hears(TEXT, text)
        await app.send(TEXT, "plain " * 20)
        await client.hears(TEXT, "plain " * 20)
        if speaker:
            await speaker.say(TEXT, text, cuts=[50])
        else:
            await client.send(TEXT, text)
        await app.hears(TEXT, text)
        await client.send(BINARY, text.encode()[::-1])
        await app.hears(BINARY, text.encode()[::-1])


@pytest.mark.parametrize(
    "answer",
    [
        "permessage-deflate; turbo", "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_no_context_takeover, permessage-deflate", "permessage-bzip2",
        "permessage-deflate, x", "@",
    ],
)  # fmt: skip
@pytest.mark.parametrize("offer", [None, BROWSER], ids=["no offer", "an offer"])
async def test_an_answer_of_the_apps_that_cannot_be_is_502(gateway, upstream, offer, answer):
    async with dialled(gateway.plain, "/both", *([offer] if offer else [])) as client:
        app = await upstream.arrival(client.target)
        await app.switch(FIELD + answer)
        assert (await client.reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 502 ")


async def test_corrupt_data_of_the_apps_is_an_internal_error(gateway, upstream):
    for offer in (None, BROWSER):
        async with dialled(gateway.plain, "/both", *([offer] if offer else [])) as client:
            app = await upstream.arrival(client.target)
            await app.switch(DEFLATE + "; server_no_context_takeover")
            await switched(client)
            await app.send(TEXT, b"\xff" * 8, reserved=RSV1)
            first = await client.receive()
            if offer and first == Frame(TEXT, b"\xff" * 8, reserved=RSV1):
                # What needs no change is the client's to judge.
                break
            assert first.opcode == CLOSE and first.payload[:2] == b"\x03\xf3"
            await client.close(1011)
            await client.ended()
            assert (await app.closed())[0] == 1001
        assert (await line(gateway, client.mark))["reason"] == "internal_error"


@pytest.mark.parametrize("path", ["/both", "/both/dedicated"])
@pytest.mark.parametrize("offer", [None, BROWSER], ids=["no offer", "an offer"])
async def test_a_compressed_message_far_above_the_inflated_size_arrives_whole(
    gateway, upstream, path, offer
):
    """Be it text or a bomb: the app is ours. It costs what it inflates to, and its way into the
    queue, and nothing of that is kept."""
    answer = [NO_TAKEOVER]
    fields = [offer] if offer else []
    async with wired(gateway.plain, upstream, path, *fields, answer=answer) as (client, app):
        if offer:
            Speaker(client)
        for payload in (words(600_000).encode(), bytes(20 << 20)):
            async with peak_memory(gateway, every=0.01) as peak:
                sending = asyncio.create_task(app.send(BINARY, deflated(payload), reserved=RSV1))
                await client.hears(BINARY, payload)
                await sending
            assert peak.growth < 3 * len(payload) + (6 << 20)
            await app.send(TEXT, deflated(LONG.encode()), reserved=RSV1)
            await client.hears(TEXT, LONG)


async def test_compression_of_the_apps_that_was_not_agreed_on_is_an_internal_error(
    gateway, upstream
):
    async with wired(gateway.plain, upstream, "/both", BROWSER) as (client, app):
        await app.send(TEXT, deflated(b"Hello"), reserved=RSV1)
        assert (await client.closed())[0] == 1011


# Other people's clients and apps.


@pytest.mark.parametrize(
    ("client", "app_compression"),
    [
        ("deflate", "deflate"), ("deflate", None), (None, "deflate"), ("small windows", "deflate"),
        ("no takeover", None),
    ],
)  # fmt: skip
async def test_websockets_at_both_ends(gateway, app_compression, client):
    factory = ClientPerMessageDeflateFactory
    extensions = {
        "small windows": [factory(server_max_window_bits=9, client_max_window_bits=9)],
        "no takeover": [factory(server_no_context_takeover=True, client_no_context_takeover=True)],
    }
    options = (
        {"extensions": extensions[client]} if client in extensions else {"compression": client}
    )
    seen = []

    async def echo(socket):
        seen.append([one.name for one in socket.protocol.extensions])
        async for message in socket:
            await socket.send(message)
            await socket.send([message[:1], message[1:2], message[2:]])

    async with websockets.serve(
        echo,
        "127.0.0.1",
        gateway.names["spare"],
        compression=app_compression,
        max_size=None,
    ):
        for path in ("/other/shared", "/other/dedicated", "/other/both", "/other/both/dedicated"):
            async with gateway.tls.websocket(path, max_size=None, **options) as socket:
                assert bool(socket.protocol.extensions) == bool(client)
                for number, size in enumerate([0, 1, 63, 64, 1000, 200_000, 1000]):
                    text = (words(size // 4 + 1, number) * 2)[:size]
                    for message in (text, text.encode()):
                        await socket.send(message)
                        for _ in range(2):
                            assert await asyncio.wait_for(socket.recv(), 15) == message
                noise = random.Random(1).randbytes(100_000)
                await socket.send(noise)
                assert await asyncio.wait_for(socket.recv(), 15) == noise
    offered = ["permessage-deflate"] if app_compression else []
    assert seen == [[], [], offered, offered]
