"""A client that has finished sending may still be reading: what was answered before reaches it."""

import asyncio

import pytest

from harness.operator import Operator
from harness.raw import connection, once
from harness.waiting import PATIENCE

CONFIGURATION = """
workers 1
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
jwt app     { algorithms HS256; secret env:JWT_SECRET }
backend app { server 127.0.0.1:$app }
route /long   { respond 200 "$words" }
route /short  { respond 200 "short" }
route /upload { backend app }
route /in     { auth app; backend app }
"""
WORDS = "x" * 2000
LONG = "GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n"
SHORT = "GET /short HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HALF_BODY = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"
#: What the client has sent of another request when it finishes.
ENDS = {
    "nothing": "",
    "half a head": "GET /long HTTP/1.1\r\nHo",
    "half a body for the app": HALF_BODY.format("/upload"),
    "half a body for the gateway": HALF_BODY.format("/.gateway/refresh"),
}
BATCH = 10


@pytest.fixture(scope="module")
def gateway(start_module_gateway, app_port):
    return start_module_gateway(CONFIGURATION, app=app_port, words=WORDS)


async def ask_until_answers_wait(client, gateway):
    """Asks and does not read, until the kernel takes no more of the answers and the gateway has
    some of them: how many answers there are."""
    operator = Operator(gateway.names["console"])
    count = 0
    async with asyncio.timeout(PATIENCE):
        while not operator.total("gateway_memory_held_octets"):
            await client.send(LONG * BATCH)
            count += BATCH
            # The only worker has seen to them by the time it answers this.
            await once(gateway.plain, SHORT)
    return count


@pytest.mark.parametrize("end", ENDS)
async def test_answers_reach_a_client_that_finished_sending(gateway, upstream, end):
    async with connection(gateway.plain, receive_buffer=4096, limit=1024) as client:
        count = await ask_until_answers_wait(client, gateway)
        await client.send(ENDS[end])
        client.writer.write_eof()
        await once(gateway.plain, SHORT)
        heard = await client.end()
    answers = heard.count(WORDS.encode())
    assert answers == count, f"{answers} of {count} answers, {len(heard)} octets"
