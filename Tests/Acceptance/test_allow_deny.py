"""`allow` and `deny`: who may come to a route, and who may connect to a listener at all."""

import asyncio
import itertools
import socket

import pytest

from harness import tokens
from harness.knock import IN, WAYS, refused
from harness.log import line
from harness.operator import Operator
from harness.ports import free_port
from harness.waiting import eventually, wait_until

CONFIGURATION = """
log { access json stdout }
trust 127.0.9.0/24
limits { attempts 5 burst 1000 }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
listen unix:$socket
listen [::]:$dual
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
route /ws/            { websocket; auth app; allow 127.0.3.0/24; deny all; backend hospital }
route /api/sse/stream { events; auth app; allow 127.0.3.0/24; deny all; backend waiting }
route /echo           { auth app; allow 127.0.3.0/24; deny all; backend hospital }
route /first          { deny 127.0.3.1; allow 127.0.3.0/24; deny all; respond 200 }
route /later          { allow 127.0.3.0/24; deny 127.0.3.1; respond 200 }
route /only-bad       { deny 127.0.3.1 127.0.3.2; respond 200 }
route /local          { allow unix; deny all; respond 200 }
route /six            { deny ::/0; respond 200 }
route /four           { deny 0.0.0.0/0; respond 200 }
route /inherits       { respond 200 }
route /lifted         { allow all; respond 200 }
route /own            { deny 127.0.3.1; respond 200 }
route /forged         { auth app; deny all; respond 200 }
defaults { deny 127.0.3.5 }
"""

_addresses = itertools.count(10)


def address_inside():
    return f"127.0.3.{next(_addresses)}"


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting, tmp_path_factory):
    return start_module_gateway(
        CONFIGURATION,
        hospital=hospital,
        waiting=waiting,
        socket=tmp_path_factory.mktemp("allow") / "gateway.sock",
        dual=free_port(),
    )


async def status(gateway, path, address, headers=None):
    async with gateway.plain.client(address) as client:
        return (await client.get(path, headers=headers)).status_code


#: Path, the address that comes, and what it gets.
TABLE = [
    ("/first", "127.0.3.1", 403),
    ("/first", "127.0.3.2", 200),
    ("/first", "127.0.4.1", 403),
    ("/later", "127.0.3.1", 200),
    ("/later", "127.0.4.1", 200),
    ("/only-bad", "127.0.3.2", 403),
    ("/only-bad", "127.0.3.3", 200),
    ("/local", "127.0.3.1", 403),
    ("/six", "127.0.3.1", 200),
    ("/four", "127.0.3.1", 403),
    ("/inherits", "127.0.3.5", 403),
    ("/inherits", "127.0.3.6", 200),
    ("/lifted", "127.0.3.5", 200),
    ("/own", "127.0.3.5", 200),
    ("/own", "127.0.3.1", 403),
]


@pytest.mark.parametrize("path, address, expected", TABLE)
async def test_the_first_that_is_about_an_address_decides(gateway, path, address, expected):
    assert await status(gateway, path, address) == expected


@pytest.mark.parametrize("way", WAYS)
async def test_whoever_may_come_comes_in_and_others_hear_why_not(gateway, way):
    come = WAYS[way]
    token = tokens.mint()
    assert await come(gateway.tls, "localhost", token, address=address_inside()) == IN
    outcome = await come(gateway.tls, "localhost", token, address="127.0.4.1")
    assert outcome == refused("address")


async def test_a_refusal_is_logged_and_counted(gateway):
    console = Operator(gateway.names["console"])
    assert await status(gateway, "/only-bad?logged", "127.0.3.1") == 403
    entry = await line(gateway, "/only-bad?logged")
    assert (entry["status"], entry["reason"], entry["detail"]) == (403, "policy", "address")
    metrics = console("GET", "/metrics").text
    assert 'gateway_refused_requests_total{route="/only-bad",rule="deny"}' in metrics


async def test_the_address_is_asked_before_the_token(gateway):
    """No attempt is counted of whom no token would let in."""
    console = Operator(gateway.names["console"])

    def failed():
        text = console("GET", "/metrics").text
        return next(l for l in text.splitlines() if l.startswith("gateway_failed_attempts_total"))

    before = failed()
    forged = tokens.bearer(tokens.mint(secret="x" * 64))
    assert await status(gateway, "/forged", "127.0.3.1", forged) == 403
    assert failed() == before


@pytest.mark.parametrize(
    "proxy, name, expected",
    [
        ("127.0.9.1", "127.0.3.2", 403),
        ("127.0.9.1", "127.0.3.3", 200),
        # A proxy in front of a trusted one may say what it likes.
        ("127.0.9.1", "127.0.3.3, 127.0.3.2", 403),
        ("127.0.9.1", "127.0.3.2, 127.0.3.3", 200),
        # Who is no trusted proxy comes from where it comes from.
        ("127.0.3.2", "127.0.3.3", 403),
        ("127.0.3.3", "127.0.3.2", 200),
    ],
)
async def test_of_trusted_proxies_the_address_they_name_counts(gateway, proxy, name, expected):
    headers = {"X-Forwarded-For": name}
    assert await status(gateway, "/only-bad", proxy, headers) == expected


