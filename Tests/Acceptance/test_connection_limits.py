"""How many connections there may be: of a worker, and from one address to the whole process."""

import asyncio
import contextlib
import itertools
import signal
import socket

import pytest

from harness.operator import Operator
from harness.ports import free_port
from harness.waiting import PATIENCE, eventually, wait_until

CONFIGURATION = """
workers $workers
trust 127.0.9.0/24
limits { $limits }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
listen [::1]:$six
listen unix:$socket
listen 127.0.0.1:$https { tls { certificate self_signed } }
route / { respond 200 "in" }
"""

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

_addresses = itertools.count(10)


def new_address():
    return f"127.0.4.{next(_addresses)}"


@pytest.fixture
def start(start_gateway, tmp_path):
    def start(limits, workers=1):
        return start_gateway(
            CONFIGURATION,
            limits=limits,
            workers=workers,
            six=free_port(),
            socket=tmp_path / "gateway.sock",
        )

    return start


class Visitor:
    """A connection that is kept."""

    def __init__(self, gateway, address=None, door="http", host="127.0.0.1"):
        if door == "socket":
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(str(gateway.names["socket"]))
        else:
            source = (address, 0) if address else None
            place = (host, gateway.names[door])
            self.socket = socket.create_connection(place, source_address=source)
        self.socket.settimeout(PATIENCE)

    def send(self):
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(REQUEST)
        return self

    def answer(self):
        """The status of the next answer; None when the connection is closed instead."""
        try:
            octets = self.socket.recv(4096)
        except ConnectionError:
            return None
        return int(octets[9:12]) if octets else None

    def ask(self):
        return self.send().answer()

    def close(self):
        self.socket.close()


@pytest.fixture
def visit():
    """Visitors, who leave when the test is over."""
    with contextlib.ExitStack() as stack:

        def visit(*arguments, **options):
            visitor = Visitor(*arguments, **options)
            stack.callback(visitor.close)
            return visitor

        yield visit


def waiting_in_queue(port):
    """How many connections wait to be accepted at this port (the queue of proc_net_tcp(5))."""
    with open("/proc/net/tcp") as table:
        for row in list(table)[1:]:
            _, local, _, state, queues, *_ = row.split()
            if state == "0A" and int(local.split(":")[1], 16) == port:
                return int(queues.split(":")[1], 16)
    return 0


# `connections`: of one worker.


def test_a_worker_takes_as_many_as_it_may_and_the_next_one_when_one_ends(start, visit):
    gateway = start("connections 3")
    port = gateway.names["http"]
    inside = [visit(gateway) for _ in range(3)]
    assert [visitor.ask() for visitor in inside] == [200] * 3
    late = [visit(gateway).send() for _ in range(2)]
    wait_until(lambda: waiting_in_queue(port) == 2, "two to wait")
    # The worker has had many a turn meanwhile.
    for _ in range(20):
        assert [visitor.ask() for visitor in inside] == [200] * 3
        assert waiting_in_queue(port) == 2
    inside[0].close()
    assert late[0].answer() == 200
    for _ in range(5):
        assert [visitor.ask() for visitor in (*inside[1:], late[0])] == [200] * 3
        assert waiting_in_queue(port) == 1
    inside[1].close()
    assert late[1].answer() == 200
    assert waiting_in_queue(port) == 0


def test_all_listeners_count_together(start, visit):
    gateway = start("connections 2")
    assert visit(gateway).ask() == 200
    assert visit(gateway, door="socket").ask() == 200
    late = visit(gateway, door="six", host="::1").send()
    late.socket.settimeout(1)
    with pytest.raises(TimeoutError):
        late.answer()


def test_who_waits_is_served_by_a_listener_that_is_closed(start, visit):
    """A reload takes the listener away: whoever connected before is not reset, and who had an
    answer already goes."""
    gateway = start("connections 1")
    port = gateway.names["http"]
    inside = visit(gateway)
    assert inside.ask() == 200
    late = [visit(gateway).send() for _ in range(5)]
    wait_until(lambda: waiting_in_queue(port) == 5, "five to wait")
    gateway.configure(CONFIGURATION.replace("listen 127.0.0.1:$http\n", ""))
    gateway.reload()
    assert [visitor.answer() for visitor in late] == [200] * 5
    assert inside.answer() is None
    with pytest.raises(ConnectionRefusedError):
        visit(gateway)


def test_who_waits_is_served_when_the_gateway_stops(start, visit):
    gateway = start("connections 1; drain 20s")
    inside = visit(gateway)
    assert inside.ask() == 200
    late = [visit(gateway).send() for _ in range(5)]
    wait_until(lambda: waiting_in_queue(gateway.names["http"]) == 5, "five to wait")
    gateway.signal(signal.SIGTERM)
    assert [visitor.answer() for visitor in late] == [200] * 5
    gateway.assert_exit(0)


# `connections_per_address`: of the whole process.


def count_from(gateway, address, visit, wanted, **options):
    """So many come at once; how many of them were let in."""
    visitors = [visit(gateway, address, **options).send() for _ in range(wanted)]
    answers = [visitor.answer() for visitor in visitors]
    assert set(answers) <= {200, None}
    return [visitor for visitor, answer in zip(visitors, answers) if answer == 200]


