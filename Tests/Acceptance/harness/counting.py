"""A pipe between a client and a door that counts what went through: the wire has the last word
on whether something was compressed."""

import asyncio
import contextlib

from .door import Door
from .ports import free_port


class Counter:
    def __init__(self, door):
        self.to_client = self.to_gateway = 0
        self.target = door
        self.door = Door(f"{door.name}, counted", free_port(), tls=door.tls)

    async def _serve(self, reader, writer):
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target.port)

        async def pump(source, sink, direction):
            with contextlib.suppress(ConnectionError):
                while octets := await source.read(65536):
                    setattr(self, direction, getattr(self, direction) + len(octets))
                    sink.write(octets)
                    await sink.drain()
            sink.close()

        await asyncio.gather(
            pump(reader, there_writer, "to_gateway"), pump(there_reader, writer, "to_client")
        )


@contextlib.asynccontextmanager
async def counted(door):
    counter = Counter(door)
    server = await asyncio.start_server(counter._serve, "127.0.0.1", counter.door.port)
    try:
        yield counter
    finally:
        server.close()
