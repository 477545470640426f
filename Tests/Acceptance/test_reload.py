"""SIGHUP: the new configuration holds for everything that comes, and nothing that lives is
touched; a file with a mistake changes nothing but is reported."""

import asyncio
import json
import re

import pytest
from websockets.protocol import State

from harness import tokens
from harness.certificates import common_name, make_certificate
from harness.door import ask, receive, refusal
from harness.process import accepts
from harness.raw import connection, once
from harness.waiting import eventually, pace

CONFIGURATION = """\
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
jwt hospital { algorithms HS256; secret env:JWT_SECRET; user user_id }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
sessions screens { store query:store_id; device query:client_id; role query:role; limit 900 block_new
    store survivors { limit 1 block_new }
}
route /ws/            { websocket; auth hospital; compress; backend hospital }
route /api/sse/stream { events; sessions screens; backend waiting }
route /generation     { respond 200 "one" }
"""
OTHER = (
    CONFIGURATION.replace('"one"', '"two"')
    .replace("limit 900", "limit 800")
    .replace("compress;", "")
    + 'route /only-now { respond 200 "here" }\n'
)
BROKEN = CONFIGURATION.replace("sessions screens; backend", "sesions screens; backend")
BROKEN_LINE, BROKEN_COLUMN = 10, 33

REQUEST = "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def gateway(start_gateway, hospital, waiting):
    return start_gateway(CONFIGURATION, hospital=hospital, waiting=waiting)


async def body(gateway, path="/generation"):
    """What a newcomer is answered."""
    return (await once(gateway.plain, REQUEST.format(path))).body.decode()


async def reload_to(gateway, text, word):
    gateway.configure(text)
    gateway.reload()

    async def arrived():
        return await body(gateway) == word

    await eventually(arrived, f"generation {word}")


def reports(gateway):
    return len(re.findall(rf"gateway\.conf:{BROKEN_LINE}:{BROKEN_COLUMN}: error:", gateway.stderr))


async def reload_broken(gateway):
    before = reports(gateway)
    gateway.configure(BROKEN)
    gateway.reload()
    await eventually(lambda: reports(gateway) > before, "the mistake to be reported")


class Client:
    """Round trips without a pause, and every broadcast in between."""

    def __init__(self, socket):
        self.socket, self.broadcasts, self.echoes = socket, [], 0

    async def run(self, over):
        while not over.is_set():
            await self.socket.send(json.dumps({"type": "echo", "number": self.echoes}))
            while True:
                message = await receive(self.socket)
                if message["type"] == "echo":
                    assert message["number"] == self.echoes
                    self.echoes += 1
                    break
                self.broadcasts.append(message["number"])
            await pace(0.5)

    async def hear(self, last):
        while self.broadcasts[-1:] != [last]:
            message = await receive(self.socket)
            assert message["type"] == "update"
            self.broadcasts.append(message["number"])


@pytest.mark.timeout(120)
async def test_twenty_reloads_in_ten_seconds_of_traffic(gateway, hospital_itself, waiting_itself):
    """200 WebSockets and 50 event streams: none is closed, no message is lost or overtaken."""
    over = asyncio.Event()
    gate = asyncio.Semaphore(20)

    async def enter(number):
        async with gate:
            socket = await gateway.tls.websocket(
                "/ws/queue/reload",
                token=tokens.mint(user=number),
                compression="deflate" if number % 2 else None,
            )
            await ask(socket, {"type": "ping"})
            return Client(socket)

    clients = await asyncio.gather(*[enter(number) for number in range(200)])
    heard = []

    async def listen(number, started):
        events = []
        heard.append(events)
        path = f"/api/sse/stream?store_id=reload&role=admin&client_id={number}"
        async with gateway.tls.events(path) as stream:
            assert (await stream.next()).event == "connected"
            started.set()
            while (event := await stream.next(60)) is not None:
                if event.event == "over":
                    return True
                if event.event == "update":
                    events.append(json.loads(event.data))
        return False

    started = [asyncio.Event() for _ in range(50)]
    listeners = [asyncio.create_task(listen(number, one)) for number, one in enumerate(started)]
    await asyncio.gather(*[one.wait() for one in started])
    runners = [asyncio.create_task(client.run(over)) for client in clients]

    published = 0

    async def publish():
        nonlocal published
        async with hospital_itself.client() as hospital, waiting_itself.client() as waiting:
            while not over.is_set():
                message = {"type": "update", "number": published}
                await hospital.post("/broadcast/queue_reload", json=message)
                event = {"event": "update", "data": published}
                await waiting.post("/api/stores/reload/events", json=event)
                published += 1
                await pace(0.25)
            await waiting.post("/api/stores/reload/events", json={"event": "over", "data": 0})

    publisher = asyncio.create_task(publish())
    for number in range(20):
        pause = asyncio.create_task(pace(0.5))
        if number % 3 == 2:
            await reload_broken(gateway)
        elif number % 3 == 0:
            await reload_to(gateway, OTHER, "two")
        else:
            await reload_to(gateway, CONFIGURATION, "one")
        await pause
    over.set()
    await publisher
    await asyncio.gather(*runners)
    assert all(await asyncio.gather(*listeners)), "an event stream was cut"
    await asyncio.gather(*[client.hear(published - 1) for client in clients])
    for client in clients:
        assert client.socket.state is State.OPEN
        assert client.echoes >= 3
        assert client.broadcasts == list(range(published))
    for events in heard:
        assert events == list(range(published))
    await asyncio.gather(*[client.socket.close() for client in clients])


