"""Servers that have names: what a real name server says of them is found out, kept, and given up,
under requests and live sockets."""

import asyncio
import collections

import aiohttp
import pytest

from harness.gateway import command
from harness.name_server import NameServer
from harness.operator import start
from harness.places import Places
from harness.ports import free_port
from harness.system import Unavailable, allowed
from harness.waiting import eventually

CONFIGURATION = """
workers 2
log { access json stdout }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
resolver 127.0.0.1:$dns { min_ttl 100ms; timeout 200ms; retries 0; $resolver }
backend app { $servers }
route /ws { websocket; backend app }
route / { $route backend app }
"""

ONE, TWO, THREE, SIX = "127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"


@pytest.fixture
def names(tmp_path):
    """`names(hosts, …)`: a name server."""
    servers = []

    def begin(hosts=None, **options):
        servers.append(NameServer(tmp_path / f"dns{len(servers)}", hosts=hosts, **options))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()


@pytest.fixture
def start_named(start_gateway):
    """`start_named(dns, port, servers=…)`: a gateway, its operator."""

    def begin(dns, port, servers=None, resolver="", route=""):
        servers = servers or f"server app.test:{port}"
        return start(
            start_gateway, CONFIGURATION, dns=dns, app=port, servers=servers, resolver=resolver,
            route=route,
        )  # fmt: skip

    return begin


class Visitor:
    """A client that asks which server it came to."""

    def __init__(self, gateway):
        self.base = f"http://127.0.0.1:{gateway.names['http']}"

    async def __aenter__(self):
        self.session = aiohttp.ClientSession(self.base)
        return self

    async def __aexit__(self, *_):
        await self.session.close()

    async def where(self, path="/", status=200):
        async with self.session.get(path) as response:
            assert response.status == status, await response.text()
            return (await response.json()) if status == 200 else await response.text()

    async def shares(self, count):
        """How often each server was come to."""
        return collections.Counter([(await self.where())["address"] for _ in range(count)])


async def leads_to(visitor, *addresses):
    """Until exactly these servers are used."""

    async def so():
        return set(await visitor.shares(2 * len(addresses) + 2)) == {*addresses}

    await eventually(so, f"requests to go to {addresses}")


async def test_all_addresses_of_a_name_are_servers(names, start_named):
    """IPv4 and IPv6, in turns; metrics have a line for each."""
    port = free_port()
    dns = names({"app.test": [ONE, TWO, SIX]})
    async with Places(port) as places:
        for address in (ONE, TWO, SIX):
            await places.open(address)
        gateway, operator = start_named(dns, port)
        async with Visitor(gateway) as visitor:
            assert await visitor.shares(30) == {ONE: 10, TWO: 10, SIX: 10}
        assert operator.total("gateway_name_servers", server=f"app.test:{port}") == 3
        assert operator.total("gateway_server_up", backend="app") == 3
        assert operator.total("gateway_name_resolutions_total", outcome="resolved") >= 1


async def test_addresses_change_under_requests_and_live_sockets(names, start_named):
    """New servers are used as soon as the time of the records is over; a socket on an address that
    is gone stays until it ends by itself, a request there is answered, and a connection that rests
    is closed."""
    port = free_port()
    dns = names({"app.test": [ONE, TWO]})
    async with Places(port) as places:
        for address in (ONE, TWO, THREE):
            await places.open(address)
        gateway, operator = start_named(dns, port)
        async with Visitor(gateway) as visitor:
            sockets = [await visitor.session.ws_connect("/ws") for _ in range(4)]
            await visitor.shares(4)
            slow = [asyncio.create_task(visitor.where("/slow")) for _ in range(4)]
            await eventually(
                lambda: operator.total("gateway_server_up", backend="app") == 2, "two servers"
            )
            dns.change({"app.test": [THREE, TWO]})
            await leads_to(visitor, TWO, THREE)
            places.released.set()
            assert {one["address"] for one in await asyncio.gather(*slow)} <= {ONE, TWO}
            heard = []
            for socket in sockets:
                await socket.send_str("still here")
                heard.append(await socket.receive_str())
            assert sorted(heard) == sorted([f"{ONE}: still here", f"{TWO}: still here"] * 2)
            for socket in sockets:
                await socket.close()
            # With the last exchange on it the server that went is forgotten, too.
            await eventually(
                lambda: operator.total("gateway_server_up", server=f"{ONE}:{port}") == 0,
                "the server that went to be forgotten",
            )
            assert operator.total("gateway_server_up", backend="app") == 2
    gateway.wait_for_words(f"name app.test:{port} resolves to {TWO}:{port}, {THREE}:{port}")


