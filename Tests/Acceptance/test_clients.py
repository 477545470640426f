"""Clients of five makes, every kind of message, with compression and without: what is sent comes
back to the octet, the wire carries what was agreed on, and the app knows of nothing.

A counting pipe between client and gateway has the last word on what was compressed; behind stands
an app that takes a compressed frame for a protocol error.
"""

import asyncio
import json
import random
import zlib

import picows
import pytest
import pytest_asyncio

from harness.certificates import CONTEXT
from harness.clients import CLIENTS
from harness.counting import counted
from harness.waiting import PATIENCE

CONFIGURATION = """
listen 127.0.0.1:$https { tls { certificate $certificate; key $key } }
backend echo     { server 127.0.0.1:$echo }
backend hospital { server 127.0.0.1:$hospital }
route /on       { websocket; compress; backend echo }
route /off      { websocket; backend echo }
route /ws/queue { websocket; compress; backend hospital }
route /         { respond 200 "a page" }
"""

MEBI = 1 << 20

# One page for all tests: opening one takes longer than everything that is tested on it.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def gateway(start_module_gateway, echo, hospital, trusted):
    return start_module_gateway(CONFIGURATION, echo=echo, hospital=hospital, **trusted)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter(gateway):
    async with counted(gateway.tls) as counter:
        yield counter


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(browser, counter):
    async with browser.page(counter.door) as page:
        yield page


@pytest.fixture(params=CLIENTS)
def client(request):
    make = CLIENTS[request.param]
    return make(request.getfixturevalue("page") if request.param == "Chromium" else None)


@pytest.fixture(params=["/on", "/off"], ids=["compress", "plain"])
def path(request):
    return request.param