def exchange(made, path):
    """One request on a socket, and the status of its answer; empty when it was closed without."""
    with made:
        made.settimeout(15)
        try:
            made.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            answer = made.recv(12)
        except OSError:
            return ""
        return answer[9:12].decode()


@pytest.mark.parametrize("path, expected", [("/local", "200"), ("/first", "403"), ("/six", "200")])
async def test_a_unix_socket_is_an_address_of_its_own_kind(gateway, path, expected):
    made = socket.socket(socket.AF_UNIX)
    made.connect(str(gateway.names["socket"]))
    assert await asyncio.to_thread(exchange, made, path) == expected


@pytest.mark.parametrize(
    "host, path, expected",
    [
        ("127.0.0.1", "/six", "200"), ("127.0.0.1", "/four", "403"),
        ("::1", "/six", "403"), ("::1", "/four", "200"),
    ],
)  # fmt: skip
async def test_ipv4_is_ipv4_also_on_a_socket_of_ipv6(gateway, host, path, expected):
    made = socket.create_connection((host, gateway.names["dual"]))
    assert await asyncio.to_thread(exchange, made, path) == expected


# Listeners.

LISTENER = """
workers 2
trust 127.0.9.0/24
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
listen 127.0.0.1:$guarded { $rules }
listen 127.0.0.1:$https { tls { certificate self_signed }; $rules }
route / { respond 200 "in" }
"""


@pytest.fixture
def start(start_gateway):
    def start(rules):
        return start_gateway(LISTENER, rules=rules, guarded=free_port())

    return start


def come(gateway, door, address, headers=""):
    """The status of a request from there; empty when nothing is answered."""
    made = socket.create_connection(("127.0.0.1", gateway.names[door]), source_address=(address, 0))
    return exchange(made, "/")


async def test_a_listener_closes_at_once_whom_it_denies(start):
    gateway = start("deny 127.0.3.1; allow 127.0.3.0/24 127.0.0.1; deny all")
    console = Operator(gateway.names["console"])
    table = {"127.0.3.1": "", "127.0.3.2": "200", "127.0.0.1": "200", "127.0.4.1": ""}
    for address, expected in table.items():
        assert await asyncio.to_thread(come, gateway, "guarded", address) == expected, address
        assert await asyncio.to_thread(come, gateway, "http", address) == "200"
    metrics = console("GET", "/metrics").text
    assert '\ngateway_refused_connections_total{rule="deny"} 2\n' in metrics
    wait_until(lambda: "127.0.3.1 was refused" in gateway.stderr, "a line about the first")


async def test_a_denied_connection_costs_no_handshake(start):
    """Not an octet comes back, whatever is sent."""
    gateway = start("deny 127.0.3.1; allow all")

    def knock():
        address = ("127.0.0.1", gateway.names["https"])
        with socket.create_connection(address, source_address=("127.0.3.1", 0)) as made:
            made.settimeout(15)
            try:
                return made.recv(1)
            except ConnectionResetError:
                return b""

    assert await asyncio.to_thread(knock) == b""
    async with gateway.tls.client("127.0.3.2") as client:
        assert (await client.get("/")).status_code == 200


async def test_a_flood_of_denied_connections_is_a_line_a_second(start):
    gateway = start("deny 127.0.3.1; allow all")

    def flood():
        return [come(gateway, "guarded", "127.0.3.1") for _ in range(200)]

    assert set(await asyncio.to_thread(flood)) == {""}
    lines = [text for text in gateway.stderr.splitlines() if "was refused" in text]
    assert 1 <= len(lines) < 20, lines


async def test_a_listener_looks_at_the_socket_and_not_at_what_a_proxy_says(start):
    gateway = start("deny 127.0.9.1; allow all")
    assert await asyncio.to_thread(come, gateway, "guarded", "127.0.9.1") == ""
    assert await asyncio.to_thread(come, gateway, "guarded", "127.0.9.2") == "200"


async def test_a_reload_changes_who_may_connect_and_ends_nobody(start):
    gateway = start("allow all")
    async with gateway.tls.client("127.0.3.1") as client:
        assert (await client.get("/")).status_code == 200
        gateway.names["rules"] = "deny 127.0.3.1; allow all"
        gateway.configure(LISTENER)
        gateway.reload()

        async def is_closed():
            return await asyncio.to_thread(come, gateway, "guarded", "127.0.3.1") == ""

        # Both workers have it when a few in a row are refused.
        async def are_closed():
            return all([await is_closed() for _ in range(8)])

        await eventually(are_closed, "the new rule to hold")
        assert (await client.get("/")).status_code == 200
