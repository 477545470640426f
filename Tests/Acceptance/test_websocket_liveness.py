"""Who says nothing is asked, and who does not answer is gone: both legs are closed, and the seat is
given back. Pings of either end go to the other one, or are answered here."""

import asyncio
import contextlib

import pytest
import websockets

from harness.deflating import DEFLATE
from harness.log import assert_logged, line
from harness.waiting import BUSY, again_if_late, longer_than, pace, together
from harness.wire import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, dialled, switched, wired,
)  # fmt: skip

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend app   { server 127.0.0.1:$app }
backend other { server 127.0.0.1:$spare }
sessions seats { store query:store; device query:device; limit 1 block_new }
defaults { backend app; ping 1s; silence 3s }
route /relay             { websocket; sessions seats; ping 1s relay }
route /relay/compressed  { websocket; sessions seats; ping relay; compress }
route /answer            { websocket; sessions seats; ping answer }
route /answer/compressed { websocket; sessions seats; ping 1s answer; compress }
route /other/relay       { websocket; backend other }
route /other/answer      { websocket; backend other; ping answer; compress }
route /often/            { websocket }
route /seldom            { websocket; ping 1h; silence 2h }
route /usual             { websocket; ping 25s; silence 60s }
"""
PATHS = ["/relay", "/relay/compressed", "/answer", "/answer/compressed"]


@pytest.fixture
def opened(gateway, upstream):
    return lambda path, door=gateway.plain: wired(door, upstream, path, DEFLATE)


def seat(path, device="A"):
    """A seat in a store that only this path's test goes to."""
    return f"{path}?store={path.replace('/', '-')}&device={device}"


# Silence.


