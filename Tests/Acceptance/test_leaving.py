"""Clients that leave, and clients that only finish sending: what goes on for whom, in every state a
request may be in."""

import asyncio
import contextlib
import socket

import httpx
import pytest
import requests

from harness.log import line, lines_about
from harness.origin import Origin
from harness.raw import connection, once
from harness.waiting import PATIENCE, eventually
from harness.watch import leaves_unread
from harness.wire import Wire, marked

CONFIGURATION = """
log { access json stdout }
workers 1
limits { attempts off }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$app; response_timeout 60s; connect_timeout 60s }
sessions one { store query:store; device query:device; limit 1 block_new; grace 1h }
defaults { backend app; comment 1h }
route /plain    { }
route /kept     { buffer_body 64k }
route /stream   { stream }
route /finish   { finish_without_client }
route /finish/stream { stream; finish_without_client }
route /finish/events { events; finish_without_client }
route /events   { events }
route /seats    { events; sessions one }
route /ws       { websocket }
"""
#: More than all kernel buffers of a loopback connection hold.
ENDLESS = 1 << 30
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def ask(target, method="GET", *fields):
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: localhost", *fields, "", ""])


def leave(raw, way):
    """`close` is what programs do; with octets of TLS or of a response unread the system makes RST
    of it."""
    if way == "RST":
        Wire(raw.reader, raw.writer, True).reset()
    else:
        raw.writer.close()


async def assert_gone(gateway, app, target, status=0):
    """The app is told by the close, and there is one line."""
    await app.end()
    entry = await line(gateway, target)
    assert (entry["status"], entry["reason"]) == (status, "client_gone"), entry
    assert len(lines_about(gateway, target)) == 1


WAYS = ["FIN", "RST"]
DOORS = ["plain", "tls"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "path, method", [("/plain", "GET"), ("/plain", "POST"), ("/kept", "POST"), ("/stream", "POST")]
)
async def test_before_the_answer_has_begun(gateway, upstream, way, door, path, method):
    target = marked(path)
    async with connection(getattr(gateway, door)) as raw:
        await raw.send(ask(target, method, "Content-Length: 4") + "body")
        app = await upstream.arrival(target)
        assert await app.exactly(4) == b"body"
        leave(raw, way)
        await assert_gone(gateway, app, target)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", ["/plain", "/stream"])
async def test_while_the_answer_pauses(gateway, upstream, way, path):
    """A model thinks in the middle of its completion."""
    target = marked(path)
    async with connection(gateway.plain) as raw:
        await raw.send(ask(target, "POST", "Content-Length: 0"))
        app = await upstream.arrival(target)
        await app.say(EVENTS + b"data: first\n\n")
        await raw.until(b"data: first\n\n")
        leave(raw, way)
        await assert_gone(gateway, app, target, 200)


@pytest.mark.parametrize(
    "path, way", [("/plain", "FIN"), ("/plain", "RST"), ("/finish", "RST")]
)
@pytest.mark.parametrize("door", DOORS)
async def test_while_the_app_takes_no_more_of_the_body(gateway, upstream, way, door, path):
    """The end stands behind octets that are not read. What has not come whole is never finished,
    but with FIN those octets may be the rest of it."""
    target = marked(path)
    async with connection(getattr(gateway, door)) as raw:
        await raw.send(ask(target, "POST", f"Content-Length: {ENDLESS}"))
        app = await upstream.arrival(target)
        app.reader._transport.pause_reading()
        port = raw.port
        for _ in range(1000):
            await raw.send(b"x" * 131_072)
            if await leaves_unread(gateway, port):
                break
        if way == "RST":
            leave(raw, way)
        else:
            raw.writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
        entry = await line(gateway, target)
        assert entry["reason"] == "client_gone"
        app.reader._transport.resume_reading()
        await app.end()


async def test_behind_another_request_that_is_not_read_yet(gateway, upstream):
    """The second one is held back, and so would the end be."""
    first, second = marked("/plain"), marked("/plain")
    async with connection(gateway.plain) as raw:
        await raw.send(ask(first) + ask(second))
        app = await upstream.arrival(first)
        raw.writer.close()
        await assert_gone(gateway, app, first)
    assert not upstream.has_arrived(second)