def records(octets):
    """Text of that many octets: it shrinks as records do, and has characters of 1 to 4 octets."""
    chance = random.Random(octets)
    text = "".join(
        f'{{"이름":"홍길동","état":"attente","bed":{chance.randrange(10**6)},"🏥":true}}\n'
        for _ in range(octets // 50)
    )
    start = text.encode()[:octets].decode(errors="ignore")
    return start + "." * (octets - len(start.encode()))


NOISE = random.Random(7).randbytes(MEBI)

MESSAGES = {
    "empty text": "",
    "one letter": "a",
    "one character of four octets": "😀",
    "text": records(10_000),
    "1 MiB of text": records(MEBI),
    "no octets": b"",
    "one octet": b"\x00",
    "octets": records(10_000).encode(),
    "noise": NOISE[:100_000],
    "1 MiB of octets": records(MEBI).encode(),
}


def octets_of(message):
    return message.encode() if isinstance(message, str) else message


def assert_carried(count, message, is_compressed, direction):
    """`count` octets on the wire are plausible for the message only if it was, or was not,
    compressed."""
    size, least = len(octets_of(message)), len(zlib.compress(octets_of(message), 9))
    if not is_compressed:
        assert count >= size, f"{direction}: compressed, although nobody agreed on it"
    elif size >= 1000 and least < size / 3:
        assert count < size / 2, f"{direction}: {size} octets as {count}, not compressed"
    # What does not shrink must not grow either, by much; other things may cross the same wire.
    assert count < size + size // 50 + 2000, f"{direction}: {size} octets as {count}"


async def exchange(conversation, counter, message):
    """Sends a message, which must come back as it is; holds both ways to what was agreed on."""
    to_gateway, to_client = counter.to_gateway, counter.to_client
    await conversation.send(message)
    whole = type(message[0])().join(message) if isinstance(message, list) else message
    heard = await conversation.receive()
    assert type(heard) is type(whole)
    assert heard == whole, f"{len(whole)} went out, {len(heard)} came back, and not the same"
    agreed = conversation.negotiated
    assert_carried(counter.to_gateway - to_gateway, whole, agreed, "to the gateway")
    assert_carried(counter.to_client - to_client, whole, agreed, "to the client")


async def ask_who_i_am(conversation):
    """What the app has seen. Also proof that the connection outlived what was before."""
    await conversation.send("whoami")
    return json.loads(await conversation.receive())


def assert_agreed(client, conversation, path):
    assert conversation.negotiated == (client.compresses and path != "/off")


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
async def test_a_message_comes_back(counter, client, path, message):
    async with client.connect(counter.door, path) as conversation:
        assert_agreed(client, conversation, path)
        await exchange(conversation, counter, message)
        seen = await ask_who_i_am(conversation)
    assert seen["path"] == path
    names = [name for name, _ in seen["headers"]]
    assert "sec-websocket-key" in names
    if path == "/on":
        assert "sec-websocket-extensions" not in names


async def test_messages_of_all_kinds_follow_each_other(counter, client, path):
    """On one connection, each a surprise after the one before."""
    order = [*MESSAGES.values(), *reversed(MESSAGES.values())]
    async with client.connect(counter.door, path) as conversation:
        for message in order:
            await exchange(conversation, counter, message)
        assert len((await ask_who_i_am(conversation))["frames"]) == len(order)


@pytest.mark.parametrize("fragments", [1, 7])
async def test_a_mebibyte_that_does_not_shrink_fits(counter, client, path, fragments):
    """It is as large as `message_size` lets through by default; deflating it makes it some octets
    larger, which is no fault of whoever sends it."""
    async with client.connect(counter.door, f"{path}?fragments={fragments}") as conversation:
        await exchange(conversation, counter, NOISE)
        await ask_who_i_am(conversation)


FRAGMENTED = {
    "text": records(10_000),
    "short text": "안녕",
    "no octets": b"",
    "noise": NOISE[:100_000],
    "1 MiB of text": records(MEBI),
}


@pytest.mark.parametrize("message", FRAGMENTED.values(), ids=FRAGMENTED)
async def test_an_answer_in_fragments_arrives_whole(counter, client, path, message):
    """The app cuts it in seven, wherever that is, also within a character."""
    async with client.connect(counter.door, f"{path}?fragments=7") as conversation:
        assert_agreed(client, conversation, path)
        await exchange(conversation, counter, message)
        await ask_who_i_am(conversation)


@pytest.mark.parametrize("name", [name for name in CLIENTS if CLIENTS[name].fragments])
@pytest.mark.parametrize("message", FRAGMENTED.values(), ids=FRAGMENTED)
async def test_a_message_in_fragments_arrives_whole(counter, path, name, message):
    client = CLIENTS[name]()
    step = len(message) // 6 + 1
    parts = [message[start : start + step] for start in range(0, 7 * step, step)]
    async with client.connect(counter.door, path) as conversation:
        assert_agreed(client, conversation, path)
        await exchange(conversation, counter, parts)
        seen = await ask_who_i_am(conversation)
    if path == "/off":
        assert seen["frames"] == [7 + 1], "an empty frame ends it; nobody put them together"


async def test_an_app_of_another_make_gets_the_same(counter, client):
    """Django Channels under Daphne."""
    text = records(50_000)
    async with client.connect(counter.door, "/ws/queue/clients") as conversation:
        assert_agreed(client, conversation, "/ws/queue")
        await exchange(conversation, counter, text.encode())
        await exchange(conversation, counter, NOISE[:700_000])
        await conversation.send(json.dumps({"type": "echo", "text": text}))
        assert json.loads(await conversation.receive())["text"] == text
        await conversation.send('{"type":"whoami"}')
        seen = json.loads(await conversation.receive())
    names = [name for name, _ in seen["headers"]]
    assert "sec-websocket-key" in names and "sec-websocket-extensions" not in names


class Frames(picows.WSListener):
    """Frames as they are on the wire: first bit, RSV1, kind, payload."""

    def __init__(self):
        self.heard = asyncio.Queue()

    def on_ws_frame(self, transport, frame):
        self.heard.put_nowait(
            (frame.fin, frame.rsv1, frame.msg_type, frame.get_payload_as_bytes())
        )

    async def message(self):
        """The frames up to one with FIN."""
        frames = []
        while not frames or not frames[-1][0]:
            frames.append(await asyncio.wait_for(self.heard.get(), PATIENCE))
        return frames


@pytest.mark.parametrize("fragments", [1, 7])
@pytest.mark.parametrize("message", [records(100_000), records(100)], ids=["long", "short"])
@pytest.mark.parametrize("offer", ["permessage-deflate", None], ids=["offered", "not offered"])
async def test_what_frames_look_like(gateway, path, offer, message, fragments):
    """RSV1 stands on the first frame of a compressed message and nowhere else (RFC 7692 §6), and
    what is under it inflates to the message."""
    octets = message.encode()
    transport, frames = await picows.ws_connect(
        Frames,
        gateway.tls.ws(f"{path}?fragments={fragments}"),
        ssl_context=CONTEXT,
        extra_headers=[("Sec-WebSocket-Extensions", offer)] if offer else None,
    )
    agreed = offer is not None and path == "/on"
    assert ("Sec-WebSocket-Extensions" in transport.response.headers) == agreed
    transport.send(picows.WSMsgType.TEXT, octets)
    heard = await frames.message()
    kinds = [kind for _, _, kind, _ in heard]
    continuations = [picows.WSMsgType.CONTINUATION] * (len(heard) - 1)
    assert kinds == [picows.WSMsgType.TEXT, *continuations]
    is_compressed = agreed and len(octets) > 256
    assert [rsv1 for _, rsv1, _, _ in heard] == [is_compressed, *[False] * (len(heard) - 1)]
    payload = b"".join(part for _, _, _, part in heard)
    if is_compressed:
        payload = zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
    assert payload == octets
    if path == "/off":
        sent = 1 if fragments == 1 else fragments + 1
        assert len(heard) == sent, "an empty frame ends it; nobody put them together"
    transport.disconnect()
    await transport.wait_disconnected()
