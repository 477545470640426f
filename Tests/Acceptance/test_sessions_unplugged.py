"""Who holds a place and is gone without a word makes way for who comes within three seconds; who is
only quiet never does. Here devices are processes, and what happens to them is what happens in a
hospital: somebody trips over a cable, a switch dies, a computer freezes.

`test_sessions_ghosts.py` has all the rest of it, with devices that live in the test.

A network that is cut: gateway and devices stand on machines of their own (`harness/network.py`).
Nobody is told of the cut: no FIN, no RST, no ICMP; packets are no longer there.

A process that is stopped (SIGSTOP): its kernel goes on without it, and acknowledges for it.

- A WebSocket has to answer a ping, which only the process can do: it makes way.
- An event stream has nothing to answer. A comment is acknowledged by the kernel as long as there is
  room for it, so that a process that is stopped cannot be told from a quiet one: it keeps its
  place. When the app has said more than the kernels take, none of it is taken any more: it makes
  way. (If nobody comes, TCP gives it up after half a minute.)
"""

import asyncio
import contextlib
import itertools
import signal

import pytest

from harness.device import Device
from harness.network import CUTS, Network
from harness.ports import free_port
from harness.system import allowed
from harness.visitors import KINDS, Hall, chunk, routes
from harness.waiting import BUSY, eventually, longer_than, pace, together, wait_until
from harness.wire import TEXT, frame

CONFIGURATION = f"""
workers 2
log {{ access json stdout }}
listen $listen
backend app {{ server $app }}
sessions one {{ store query:store; device query:device; limit 1 block_new }}
{routes("one", words="slow wait")}
"""

_stores = itertools.count(1)


class Devices:
    """They come to one store, which nobody else goes to."""

    def __init__(self, kind, address, folder):
        scheme = "http" if kind == "events" else "ws"
        self.url = f"{scheme}://{address}/{kind}/one?store=store-{next(_stores)}"
        self.folder = folder
        self.all = []

    async def come(self, name, machine=None):
        before = machine.inside if machine else ()
        device = Device(f"{self.url}&device={name}", self.folder, before)
        self.all.append(device)
        return await device.answer()

    async def admitted(self, name, machine=None):
        device = await self.come(name, machine)
        assert device.is_in, f"not let in: {device}"
        return device

    async def rejected(self, name, machine=None):
        device = await self.come(name, machine)
        assert device.is_rejected, f"let in, or told something else: {device}"
        return device

    def go(self):
        for device in self.all:
            device.kill()


@pytest.fixture(scope="module")
def network():
    with allowed():
        network = Network()
    yield network
    network.close()


@pytest.fixture(scope="module")
def app_socket(tmp_path_factory):
    """Where the app listens: a path, which all machines have in common."""
    return str(tmp_path_factory.mktemp("app") / "socket")


@pytest.fixture
async def hall(app_socket):
    async with Hall(app_socket) as hall:
        yield hall


@pytest.fixture(scope="module")
def start_gateway_at(start_module_gateway, app_socket):
    """`start(address)`; in the end it must have given back every connection."""
    started = []

    def start(address, **options):
        gateway = start_module_gateway(
            CONFIGURATION, listen=address, app=f"unix:{app_socket}", **options
        )
        gateway.wait_for_words("ready")
        started.append(gateway)

    yield start
    for gateway in started:
        wait_until(lambda: gateway.connections() == 0, "every connection to be given back")


@pytest.fixture(scope="module")
def far(network, start_gateway_at):
    """The address of a gateway on a machine of its own."""
    address = f"{network.ADDRESS}:8080"
    start_gateway_at(address, before=network.gateway.inside)
    return address


@pytest.fixture(scope="module")
def near(start_gateway_at):
    """The address of a gateway on the machine of the tests."""
    address = f"127.0.0.1:{free_port()}"
    start_gateway_at(address)
    return address