async def test_a_broken_file_is_reported_like_a_compiler_does_and_changes_nothing(gateway):
    await reload_broken(gateway)
    lines = gateway.stderr.splitlines()
    index = next(number for number, line in enumerate(lines) if "error:" in line)
    assert "sesions" in lines[index]
    assert "did you mean 'sessions'?" in lines[index]
    source, caret = lines[index + 1 : index + 3]
    assert source.endswith(BROKEN.splitlines()[BROKEN_LINE - 1])
    assert caret.index("^") == source.index("sesions")
    assert await body(gateway) == "one"
    await reload_to(gateway, OTHER, "two")


async def test_new_routes_answer_and_old_ones_are_gone(gateway):
    assert (await once(gateway.plain, REQUEST.format("/only-now"))).status == 404
    await reload_to(gateway, OTHER, "two")
    assert await body(gateway, "/only-now") == "here"
    await reload_to(gateway, CONFIGURATION, "one")
    assert (await once(gateway.plain, REQUEST.format("/only-now"))).status == 404


async def test_a_new_key_counts_for_newcomers_only(gateway, tmp_path):
    (tmp_path / "key").write_text("k" * 40)
    file_key = CONFIGURATION.replace("env:JWT_SECRET", f"file:{tmp_path / 'key'}")
    old = tokens.mint()
    living = await gateway.tls.websocket("/ws/queue/", token=old)
    await ask(living, {"type": "ping"})
    await reload_to(gateway, file_key.replace('"one"', '"key"'), "key")
    async with gateway.tls.websocket("/ws/queue/", token=old) as socket:
        assert (await refusal(socket))[1] == 4001
    fresh = tokens.mint(secret="k" * 40)
    async with gateway.tls.websocket("/ws/queue/", token=fresh) as socket:
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}
    assert await ask(living, {"type": "ping"}) == {"type": "pong"}
    await living.close()


async def test_a_new_certificate_counts_for_newcomers_only(gateway, tmp_path):
    async def name(server_name="localhost"):
        async with connection(gateway.tls, server_name=server_name) as raw:
            session = raw.writer.get_extra_info("ssl_object")
            return common_name(session.getpeercert(binary_form=True))

    def certificate(one):
        chain, key = make_certificate(tmp_path, one)
        return f"certificate {chain}; key {key}"

    first, second = certificate("first.test"), certificate("second.test")
    living = await gateway.tls.websocket("/ws/queue/", token=tokens.mint())
    await ask(living, {"type": "ping"})
    text = CONFIGURATION.replace("certificate self_signed", first)
    await reload_to(gateway, text.replace('"one"', '"first"'), "first")
    assert await name() == "first.test"
    text = CONFIGURATION.replace(
        "{ tls { certificate self_signed } }",
        f"{{\n    tls {{ {first} }}\n    host api.test {{ {second} }}\n}}",
    )
    await reload_to(gateway, text.replace('"one"', '"sni"'), "sni")
    assert await name() == "first.test"
    assert await name("api.test") == "second.test"
    assert await ask(living, {"type": "ping"}) == {"type": "pong"}
    await living.close()


async def test_a_certificate_file_replaced_in_place_is_read_again(gateway, tmp_path):
    chain, key = make_certificate(tmp_path, "before.test")
    text = CONFIGURATION.replace("certificate self_signed", f"certificate {chain}; key {key}")
    await reload_to(gateway, text.replace('"one"', '"before"'), "before")
    fresh_chain, fresh_key = make_certificate(tmp_path, "after.test")
    fresh_chain.replace(chain)
    fresh_key.replace(key)
    await reload_to(gateway, text.replace('"one"', '"after"'), "after")
    async with connection(gateway.tls) as raw:
        session = raw.writer.get_extra_info("ssl_object")
        assert common_name(session.getpeercert(binary_form=True)) == "after.test"


async def test_listeners_come_and_go(gateway):
    spare = gateway.names["spare"]
    more = CONFIGURATION.replace('"one"', '"more"') + "listen 127.0.0.1:$spare\n"
    await reload_to(gateway, more, "more")
    await eventually(lambda: accepts(spare), "the new listener")
    await reload_to(gateway, CONFIGURATION, "one")
    await eventually(lambda: not accepts(spare), "the old listener to be gone")


async def test_the_sessions_survive(gateway):
    """The table of who is inside never resets, so a full store stays full."""
    path = "/api/sse/stream?store_id=survivors&role=admin&client_id="
    async with gateway.tls.events(path + "A") as a:
        assert (await a.next()).event == "connected"
        await reload_to(gateway, OTHER, "two")
        async with gateway.tls.events(path + "B") as b:
            assert (await b.next()).event == "connection_rejected"
        async with gateway.tls.events(path + "A") as again:
            assert (await again.next()).event == "connected"
            assert (await a.rest())[-1].event == "force_disconnect"
