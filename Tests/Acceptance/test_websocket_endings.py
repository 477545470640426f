"""Every way in which a WebSocket can end: the log has its word, both legs are closed, and the seat
in the store is free for the next one."""

import asyncio
import contextlib
import signal

import pytest

from harness.deflating import DEFLATE
from harness.log import assert_logged, line, lines_about
from harness.waiting import SOON, eventually, together
from harness.wire import (
    BINARY, CLOSE, CONTINUATION, PING, RSV1, RSV3, TEXT, deflated, dialled, wired,
)  # fmt: skip

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend app     { server 127.0.0.1:$app }
backend hurried { server 127.0.0.1:$app; handshake_timeout 500ms }
backend nobody  { server 127.0.0.1:$spare }
sessions seats { store query:store; device query:device; limit 1 block_new }
sessions stage { store query:store; device query:device; limit 1 eject_old }
defaults { backend app; sessions seats; refuse http; send_queue 64k; slow cut 1s
           message_size 64k; frame_size 10k; fragments 4; control_rate 5; inflated_size 256k }
route /passed-on  { websocket }
route /compressed { websocket; compress }
route /silent     { websocket; ping 1s; silence 2s }
route /hurried    { websocket; backend hurried }
route /nobody     { websocket; backend nobody; while_away hold 200ms }
route /stage      { websocket; sessions stage }
"""


# What is done to an open WebSocket, and the words the log has for it: reason and detail. The
# detail is None where it is what the close frame told the client.

ENDINGS = {}


def ending(reason, detail=None, path="/passed-on"):
    def register(scenario):
        ENDINGS[scenario.__name__] = (scenario, path, reason, detail)
        return scenario

    return register


@ending("normal", "1000")
async def client_closes(client, app):
    await client.close(1000, "bye")
    assert await app.closed() == (1000, "bye")
    await app.close(1000)


@ending("normal", "4321")
async def app_closes(client, app):
    await app.close(4321, "bye")
    assert await client.closed() == (4321, "bye")
    await client.close(4321)


@ending("normal", "1005")
async def client_closes_without_a_code(client, app):
    await client.close()
    assert await app.closed() == (1005, "")
    await app.close()


@ending("normal", "4000", "/compressed")
async def client_closes_what_is_compressed(client, app):
    await client.close(4000)
    assert await app.closed() == (4000, "")
    await app.close(4000)


@ending("client_gone")
async def client_vanishes(client, app):
    client.vanish()
    assert (await app.closed())[0] == 1001


@ending("client_gone")
async def client_resets(client, app):
    client.reset()
    assert (await app.closed())[0] == 1001


@ending("client_gone", path="/compressed")
async def client_resets_within_a_message(client, app):
    await client.send(TEXT, "begun", final=False)
    client.reset()
    assert (await app.closed())[0] == 1001


@ending("client_gone")
async def client_resets_within_a_frame(client, app):
    await client.say(client.octets(BINARY, b"x" * 100)[:50])
    client.reset()


@ending("upstream_closed")
async def app_vanishes(client, app):
    app.vanish()
    assert (await client.closed())[0] == 1001


@ending("upstream_closed", path="/compressed")
async def app_resets(client, app):
    app.reset()
    assert (await client.closed())[0] == 1001


@ending("upstream_closed")
async def app_resets_within_a_frame(client, app):
    await app.say(app.octets(BINARY, b"x" * 100)[:50])
    await client.exactly(50)
    app.reset()


@ending("protocol_error")
async def client_breaks_the_rules(client, app):
    await client.send(TEXT, "x", reserved=RSV3)
    return await client.closed(), 1002


@ending("protocol_error", path="/compressed")
async def client_breaks_the_rules_of_compression(client, app):
    await client.send(TEXT, "begun", final=False)
    await client.send(CONTINUATION, "x", reserved=RSV1)
    return await client.closed(), 1002


@ending("invalid_payload")
async def client_closes_with_a_reason_that_is_no_text(client, app):
    await client.close(1000, b"\xff")
    return await client.closed(), 1007


@ending("invalid_payload", path="/compressed")
async def client_sends_corrupt_data(client, app):
    await client.send(TEXT, b"\xff" * 8, reserved=RSV1)
    return await client.closed(), 1007


@ending("too_big")
async def client_sends_a_message_too_big(client, app):
    with contextlib.suppress(ConnectionError):
        for number in range(4):
            await client.send(
                CONTINUATION if number else BINARY, b"x" * 10_000, final=False
            )
        await client.send(CONTINUATION, b"x" * 10_000)
    return await client.closed(), 1009


@ending("too_big")
async def client_sends_a_frame_too_big(client, app):
    await client.say(client.octets(BINARY, length=10 * 1024 + 1))
    return await client.closed(), 1009


@ending("too_big", path="/compressed")
async def client_sends_too_many_fragments(client, app):
    for number in range(5):
        await client.send(CONTINUATION if number else TEXT, "x", final=False)
    return await client.closed(), 1009


@ending("too_big", path="/compressed")
async def client_sends_a_bomb(client, app):
    await client.send(BINARY, deflated(bytes(1_000_000)), reserved=RSV1)
    return await client.closed(), 1009


@ending("rate_limited")
async def client_sends_too_many_control_frames(client, app):
    await client.say(b"".join(client.octets(PING) for _ in range(6)))
    return await client.closed(), 1013


@ending("internal_error")
async def app_breaks_the_rules(client, app):
    await app.send(TEXT, "x", reserved=RSV3)
    return await client.closed(), 1011


@ending("timeout", path="/silent")
async def client_is_silent(client, app):
    assert (await client.receive()).opcode == PING
    return await client.closed(), 1001


@ending("slow_consumer")
async def client_reads_nothing(client, app):
    client.reader._transport.pause_reading()
    with contextlib.suppress(ConnectionError):
        while not app.writer.transport.is_closing():
            await app.send(BINARY, b"x" * 60_000)
            await asyncio.sleep(0)
    client.reset()


# Those that end before they have begun: what the app does, and the status.

BEGINNINGS = {
    "the app refuses": ("/passed-on", lambda app: app.answer("403 Forbidden", b"no"), 403, "normal"),
    "the app answers as if to a page": ("/passed-on", lambda app: app.answer("200 OK"), 200, "normal"),
    "the app answers nonsense": (
        "/passed-on", lambda app: app.say(b"nonsense\r\n\r\n"), 502, "upstream_unavailable",
    ),
    "the app says a 101 that is none": (
        "/compressed", lambda app: app.say(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), 502,
        "upstream_unavailable",
    ),
    "the app says nothing": ("/hurried", lambda app: app.end(), 504, "upstream_unavailable"),
    "there is no app": ("/nobody", None, 502, "upstream_unavailable"),
}  # fmt: skip


async def is_admitted(gateway, upstream, path):
    """A newcomer gets as far as the app."""
    async with dialled(gateway.plain, path, DEFLATE) as client:
        arrival = asyncio.create_task(upstream.arrival(client.target))
        answer = asyncio.create_task(client.reader.read(1))
        done, waiting = await asyncio.wait([arrival, answer], return_when="FIRST_COMPLETED")
        for task in waiting:
            task.cancel()
        return arrival in done


async def assert_seat_is_free(gateway, upstream, store, name):
    """Soon, that is: neither a close that is still awaited nor a client that holds on keeps it."""

    async def free():
        return await is_admitted(gateway, upstream, f"/passed-on?store={store}&device=next")

    await eventually(free, f"the seat of {name} to be free", patience=SOON)


async def run_ending(gateway, upstream, name):
    scenario, path, reason, detail = ENDINGS[name]
    store = name
    seat = f"{path}?store={store}&device=first"
    small = {"receive_buffer": 4096} if name == "client_reads_nothing" else {}
    async with wired(gateway.plain, upstream, seat, DEFLATE, **small) as (client, app):
        other = f"/passed-on?store={store}&device=other"
        assert not await is_admitted(gateway, upstream, other), f"{name}: the seat is not taken"
        told = await scenario(client, app)
        if told:
            (code, words), expected = told
            assert code == expected, f"{name}: {code}"
            detail = words
        await assert_seat_is_free(gateway, upstream, store, name)
        if name != "client_reads_nothing":
            frames, rest = await app.frames_to_the_end()
            assert all(one.opcode in (CLOSE, PING) or not one.final for one in frames), name
        entry = await assert_logged(gateway, client.mark, reason, told=detail)
        assert entry["store"] == store
        assert entry["session"]
    assert len(lines_about(gateway, client.mark)) == 1, f"{name}: one line, and no other"


async def run_beginning(gateway, upstream, name):
    path, behave, status, reason = BEGINNINGS[name]
    store = name.replace(" ", "-")
    async with dialled(gateway.plain, f"{path}?store={store}&device=first") as client:
        if behave:
            app = await upstream.arrival(client.target)
            behaving = asyncio.ensure_future(behave(app))
        head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 15)
        assert head.startswith(f"HTTP/1.1 {status} ".encode()), f"{name}: {head}"
        if behave:
            await behaving
        await assert_seat_is_free(gateway, upstream, store, name)
    await assert_logged(gateway, client.mark, reason, status=status)


async def leave_before_the_answer(gateway, upstream, leave):
    async with dialled(gateway.plain, f"/passed-on?store={leave}&device=first") as client:
        app = await upstream.arrival(client.target)
        getattr(client, leave)()
        await app.end()
        await assert_seat_is_free(gateway, upstream, leave, leave)
    assert (await line(gateway, client.mark))["reason"] == "client_gone"


async def test_every_ending_has_its_word_and_gives_its_seat_back(gateway, upstream):
    await together(
        *[run_ending(gateway, upstream, name) for name in ENDINGS],
        *[run_beginning(gateway, upstream, name) for name in BEGINNINGS],
        leave_before_the_answer(gateway, upstream, "vanish"),
        leave_before_the_answer(gateway, upstream, "reset"),
    )
    await eventually(lambda: gateway.connections() == 0, "both legs of all of them to be closed")


@pytest.mark.parametrize(
    ("device", "reason", "code"), [("other", "force_disconnect", 4010), ("first", "replaced", 4011)]
)
async def test_a_seat_that_is_taken_over(gateway, upstream, device, reason, code):
    """It is the newcomer's at once, and free when the newcomer leaves."""
    stage = f"/stage?store={reason}&device="
    async with wired(gateway.plain, upstream, stage + "first") as (client, app):
        async with wired(gateway.plain, upstream, stage + device) as (newcomer, other):
            assert (await client.message()).opcode == TEXT
            assert (await client.closed())[0] == code
            assert (await app.closed())[0] == 1001
            await newcomer.send(TEXT, "mine now")
            await other.hears(TEXT, "mine now")
        await assert_logged(gateway, client.mark, reason)