def test_so_many_from_one_address_to_all_workers_together(start, visit):
    gateway = start("connections_per_address 10", workers=4)
    console = Operator(gateway.names["console"])
    address = new_address()
    inside = count_from(gateway, address, visit, 60)
    assert len(inside) == 10
    # Others are not affected, and those who are in stay.
    assert len(count_from(gateway, new_address(), visit, 10)) == 10
    assert [visitor.ask() for visitor in inside] == [200] * 10
    metrics = console("GET", "/metrics").text
    assert (
        '\ngateway_refused_connections_total{rule="connections_per_address"} 50\n' in metrics
    )
    assert "\ngateway_client_addresses 2\n" in metrics
    lines = [text for text in gateway.stderr.splitlines() if "was refused" in text]
    assert 1 <= len(lines) < 20 and address in lines[0] and "has 10 already" in lines[0], lines


def test_a_place_is_free_when_a_connection_ends(start, visit):
    gateway = start("connections_per_address 2", workers=2)
    address = new_address()
    for _ in range(20):
        first, second = (visit(gateway, address) for _ in range(2))
        assert wait_until(lambda: first.ask() == 200, "a place")
        assert second.ask() == 200
        assert visit(gateway, address).ask() is None
        first.close()
        second.close()
        wait_until(lambda: is_empty(gateway), "both to be forgotten")


def is_empty(gateway):
    metrics = Operator(gateway.names["console"])("GET", "/metrics").text
    return "\ngateway_client_addresses 0\n" in metrics


@pytest.mark.parametrize("end", ["close", "reset", "garbage", "timeout"])
def test_nothing_stays_however_connections_end(start, visit, end):
    gateway = start("connections_per_address 5; request_head 300ms; tls_handshake 300ms")
    address = new_address()
    for door in ("http", "https"):
        for visitor in [visit(gateway, address, door=door) for _ in range(5)]:
            if end == "reset":
                linger = b"\1\0\0\0\0\0\0\0"
                visitor.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            if end == "garbage":
                visitor.socket.sendall(b"\0\1\2\3\r\n\r\n")
            if end == "timeout":
                # It may be over before that is sent.
                with contextlib.suppress(ConnectionError):
                    visitor.socket.sendall(b"\x16")
                    while visitor.socket.recv(4096):
                        pass
            visitor.close()
        wait_until(lambda: is_empty(gateway), f"{door} to be forgotten")
    assert len(count_from(gateway, address, visit, 6)) == 5


def test_the_next_connection_is_closed_before_tls(start, visit):
    gateway = start("connections_per_address 1")
    address = new_address()
    assert visit(gateway, address).ask() == 200
    late = visit(gateway, address, door="https")
    assert late.answer() is None


def test_trusted_proxies_and_unix_sockets_are_not_counted(start, visit):
    gateway = start("connections_per_address 2")
    assert len(count_from(gateway, "127.0.9.7", visit, 20)) == 20
    assert len(count_from(gateway, None, visit, 20, door="socket")) == 20
    assert is_empty(gateway)


def test_ipv6_is_counted_by_its_network(start, visit):
    gateway = start("connections_per_address 3")
    assert len(count_from(gateway, "::1", visit, 5, door="six", host="::1")) == 3
    # IPv4 is nobody's network of IPv6.
    assert len(count_from(gateway, new_address(), visit, 5)) == 3


def test_a_reload_sets_the_limit_for_those_who_are_there(start, visit):
    gateway = start("connections_per_address off", workers=2)
    address = new_address()
    inside = count_from(gateway, address, visit, 12)
    assert len(inside) == 12
    gateway.names["limits"] = "connections_per_address 10"
    gateway.configure(CONFIGURATION)
    gateway.reload()

    def is_refused():
        visitor = Visitor(gateway, address)
        with contextlib.closing(visitor):
            return visitor.ask() is None

    def is_closed():
        return all(is_refused() for _ in range(6))

    wait_until(is_closed, "the limit to hold")
    assert [visitor.ask() for visitor in inside] == [200] * 12
    for visitor in inside[:3]:
        visitor.close()
    # Nine are there: there is room for one.
    wait_until(lambda: visit(gateway, address).ask() == 200, "a place")
    assert is_refused()


async def test_a_rush_from_many_addresses(start):
    """Hundreds at once: of each address as many as may, and all is given back."""
    gateway = start("connections_per_address 4", workers=4)

    async def come(address):
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", gateway.names["http"], local_addr=(address, 0)
            )
            writer.write(REQUEST)
            return (await reader.read(12))[9:12] == b"200", writer
        except ConnectionError:
            return False, None

    addresses = [new_address() for _ in range(20)]
    found = await asyncio.gather(*(come(address) for _ in range(15) for address in addresses))
    for index, address in enumerate(addresses):
        assert sum(is_in for is_in, _ in found[index::20]) == 4, address
    for _, writer in found:
        if writer:
            writer.close()
    await eventually(lambda: is_empty(gateway), "all to be forgotten")
