"""permessage-deflate (RFC 7692) as a client speaks it: strictly as it was agreed on."""

import random
import zlib

from .wire import CONTINUATION, RSV1, TEXT, Message

FIELD = "Sec-WebSocket-Extensions: "
DEFLATE = FIELD + "permessage-deflate"
#: What browsers offer.
BROWSER = DEFLATE + "; client_max_window_bits"
NO_TAKEOVER = DEFLATE + "; server_no_context_takeover; client_no_context_takeover"
NEITHER_KEEPS = {"server_no_context_takeover", "client_no_context_takeover"}
#: What clients offer on routes of these names: the gateway passes frames on, or takes messages
#: apart to compress them.
KINDS = {"passed-on": [], "compressed": [DEFLATE]}


def parameters(value):
    """The parameters of the only extension, which must be the one we know."""
    if value is None:
        return None
    assert "," not in value, f"{value!r} are several"
    name, *rest = [part.strip() for part in value.split(";")]
    assert name == "permessage-deflate"
    found = {}
    for one in rest:
        key, equals, number = one.partition("=")
        assert key not in found, f"{key} twice"
        found[key] = int(number) if equals else True
    return found


class Speaker:
    """Compresses what a client says and inflates what it hears, as strictly as was agreed."""

    def __init__(self, client):
        self.client = client
        agreed = parameters(client.field("sec-websocket-extensions"))
        assert agreed is not None, "no compression was agreed on"
        self.client_bits = agreed.get("client_max_window_bits", 15)
        # zlib cannot deflate with 8 bits: they are kept to by keeping nothing and being short.
        self.keeps = "client_no_context_takeover" not in agreed and self.client_bits > 8
        if "server_no_context_takeover" not in agreed:
            client.inflater = zlib.decompressobj(-agreed.get("server_max_window_bits", 15))
        self._compressor = self._fresh()

    def _fresh(self):
        return zlib.compressobj(6, zlib.DEFLATED, -max(9, self.client_bits))

    def deflate(self, payload):
        if not self.keeps:
            self._compressor = self._fresh()
        octets = self._compressor.compress(payload) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        return octets.removesuffix(b"\x00\x00\xff\xff")

    async def say(self, opcode, payload, cuts=()):
        """A compressed message, its deflated octets cut where `cuts` say."""
        payload = payload.encode() if isinstance(payload, str) else payload
        octets = self.deflate(payload)
        ends = [*sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
        start = 0
        for index, end in enumerate(ends):
            await self.client.send(
                CONTINUATION if index else opcode,
                octets[start:end],
                final=index == len(ends) - 1,
                reserved=0 if index else RSV1,
            )
            start = end


def words(count, seed=1):
    """Text like any other: shrinks to about a third."""
    chance = random.Random(seed)
    stock = [chance.randbytes(chance.randint(2, 6)).hex() for _ in range(500)]
    return " ".join(chance.choice(stock) for _ in range(count))


async def assert_speak(client, app):
    """Compressed messages in both directions, as strictly as was agreed."""
    speaker = Speaker(client)
    for number in range(5):
        text = words(1500, number)
        await app.send(TEXT, text)
        assert await client.message() == Message(TEXT, text.encode(), True)
        text = text[:200] if speaker.client_bits == 8 else text
        await speaker.say(TEXT, text)
        await app.hears(TEXT, text)


async def assert_speak_on(speaker, app):
    """The contexts are where they were."""
    for text in (words(300, 1), words(300, 1), words(300, 2)):
        await app.send(TEXT, text)
        await speaker.client.hears(TEXT, text)
        await speaker.say(TEXT, text)
        await app.hears(TEXT, text)