async def test_connections_that_rest_are_closed_with_their_server(names, start_named):
    port = free_port()
    dns = names({"app.test": [ONE]})
    async with Places(port) as places:
        await places.open(ONE)
        await places.open(TWO)
        gateway, _ = start_named(dns, port)
        async with Visitor(gateway) as visitor:
            one = await visitor.where()
            assert gateway.is_connected_to(one["from"])
            dns.change({"app.test": [TWO]})
            await leads_to(visitor, TWO)
            await eventually(
                lambda: not gateway.is_connected_to(one["from"]), "the old connection to be closed"
            )


async def test_it_keeps_what_it_knows_while_the_name_server_is_away(names, start_named):
    """Stopped, and not there at all: nothing changes for clients, the log says it once."""
    port = free_port()
    dns = names({"app.test": [ONE, TWO]})
    async with Places(port) as places:
        await places.open(ONE)
        await places.open(TWO)
        gateway, operator = start_named(dns, port, resolver="hold 0s;")
        name = f"app.test:{port}"

        def failures():
            return operator.total("gateway_name_resolutions_total", server=name, outcome="failed")

        async with Visitor(gateway) as visitor:
            dns.pause()
            await eventually(lambda: failures() >= 2, "two questions without an answer")
            assert set(await visitor.shares(6)) == {ONE, TWO}
            dns.stop()
            before = failures()
            await eventually(lambda: failures() >= before + 1, "nobody to be there")
            assert set(await visitor.shares(6)) == {ONE, TWO}
            assert gateway.stderr.count(f"name {name} cannot be resolved") == 1
            dns.hosts = {"app.test": [TWO]}
            dns.start()
            await leads_to(visitor, TWO)


async def test_a_name_that_is_gone_is_held_and_then_given_up(names, start_named):
    """NXDOMAIN: the addresses stay for 'hold', then the server is down until the name is back."""
    port = free_port()
    dns = names({"app.test": [ONE]})
    async with Places(port) as places:
        await places.open(ONE)
        gateway, operator = start_named(
            dns, port, resolver="hold 3s;", route="while_away error;"
        )
        async with Visitor(gateway) as visitor:
            dns.change({})
            gateway.wait_for_words("app.test", "its last addresses stay for a while")
            assert await visitor.shares(3) == {ONE: 3}
            gateway.wait_for_words("app.test", "its last addresses are not used any more")
            await visitor.where(status=502)
            assert operator.total("gateway_name_servers", server=f"app.test:{port}") == 0
            assert operator.total("gateway_name_resolutions_total", outcome="absent") >= 2
            dns.change({"app.test": [ONE]})
            await leads_to_after_failures(visitor, ONE)


async def leads_to_after_failures(visitor, address):
    async def so():
        async with visitor.session.get("/") as response:
            return response.status == 200 and (await response.json())["address"] == address

    await eventually(so, f"requests to go to {address}")


async def test_requests_that_wait_hear_of_new_servers(names, start_named):
    """A name that does not resolve yet: the gateway starts, warns, and requests wait for it."""
    port = free_port()
    dns = names({})
    async with Places(port) as places:
        await places.open(TWO)
        gateway, operator = start_named(dns, port, route="while_away hold 1m;")
        assert f"app.test:{port} does not resolve" in gateway.stderr
        assert "^~~~" in gateway.stderr
        async with Visitor(gateway) as visitor:
            waiting = [asyncio.create_task(visitor.where()) for _ in range(20)]
            await eventually(
                lambda: operator.total("gateway_held_requests") == 20, "requests to wait"
            )
            dns.change({"app.test": [TWO]})
            assert {one["address"] for one in await asyncio.gather(*waiting)} == {TWO}


async def test_service_records(names, start_named):
    """Ports and weights; the next priority is a backup."""
    one, two, three = free_port(), free_port(), free_port()
    service = "_ws._tcp.app.test"
    dns = names(
        {"a.test": [ONE], "b.test": [TWO]},
        services={
            service: [("a.test", one, 10, 30), ("b.test", two, 10, 10), ("a.test", three, 20, 1)]
        },
    )
    async with Places(one) as places:
        await places.open(ONE, one)
        await places.open(TWO, two)
        await places.open(ONE, three)
        gateway, _ = start_named(dns, one, servers=f"server srv:{service}; retries 2")
        async with Visitor(gateway) as visitor:
            ports = collections.Counter([(await visitor.where())["port"] for _ in range(40)])
            assert ports == {one: 30, two: 10}
            await places.close(ONE, one)
            await places.close(TWO, two)
            ports = {(await visitor.where())["port"] for _ in range(5)}
            assert ports == {three}
            await places.open(TWO, two)
            dns.change(services={service: [("b.test", two, 5, 1)]})

            async def moved():
                return (await visitor.where())["port"] == two

            await eventually(moved, "requests to go to the only server that is left")


