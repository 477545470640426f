"""Everything at once, by chance: clients that come, refresh, ask for others, are cut off and vanish
at any moment, while keys come and the gateway reloads. Afterwards everything is given back, every
request has one line in the log, and nothing keeps the process busy."""

import asyncio
import contextlib
import json
import pathlib
import random
from collections import Counter

from harness import tokens
from harness.keys import SigningKey, SlowIssuer
from harness.ports import free_port
from harness.raw import connection
from harness.waiting import eventually, pace
from harness.wire import CONTINUATION, PING, TEXT, Upstream, Wire, handshake, marked

CONFIGURATION = """
log { access json stdout }
workers 2
listen 127.0.0.1:$http
limits { attempts off }
jwt own {
    algorithms HS256 ES256; secret env:JWT_SECRET; user user_id; leeway 0s; expiring 1s
    jwks https://localhost:$keys/ { ca $ca; timeout 2s }
}
backend app { server 127.0.0.1:$app }
route /plain/   { auth own; backend app }
route /deflate/ { auth own; compress; backend app }
route /events/  { events; auth own; backend app }
"""
SECONDS = 8
ACTORS = 40


class Chaos:
    def __init__(self, gateway, key, seed):
        self.gateway, self.key = gateway, key
        self.random = random.Random(seed)
        self.sessions = ["0" * 32]
        self.targets = []

    def token(self):
        chance = self.random
        return chance.choice(
            [
                lambda: tokens.mint(expires=chance.choice([1, 2, 3, 3600])),
                lambda: tokens.mint(expires=2),
                lambda: tokens.mint(user=8),
                lambda: self.key.mint(expires=chance.choice([2, 3600])),
                lambda: self.key.mint(),
                lambda: "nonsense",
            ]
        )()

    def order(self):
        body = json.dumps({"session": self.random.choice(self.sessions), "token": self.token()})
        target = self.target("/.gateway/refresh")
        return (
            f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def target(self, path):
        self.targets.append(marked(path))
        return self.targets[-1]

    async def act(self, until):
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            with contextlib.suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError):
                async with connection(self.gateway.plain, limit=1 << 22) as raw:
                    action = self.random.choice([self.socket, self.socket, self.stream, self.post])
                    await action(Wire(raw.reader, raw.writer, True))

    async def leave(self, wire):
        """In one way or another."""
        way = self.random.randrange(4)
        if way == 0:
            wire.reset()
        elif way == 1:
            wire.writer.write_eof()
            await wire.end(patience=self.random.random())
        elif way == 2:
            await wire.end(patience=self.random.random() * 3)

    async def head(self, wire):
        head = await asyncio.wait_for(wire.reader.readuntil(b"\r\n\r\n"), self.random.random() * 4)
        wire.head = head
        if session := wire.field("x-session-id"):
            self.sessions = [*self.sessions[-20:], session]
        return head

    async def socket(self, wire):
        offers = f"Sec-WebSocket-Protocol: gateway.v1, jwt.{self.token()}"
        target = self.target(self.random.choice(["/plain/", "/deflate/"]))
        await wire.say(handshake(target, offers))
        if self.random.random() < 0.9:
            await self.head(wire)
        for _ in range(self.random.randrange(12)):
            message = json.dumps({"type": "auth.refresh", "token": self.token()}).encode()
            cut = self.random.randrange(len(message))
            say = self.random.randrange(6)
            if say == 0:
                await wire.send(PING, "x")
            elif say == 1:
                await wire.send(TEXT, "x" * self.random.randrange(3000))
            elif say == 2:
                await wire.send(TEXT, message[:cut], final=False)
                await wire.send(CONTINUATION, message[cut:])
            elif say == 3:
                octets = wire.octets(TEXT, message)
                await wire.say(octets[:cut])
                await pace(self.random.random() / 10)
                await wire.say(octets[cut:])
            else:
                await wire.send(TEXT, message)
            await pace(self.random.random() / 5)
        await self.leave(wire)

    async def stream(self, wire):
        target = self.target("/events/?gateway=v1")
        await wire.say(
            f"GET {target} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {self.token()}\r\n\r\n".encode()
        )
        await self.head(wire)
        await pace(self.random.random() * 2)
        await self.leave(wire)

    async def post(self, wire):
        octets = b"".join(self.order() for _ in range(self.random.randrange(1, 4)))
        cut = self.random.randrange(len(octets))
        await wire.say(octets[:cut])
        if self.random.random() < 0.8:
            await wire.say(octets[cut:])
            await self.head(wire)
        await self.leave(wire)


async def play(application, chance):
    """What the app does with one connection."""
    with contextlib.suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError):
        await pace(chance.random() / 4)
        if application.field("upgrade"):
            await application.switch()
            while True:
                # Now and then a message that goes out in pieces, and stops in the middle.
                octets = application.octets(TEXT, b"y" * chance.choice([10, 5000, 1_200_000]))
                cut = chance.randrange(len(octets))
                await application.say(octets[:cut])
                await pace(chance.random())
                await application.say(octets[cut:])
        await application.say(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        )
        while True:
            await application.say(chance.choice([b"data: x", b"\n\n", b"\n", b"z" * 90_000]))
            await pace(chance.random() / 4)


class Apps(Upstream):
    async def _serve(self, reader, writer):
        await super()._serve(reader, writer)
        for queue in self._arrivals.values():
            while not queue.empty():
                await play(queue.get_nowait(), random)
        writer.close()


def busy(gateway):
    """Seconds of processor time so far."""
    fields = pathlib.Path(f"/proc/{gateway.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def test_everything_at_once(start_gateway, tmp_path):
    key = SigningKey("late")
    async with SlowIssuer(tmp_path, free_port()) as issuer, Apps(free_port()) as apps:
        gateway = start_gateway(
            CONFIGURATION, app=apps.port, keys=issuer.port, ca=str(issuer.certificate)
        )
        chaos = Chaos(gateway, key, 6455)
        until = asyncio.get_running_loop().time() + SECONDS
        actors = [asyncio.create_task(chaos.act(until)) for _ in range(ACTORS)]
        for second in range(SECONDS):
            await pace(1)
            if second == SECONDS // 2:
                issuer.publish(key)
            if second % 3 == 1:
                gateway.reload()
        await asyncio.gather(*actors)
        assert gateway.is_alive(), gateway.stderr[-3000:]
        await eventually(lambda: gateway.connections() <= 1, "everything to be given back", 30)
        before = busy(gateway)
        await pace(1)
        assert busy(gateway) - before < 0.3, "it is busy with nothing"
        text = gateway.stdout
        counts = Counter(json.loads(entry)["path"] for entry in text.splitlines())
        # Frames behind a handshake that was refused with a status are requests that are none.
        del counts[""]
        many = {path: count for path, count in counts.items() if count > 1}
        assert not many, f"more than one line: {many}"
        assert len(counts) > 200