async def test_while_the_app_is_connected_to(start_gateway, upstream):
    """Its queue is full, so that it does not answer."""
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        gateway = start_gateway(CONFIGURATION, app=full.getsockname()[1])
        target = marked("/plain")
        async with connection(gateway.plain) as raw:
            await raw.send(ask(target))
            port = raw.port
            await eventually(lambda: gateway.connections() >= 2, "it to connect")
            assert gateway.is_connected_to(port)
            raw.writer.close()
            entry = await line(gateway, target)
            assert entry["reason"] == "client_gone"


async def test_a_websocket_that_is_not_open_yet(gateway, upstream):
    target = marked("/ws")
    async with connection(gateway.plain) as raw:
        fields = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        await raw.send(ask(target, "GET", *fields, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
        app = await upstream.arrival(target)
        raw.writer.close()
        await assert_gone(gateway, app, target)


async def by_httpx(url, _):
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(url, content=b"body", timeout=httpx.Timeout(PATIENCE, read=1))


async def by_requests(url, _):
    def ask():
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.post(url, data=b"body", timeout=(PATIENCE, 1))

    await asyncio.to_thread(ask)


async def by_curl(url, _):
    child = await asyncio.create_subprocess_exec(
        "curl", "-sS", "-d", "body", "-m", "3", url, stderr=asyncio.subprocess.DEVNULL
    )
    await asyncio.wait_for(child.wait(), PATIENCE)


async def by_curl_interrupted(url, arrived):
    """Ctrl-C."""
    # Whoever runs the tests in the background has told all children to ignore it.
    listening = ["env", "--default-signal=INT"]
    child = await asyncio.create_subprocess_exec(*listening, "curl", "-sS", "-d", "body", url)
    await arrived.wait()
    child.send_signal(2)
    await asyncio.wait_for(child.wait(), PATIENCE)


async def by_node(url, arrived):
    """`fetch` with an AbortController; the process lives on for a while."""
    script = """
        const controller = new AbortController();
        process.stdin.once("data", () => controller.abort());
        fetch(process.argv[1], {method: "POST", body: "body", signal: controller.signal})
            .catch(() => setTimeout(() => process.exit(), 3000));
    """
    child = await asyncio.create_subprocess_exec(
        "node", "-e", script, url, stdin=asyncio.subprocess.PIPE
    )
    await arrived.wait()
    child.stdin.write(b"now")
    await asyncio.wait_for(child.wait(), PATIENCE)


#: Each is told when its request has arrived.
CLIENTS = [by_httpx, by_requests, by_curl, by_curl_interrupted, by_node]


@pytest.mark.parametrize("client", CLIENTS)
async def test_clients_that_give_up(gateway, upstream, client):
    target = marked("/plain")
    arrived = asyncio.Event()
    giving_up = asyncio.create_task(client(gateway.plain.http(target), arrived))
    app = await upstream.arrival(target)
    arrived.set()
    await assert_gone(gateway, app, target)
    await giving_up


# Who only finishes sending.


async def half_closed(raw, target, *fields, method="GET"):
    await raw.send(ask(target, method, *fields))
    raw.writer.write_eof()


@pytest.mark.parametrize("path", ["/events", "/seats?store=half&device=A", "/finish/events"])
async def test_a_half_close_behind_a_request_for_an_event_stream(gateway, upstream, path):
    target = marked(path)
    async with connection(gateway.plain) as raw:
        await half_closed(raw, target)
        app = await upstream.arrival(target)
        await app.say(EVENTS)
        # It is asked whether it reads.
        await raw.until(b"3\r\n:\n\n\r\n")
        for number in range(3):
            await app.say(f"data: {number}\n\n".encode())
            await raw.until(f"data: {number}\n\n".encode())
        app.writer.close()
        assert (await raw.end()).endswith(b"0\r\n\r\n")
    assert (await line(gateway, target))["reason"] == "normal"


@pytest.mark.parametrize("way", ["before the head", "behind it"])
@pytest.mark.parametrize("door", DOORS)
async def test_an_event_stream_whose_client_has_closed(gateway, upstream, way, door):
    """Nothing but the gateway's comment tells; the app is silent. The seat is free at once: who has
    said goodbye has no grace, which is an hour here."""
    store = marked("").partition("=")[2]
    target = marked(f"/seats?store={store}&device=A")
    async with connection(getattr(gateway, door)) as raw:
        await raw.send(ask(target))
        app = await upstream.arrival(target)
        if way == "before the head" and door == "tls":
            # There, to close is to say so.
            raw.writer.close()
            return await assert_gone(gateway, app, target)
        if way == "before the head":
            port = raw.port
            raw.writer.close()
            await raw.writer.wait_closed()
            await eventually(lambda: gateway.is_connected_to(port), "the gateway to notice")
            await app.say(EVENTS)
        else:
            await app.say(EVENTS)
            await raw.until(b"\r\n\r\n")
            raw.writer.close()
        await assert_gone(gateway, app, target, 200)
    other = marked(f"/seats?store={store}&device=B")
    async with connection(gateway.plain) as raw:
        await raw.send(ask(other))
        await (await upstream.arrival(other)).say(EVENTS + b"data: in\n\n")
        assert b"connection_rejected" not in await raw.until(b"data: in\n\n")


async def test_who_waits_for_a_seat_does_not_wait_for_one_who_has_perhaps_left(gateway, upstream):
    """The app does not answer the first one, so that nothing can be sent to it."""
    store = marked("").partition("=")[2]
    first, second = (marked(f"/seats?store={store}&device={name}") for name in "AB")
    async with connection(gateway.plain) as raw:
        await raw.send(ask(first))
        app = await upstream.arrival(first)
        raw.writer.close()

        async def is_let_in():
            """Whoever was heard just now is not asked; then the newcomer is refused."""
            async with connection(gateway.plain) as newcomer:
                await newcomer.send(ask(second))
                await asyncio.wait({asyncio.create_task(newcomer.reader.read(1))}, timeout=0.5)
                return upstream.has_arrived(second)

        await eventually(is_let_in, "the seat to be given up")
        await assert_gone(gateway, app, first)


async def test_a_compressed_stream_cannot_be_asked_about(gateway, upstream):
    target = marked("/events")
    async with connection(gateway.plain) as raw:
        await raw.send(ask(target))
        app = await upstream.arrival(target)
        await app.say(EVENTS[:-2] + b"Content-Encoding: gzip\r\n\r\n")
        await raw.until(b"\r\n\r\n")
        raw.writer.close()
        await assert_gone(gateway, app, target, 200)


# `finish_without_client`.


@pytest.mark.parametrize("way", ["FIN", "RST"])
@pytest.mark.parametrize("moment", ["before the answer", "within it"])
@pytest.mark.parametrize("path", ["/finish", "/finish/stream"])
async def test_what_is_finished_without_its_client(gateway, upstream, way, moment, path):
    target = marked(path)
    async with connection(gateway.plain) as raw:
        await raw.send(ask(target, "POST", "Content-Length: 4") + "paid")
        app = await upstream.arrival(target)
        assert await app.exactly(4) == b"paid"
        size = 3_000_000
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode()
        if moment == "within it":
            await app.say(head + b"x" * 10)
            await raw.until(b"\r\n\r\n")
            size, head = size - 10, b""
        port = raw.port
        leave(raw, way)
        if way == "RST":
            await eventually(lambda: not gateway.is_connected_to(port), "it to be noticed")
        # All of it is taken, and the connection was there for it.
        await app.say(head + b"x" * size)
        app.writer.close()
        await asyncio.wait_for(app.writer.wait_closed(), PATIENCE)
        entry = await line(gateway, target)
        assert entry["status"] == 200
        # Behind FIN somebody may read on: it is told by the resets, if they come in time.
        assert entry["reason"] in ("client_gone", "normal" if way == "FIN" else "client_gone")
        await eventually(lambda: gateway.connections() == 0, "everything to be given back")


async def test_who_reads_on_hears_what_is_finished(gateway, upstream):
    target = marked("/finish")
    async with connection(gateway.plain) as raw:
        await half_closed(raw, target)
        app = await upstream.arrival(target)
        await app.answer(200, b"there you are")
        assert (await raw.answer()).body == b"there you are"
        assert await raw.end() == b""
    entry = await line(gateway, target)
    assert (entry["status"], entry["reason"]) == (200, "normal")


async def test_a_half_close_behind_a_plain_request_is_a_leave(gateway, upstream):
    target = marked("/plain")
    async with connection(gateway.plain) as raw:
        await raw.send(ask(target))
        app = await upstream.arrival(target)
        raw.writer.write_eof()
        await assert_gone(gateway, app, target)
        assert await raw.end() == b""


async def test_an_app_that_fails_without_a_client(gateway, upstream):
    target = marked("/finish")
    async with connection(gateway.plain) as raw:
        await raw.send(ask(target))
        app = await upstream.arrival(target)
        port = raw.port
        leave(raw, "RST")
        await eventually(lambda: not gateway.is_connected_to(port), "it to be noticed")
        await app.say(b"no HTTP at all\r\n\r\n")
        entry = await line(gateway, target)
        assert (entry["status"], entry["detail"]) == (502, "bad_response")


async def test_a_stop_waits_for_what_is_finished(start_gateway, upstream, app_port):
    gateway = start_gateway(CONFIGURATION, app=app_port)
    target = marked("/finish")
    async with connection(gateway.plain) as raw:
        await raw.send(ask(target, "POST", "Content-Length: 0"))
        app = await upstream.arrival(target)
        port = raw.port
        leave(raw, "RST")
        await eventually(lambda: not gateway.is_connected_to(port), "it to be noticed")
        gateway.signal(15)
        gateway.wait_for_words("draining")
        assert gateway.is_alive()
        await app.answer(200, b"done")
        entry = await line(gateway, target)
        assert (entry["status"], entry["reason"]) == (200, "client_gone")
    gateway.assert_exit(0)


async def left_alone(gateway, target, arrival):
    """A request whose client has left; what `arrival` of it in the app answers."""
    async with connection(gateway.plain) as raw:
        await raw.send(ask(target))
        arrived = await arrival
        port = raw.port
        leave(raw, "RST")
        await eventually(lambda: not gateway.is_connected_to(port), "it to be noticed")
    return arrived


async def test_a_stop_does_not_wait_for_ever_for_what_is_finished(
    start_gateway, upstream, app_port
):
    brief = CONFIGURATION.replace("attempts off", "attempts off; drain 100ms")
    gateway = start_gateway(brief, app=app_port)
    target = marked("/finish")
    await left_alone(gateway, target, upstream.arrival(target))
    gateway.signal(15)
    gateway.assert_exit(0)
    (entry,) = lines_about(gateway, target)
    assert (entry["reason"], entry["detail"]) == ("draining", "unfinished")


async def test_nobody_waits_for_a_server_on_behalf_of_who_has_left(start_gateway, app_port):
    """Nor behind somebody who does not wait: when the server is back the others are served."""
    gateway = start_gateway(CONFIGURATION, app=app_port)
    first, second, third = marked("/plain"), marked("/finish"), marked("/plain")
    async with Origin(app_port) as app:
        async with connection(gateway.plain) as raw:
            await raw.send(ask(first))
            leg = (await app.request()).leg
            await leg.answer()
            assert (await raw.answer()).status == 200
        request = await left_alone(gateway, second, app.request())
        assert request.leg is leg, "a connection that has rested, so it is sent once more"
    entry = await line(gateway, second)
    assert (entry["status"], entry["detail"]) == (502, "unreachable")
    waiting = asyncio.create_task(once(gateway.plain, ask(third, "GET", "Connection: close")))
    async with connection(gateway.plain) as raw:
        await raw.send(ask(marked("/plain")))
        await asyncio.sleep(0)
        async with Origin(app_port) as app:
            for _ in range(2):
                await (await app.request()).leg.answer()
            assert (await waiting).status == 200
            assert (await raw.answer()).status == 200
