"""The watch over what must never be written (`harness/secrecy.py`): it finds what it must, and
nothing else. What it judges is every gateway of the run, when the run is over: `conftest.py`."""

import json
import urllib.parse

import pytest

from harness import tokens
from harness.operator import Operator
from harness.door import ask
from harness.secrecy import Secrecy, secrecy

TOKEN = tokens.mint(user=7)
SECRET = "5f" * 32
TICKET = "Zm9vYmFy" * 5 + "abc"

FINDS = {
    "a token": f"refused {TOKEN} of 127.0.0.1",
    "its signature": TOKEN.rpartition(".")[2],
    "its claims": TOKEN.split(".")[1],
    "the first half of it": TOKEN[: len(TOKEN) // 2],
    "a token without its end": TOKEN[:-8],
    "a subprotocol": json.dumps({"offers": ["app.v1", f"jwt.{TOKEN}"]}),
    "a query": urllib.parse.quote(f"/echo?token={TOKEN}&a=1"),
    "among other letters": f"xxxx{TOKEN}xxxx",
    "a secret": f"env: JWT_SECRET={SECRET}",
    "a part of a secret": SECRET[:20],
    "a ticket": f'"GET /ws?ticket={TICKET} HTTP/1.1"',
}
FINDS_NOT = {
    "nothing": "",
    "the head of a token, which all have": TOKEN.split(".")[0],
    "words": "token_signature: the signature of the token is invalid, /ws/queue/internal-medicine",
    "an id": "bfqe0rdr25s3b7bbvw8n0wxh5w ed15782d88350e79e27e1216e8399298",
    "too little to be of use": SECRET[:10],
}


@pytest.fixture
def watch(tmp_path):
    own = Secrecy()
    for secret in (TOKEN, SECRET, TICKET):
        own.remember(secret)
    own.watch("gateway", tmp_path / "stderr")
    return own


@pytest.mark.parametrize("what", FINDS)
def test_a_leak_is_found(watch, tmp_path, what):
    assert watch.found_in(FINDS[what])
    assert watch.verdict() == []
    (tmp_path / "stderr").write_text("2026-11-21 info ready\n" + FINDS[what] + "\n")
    (verdict,) = watch.verdict()
    assert "stderr" in verdict
    (tmp_path / "stderr").unlink()
    watch.overheard("a refusal", FINDS[what])
    assert len(watch.verdict()) == 1


@pytest.mark.parametrize("what", FINDS_NOT)
def test_what_is_no_leak_is_none(watch, what):
    assert watch.found_in(FINDS_NOT[what]) == set()


def test_what_is_learnt_later_counts_for_what_was_written_before(watch):
    watch.overheard("a refusal", "ticket " + "q1w2" * 10)
    assert watch.verdict() == []
    watch.remember("q1w2" * 10)
    assert len(watch.verdict()) == 1


CONFIGURATION = """
log { access json $log; level debug }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$https { tls { certificate self_signed } }
jwt app {
    algorithms HS256; secret env:JWT_SECRET; user user_id; tickets on; expiring 1h
    from bearer subprotocol cookie:session query:token
}
backend hospital { server 127.0.0.1:$hospital }
route /ws/    { websocket; auth app; backend hospital }
route /ticket { auth app; ticket }
route /open/  { backend hospital }
route /       { auth app; backend hospital }
"""


async def test_every_place_of_a_token_is_kept_quiet(start_gateway, hospital, tmp_path):
    """At the most talkative level, good and bad ones, where they belong and where they do not."""
    log = tmp_path / "access.log"
    gateway = start_gateway(CONFIGURATION, hospital=hospital, log=str(log))
    seen = secrecy.places()
    good, bad = tokens.mint(), tokens.mint(secret="x" * 64)
    async with gateway.tls.client() as client:
        for token in (good, bad, good[:-9]):
            for path in ("/echo", "/open/echo", "/missing"):
                await client.get(path, headers=tokens.bearer(token))
                await client.get(path, headers={"Cookie": f"session={token}; a=1"})
                await client.get(f"{path}?token={token}&x=1")
                await client.get(f"{path}?ticket={token}&x=1")
                await client.get(f"{path}?x=%20&to%6ben={token}")
        ticket = (await client.post("/ticket", headers=tokens.bearer(good))).json()["ticket"]
        secrecy.remember(ticket)
        for _ in range(2):
            await client.get(f"/echo?ticket={ticket}&tab=last")
    offers = ["gateway.v1", f"jwt.{good}"]
    async with gateway.tls.websocket("/ws/queue/x?tab=socket", subprotocols=offers) as socket:
        await socket.recv()
        for token in (good, bad):
            await ask(socket, {"type": "auth.refresh", "token": token})
    console = Operator(gateway.names["console"])
    console.metrics()
    console("GET", "/metrics", token="wrong" * 8)
    console("GET", f"/metrics?token={tokens.CONSOLE_TOKEN}")
    console.revoke(user="8")
    console("GET", "/revocations")
    console("GET", "/keys")
    gateway.finish()
    assert "tab=last" in log.read_text() and "tab=socket" in log.read_text()
    assert secrecy.places() > seen, "all of that is looked through in the end"
    assert not secrecy.found_in(log.read_text())
