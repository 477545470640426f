"""Many idle WebSockets and the app behind them, in a process of their own, so that what they do
costs the test that measures nothing but the processor they share.

    python -m harness.crowd APP-PORT          prints `ready`, then obeys one order a line:
      {"port": N, "host": "…", "path": "…", "tokens": […]}
          opens a WebSocket for each token through the gateway at that plain port; prints
          {"open": N}, and {"ends": [[time, code], …]} when all of them have ended
"""

import asyncio
import base64
import hashlib
import json
import os
import sys
import time

from .wire import KEY, close_payload, frame

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: Handshakes at a time.
AT_ONCE = 50


class App(asyncio.Protocol):
    """Lets everybody in, says nothing, answers a close."""

    def connection_made(self, transport):
        self.transport, self.head, self.is_open = transport, b"", False

    def data_received(self, octets):
        if self.is_open:
            # Nobody talks here but to say good-bye, or to ask for a sign of life.
            if octets[0] & 0x0F == 9:
                self.transport.write(frame(10))
            elif octets[0] & 0x0F == 8:
                self.transport.write(frame(8, close_payload(1000)))
                self.transport.close()
            return
        self.head += octets
        if self.head.endswith(b"\r\n\r\n"):
            lines = [line for line in self.head.split(b"\r\n") if b":" in line]
            fields = {name.strip().lower(): value.strip() for name, value in (
                line.split(b":", 1) for line in lines
            )}
            accept = base64.b64encode(hashlib.sha1(fields[b"sec-websocket-key"] + GUID).digest())
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            self.is_open = True


class Client(asyncio.Protocol):
    """Notes when the gateway ends it, and with which code."""

    def __init__(self, request):
        loop = asyncio.get_running_loop()
        self.request, self.received = request, b""
        self.opened, self.ended = loop.create_future(), loop.create_future()
        self.code = None

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, octets):
        self.received += octets
        if not self.opened.done():
            head, end, rest = self.received.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(AssertionError(head.decode("latin-1")))
                return
            self.received = rest
            self.opened.set_result(None)
        self._read_frames()

    def _read_frames(self):
        while len(self.received) >= 2:
            length, start = self.received[1], 2
            if length == 126:
                length, start = int.from_bytes(self.received[2:4], "big"), 4
            if len(self.received) < start + length:
                return
            opcode, payload = self.received[0] & 0x0F, self.received[start : start + length]
            self.received = self.received[start + length :]
            if opcode == 8 and self.code is None:
                self.code = [time.time(), int.from_bytes(payload[:2], "big")]
                self.transport.write(frame(8, payload, mask=os.urandom(4)))
            elif opcode == 9:
                self.transport.write(frame(10, payload, mask=os.urandom(4)))

    def connection_lost(self, _):
        if not self.opened.done():
            self.opened.set_exception(AssertionError("closed instead of an answer"))
        if not self.ended.done():
            self.ended.set_result(self.code or [time.time(), 1006])


def request(order, token):
    return (
        f"GET {order['path']} HTTP/1.1\r\nHost: {order['host']}\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()


async def obey(order):
    loop, gate, clients = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE), []

    async def enter(token):
        async with gate:
            _, client = await loop.create_connection(
                lambda: Client(request(order, token)), "127.0.0.1", order["port"]
            )
            await client.opened
            clients.append(client)

    await asyncio.gather(*[enter(token) for token in order["tokens"]])
    print(json.dumps({"open": len(clients)}), flush=True)
    ends = await asyncio.gather(*[client.ended for client in clients])
    print(json.dumps({"ends": ends}), flush=True)


async def main():
    # What is measured elsewhere goes first.
    os.nice(10)
    loop = asyncio.get_running_loop()
    await loop.create_server(App, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    print("ready", flush=True)
    orders = asyncio.StreamReader(limit=1 << 30)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        await obey(json.loads(line))


if __name__ == "__main__":
    asyncio.run(main())