async def test_a_drain_has_its_word(start_gateway, app_port, upstream):
    gateway = start_gateway(CONFIGURATION, app=app_port)
    async with wired(gateway.plain, upstream, "/passed-on?store=1&device=A") as (client, app):
        gateway.signal(signal.SIGTERM)
        await client.message()
        assert (await client.closed())[0] == 1012
        await client.close(1012)
        await client.ended()
        assert (await app.closed())[0] == 1001
        await app.ended()
    gateway.assert_exit(0)
    assert (await line(gateway, client.mark))["reason"] == "draining"


async def test_the_close_frame_for_the_app_is_masked_and_has_a_word(gateway, upstream):
    """1001, going away, and why."""
    for leave in ("vanish", "reset"):
        async with wired(gateway.tls, upstream, f"/compressed?store=w{leave}&device=A") as ends:
            client, app = ends
            getattr(client, leave)()
            octets = await app.end()
        assert octets[0] == 0x88 and octets[1] & 0x80, "a close frame, masked"
        key, payload = octets[2:6], octets[6:]
        assert len(payload) == octets[1] & 0x7F and len(payload) > 2
        assert bytes(octet ^ key[index % 4] for index, octet in enumerate(payload))[:2] == b"\x03\xe9"
        assert key != b"\0\0\0\0"


