"""`Deploy/recipes.md`: nothing stands there that is not tried, and all of it may be copied."""

import json

import pytest
import test_pages
import test_small_apps

import websockets

from harness import tokens
from harness.certificates import make_certificate
from harness.door import ask
from harness.gateway import command
from harness.recipes import recipe, sections
from harness.serving import serving

READS_THE_TOKEN = "An app that reads the token itself"
OWN_AUTHORIZATION = "An app with an Authorization of its own"
BEARER_OF_ITS_OWN = "An app with Bearer tokens of its own"
PAGES_ELSEWHERE = "Pages of another origin"
PAGE = "https://app.example.kr"


def test_every_recipe_is_tried():
    tried = {kind.recipe for kind in [*test_small_apps.KINDS, *test_pages.KINDS]}
    here = {READS_THE_TOKEN, OWN_AUTHORIZATION, BEARER_OF_ITS_OWN, PAGES_ELSEWHERE}
    assert tried | here == sections().keys() - {""}


@pytest.mark.parametrize("title", sorted(sections().keys() - {""}))
def test_a_recipe_passes_the_check_as_it_stands(title, tmp_path):
    certificate, key = make_certificate(tmp_path, "tls")
    (tmp_path / "tls").mkdir()
    certificate.rename(tmp_path / "tls" / "fullchain.pem")
    key.rename(tmp_path / "tls" / "privkey.pem")
    file = tmp_path / "gateway.conf"
    file.write_text(sections()[""] + sections()[title])
    done = command("check", "--config", file)
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr


@pytest.fixture
def token():
    return tokens.mint(sub="7", aud="my-apps")


@pytest.fixture
def start(start_gateway, hospital, trusted):
    """`start(title)`: a gateway with that recipe before the hospital app."""
    return lambda title: start_gateway(recipe(title), app=hospital, **trusted)


async def heard(gateway, **request):
    """The headers that the app hears of a request."""
    async with gateway.tls.client() as client:
        answer = await client.get("/echo", **request)
        assert answer.status_code == 200, answer.text
        return {name.lower(): value for name, value in answer.json()["headers"]}


async def test_an_app_that_reads_the_token_itself(start, token):
    gateway = start(READS_THE_TOKEN)
    headers = await heard(gateway, headers=tokens.bearer(token))
    assert headers["authorization"] == f"Bearer {token}" and headers["x-auth-user"] == "7"
    headers = await heard(gateway, headers={"Cookie": f"token={token}; other=1"})
    assert token in headers["cookie"] and "other=1" in headers["cookie"]


@pytest.mark.parametrize("own", ["Basic dXNlcjpwYXNz", "token a-key-of-the-app-s"])
async def test_an_app_with_an_authorization_of_its_own(start, token, own):
    gateway = start(OWN_AUTHORIZATION)
    headers = await heard(gateway, headers={"Cookie": f"token={token}", "Authorization": own})
    assert headers["authorization"] == own
    assert token not in headers.get("cookie", "")


async def test_an_app_with_bearer_tokens_of_its_own(start_gateway, trusted, token):
    async def heard(scope, receive, send):
        body = json.dumps({k.decode(): v.decode() for k, v in scope["headers"]}).encode()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": body})

    own = {"Authorization": "Bearer a-key-of-the-app-s"}
    async with serving(heard) as port:
        gateway = start_gateway(recipe(BEARER_OF_ITS_OWN), app=port, **trusted)
        async with gateway.tls.client() as client:
            answer = await client.get("/api/x", headers=own)
            assert answer.json()["authorization"] == own["Authorization"]
            assert "x-auth-user" not in answer.json()
            both = {**own, "Cookie": f"token={token}"}
            answer = await client.get("/pages/x", headers=both)
            assert answer.json()["authorization"] == own["Authorization"]
            assert answer.json()["x-auth-user"] == "7" and "cookie" not in answer.json()
            assert (await client.get("/pages/x", headers=own)).status_code == 401
            refused = await client.get("/x", headers=both)
            assert refused.status_code == 401
            assert refused.json()["details"]["reason"] == "token_malformed"


async def test_pages_of_another_origin(start, token):
    gateway = start(PAGES_ELSEWHERE)
    asks = {"Origin": PAGE, "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization, content-type"}  # fmt: skip
    async with gateway.tls.client() as client:
        allowed = await client.options("/echo", headers=asks)
        assert allowed.status_code == 204
        assert allowed.headers["Access-Control-Allow-Origin"] == PAGE
        assert allowed.headers["Access-Control-Max-Age"] == "3600"
        strange = await client.options("/echo", headers={**asks, "Origin": "https://evil.example"})
        assert strange.status_code == 403
        read = await client.get("/echo", headers={"Origin": PAGE, **tokens.bearer(token)})
        assert read.headers["Access-Control-Allow-Origin"] == PAGE and read.json()
    async with gateway.tls.websocket("/ws/queue/", token, {"Origin": PAGE}) as socket:
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}
    evil = {"Origin": "https://evil.example"}
    async with gateway.tls.websocket("/ws/queue/", token, evil) as socket:
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                await socket.recv()
        assert socket.close_code == 1008
