"""How a WebSocket ends between a client and an app: the close handshake in both directions, ends
without one, and how long anybody is waited for."""

import asyncio
import contextlib
import itertools
import json

import pytest

from harness.deflating import KINDS
from harness.log import assert_logged, line
from harness.waiting import SOON, eventually, pace, together
from harness.watch import stopping
from harness.wire import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, close_payload, wired,
)  # fmt: skip

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$app }
sessions seats { store query:store; device query:device; limit 1 eject_old }
route /passed-on  { websocket; sessions seats; backend app }
route /compressed { websocket; sessions seats; compress over 64; backend app }
"""

#: Our own patience is five seconds; the wheel is coarse and the machine may be busy.
BOUND = 9

_stores = itertools.count()


@pytest.fixture
def opened(gateway, upstream, kind):
    return opener(gateway, upstream, kind)


def opener(gateway, upstream, kind):
    """Each socket in a store of its own, unless the test names one."""

    def open(door=gateway.plain, store=None, device="A", **options):
        store = f"{kind}-{store or next(_stores)}"
        path = f"/{kind}?store={store}&device={device}"
        return wired(door, upstream, path, *KINDS[kind], **options)

    return open


# In order.


CLOSES = [
    (1000, "bye"), (1000, ""), (1001, "going"), (1002, "you"), (1003, "what?"), (1007, "no text"),
    (1008, "rules"), (1009, "much"), (1010, "extension"), (1011, "oops"), (1012, "restart"),
    (1013, "later"), (1014, "gateway"), (3000, "registered"), (4000, "ours"), (4008, "mine"),
    (4999, "last"), (1005, ""), (1000, "r" * 123), (4001, "안녕히 가세요"), (4002, "\0"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "reason"), CLOSES)
@pytest.mark.parametrize("first", ["client", "app"])
async def test_code_and_reason_are_carried_through(gateway, opened, first, code, reason):
    async with opened() as (client, app):
        closer, other = (client, app) if first == "client" else (app, client)
        await closer.close(code, reason)
        assert await other.closed() == (code, reason)
        await other.close(code, reason)
        assert await closer.closed() == (code, reason)
        await asyncio.gather(client.ended(), app.ended())
    entry = await assert_logged(gateway, client.mark, "normal")
    assert entry["detail"] == str(code)


async def test_the_answer_may_be_another_code(gateway, opened):
    pairs = [((1000, "a"), (4321, "b")), ((1005, ""), (1000, "")), ((1001, "x"), (1005, ""))]
    for first, answer in pairs:
        async with opened() as (client, app):
            await client.close(*first)
            assert await app.closed() == first
            await app.close(*answer)
            assert await client.closed() == answer
            await client.ended()
        async with opened() as (client, app):
            await app.close(*first)
            assert await client.closed() == first
            await client.close(*answer)
            assert await app.closed() == answer
            await client.ended()


async def test_both_may_close_at_once(gateway, opened):
    async with opened() as (client, app):
        await asyncio.gather(client.close(3001, "client"), app.close(3002, "app"))
        assert await client.closed() == (3002, "app")
        assert await app.closed() == (3001, "client")
        await asyncio.gather(client.ended(), app.ended())
    await assert_logged(gateway, client.mark, "normal")


async def test_a_close_octet_by_octet_is_a_close(opened):
    async with opened() as (client, app):
        octets = client.octets(CLOSE, close_payload(1000, "bit by bit"))
        await client.trickle(octets, [1] * len(octets))
        assert await app.closed() == (1000, "bit by bit")
        octets = app.octets(CLOSE, close_payload(1000, "too"))
        await app.trickle(octets, [1] * len(octets))
        assert await client.closed() == (1000, "too")


async def test_nothing_goes_on_behind_a_close(opened):
    """Neither data nor control frames, nor a second close (RFC 6455, section 5.5.1)."""
    for first in ("client", "app"):
        async with opened() as (client, app):
            closer, other = (client, app) if first == "client" else (app, client)
            late = [
                closer.octets(TEXT, "late"), closer.octets(PING, b"late"),
                closer.octets(CLOSE, close_payload(3000)), closer.octets(TEXT, "x", reserved=7),
            ]  # fmt: skip
            await closer.say(closer.octets(CLOSE, close_payload(1000)) + b"".join(late))
            assert await other.closed() == (1000, "")
            await closer.say(b"".join(late))
            await other.close(1000)
            await other.ended()
            assert await closer.closed() == (1000, "")


async def test_what_the_other_side_still_has_to_say_arrives_before_its_answer(opened):
    async with opened() as (client, app):
        await client.close(1000)
        assert await app.closed() == (1000, "")
        await app.send(TEXT, "one last ", final=False)
        await app.send(CONTINUATION, "thing")
        await app.close(1000)
        await client.hears(TEXT, "one last thing")
        assert await client.closed() == (1000, "")
    async with opened() as (client, app):
        await app.close(1000)
        assert await client.closed() == (1000, "")
        await client.send(TEXT, "one last thing")
        await client.close(1000)
        await app.hears(TEXT, "one last thing")
        assert await app.closed() == (1000, "")


async def test_messages_right_before_a_close_arrive(opened):
    async with opened() as (client, app):
        for closer, other in ((client, app), (app, client)):
            said = closer.octets(TEXT, "last " * 50) + closer.octets(CLOSE, close_payload(1000))
            await closer.say(said)
            await other.hears(TEXT, "last " * 50)
            assert await other.closed() == (1000, "")


async def test_a_close_between_fragments_is_a_close(opened):
    """What was begun will not be finished, and is not taken for a message."""
    async with opened() as (client, app):
        await client.send(TEXT, "begun", final=False)
        await client.close(1000, "enough")
        heard = [await app.receive()]
        if heard[-1].opcode == TEXT:
            assert not heard[-1].final
            heard.append(await app.receive())
        assert heard[-1] == Frame(CLOSE, close_payload(1000, "enough"))
    async with opened() as (client, app):
        await app.send(TEXT, "begun", final=False)
        await app.close(1000, "enough")
        heard = [await client.receive()]
        if heard[-1].opcode == TEXT:
            assert not heard[-1].final
            heard.append(await client.receive())
        assert heard[-1] == Frame(CLOSE, close_payload(1000, "enough"))


async def test_the_gateway_ends_the_connection_when_both_have_closed(gateway, opened):
    """The client need not do it (RFC 6455, section 7.1.1)."""
    async with opened() as (client, app):
        await client.close(1000)
        await app.closed()
        ports = [client.port, app.other_port]
        assert all(gateway.is_connected_to(port) for port in ports)
        await app.close(1000)
        await client.closed()
        await client.ended()
        await app.ended()
        app.writer.close()
        client.writer.close()
        await eventually(
            lambda: not any(gateway.is_connected_to(port) for port in ports),
            "both legs to be closed",
        )


# Not in order.


@pytest.mark.parametrize("door", ["plain", "tls"])
@pytest.mark.parametrize("leave", ["vanish", "reset"])
async def test_a_vanished_client_is_1001_for_the_app(gateway, opened, door, leave):
    async with opened(getattr(gateway, door)) as (client, app):
        await client.send(TEXT, "here")
        await app.hears(TEXT, "here")
        getattr(client, leave)()
        assert (await app.closed())[0] == 1001
        await app.ended()
    await assert_logged(gateway, client.mark, "client_gone")


@pytest.mark.parametrize("leave", ["vanish", "reset"])
async def test_a_vanished_app_is_1001_for_the_client(gateway, opened, leave):
    async with opened() as (client, app):
        await app.send(TEXT, "here" * 50)
        await client.hears(TEXT, "here" * 50)
        getattr(app, leave)()
        assert (await client.closed())[0] == 1001
        await client.close(1001)
        await client.ended()
    await assert_logged(gateway, client.mark, "upstream_closed")


async def test_the_last_words_of_an_app_that_takes_no_more_arrive(gateway, opened):
    """It has had enough of a client that goes on sending, says so, and resets the connection, as
    systems do where something was left unread: there are octets for it that nobody takes."""
    async with opened() as (client, app):
        app.reader._transport.pause_reading()
        octets = client.octets(BINARY, bytes(60_000))
        with contextlib.suppress(TimeoutError):
            while True:
                await asyncio.wait_for(client.say(octets), 1)
        async with stopping(gateway):
            await app.send(TEXT, "too much")
            await app.close(1009)
            app.reset()
            with contextlib.suppress(ConnectionError):
                await app.writer.wait_closed()
        await client.hears(TEXT, "too much")
        assert (await client.closed())[0] == 1009
        client.reset()
    assert (await line(gateway, client.mark))["detail"] == "1009"


@pytest.mark.parametrize("leave", ["vanish", "reset"])
async def test_a_client_that_vanishes_between_fragments_is_1001_for_the_app(gateway, opened, leave):
    async with opened() as (client, app):
        await client.send(TEXT, "begun", final=False)
        await client.send(PING)
        while (await app.receive()).opcode != PING:
            pass
        getattr(client, leave)()
        assert (await app.closed())[0] == 1001
        await app.ended()
    await assert_logged(gateway, client.mark, "client_gone")


@pytest.mark.parametrize("sent", [1, 5, 6, 7, 100])
async def test_nothing_is_put_into_a_frame_that_a_vanished_client_left_open(
    gateway, opened, kind, sent
):
    """The app must not take a close frame of ours for the rest of it."""
    async with opened() as (client, app):
        octets = client.octets(BINARY, b"x" * 120, mask=b"\0\0\0\0")[:sent]
        await client.say(client.octets(TEXT, "whole") + octets)
        await app.hears(TEXT, "whole")
        client.vanish()
        frames, rest = await app.frames_to_the_end()
    if rest:
        assert kind == "passed-on" and frames == []
        assert octets.startswith(rest), f"{rest!r} is not what the client sent"
    else:
        assert [one.opcode for one in frames] == [CLOSE]
    await assert_logged(gateway, client.mark, "client_gone")


@pytest.mark.parametrize("sent", [1, 2, 3, 100])
async def test_nothing_is_put_into_a_frame_that_a_vanished_app_left_open(
    gateway, opened, kind, sent
):
    async with opened() as (client, app):
        octets = app.octets(BINARY, b"x" * 120)[:sent]
        await app.say(app.octets(TEXT, "whole") + octets)
        await client.hears(TEXT, "whole")
        app.vanish()
        with contextlib.suppress(ConnectionError):
            await client.close(1001)
        frames, rest = await client.frames_to_the_end()
    if rest:
        assert kind == "passed-on" and frames == []
        assert octets.startswith(rest), f"{rest!r} is not what the app sent"
    else:
        assert [one.opcode for one in frames] == [CLOSE]
    await assert_logged(gateway, client.mark, "upstream_closed")


async def test_an_app_that_vanishes_between_fragments_has_not_sent_a_message(
    gateway, opened, kind
):
    async with opened() as (client, app):
        await app.send(TEXT, "begun", final=False)
        if kind == "passed-on":
            await client.expect(TEXT, "begun", final=False)
        app.vanish()
        with contextlib.suppress(ConnectionError):
            await client.close(1001)
        frames, rest = await client.frames_to_the_end()
        assert rest == b""
        assert [one.opcode for one in frames] in ([], [CLOSE])
    await assert_logged(gateway, client.mark, "upstream_closed")


async def test_a_client_that_vanishes_after_its_close_has_closed(gateway, opened):
    async with opened() as (client, app):
        await client.close(4007, "so long")
        client.vanish()
        assert await app.closed() == (4007, "so long")
        await app.ended()
    entry = await assert_logged(gateway, client.mark, "normal")
    assert entry["detail"] == "4007"


async def test_an_app_that_vanishes_after_its_close_has_closed(gateway, opened):
    async with opened() as (client, app):
        await app.close(4007, "so long")
        app.vanish()
        assert await client.closed() == (4007, "so long")
        await client.close(4007)
        await client.ended(patience=SOON)
    entry = await assert_logged(gateway, client.mark, "normal")
    assert entry["detail"] == "4007"


async def test_an_app_that_vanishes_instead_of_answering_a_close(gateway, opened):
    async with opened() as (client, app):
        await client.close(1000)
        await app.closed()
        app.vanish()
        frames, rest = await client.frames_to_the_end()
        assert rest == b"" and [one.opcode for one in frames] in ([], [CLOSE])
    assert (await line(gateway, client.mark))["reason"] in ("normal", "upstream_closed")


# How long anybody is waited for. One test, because each of these takes five seconds.


async def client_closes_and_the_app_does_not_answer(opened):
    async with opened() as (client, app):
        await client.close(1000)
        await asyncio.gather(client.end(BOUND), app.end(BOUND))
    return client, "normal"


async def client_closes_and_the_app_goes_on_talking(opened):
    async with opened() as (client, app):
        await client.close(1000)

        async def talk():
            with contextlib.suppress(ConnectionError):
                while True:
                    await app.send(TEXT, "and another thing " * 10)
                    await pace(0.05)

        talking = asyncio.create_task(talk())
        await asyncio.gather(client.end(BOUND), app.end(BOUND))
        talking.cancel()
    return client, "normal"


async def app_closes_and_the_client_does_not_answer(opened):
    async with opened() as (client, app):
        await app.close(1000)
        assert await client.closed() == (1000, "")
        await asyncio.gather(client.end(BOUND), app.end(BOUND))
    return client, "normal"


async def app_closes_and_the_client_goes_on_talking(opened):
    async with opened() as (client, app):
        await app.close(1000)

        async def talk():
            with contextlib.suppress(ConnectionError):
                while True:
                    await client.send(PONG, "and another thing")
                    await pace(0.05)

        talking = asyncio.create_task(talk())
        await asyncio.gather(client.end(BOUND), app.end(BOUND))
        talking.cancel()
    return client, "normal"


async def app_closes_and_the_client_reads_nothing(opened):
    """A queue full for a client that does not take it, and a close behind."""
    async with opened(receive_buffer=4096, limit=4096) as (client, app):
        await app.say(b"".join(app.octets(BINARY, b"q" * 60_000) for _ in range(8)))
        await app.close(1000)
        await app.end(BOUND)
    return client, None


async def ejected_client_does_not_answer(opened):
    async with opened(store="ejected") as (client, app):
        async with opened(store="ejected", device="B") as (_, _):
            assert json.loads((await client.message()).payload)["type"] == "force_disconnect"
            assert (await client.closed())[0] == 4010
            await client.end(BOUND)
    return client, "force_disconnect"


async def ejected_client_goes_on_talking(opened):
    async with opened(store="loud") as (client, app):
        async with opened(store="loud", device="B") as (_, _):
            await client.message()
            assert (await client.closed())[0] == 4010

            async def talk():
                with contextlib.suppress(ConnectionError):
                    while True:
                        await client.send(TEXT, "no, you go")
                        await pace(0.05)

            talking = asyncio.create_task(talk())
            await client.end(BOUND)
            talking.cancel()
            assert (await app.closed())[0] == 1001
            await app.ended()
    return client, "force_disconnect"


async def vanished_app_and_the_client_does_not_answer(opened):
    async with opened() as (client, app):
        app.vanish()
        assert (await client.closed())[0] == 1001
        await client.end(BOUND)
    return client, "upstream_closed"


async def app_never_finishes_the_message_that_an_ejection_waits_for(opened):
    async with opened(store="patient") as (client, app):
        await app.send(TEXT, "begun", final=False)
        await app.send(PING)
        while (await client.receive()).opcode != PING:
            pass
        async with opened(store="patient", device="B") as (_, _):
            frames, rest = await client.frames_to_the_end(BOUND)
            assert rest == b""
            data = [one.opcode for one in frames if one.opcode < CLOSE]
            assert data in ([], [TEXT]), "no message within a message"
            await app.end(BOUND)
    return client, "force_disconnect"


async def test_nobody_is_waited_for_longer_than_five_seconds(gateway, upstream):
    scenarios = [
        client_closes_and_the_app_does_not_answer,
        client_closes_and_the_app_goes_on_talking,
        app_closes_and_the_client_does_not_answer,
        app_closes_and_the_client_goes_on_talking,
        app_closes_and_the_client_reads_nothing,
        ejected_client_does_not_answer,
        ejected_client_goes_on_talking,
        vanished_app_and_the_client_does_not_answer,
        app_never_finishes_the_message_that_an_ejection_waits_for,
    ]

    async def run(scenario, kind):
        client, reason = await scenario(opener(gateway, upstream, kind))
        seen = (await line(gateway, client.mark))["reason"]
        assert reason in (seen, None), f"{scenario.__name__}, {kind}: logged as {seen}"

    await together(*[run(scenario, kind) for scenario in scenarios for kind in KINDS])