async def test_masking_keys_are_not_guessed(gateway, upstream):
    """A key of its own for every frame of ours (RFC 6455, section 5.3)."""
    keys = set()
    for number in range(20):
        async with wired(gateway.plain, upstream, f"/passed-on?store=k{number}&device=A") as ends:
            client, app = ends
            client.vanish()
            keys.add((await app.end())[2:6])
    assert len(keys) == 20
    async with wired(gateway.plain, upstream, "/compressed?store=key&device=A", DEFLATE) as ends:
        client, app = ends
        keys = set()
        for _ in range(20):
            await client.send(TEXT, deflated(b"hello"), reserved=RSV1)
            head = await app.exactly(2 + 4 + 5)
            keys.add(head[2:6])
        assert len(keys) == 20


async def test_octets_are_counted(gateway, upstream):
    async with wired(gateway.plain, upstream, "/passed-on?store=o&device=A") as (client, app):
        await client.send(TEXT, b"x" * 5000)
        await app.hears(TEXT, b"x" * 5000)
        await app.send(TEXT, b"x" * 7000)
        await client.hears(TEXT, b"x" * 7000)
        await client.close(1000)
        await app.closed()
        await app.close(1000)
        await client.closed()
        await client.ended()
    entry = await line(gateway, client.mark)
    assert 5000 <= entry["octets_in"] < 5400
    assert 7000 <= entry["octets_out"] < 7400
    assert entry["duration_ms"] >= 0