async def silence_is_death(gateway, upstream, opened, path, door):
    """The client reads, but neither speaks nor answers."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with opened(seat(path), door) as (client, app):
        ping = await client.receive()
        assert ping.opcode == PING and loop.time() - started > 0.7
        # The seat is taken until then.
        async with dialled(gateway.plain, seat(path, "B")) as newcomer:
            await switched(newcomer)
            assert b"connection_rejected" in (await newcomer.receive()).payload
        code, reason = await client.closed()
        lived = loop.time() - started
        assert (code, 2.7 < lived < 4.5) == (1001, True), f"{code} after {lived:.2f} s"
        assert (await app.closed())[0] == 1001
        await app.ended()
        await assert_logged(gateway, client.mark, "timeout", told=reason)
        # Given back, although the dead client still holds its end.
        async with wired(gateway.plain, upstream, seat(path, "C")):
            pass


async def a_vanished_network_is_death(gateway, opened):
    """A client that does not even read: its close frame cannot be delivered, and nobody waits."""
    async with opened("/relay?store=cable&device=A") as (client, app):
        client.reader._transport.pause_reading()
        assert (await app.closed())[0] == 1001
        await app.ended()
        assert (await line(gateway, client.mark))["reason"] == "timeout"


async def talking_to_the_silent_does_not_keep_them_alive(gateway, opened):
    """Inbound traffic is the only sign of life."""
    async with opened("/relay?store=radio&device=A") as (client, app):

        async def talk():
            with contextlib.suppress(ConnectionError):
                while True:
                    await app.send(TEXT, "anybody there?")
                    await pace(0.1)

        talking = asyncio.create_task(talk())
        started = asyncio.get_running_loop().time()
        one = await client.receive()
        while one.opcode != CLOSE:
            assert one.opcode in (TEXT, PING)
            one = await client.receive()
        talking.cancel()
        assert one.payload[:2] == b"\x03\xe9"
        assert 2.7 < asyncio.get_running_loop().time() - started < 4.5 + BUSY
    assert (await line(gateway, client.mark))["reason"] == "timeout"


# Signs of life.


async def answers_live(opened, path):
    """Longer than `silence`, with nothing but pongs."""
    async with opened(f"{path}?store=life{path}&device=A") as (client, app):
        end = asyncio.get_running_loop().time() + 4
        pings = 0
        while asyncio.get_running_loop().time() < end:
            ping = await client.receive()
            assert ping.opcode == PING
            await client.send(PONG, ping.payload)
            pings += 1
        assert 2 <= pings <= 6
        await client.send(TEXT, "still here")
        # Our own pings, and their pongs, are not the app's business.
        await app.hears(TEXT, "still here")


async def talkers_live(opened, path, opcode, final=True):
    """Any frame is a sign of life, and who talks all the time need not be asked."""
    async with opened(f"{path}?store=talk{path}{opcode}&device=A") as (client, app):
        if not final:
            await client.send(TEXT, "begun", final=False)
        for _ in range(10):
            await client.send(opcode, "x", final=final)
            await pace(0.4)
        await client.close(1000)
        heard = await app.receive()
        while heard.opcode != CLOSE:
            heard = await app.receive()
        assert heard.payload == b"\x03\xe8"
        await app.close(1000)
        heard = await client.receive()
        while heard.opcode != CLOSE:
            assert heard.opcode == PONG, "nobody asks who talks"
            heard = await client.receive()
        assert heard.payload == b"\x03\xe8"


async def a_frame_that_takes_long_is_a_sign_of_life(opened, path):
    async with opened(f"{path}?store=slow{path}&device=A") as (client, app):
        octets = client.octets(BINARY, b"x" * 10)
        for index in range(len(octets)):
            await client.say(octets[index : index + 1])
            await pace(0.25)
        await app.hears(BINARY, b"x" * 10)


async def who_is_held_back_is_not_silent(opened, path):
    """The app reads nothing for longer than `silence`, so the gateway does not read the client:
    what it has to say waits, and none of it is lost."""
    async with opened(f"{path}?store=held{path}&device=A") as (client, app):

        async def push():
            for _ in range(500):
                await client.send(BINARY, b"x" * 60_000)

        pushing = asyncio.create_task(push())
        await longer_than("`silence`", 4.2)
        assert not pushing.done(), f"it was to be held back: {pushing}"
        for _ in range(500):
            await app.hears(BINARY, b"x" * 60_000)
        await pushing


async def other_peoples_clients_and_apps_live(gateway):
    """`websockets` at both ends asks and answers by itself; one of the clients never asks."""

    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    port = gateway.names["spare"]
    async with (
        websockets.serve(echo, "127.0.0.1", port, ping_interval=0.3, ping_timeout=2),
        gateway.tls.websocket("/other/relay", ping_interval=0.3, ping_timeout=2) as relayed,
        gateway.tls.websocket("/other/answer", ping_interval=0.3, ping_timeout=2) as answered,
        gateway.tls.websocket("/other/answer", ping_interval=None) as silent,
    ):
        await longer_than("`silence`", 3.5)
        for socket in (relayed, answered, silent):
            await socket.send("hello")
            assert await asyncio.wait_for(socket.recv(), 15) == "hello"


async def many_live(opened):
    """Sixty sockets, each asked and each answering in its own time."""
    await asyncio.gather(*[answers_live(opened, f"/often/{number}") for number in range(60)])


async def nobody_is_asked_too_often(opened):
    async with opened("/seldom") as (client, app), opened("/usual") as (other, _):
        await longer_than("`ping` of the others", 2.5)
        await app.send(TEXT, "first")
        await client.hears(TEXT, "first")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(other.receive(), 0.1)


@pytest.mark.timeout(180)
@again_if_late
async def test_silence_is_death_and_anything_else_is_life(gateway, upstream, opened):
    await together(
        *[silence_is_death(gateway, upstream, opened, path, gateway.plain) for path in PATHS[:3]],
        silence_is_death(gateway, upstream, opened, PATHS[3], gateway.tls),
        a_vanished_network_is_death(gateway, opened),
        talking_to_the_silent_does_not_keep_them_alive(gateway, opened),
        *[answers_live(opened, path) for path in PATHS],
        *[
            talkers_live(opened, path, opcode, final)
            for path in ("/relay", "/answer/compressed")
            for opcode, final in ((TEXT, True), (CONTINUATION, False), (PING, True), (PONG, True))
        ],
        who_is_held_back_is_not_silent(opened, "/relay"),
        who_is_held_back_is_not_silent(opened, "/answer/compressed"),
        other_peoples_clients_and_apps_live(gateway),
        many_live(opened),
        a_frame_that_takes_long_is_a_sign_of_life(opened, "/relay"),
        a_frame_that_takes_long_is_a_sign_of_life(opened, "/answer/compressed"),
        nobody_is_asked_too_often(opened),
    )


# Whose pings are answered by whom.


PAYLOADS = [b"", b"p", b"gw\0\0\0\0", bytes(125)]


@pytest.mark.parametrize("path", ["/relay", "/relay/compressed"])
async def test_pings_are_the_other_ends_business(opened, path):
    async with opened(f"{path}?store=r&device=A") as (client, app):
        for sender, hearer in ((client, app), (app, client)):
            for payload in PAYLOADS:
                await sender.send(PING, payload)
                await hearer.expect(PING, payload)
                await hearer.send(PONG, payload)
                await sender.expect(PONG, payload)
                # Unsolicited ones, too (RFC 6455, section 5.5.3).
                await hearer.send(PONG, b"by the way" + payload[:100])
                await sender.expect(PONG, b"by the way" + payload[:100])


@pytest.mark.parametrize("path", ["/answer", "/answer/compressed"])
async def test_pings_are_answered_here(opened, path):
    async with opened(f"{path}?store=a&device=A") as (client, app):
        for sender, hearer in ((client, app), (app, client)):
            for payload in PAYLOADS:
                await sender.send(PING, payload)
                await sender.expect(PONG, payload)
                await sender.send(PONG, payload)
            await sender.send(TEXT, "nobody else has heard of it")
            await hearer.hears(TEXT, "nobody else has heard of it")


@pytest.mark.parametrize("path", ["/answer", "/answer/compressed"])
async def test_an_answer_of_ours_stands_between_frames(opened, path):
    """A pong may stand between the fragments of what goes its way, not in one of them."""
    async with opened(f"{path}?store=b&device=A") as (client, app):
        for sender, hearer in ((client, app), (app, client)):
            octets = hearer.octets(BINARY, b"x" * 1000, final=False)
            await hearer.say(octets[:500])
            await sender.send(PING, b"meanwhile")
            await longer_than("a pong", 0.05)
            await hearer.say(octets[500:])
            await hearer.send(CONTINUATION, b"y")
            controls = []
            assert (await sender.message(controls)).payload == b"x" * 1000 + b"y"
            if not controls:
                controls.append(await sender.receive())
            assert controls == [Frame(PONG, b"meanwhile")]


@pytest.mark.parametrize("path", ["/answer", "/answer/compressed"])
async def test_pings_while_the_end_is_on_its_way(opened, path):
    """Behind a close nothing is answered; before the other's close everything is."""
    async with opened(f"{path}?store=c&device=A") as (client, app):
        await client.close(1000)
        assert await app.closed() == (1000, "")
        await app.send(PING, b"one moment")
        await app.send(TEXT, "the end")
        await app.close(1000)
        await client.hears(TEXT, "the end")
        assert await client.closed() == (1000, "")
        await asyncio.gather(client.ended(), app.ended())


async def test_pongs_of_the_clients_own_are_not_taken_for_answers_to_ours(opened):
    """Ours is not known before it is heard, so what looks like one is the app's business."""
    async with opened("/relay?store=d&device=A") as (client, app):
        ping = await client.receive()
        await client.send(PONG, b"mine")
        await app.expect(PONG, b"mine")
        await client.send(PONG, ping.payload)
        await client.send(TEXT, "done")
        await app.hears(TEXT, "done")
        await client.send(PONG, ping.payload)
        await app.expect(PONG, ping.payload)
