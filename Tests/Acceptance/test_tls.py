"""What TLS says itself leaves at once, whether or not the gateway has anything to say."""

import asyncio
import contextlib

import pytest

from harness.waiting import eventually

CONFIGURATION = """
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
route / { respond 200 "here" }
"""
KEY_UPDATE = "<<< TLS 1.3, Handshake [length 0005], KeyUpdate"


@pytest.fixture(scope="module")
def gateway(start_module_gateway):
    return start_module_gateway(CONFIGURATION)


class Client:
    """`openssl s_client`, which shows every message of TLS. A line `K` asks for new keys, and for
    an answer; a line `k` for none."""

    def __init__(self, process):
        self.process, self.output = process, ""

    async def read(self):
        while octets := await self.process.stdout.read(65536):
            self.output += octets.decode(errors="replace")

    async def type(self, text):
        """Alone: it takes all that it reads at once for a command, or for none."""
        before = self.output.count(">>> ")
        self.process.stdin.write(text.encode())
        await self.process.stdin.drain()
        await eventually(lambda: self.output.count(">>> ") > before, "it to be sent")

    def key_updates(self):
        return self.output.count(KEY_UPDATE)


@contextlib.asynccontextmanager
async def s_client(gateway, *options):
    process = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", f"127.0.0.1:{gateway.tls.port}", "-msg", "-crlf",
        *options, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    client = Client(process)
    reading = asyncio.create_task(client.read())
    try:
        await eventually(lambda: "Verify return code" in client.output, "the handshake")
        yield client
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await reading


async def test_a_key_update_is_answered_though_nothing_is_asked_for(gateway):
    async with s_client(gateway, "-tls1_3") as client:
        for count in (1, 2, 3):
            await client.type("K\n")
            await eventually(lambda: client.key_updates() == count, f"answer {count}")


async def test_a_request_may_be_cut_by_a_key_update(gateway):
    async with s_client(gateway, "-tls1_3") as client:
        await client.type("GET / HTTP/1.1\n")
        await client.type("K\n")
        await eventually(lambda: client.key_updates() == 1, "the answer to the key update")
        await client.type("Host: localhost\n\n")
        await eventually(lambda: "here" in client.output, "the answer to the request")
        await client.type("k\n")
        await client.type("GET / HTTP/1.1\nHost: localhost\nConnection: close\n\n")
        await eventually(lambda: client.output.count("here") == 2, "the second answer")
        assert client.key_updates() == 1


async def test_to_renegotiate_is_refused_at_once(gateway):
    async with s_client(gateway, "-tls1_2") as client:
        await client.type("R\n")
        await eventually(lambda: "no_renegotiation" in client.output, "the alert")