async def test_a_reload_brings_names_and_another_name_server(names, start_named):
    """New names are resolved before the configuration is taken over."""
    port = free_port()
    first = names({"app.test": [ONE]})
    second = names({"app.test": [TWO], "other.test": [TWO]})
    async with Places(port) as places:
        await places.open(ONE)
        await places.open(TWO)
        gateway, _ = start_named(first, port)
        async with Visitor(gateway) as visitor:
            assert await visitor.shares(2) == {ONE: 2}
            gateway.names.update(dns=second.port, servers=f"server other.test:{port}")
            gateway.configure(CONFIGURATION)
            gateway.reload()
            gateway.wait_for_words("reloaded: generation 2")
            assert await visitor.shares(3) == {TWO: 3}
            asked = second.asked("other.test")
            assert asked >= 1 and not second.asked("app.test")
            # One that must resolve, and does not, is refused; the old one goes on.
            gateway.names.update(servers=f"server nowhere.test:{port} must_resolve")
            gateway.configure(CONFIGURATION)
            gateway.reload()
            gateway.wait_for_words("reload refused")
            assert "nowhere.test" in gateway.stderr
            assert await visitor.shares(3) == {TWO: 3}
            await eventually(lambda: second.asked("other.test") > asked, "the name to be kept")


def test_must_resolve(names, tmp_path):
    """A start is refused with a line and a caret, also where no name server is there."""
    dns = names({})
    for port in (dns.port, free_port()):
        file = tmp_path / "gateway.conf"
        file.write_text(
            f"listen 127.0.0.1:{free_port()}\n"
            f"resolver 127.0.0.1:{port} {{ timeout 100ms; retries 0 }}\n"
            "backend app { server app.test:8000 must_resolve }\n"
            "route / { backend app }\n"
        )
        done = command("run", "--config", file)
        assert done.returncode == 1
        assert f"{file}:3:22: error: app.test:8000 does not resolve" in done.stderr
        assert "^~~~" in done.stderr


def test_check_says_what_names_resolve_to(names, tmp_path):
    dns = names({"app.test": [ONE, SIX]})
    file = tmp_path / "gateway.conf"
    file.write_text(
        f"listen 127.0.0.1:{free_port()}\n"
        f"resolver 127.0.0.1:{dns.port} {{ timeout 100ms }}\n"
        "backend app { server app.test:8000; server nowhere.test:8000 }\n"
        "route / { backend app }\n"
    )
    done = command("check", "--config", file)
    assert done.returncode == 0, done.stderr
    assert ":3:22: note: app.test:8000 resolves to 127.0.0.1:8000, [::1]:8000" in done.stderr
    assert ":3:44: warning: nowhere.test:8000 does not resolve: no such name" in done.stderr


async def test_the_hosts_file_counts(names, start_named):
    """Names of /etc/hosts are found without a name server."""
    import socket

    name = socket.gethostname()
    with open("/etc/hosts", encoding="utf-8") as file:
        lines = [line.split("#")[0].split() for line in file]
    entries = [
        (words[0], name)
        for words in lines
        for name in words[1:]
        if words[0] in (ONE, SIX) and name != "localhost"
    ]
    with allowed():
        if not entries:
            raise Unavailable("/etc/hosts has no name of this machine beside localhost")
    address, name = entries[0]
    port = free_port()
    dns = names({})
    async with Places(port) as places:
        await places.open(address)
        gateway, _ = start_named(dns, port, servers=f"server {name}:{port}")
        async with Visitor(gateway) as visitor:
            assert await visitor.shares(2) == {address: 2}


async def test_each_name_is_asked_for_once_in_its_time(names, start_named):
    """However many workers and groups: one question for each time of its records."""
    port = free_port()
    dns = names({"app.test": [ONE]}, ttl=3600)
    async with Places(port) as places:
        await places.open(ONE)
        servers = f"server app.test:{port} }} backend other {{ server app.test:{port}"
        gateway, _ = start_named(dns, port, servers=servers)
        async with Visitor(gateway) as visitor:
            assert await visitor.shares(20) == {ONE: 20}
        assert dns.asked("app.test") == 1
