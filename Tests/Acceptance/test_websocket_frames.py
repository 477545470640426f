"""What RFC 6455 asks of whoever stands in between: masks, reserved bits, opcodes, lengths, control
frames between fragments. Every frame here is said by the test, at the client's end and the app's."""

import asyncio
import itertools
import random

import pytest

from harness.deflating import KINDS
from harness.log import assert_logged, line
from harness.waiting import SOON, together
from harness.wire import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, RSV2, RSV3, TEXT, Frame, close_payload, frame,
    inflated, wired,
)  # fmt: skip

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$app }
route /passed-on  { websocket; backend app }
route /compressed { websocket; compress over 64; backend app }
"""


@pytest.fixture
def opened(gateway, upstream, kind):
    return lambda door=gateway.plain: wired(door, upstream, f"/{kind}", *KINDS[kind])


# Violations: they end both legs, and nothing behind them arrives.


def frames(is_client):
    """Names of violations: `(what stands before, the violation, the close code)`. Everything is
    masked as it has to be, but where that is the point."""
    mask = {True: b"\x0f\xf0\x3c\xc3", False: None}
    right, wrong = mask[is_client], mask[not is_client]

    def one(opcode, payload=b"", mask=right, **options):
        return frame(opcode, payload, mask=mask, **options)

    begun = one(TEXT, b"begun", final=False)
    table = {
        "a text with the wrong mask": (b"", one(TEXT, b"hello", mask=wrong), 1002),
        "an empty text with the wrong mask": (b"", one(TEXT, b"", mask=wrong), 1002),
        "a ping with the wrong mask": (b"", one(PING, b"hello", mask=wrong), 1002),
        "a close with the wrong mask": (b"", one(CLOSE, b"\x03\xe8", mask=wrong), 1002),
        "a continuation with the wrong mask": (begun, one(CONTINUATION, b"x", mask=wrong), 1002),
        "a fragmented ping": (b"", one(PING, final=False), 1002),
        "a fragmented pong": (b"", one(PONG, b"x", final=False), 1002),
        "a fragmented close": (b"", one(CLOSE, b"\x03\xe8", final=False), 1002),
        "a ping of 126 octets": (b"", one(PING, b"x" * 126), 1002),
        "a pong of 65536 octets": (b"", one(PONG, b"x" * 65536), 1002),
        "a close of 126 octets": (b"", one(CLOSE, close_payload(1000, "x" * 124)), 1002),
        "a ping with a long length": (b"", one(PING, b"x", length_form=16), 1002),
        "a continuation of nothing": (b"", one(CONTINUATION, b"x"), 1002),
        "a first fragment that continues nothing": (b"", one(CONTINUATION, b"x", final=False), 1002),
        "a text within a text": (begun, one(TEXT, b"x"), 1002),
        "a binary within a text": (begun, one(BINARY, b"x", final=False), 1002),
        "125 octets in 16 bits": (b"", one(BINARY, b"x" * 125, length_form=16), 1002),
        "nothing in 16 bits": (b"", one(BINARY, length_form=16), 1002),
        "65535 octets in 64 bits": (b"", one(BINARY, b"x" * 65535, length_form=64), 1002),
        "5 octets in 64 bits": (begun, one(CONTINUATION, b"hello", length_form=64), 1002),
        "a negative length": (b"", one(BINARY, length_form=64, length=1 << 63), 1002),
        "a length of all ones": (b"", one(BINARY, length_form=64, length=(1 << 64) - 1), 1002),
        "a close of one octet": (b"", one(CLOSE, b"\x03"), 1002),
        "a close reason that is Latin-1": (b"", one(CLOSE, close_payload(1000, b"caf\xe9")), 1007),
        "a close reason that is cut": (b"", one(CLOSE, close_payload(1000, b"\xec\x95")), 1007),
        "a close reason with a surrogate": (
            b"", one(CLOSE, close_payload(1000, b"\xed\xa0\x80")), 1007,
        ),
        "a close reason that is overlong": (b"", one(CLOSE, close_payload(1000, b"\xc0\x80")), 1007),
    }  # fmt: skip
    for bits in (RSV3, RSV2, RSV2 | RSV3, RSV1 | RSV2):
        table[f"a text with RSV {bits}"] = (b"", one(TEXT, b"x", reserved=bits), 1002)
    for bits in (RSV1, RSV2, RSV3):
        for opcode, payload in ((PING, b""), (PONG, b"x"), (CLOSE, b"\x03\xe8")):
            name = f"a control frame {opcode} with RSV {bits}"
            table[name] = (b"", one(opcode, payload, reserved=bits), 1002)
        table[f"a continuation with RSV {bits}"] = (
            begun, one(CONTINUATION, b"x", reserved=bits), 1002,
        )  # fmt: skip
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        table[f"opcode {opcode}"] = (b"", one(opcode, b"x"), 1002)
    for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        octets = one(CLOSE, code.to_bytes(2, "big"))
        table[f"close code {code}"] = (b"", octets, 1002)
    return table


FROM_CLIENT, FROM_APP = frames(True), frames(False)


async def test_violations_of_the_clients(gateway, opened, kind):
    """All at once: the gateway waits a while for the close frame of each."""

    async def ends(name, before, octets, code):
        async with opened() as (client, app):
            await client.say(before + octets + client.octets(TEXT, "late"))
            seen, reason = await client.closed()
            assert seen == code, name
            await client.ended()
            last, rest = await app.frames_to_the_end()
            assert rest == b"", name
            is_begun = before and kind == "passed-on"
            begun = [Frame(TEXT, b"begun", final=False)] if is_begun else []
            assert last[:-1] == begun, f"{name}: nothing of the violation, and nothing behind it"
            assert last[-1].opcode == CLOSE and last[-1].payload[:2] != b"", f"{name}: untold"
        word = "invalid_payload" if code == 1007 else "protocol_error"
        await assert_logged(gateway, client.mark, word, told=reason)

    await together(*(ends(name, *violation) for name, violation in FROM_CLIENT.items()))


@pytest.mark.parametrize("name", FROM_APP)
async def test_a_violation_of_the_apps(gateway, opened, kind, name):
    """For the client that is an internal error, whatever the app did. A message that the app broke
    off itself is not waited for."""
    before, octets, _ = FROM_APP[name]
    async with opened() as (client, app):
        await app.say(before + octets + app.octets(TEXT, "late"))
        if before and kind == "passed-on":
            await client.expect(TEXT, "begun", final=False)
            last, rest = await client.frames_to_the_end(patience=SOON)
            assert rest == b"" and all(one.opcode == CLOSE for one in last)
        else:
            code, reason = await client.closed()
            assert code == 1011
            await client.close(code)
            await client.ended()
            await assert_logged(gateway, client.mark, "internal_error", told=reason)
        last, rest = await app.frames_to_the_end()
        assert rest == b"" and [one.opcode for one in last] == [CLOSE]
    assert (await line(gateway, client.mark))["reason"] == "internal_error"


@pytest.mark.parametrize("sender", ["client", "app"])
async def test_what_was_good_before_a_violation_arrives(opened, sender):
    """Although both came in one segment."""
    async with opened() as (client, app):
        speaker, hearer = (client, app) if sender == "client" else (app, client)
        good = speaker.octets(PING, b"good") + speaker.octets(TEXT, "good")
        await speaker.say(good + speaker.octets(TEXT, "bad", reserved=RSV3))
        await hearer.expect(PING, b"good")
        await hearer.hears(TEXT, "good")
        assert (await hearer.closed())[0] == (1001 if sender == "client" else 1011)


async def test_compression_that_nobody_agreed_on_is_a_violation(gateway, upstream):
    async with wired(gateway.plain, upstream, "/passed-on") as (client, app):
        await client.send(TEXT, "x", reserved=RSV1)
        assert (await client.closed())[0] == 1002
        assert (await app.closed())[0] == 1001
    for path, fields in [("/passed-on", []), ("/compressed", KINDS["compressed"])]:
        async with wired(gateway.plain, upstream, path, *fields) as (client, app):
            await app.send(TEXT, "x", reserved=RSV1)
            assert (await client.closed())[0] == 1011


async def test_a_violation_byte_by_byte(opened):
    """Nothing of a frame that is not in order goes on, however it comes in."""
    async with opened() as (client, app):
        octets = client.octets(BINARY, b"x" * 125, length_form=16)
        await client.trickle(octets, itertools.repeat(1))
        assert (await client.closed())[0] == 1002
        last, rest = await app.frames_to_the_end()
        assert rest == b"" and [one.opcode for one in last] == [CLOSE]


# What is in order.


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 300_000, 1 << 20])
async def test_messages_of_every_length_arrive(opened, size):
    payload = random.Random(size).randbytes(size)
    async with opened() as (client, app):
        for sender, hearer in ((client, app), (app, client)):
            for opcode, sent in ((BINARY, payload), (TEXT, b"t" * size)):
                # Beside each other, because a megabyte does not fit into the kernel.
                sending = asyncio.create_task(sender.send(opcode, sent))
                await hearer.hears(opcode, sent)
                await sending


async def test_masks_are_the_clients_own_business(opened):
    """All keys are good, also one of nothing."""
    async with opened() as (client, app):
        for key in (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x00\x00\x00\x01"):
            await client.send(TEXT, "hello", mask=key)
            await app.hears(TEXT, "hello")
            await client.send(PING, b"hello", mask=key)
            await app.expect(PING, b"hello")


async def test_a_character_may_be_cut_between_fragments(opened):
    first, second = "안녕".encode()[:4], "안녕".encode()[4:]
    async with opened() as (client, app):
        for sender, hearer in ((client, app), (app, client)):
            await sender.send(TEXT, first, final=False)
            await sender.send(CONTINUATION, second)
            await hearer.hears(TEXT, "안녕")


async def test_fragments_may_be_empty(opened):
    async with opened() as (client, app):
        for sender, hearer in ((client, app), (app, client)):
            for parts in ([b"", b"", b""], [b"", b"x", b""], [b"x", b"", b"y"]):
                await sender.send(BINARY, parts[0], final=False)
                await sender.send(CONTINUATION, parts[1], final=False)
                await sender.send(CONTINUATION, parts[2])
                await hearer.hears(BINARY, b"".join(parts))


@pytest.mark.parametrize("length", [0, 1, 125])
async def test_control_frames_between_fragments_do_not_wait_for_the_message(opened, length):
    payload = bytes(range(length))
    async with opened() as (client, app):
        for sender, hearer in ((client, app), (app, client)):
            await sender.send(TEXT, "one ", final=False)
            controls = []
            for opcode in (PING, PONG):
                await sender.send(opcode, payload)
                while not controls:
                    one = await hearer.receive()
                    if one.opcode in (TEXT, CONTINUATION):
                        assert not one.final
                    else:
                        controls.append(one)
                assert controls.pop() == Frame(opcode, payload)
            await sender.send(CONTINUATION, "two")
            heard = await hearer.receive()
            assert heard.final and (heard.opcode, heard.payload) in (
                (TEXT, b"one two"), (CONTINUATION, b"two"),
            )  # fmt: skip


async def test_the_app_may_answer_before_the_client_has_finished(opened):
    """In the middle of a frame of the client's it hears everything, up to the close."""
    async with opened() as (client, app):
        octets = client.octets(BINARY, b"x" * 50_000)
        await client.say(octets[:20_000])
        await app.send(TEXT, "that will do")
        await app.send(PING, b"really")
        await app.say(app.octets(CLOSE, close_payload(1000, "thank you")))
        await client.hears(TEXT, "that will do")
        await client.expect(PING, b"really")
        assert await client.closed() == (1000, "thank you")
        await client.say(octets[20_000:])
        await client.close(1000)
        await app.hears(BINARY, b"x" * 50_000)
        assert await app.closed() == (1000, "")
        await asyncio.gather(client.ended(), app.ended())


