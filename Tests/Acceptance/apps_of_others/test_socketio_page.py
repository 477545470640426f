"""Socket.IO's own client in JavaScript, in Chromium: what a page hears that is not let in, and what
its client does by itself then. The app is that of the row "Socket.IO, page"."""

import json
import os

import pytest
import pytest_asyncio

from harness import tokens
from harness.others import FOLDER, python
from harness.ports import free_port
from harness.process import Process
from harness.waiting import eventually

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate $certificate; key $key } }
jwt chat { algorithms HS256; secret env:JWT_SECRET; from message:token; leeway 0s }
sessions newest { store claim:store_id; device query:device; limit 1 eject_old; grace off }
sessions one    { store claim:store_id; device query:device; limit 1 block_new; grace off }
backend chat { server 127.0.0.1:$app }
route /socket.io/        { auth chat; socketio; backend chat }
route /newest/socket.io/ { auth chat; socketio; sessions newest; strip /newest; backend chat }
route /one/socket.io/    { auth chat; socketio; sessions one; strip /one; backend chat }
route /client/           { backend chat }
route /                  { respond 200 "a page" }
"""

#: Makes a client whose `auth` is asked for a token each time, and writes down what it hears.
SCRIPT = """
(async ({ path, given, options }) => {
    if (!globalThis.io) await new Promise((done) => {
        const script = document.createElement("script");
        script.src = "/client/socket.io.min.js";
        script.onload = done;
        document.body.append(script);
    });
    const heard = [];
    const socket = io({
        path: path + "/socket.io/", forceNew: true, reconnectionDelay: 50,
        reconnectionDelayMax: 100, auth: (give) => give({ token: given.shift() }), ...options,
    });
    for (const event of ["connect", "disconnect", "force_disconnect"])
        socket.on(event, (word) => heard.push([event, word]));
    socket.on("connect_error", ({ message, data }) => heard.push(["connect_error", message, data]));
    (globalThis.clients ??= []).push({ socket, heard });
    return clients.length - 1;
})(%s)
"""
WEBSOCKET = {"transports": ["websocket"]}

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    port = free_port()
    variables = {
        "INSTANCE": "one", "PYTHONPATH": str(FOLDER / "servers"), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    command = [python("pages"), FOLDER / "servers" / "socketio_page_app.py", str(port)]
    with Process("socketio-page", command, tmp_path_factory.mktemp("page"), variables) as process:
        process.wait_for_port(port)
        yield port


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(browser, start_module_gateway, app, trusted):
    gateway = start_module_gateway(CONFIGURATION, app=app, **trusted)
    async with browser.page(gateway.tls) as page:
        yield page


class Client:
    def __init__(self, page, number):
        self.page, self.number = page, number

    async def heard(self, name=None):
        every = await self.page.evaluate(f"clients[{self.number}].heard")
        return [words for words in every if name in (None, words[0])]

    async def hears(self, name, count=1):
        async def enough():
            found = await self.heard(name)
            return found if len(found) >= count else None

        found = await eventually(enough, f"{name} ({await self.heard()})")
        return found[count - 1][1:]

    async def is_active(self):
        """Connected, or about to come back by itself."""
        return await self.page.evaluate(f"clients[{self.number}].socket.active")


async def client(page, given, path="", **options):
    words = {"path": path, "given": given, "options": {**WEBSOCKET, **options}}
    return Client(page, await page.evaluate(SCRIPT % json.dumps(words)))


async def test_a_token_that_is_believed(page):
    one = await client(page, [tokens.mint()])
    await one.hears("connect")
    assert await one.is_active()


@pytest.mark.parametrize(
    ("token", "reason"),
    [(lambda: tokens.mint(expires=-10), "token_expired"), (lambda: None, "token_missing")],
)
async def test_one_that_is_not(page, token, reason):
    one = await client(page, [token(), tokens.mint()])
    message, data = await one.hears("connect_error")
    assert message and data == {"reason": reason, "code": 4001}
    assert not await one.is_active()


async def test_polling_is_no_way_in_and_is_left_by_who_may(page):
    both = ["polling", "websocket"]
    one = await client(page, [tokens.mint()], transports=both, reconnection=False)
    assert (await one.hears("connect_error"))[0] == "xhr poll error"
    other = await client(page, [tokens.mint()], transports=both, tryAllTransports=True)
    await other.hears("connect")


async def test_a_place_that_is_taken(page):
    token = tokens.mint(store_id=os.urandom(8).hex())
    first = await client(page, [token], "/one", query={"device": "a"})
    await first.hears("connect")
    second = await client(page, [token, token], "/one", query={"device": "b"})
    message, data = await second.hears("connect_error")
    assert (data["type"], data["message"], data["code"]) == ("connection_rejected", message, 4009)
    assert not await second.is_active() and await first.is_active()


async def test_who_has_to_leave_does_not_come_back(page):
    token = tokens.mint(store_id=os.urandom(8).hex())
    first = await client(page, [token] * 9, "/newest", query={"device": "a"})
    await first.hears("connect")
    second = await client(page, [token] * 9, "/newest", query={"device": "b"})
    (told,) = await first.hears("force_disconnect")
    assert told["reason"] == "eject_old"
    assert await first.hears("disconnect") == ["io server disconnect"]
    await second.hears("connect")
    assert await second.is_active() and not await first.is_active()


async def test_the_end_of_a_token_asks_for_another(page):
    one = await client(page, [tokens.mint(expires=2.0), tokens.mint()])
    (told,) = await one.hears("force_disconnect")
    assert told["reason"] == "token_expired"
    assert await one.hears("disconnect") == ["transport close"]
    await one.hears("connect", count=2)
