"""Socket.IO whose clients bring their tokens in `auth`: the client of python-socketio in front, a
server of python-socketio behind. None of them knows of the gateway."""

import asyncio
import contextlib
import itertools
import os
import signal

import aiohttp
import pytest
import socketio

from harness import tokens
from harness.log import assert_logged, line
from harness.waiting import eventually, pace, together

CONFIGURATION = """
log { access json stdout }
limits { first_message 2s; attempts 1000 }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
jwt app {
    algorithms HS256
    secret     env:JWT_SECRET
    user       user_id
    from       bearer message:token
    leeway     0s
}
sessions screens { store claim:store_id; limit 1 block_new; grace off }
sessions newest  { store claim:store_id; limit 1 eject_old; grace off }
backend chat { server 127.0.0.1:$chat }
defaults { backend chat; while_away hold 20s }
route /socket.io/                { auth app; socketio }
route /compressed/socket.io/     { auth app; socketio; compress; strip /compressed }
route /both/socket.io/           { auth app; socketio; compress upstream; strip /both }
route /one/socket.io/            { auth app; socketio; sessions screens; strip /one }
route /newest/socket.io/         { auth app; socketio; sessions newest; strip /newest }
route /optional/socket.io/       { auth app optional; socketio; strip /optional }
route /said                      { }
"""

_marks = itertools.count(1)


@pytest.fixture(scope="module")
def gateway(start_module_gateway, chat):
    return start_module_gateway(CONFIGURATION, chat=chat)


EVENTS = ("connect", "disconnect", "connect_error", "force_disconnect", "said", "octets")


class Client:
    """A client, and what it has heard: `(event, arguments…)`."""

    def __init__(self, session, reconnects=True):
        self.io = socketio.AsyncClient(
            http_session=session, reconnection=reconnects, reconnection_delay=0.1,
            reconnection_delay_max=0.3,
        )  # fmt: skip
        self.mark = f"io{os.getpid()}x{next(_marks)}"
        self.heard = []
        for event in EVENTS:
            self.io.on(event, self._hearer(event))
            self.io.on(event, self._hearer("staff " + event), namespace="/staff")

    def _hearer(self, event):
        async def hear(*arguments):
            self.heard.append((event, *arguments))

        return hear

    def count(self, event):
        return sum(1 for name, *_ in self.heard if name == event)

    async def hears(self, event, count=1):
        await eventually(lambda: self.count(event) >= count, f"{event} ({self.heard})")
        return [heard[1:] for heard in self.heard if heard[0] == event][count - 1]

    async def connect(self, door, auth, path="", transports=("websocket",), **options):
        options = {"namespaces": ["/"], "wait_timeout": 15, **options}
        await self.io.connect(
            f"{door.http()}/?mark={self.mark}", auth=auth, transports=list(transports),
            socketio_path=f"{path}/socket.io".strip("/"), **options,
        )  # fmt: skip


@contextlib.asynccontextmanager
async def coming(reconnects=True):
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(connector=connector) as session:
        client = Client(session, reconnects)
        try:
            yield client
        finally:
            await client.io.shutdown()


def auth(token=None, **members):
    return {"token": token or tokens.mint(), **members}


async def said(gateway, client):
    """What the app was told, in its own words."""
    async with gateway.plain.client() as http:
        answer = await http.get(f"/said?mark={client.mark}")
        return answer.json()


@pytest.mark.parametrize("path", ["", "/compressed", "/both"])
@pytest.mark.parametrize("door", ["plain", "tls"])
async def test_a_client_is_let_in_by_what_is_in_auth(gateway, door, path):
    async with coming() as client:
        await client.connect(getattr(gateway, door), auth(room=7), path)
        who = await client.io.call("whoami")
        assert (who["user"], who["auth"], who["authorization"]) == ("7", {"room": 7}, "")
        assert await client.io.call("say", "hello " * 100) == "done"
        assert await client.hears("said") == ("hello " * 100,)
        octets = os.urandom(70_000)
        assert await client.io.call("binary", octets) == 70_000
        assert await client.hears("octets") == ({"reversed": octets[::-1]},)
        await client.io.disconnect()
    entry = await line(gateway, client.mark)
    assert (entry["status"], entry["reason"], entry["user"]) == (101, "normal", "7"), entry