def conversation(chance, count, longest):
    """So many messages in fragments, with control frames around and between them."""
    sizes = [size for size in (0, 1, 2, 124, 125, 126, 127, 1000, 5000, 70_000) if size <= longest]
    said = []
    for _ in range(count):
        parts = chance.choice([1, 1, 1, 2, 3, 6])
        for part in range(parts):
            while chance.random() < 0.3:
                opcode = chance.choice([PING, PONG])
                said.append(Frame(opcode, chance.randbytes(chance.choice([0, 1, 4, 125]))))
            size = chance.choice(sizes)
            payload = chance.choice([chance.randbytes(size), b"again and " * (size // 10)])
            opcode = CONTINUATION if part else chance.choice([TEXT, BINARY])
            said.append(Frame(opcode, payload, final=part == parts - 1))
    return [*said, Frame(PING, b"the end")]


def told(said):
    """The messages and the control frames of a conversation, each in order."""
    messages, controls, parts = [], [], []
    for one in said:
        if one.opcode >= CLOSE:
            controls.append(one)
            continue
        opcode = one.opcode or opcode
        reserved = one.reserved if one.opcode else reserved
        parts.append(one.payload)
        if one.final:
            payload = b"".join(parts)
            messages.append((opcode, inflated(payload) if reserved else payload))
            parts = []
    return messages, controls


@pytest.mark.parametrize(
    ("piece", "count", "longest"), [(1, 8, 127), (9, 40, 1000), (300, 60, 5000), (50_000, 60, 70_000)]
)
async def test_any_cut_of_the_stream_is_the_same_conversation(
    gateway, opened, kind, piece, count, longest
):
    """Both directions at once, in pieces of random length up to `piece`."""
    chance = random.Random(piece)

    async def speak(sender, said):
        octets = b"".join(sender.octets(one.opcode, one.payload, final=one.final) for one in said)
        await sender.trickle(octets, (chance.randint(1, piece) for _ in itertools.count()))

    async def hear(hearer, said):
        heard = []
        while heard[-1:] != said[-1:]:
            heard.append(await hearer.receive())
        if kind == "passed-on":
            assert heard == said, "frames as they were cut"
        assert told(heard) == told(said)

    up, down = conversation(chance, count, longest), conversation(chance, count, longest)
    async with opened(gateway.tls if piece == 300 else gateway.plain) as (client, app):
        await asyncio.gather(
            speak(client, up), speak(app, down), hear(app, up), hear(client, down)
        )
