"""What the gateway says by itself (pings, errors, `force_disconnect`, closes) stands between the
app's messages, never within one; and nothing that happens meanwhile splits a message."""

import asyncio
import contextlib
import json
import signal
import zlib

import pytest

from harness.deflating import DEFLATE, NO_TAKEOVER
from harness.log import line
from harness.raw import once
from harness.waiting import SOON, eventually, longer_than, together
from harness.wire import (
    BINARY, CLOSE, CONTINUATION, PING, RSV3, TEXT, Frame, close_payload, dialled,
    inflated, switched, wired,
)  # fmt: skip

CONFIGURATION = """
log { access json stdout }
limits { drain 10s }
listen 127.0.0.1:$http
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
backend app { server 127.0.0.1:$app }
sessions seats { store query:store; device query:device; limit 1 eject_old }
sessions chair { store query:store; device query:device; limit 1 block_new }
route /passed-on   { websocket; sessions seats; backend app }
route /compressed  { websocket; sessions seats; compress over 64; backend app }
route /dedicated   { websocket; sessions seats; compress over 64 context dedicated; backend app }
route /both        { websocket; sessions seats; compress over 64 upstream; backend app }
route /pinged      { websocket; ping 1s; silence 60s; backend app }
route /pinged-too  { websocket; ping 1s; silence 60s; compress over 64; backend app }
route /token       { websocket; auth app; backend app }
route /chair       { websocket; sessions chair; backend app }
route /generation  { respond 200 "one" }
"""
#: The route, what the client offers, and what the app answers.
KINDS = {
    "passed-on": ("/passed-on", [], []),
    "agreed on by themselves": ("/passed-on", [DEFLATE], [DEFLATE]),
    "compressed": ("/compressed", [DEFLATE], []),
    "dedicated": ("/dedicated", [DEFLATE], []),
    "both": ("/both", [DEFLATE], [NO_TAKEOVER]),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def opened(gateway, upstream, kind):
    @contextlib.asynccontextmanager
    async def open(store, device="A", gateway=gateway):
        route, fields, answer = KINDS[kind]
        path = f"{route}?store={store}&device={device}"
        async with wired(gateway.plain, upstream, path, *fields, answer=answer) as (client, app):
            agreed = client.field("sec-websocket-extensions")
            if agreed and "server_no_context_takeover" not in agreed:
                client.inflater = zlib.decompressobj(-15)
            yield client, app

    return open


async def begin(client, app, text="begun "):
    """The app sends the first fragment of a message. Answers what the client has heard of it: the
    fragment, or nothing when the gateway waits for the whole message."""
    await app.send(TEXT, text, final=False)
    await app.send(PING, b"behind the first")
    heard = []
    while Frame(PING, b"behind the first") not in heard:
        heard.append(await client.receive())
    assert heard[:-1] in ([], [Frame(TEXT, text.encode(), final=False)])
    return heard[:-1]


async def messages_to_the_close(client, begun):
    """The messages up to the close frame, and its code. One that had begun must be finished."""
    messages, frames = [], list(begun)
    while True:
        one = await client.receive()
        if one.opcode == CLOSE:
            assert not frames, "a message that was begun, and a close"
            return messages, int.from_bytes(one.payload[:2], "big")
        assert one.opcode == (CONTINUATION if frames else TEXT), f"{one!r} within a message"
        frames.append(one)
        if one.final:
            payload = b"".join(one.payload for one in frames)
            if frames[0].reserved:
                payload = inflated(payload, client.inflater)
            messages.append(payload.decode())
            frames = []


async def assert_ended_behind(client, begun, message, code):
    """The message comes whole, before ours; or not at all, if nothing of it had been sent."""
    messages, seen = await messages_to_the_close(client, begun)
    assert seen == code
    if begun or len(messages) > 1:
        assert messages.pop(0) == message
    assert [json.loads(one)["type"] for one in messages] == ["force_disconnect"]
    await client.close(code)
    await client.ended()


async def say_if_possible(app, *frames):
    """The app may have been left already."""
    with contextlib.suppress(ConnectionError):
        for opcode, payload, final in frames:
            await app.send(opcode, payload, final=final)


GOES_ON = (CONTINUATION, "goes on ", False), (CONTINUATION, "to its end", True)


async def test_force_disconnect_waits_for_the_end_of_the_message(opened):
    async with opened("waits") as (client, app):
        begun = await begin(client, app)
        async with opened("waits", "B"):
            # The newcomer is inside, so the old one's end is decided.
            await say_if_possible(app, *GOES_ON)
            await assert_ended_behind(client, begun, "begun goes on to its end", 4010)
            if begun:
                assert (await app.closed())[0] == 1001


async def test_force_disconnect_waits_for_the_end_of_the_frame(opened):
    """In the middle of a payload not one octet of ours."""
    async with opened("frame") as (client, app):
        text = "in one frame " * 8000
        octets = app.octets(TEXT, text)
        await app.say(octets[:50_000])
        first = b""
        with contextlib.suppress(asyncio.TimeoutError):
            first = await asyncio.wait_for(client.reader.read(50_000), 0.1)
        assert octets.startswith(first)
        async with opened("frame", "B"):
            with contextlib.suppress(ConnectionError):
                await app.say(octets[50_000:])
            if first:
                rest = len(octets) - len(first)
                assert first + await client.exactly(rest) == octets
            await assert_ended_behind(client, [], text, 4010)


async def test_force_disconnect_comes_at_once_between_messages(opened):
    async with opened("idle") as (client, app):
        await app.send(TEXT, "one ", final=False)
        await app.send(CONTINUATION, "two")
        await client.hears(TEXT, "one two")
        async with opened("idle", "B"):
            assert json.loads((await client.message()).payload)["type"] == "force_disconnect"
            assert (await client.closed())[0] == 4010


async def test_messages_behind_the_one_that_was_waited_for_do_not_come(opened):
    async with opened("behind") as (client, app):
        begun = await begin(client, app)
        async with opened("behind", "B"):
            late = (TEXT, "too late", True), (TEXT, "far too ", False)
            await say_if_possible(app, *GOES_ON, *late)
            await assert_ended_behind(client, begun, "begun goes on to its end", 4010)


async def test_a_violation_of_the_clients_does_not_split_the_apps_frame(gateway, opened, kind):
    """What the client hears is whole frames and a close, or a frame that is cut and no close."""
    async with opened("violation") as (client, app):
        payload = b"x" * 100_000
        octets = app.octets(BINARY, payload)
        await app.say(octets[:40_000])
        is_passed_on = KINDS[kind][0] == "/passed-on"
        if is_passed_on:
            await client.exactly(10 + 30_000)
        await client.send(TEXT, "bad", reserved=RSV3)
        with contextlib.suppress(ConnectionError):
            await app.say(octets[40_000:])
        if is_passed_on:
            rest = await client.end()
            if len(rest) > 70_000:
                assert rest[:70_000] == payload[:70_000]
                assert rest[70_000] == 0x88 and rest[70_002:70_004] == b"\x03\xea"
            else:
                assert rest == payload[: len(rest)]
        else:
            frames, rest = await client.frames_to_the_end()
            assert rest == b"" and frames[-1].opcode == CLOSE
    assert (await line(gateway, client.mark))["reason"] == "protocol_error"


async def test_a_violation_is_told_when_the_app_closes_within_a_message(gateway, opened):
    """The end of the message, which the close frame would stand behind, cannot come any more."""
    async with opened("cut") as (client, app):
        await begin(client, app)
        await client.send(TEXT, "bad", reserved=RSV3)
        await app.closed()
        await app.close(1001)
        assert (await client.closed())[0] == 1002
    assert (await line(gateway, client.mark))["reason"] == "protocol_error"


# An end of ours that waits for a message, or comes too late for one.


async def one_close(wire):
    """The frames up to and including the only close frame, which is answered, and behind which
    there is nothing."""
    frames = [await wire.receive()]
    while frames[-1].opcode != CLOSE:
        frames.append(await wire.receive())
    with contextlib.suppress(ConnectionError):
        await wire.close(1000)
    late, rest = await wire.frames_to_the_end(patience=SOON)
    assert (late, rest) == ([], b""), "something behind a close"
    return frames


async def test_the_app_closes_while_our_end_waits(opened):
    async with opened("app") as (client, app):
        begun = await begin(client, app)
        async with opened("app", "B"):
            await say_if_possible(app, (CLOSE, close_payload(3000, "first"), True))
            frames = await one_close(client)
            if begun:
                assert frames[-1] == Frame(CLOSE, close_payload(3000, "first"))


async def test_the_client_closes_while_our_end_waits(opened):
    async with opened("client") as (client, app):
        await begin(client, app)
        async with opened("client", "B"):
            await client.close(3000, "first")
            assert (await app.receive()).payload[:2] in (b"\x0b\xb8", b"\x03\xe9")
            await say_if_possible(app, (CLOSE, close_payload(3000), True))
            await app.ended()
            frames, rest = await client.frames_to_the_end(patience=SOON)
            assert rest == b"" and [one.opcode for one in frames].count(CLOSE) <= 1


async def test_the_client_breaks_a_rule_while_our_end_waits(gateway, opened):
    """It is listened to no more, and the end that came first goes on."""
    async with opened("breaks") as (client, app):
        begun = await begin(client, app)
        async with opened("breaks", "B"):
            await client.send(TEXT, "bad", reserved=RSV3)
            if begun:
                assert (await app.closed())[0] == 1001
            await say_if_possible(app, *GOES_ON)
            assert (await messages_to_the_close(client, begun))[1] == 4010
    assert (await line(gateway, client.mark))["reason"] == "force_disconnect"


@pytest.mark.parametrize("leave", ["vanish", "reset"])
async def test_the_client_vanishes_while_our_end_waits(gateway, opened, leave):
    async with opened("vanish") as (client, app):
        await begin(client, app)
        async with opened("vanish", "B"):
            getattr(client, leave)()
            assert (await app.closed())[0] == 1001
            await app.ended()
    assert (await line(gateway, client.mark))["reason"] == "force_disconnect"


@pytest.mark.parametrize("leave", ["vanish", "reset"])
async def test_the_app_vanishes_while_our_end_waits(gateway, opened, leave):
    """What is waited for will not come, so nobody waits any longer."""
    async with opened("gone") as (client, app):
        await begin(client, app)
        async with opened("gone", "B"):
            getattr(app, leave)()
            frames = []
            with contextlib.suppress(asyncio.IncompleteReadError):
                while not frames or frames[-1].opcode != CLOSE:
                    frames.append(await client.receive(patience=SOON))
                await client.close(1001)
            await client.ended(patience=SOON)
            assert [one.opcode for one in frames if one.opcode < CLOSE] in ([], [TEXT])
    entry = await line(gateway, client.mark)
    assert entry["reason"] in ("force_disconnect", "upstream_closed")


async def test_the_client_breaks_a_rule_while_our_end_waits(gateway, opened):
    """It is not listened to any more, and is told why it ends as soon as that may be said."""
    async with opened("bad-client") as (client, app):
        begun = await begin(client, app)
        async with opened("bad-client", "B"):
            await client.send(TEXT, "bad", reserved=RSV3)
            await client.send(TEXT, "worse")
            assert (await app.closed())[0] == 1001
            await say_if_possible(app, *GOES_ON)
            messages, code = await messages_to_the_close(client, begun)
            assert code == 4010
            assert messages[: len(begun)] == ["begun goes on to its end"] * len(begun)
            await app.ended()
    assert (await line(gateway, client.mark))["reason"] == "force_disconnect"


async def test_the_app_breaks_a_rule_while_our_end_waits(gateway, opened):
    """The end of its message will not come, so nobody waits any longer."""
    async with opened("bad-app") as (client, app):
        await begin(client, app)
        async with opened("bad-app", "B"):
            await say_if_possible(app, (3, b"", True))
            frames = await one_close(client)
            assert frames[-1].payload[:2] == (4010).to_bytes(2)
            assert (await app.closed())[0] == 1001
            await app.ended()
    assert (await line(gateway, client.mark))["reason"] == "force_disconnect"


async def test_nothing_of_ours_follows_a_close_of_the_apps(opened):
    """The app's close has gone to the client; an ejection comes too late to be told."""
    async with opened("late") as (client, app):
        await app.close(3000, "first")
        assert await client.closed() == (3000, "first")
        async with opened("late", "B"):
            with contextlib.suppress(ConnectionError):
                await client.close(3000)
            await client.ended(patience=SOON)


async def test_a_violation_behind_a_close_of_the_apps_is_no_second_close(opened):
    async with opened("violation") as (client, app):
        await app.close(3000, "first")
        assert await client.closed() == (3000, "first")
        await client.send(TEXT, "bad", reserved=RSV3)
        await client.ended(patience=SOON)


async def test_a_violation_of_the_apps_behind_a_close_of_the_clients(opened):
    """The client, which has closed, is told once."""
    async with opened("broken") as (client, app):
        await client.close(3000, "first")
        assert await app.closed() == (3000, "first")
        await app.send(TEXT, "bad", reserved=RSV3)
        assert (await client.closed())[0] in (1011, 3000)
        await client.ended(patience=SOON)
        await app.ended()


# Pings of our own.


async def silent_client_within_a_frame(client, app):
    octets = app.octets(BINARY, b"x" * 1000)
    await app.say(octets[:500])
    await longer_than("`ping`", 1.8)
    await app.say(octets[500:])
    controls = []
    assert (await client.message(controls)).payload == b"x" * 1000
    if not controls:
        controls.append(await client.receive())
    assert [one.opcode for one in controls] == [PING]


async def silent_client_within_a_message(client, app):
    heard = await begin(client, app)
    await longer_than("`ping`", 1.8)
    await app.send(CONTINUATION, "ended")
    while not (heard and heard[-1].final and heard[-1].opcode in (TEXT, CONTINUATION)):
        heard.append(await client.receive())
    opcodes = [one.opcode for one in heard]
    if PING not in opcodes:
        opcodes.append((await client.receive()).opcode)
    assert opcodes in ([TEXT, CONTINUATION, PING], [TEXT, PING], [PING, TEXT])


async def test_our_pings_stand_between_messages(gateway, upstream):
    """The client says nothing for longer than `ping`, while a message is on its way to it."""

    async def run(path, scenario):
        async with wired(gateway.plain, upstream, path, DEFLATE) as (client, app):
            await scenario(client, app)

    await together(
        *[
            run(path, scenario)
            for path in ("/pinged", "/pinged-too")
            for scenario in (silent_client_within_a_frame, silent_client_within_a_message)
        ]
    )


# Errors are said instead of an app's messages, so there is nothing to split; but they are whole.


@pytest.mark.parametrize(
    ("path", "code", "kind"),
    [("/token", 4001, "error"), ("/chair?store=1&device=B", 4009, "connection_rejected")],
)
async def test_a_refusal_is_one_whole_message_and_a_close(gateway, upstream, path, code, kind):
    async with wired(gateway.plain, upstream, "/chair?store=1&device=A"):
        async with dialled(gateway.plain, path) as client:
            # A client that talks before it has heard the answer.
            await client.send(TEXT, "hello", final=False)
            await switched(client)
            first = await client.receive()
            assert (first.opcode, first.final, first.reserved) == (TEXT, True, 0)
            assert json.loads(first.payload)["type"] == kind
            assert (await client.closed())[0] == code
            await client.send(CONTINUATION, "still there?")
            await client.close(code)
            await client.ended()


# Reload and drain.


@pytest.fixture
def own_gateway(start_gateway, app_port):
    return start_gateway(CONFIGURATION, app=app_port)


async def test_a_reload_does_not_split_a_message(own_gateway, opened):
    async with opened("reload", gateway=own_gateway) as (client, app):
        begun = await begin(client, app)
        await client.send(TEXT, "from ", final=False)
        octets = client.octets(CONTINUATION, "the client")
        await client.say(octets[:7])
        own_gateway.configure(
            CONFIGURATION.replace('"one"', '"two"')
            .replace("compress over 64;", "message_size 1k;")
            .replace("compress over 64 upstream;", "message_size 1k;")
            .replace("compress over 64 context dedicated;", "ping answer;")
            .replace("route /passed-on   { websocket;", "route /passed-on { websocket; compress;")
        )
        own_gateway.reload()

        async def reloaded():
            request = "GET /generation HTTP/1.1\r\nHost: localhost\r\n\r\n"
            return (await once(own_gateway.plain, request)).body == b"two"

        await eventually(reloaded, "the new generation")
        await client.say(octets[7:])
        await app.hears(TEXT, "from the client")
        await app.send(CONTINUATION, "ended")
        parts = [one.payload for one in begun]
        while b"".join(parts) != b"begun ended":
            one = await client.receive()
            assert one.opcode == (CONTINUATION if parts else TEXT)
            parts.append(one.payload)
        await client.send(TEXT, "it lives " * 200)
        await app.hears(TEXT, "it lives " * 200)
        await app.send(TEXT, "on " * 200)
        await client.hears(TEXT, "on " * 200)


async def test_a_drain_does_not_split_a_message(own_gateway, opened):
    async with opened("drain", gateway=own_gateway) as (client, app):
        begun = await begin(client, app)
        own_gateway.signal(signal.SIGTERM)
        own_gateway.wait_for_words("draining")
        await say_if_possible(app, *GOES_ON)
        await assert_ended_behind(client, begun, "begun goes on to its end", 1012)
        if begun:
            assert (await app.closed())[0] == 1001
    own_gateway.assert_exit(0)


async def test_a_drain_lets_the_client_finish_its_frame(own_gateway, opened):
    """A close frame for the app is not put into the middle of one from the client."""
    async with opened("drain", gateway=own_gateway) as (client, app):
        octets = client.octets(BINARY, b"\x88" * 1000, mask=b"\0\0\0\0")
        await client.say(octets[:500])
        own_gateway.signal(signal.SIGTERM)
        assert json.loads((await client.message()).payload)["type"] == "force_disconnect"
        assert (await client.closed())[0] == 1012
        await client.say(octets[500:])
        await client.close(1012)
        await client.ended()
        frames, rest = await app.frames_to_the_end()
        if rest:
            assert frames == [] and octets.startswith(rest)
        else:
            assert [one.opcode for one in frames] in ([CLOSE], [BINARY, CLOSE])
    own_gateway.assert_exit(0)