async def test_further_namespaces_are_the_apps(gateway):
    async with coming() as client:
        both = ["/", "/staff"]
        await client.connect(gateway.plain, auth(staff=True), namespaces=both)
        assert await client.io.call("say", "x", namespace="/staff") == "done"
        assert await client.hears("staff said") == ("x",)
        told = {entry["namespace"]: entry for entry in await said(gateway, client)}
        assert told["/"]["auth"] == {"staff": True}
        assert told["/staff"]["auth"].keys() == {"token", "staff"}
        assert {entry["user"] for entry in told.values()} == {"7"}
    async with coming() as client:
        # The app itself does not let this one into one of its two.
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(gateway.plain, auth(), namespaces=both)
        assert await client.hears("staff connect_error") == ({"message": "not for you"},)


REFUSED = {
    "expired": ({"token": lambda: tokens.mint(expires=-10)}, "token_expired"),
    "forged": ({"token": lambda: tokens.mint(secret="x" * 64)}, "token_signature"),
    "none": ({"user": lambda: "me"}, "token_missing"),
    "nothing": ({}, "token_missing"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("path", ["", "/compressed"])
async def test_who_is_refused_hears_why_and_stays_away(gateway, kind, path):
    words, reason = REFUSED[kind]
    async with coming() as client:
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(
                gateway.plain, {name: value() for name, value in words.items()}, path
            )
        (error,) = await client.hears("connect_error")
        assert error["message"] and error["data"]["reason"] == reason, error
        assert error["data"]["code"] == 4001
        assert await said(gateway, client) == []
        await assert_logged(gateway, client.mark, "unauthenticated", told=reason)
        # A client that came again would be in the log by the time that another has been in.
        async with coming() as other:
            await other.connect(gateway.plain, auth())
            assert await other.io.call("say", "x") == "done"
        assert client.count("connect_error") == 1
        assert not client.io.connected


async def test_a_bad_token_in_the_handshake_is_told_in_the_same_way(gateway):
    async with coming() as client:
        headers = tokens.bearer(tokens.mint(expires=-10))
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(gateway.plain, {}, headers=headers)
        (error,) = await client.hears("connect_error")
        assert error["data"]["reason"] == "token_expired"
        assert client.count("connect_error") == 1


async def test_a_client_that_polls_first_hears_that_there_is_none(gateway):
    async with coming() as client:
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(gateway.plain, auth(), transports=("polling", "websocket"))
        (error,) = await client.hears("connect_error")
        assert error == {"code": 0, "message": "Transport unknown"}
    # With a token in its head it polls, and moves on to a WebSocket.
    async with coming() as client:
        await client.connect(
            gateway.plain, {"token": "x"}, transports=("polling", "websocket"),
            headers=tokens.bearer(tokens.mint()),
        )  # fmt: skip
        who = await client.io.call("whoami")
        assert who["user"] == "7" and client.io.transport() == "websocket"


async def test_an_optional_token_may_come_in_auth_or_not_at_all(gateway):
    for words, user in ((auth(), "7"), ({"room": 1}, "")):
        async with coming() as client:
            await client.connect(gateway.plain, words, "/optional")
            assert (await client.io.call("whoami"))["user"] == user


async def test_who_does_not_ask_in_time_may_come_again(gateway):
    """A client that opens a session, and whose auth takes too long to be there."""
    delays = iter([3, 0])

    async def slow():
        await pace(next(delays))
        return auth()

    async with coming() as client:
        with contextlib.suppress(socketio.exceptions.ConnectionError):
            await client.connect(gateway.plain, slow, retry=True)
        await client.hears("connect")
        assert (await client.io.call("whoami"))["user"] == "7"
    entries = await line(gateway, client.mark, count=2)
    assert [entry.get("detail") for entry in entries][:1] == ["first_message"], entries


async def test_a_seat_that_is_taken_is_told(gateway):
    token = tokens.mint(store_id=os.urandom(8).hex())
    async with coming() as first, coming() as second:
        await first.connect(gateway.plain, auth(token), "/one")
        with pytest.raises(socketio.exceptions.ConnectionError):
            await second.connect(gateway.plain, auth(token), "/one", headers={"X-Client-Id": "b"})
        (error,) = await second.hears("connect_error")
        data = error["data"]
        assert (data["type"], data["max"], data["code"]) == ("connection_rejected", 1, 4009), data
        assert error["message"] == data["message"]
        assert await first.io.call("say", "still here") == "done"


async def test_who_is_ejected_does_not_come_back(gateway):
    """Else two devices would eject each other for ever."""
    token = tokens.mint(store_id=os.urandom(8).hex())
    async with coming() as first, coming() as second:
        await first.connect(gateway.plain, auth(token), "/newest", headers={"X-Client-Id": "a"})
        await second.connect(gateway.plain, auth(token), "/newest", headers={"X-Client-Id": "b"})
        (told,) = await first.hears("force_disconnect")
        assert told["reason"] == "eject_old", told
        assert await first.hears("disconnect") == ("server disconnect",)
        assert await second.io.call("say", "x") == "done"
        assert first.count("connect") == 1 and second.count("connect") == 1


async def test_when_its_token_ends_it_comes_back_with_another(gateway):
    async def renewed():
        return auth(tokens.mint(expires=2.0))

    async with coming() as client:
        await client.connect(gateway.plain, renewed)
        (told,) = await client.hears("force_disconnect")
        assert told["reason"] == "token_expired", told
        await client.hears("connect", count=2)
        assert (await client.io.call("whoami"))["user"] == "7"


async def test_it_comes_back_when_the_app_is_restarted(start_gateway, start_app):
    app = start_app("chat")
    gateway = start_gateway(CONFIGURATION, chat=app)
    async with coming() as client:
        await client.connect(gateway.plain, auth(room=7))
        app.stop()
        await client.hears("disconnect")
        # It is back, and waits, with a session and without an app.
        await eventually(
            lambda: "cannot be reached" in gateway.stderr, "the client to wait for the app"
        )
        start_app("chat", app.port)
        await client.hears("connect", count=2)
        who = await client.io.call("whoami")
        assert (who["user"], who["auth"]) == ("7", {"room": 7})


async def test_a_reload_changes_nothing_for_who_is_in(start_gateway, chat):
    gateway = start_gateway(CONFIGURATION, chat=chat)
    async with coming() as client:
        await client.connect(gateway.plain, auth())
        gateway.reload()
        gateway.wait_for_words("generation 2 judges")
        assert (await client.io.call("whoami"))["user"] == "7"
        # Who may not be there any more goes, and does not come back.
        stricter = CONFIGURATION.replace(
            "route /socket.io/                {", "route /socket.io/ { roles chief;"
        )
        gateway.configure(stricter.replace("limits {", "limits { reload_ends 0s;"))
        gateway.reload()
        (told,) = await client.hears("force_disconnect")
        assert told["reason"] == "forbidden", told
        assert await client.hears("disconnect") == ("server disconnect",)


async def test_a_gateway_that_stops_is_one_to_come_back_to(start_gateway, chat):
    gateway = start_gateway(CONFIGURATION, chat=chat)
    async with coming() as client:
        await client.connect(gateway.plain, auth())
        gateway.signal(signal.SIGTERM)
        assert await client.hears("disconnect") == ("transport error",)
    gateway.assert_exit(0)


async def test_many_are_handed_over_at_once(gateway):
    async def one(number):
        async with coming() as client:
            await client.connect(gateway.plain, auth(tokens.mint(user=number)))
            for _ in range(5):
                assert (await client.io.call("whoami"))["user"] == str(number)

    await together(*[one(number) for number in range(60)])


async def test_heartbeats_go_through(start_gateway, monkeypatch, start_app):
    """The app pings, the client answers, for as long as it takes."""
    monkeypatch.setenv("PING_INTERVAL", "1")
    monkeypatch.setenv("PING_TIMEOUT", "1")
    app = start_app("chat")
    text = CONFIGURATION.replace(
        "{ auth app; socketio }",
        "{ auth app; socketio { ping_interval 1s; ping_timeout 1s } }", 1,
    )  # fmt: skip
    gateway = start_gateway(text, chat=app)
    async with coming(reconnects=False) as client:
        await client.connect(gateway.plain, auth())
        # A connection that lost a beat would be over after two seconds.
        begin = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < begin + 5:
            assert (await client.io.call("whoami"))["user"] == "7"
            await pace(0.5)
        assert client.count("disconnect") == 0, client.heard