@pytest.fixture
def gather(tmp_path):
    """`gather(kind, address)`: devices, which are taken away in the end."""
    groups = []

    def start(kind, address):
        groups.append(Devices(kind, address, tmp_path))
        return groups[-1]

    yield start
    for group in groups:
        group.go()


async def silence():
    """Who was heard within the last three seconds is not asked."""
    await longer_than("the silence before anybody is asked", 3.2)


# Its network is cut.


async def test_whose_network_is_cut_makes_way_within_three_seconds(network, far, hall, gather):
    async def play(kind, how):
        devices, machine, other = gather(kind, far), network.machine(), network.machine()
        holder = await devices.admitted("A", machine)
        machine.cut(how)
        await silence()
        newcomer = await devices.admitted("B", other)
        assert newcomer.patience < 3 + BUSY
        print(f"{kind}, {how}: in after {newcomer.patience:.2f} s")
        # What is gone does not know that yet; the app does.
        assert not holder.is_over
        await hall.without(holder)
        machine.mend()
        await holder.ended("silent")
        if kind == "socket":
            assert holder.code == 1001
        await devices.rejected("A", machine)
        assert hall.has(newcomer) and not newcomer.is_over

    await together(*[play(kind, how) for kind in KINDS for how in CUTS])


async def test_who_is_only_quiet_never_makes_way(network, far, hall, gather):
    async def play(kind):
        devices, other = gather(kind, far), network.machine()
        holder = await devices.admitted("A", network.machine())
        for number in range(3):
            await silence()
            await devices.rejected(f"B{number}", other)
        assert holder.heard == ["hello"] and hall.has(holder) and not holder.is_over

    await together(*[play(kind) for kind in KINDS])


# Its process is stopped.


async def test_a_stopped_socket_makes_way_within_three_seconds(near, hall, gather):
    devices = gather("socket", near)
    holder = await devices.admitted("A")
    holder.signal(signal.SIGSTOP)
    await silence()
    newcomer = await devices.admitted("B")
    assert newcomer.patience < 3 + BUSY
    await hall.without(holder)
    holder.signal(signal.SIGCONT)
    await holder.ended("silent")
    assert holder.code == 1001
    assert hall.has(newcomer) and not newcomer.is_over


async def test_a_stopped_stream_keeps_its_place_while_there_is_room(near, hall, gather):
    devices = gather("events", near)
    holder = await devices.admitted("A")
    holder.signal(signal.SIGSTOP)
    for number in range(3):
        await silence()
        await devices.rejected(f"B{number}")
    await hall.guest(holder).say(chunk(b"data: news\n\n"))
    holder.signal(signal.SIGCONT)
    await eventually(lambda: holder.heard == ["hello", "news"], "what came meanwhile")
    assert not holder.is_over


async def flood(guest, kind):
    """Says more than anybody between here and the device takes."""
    text = b"x" * 65_000
    words = frame(TEXT, text) if kind == "socket" else chunk(b"data: " + text + b"\n\n")
    with contextlib.suppress(TimeoutError):
        while True:
            await asyncio.wait_for(guest.say(words), 1)


async def test_who_is_stopped_makes_way_when_there_is_no_room(near, hall, gather):
    """Whenever somebody comes: now and then its kernel is asked for room, and answers that there is
    none, which is no sign of life."""

    async def play(kind, pause):
        devices = gather(kind, near)
        holder = await devices.admitted("A")
        holder.signal(signal.SIGSTOP)
        await flood(hall.guest(holder), kind)
        await pace(pause)
        newcomer = await devices.admitted(f"B-after-{pause}")
        assert newcomer.patience < 3 + BUSY
        holder.signal(signal.SIGCONT)
        await eventually(lambda: holder.is_over, f"{holder} to end")
        assert hall.has(newcomer) and not newcomer.is_over

    await together(*[play(kind, pause) for kind in KINDS for pause in (3.2, 4, 5, 6)])
