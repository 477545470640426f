"""Logs into pipes that nobody reads, or that nobody has any more, and onto disks that are full: no
request waits for them, and it is said what is missing."""

import asyncio
import contextlib
import fcntl
import json
import os
import resource
import subprocess
import time

import pytest

from harness.disks import small_disk
from harness.gateway import binary
from harness.operator import Operator
from harness.ports import free_port
from harness.process import accepts
from harness.system import allowed
from harness.tokens import ENVIRONMENT
from harness.waiting import eventually

CONFIGURATION = """
workers 1
log { access json $place }
listen 127.0.0.1:$http
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
backend gone { server 127.0.0.1:$spare }
route /gone { backend gone; while_away hold 200ms }
route /     { respond 200 "here" }
"""
DROPPED = "gateway_log_lines_dropped_total"
#: More than the gateway and a pipe hold together.
REQUESTS, FILLING = 900, "x" * 7000


@pytest.fixture
def pipe(tmp_path):
    """A named pipe of one page, and its reading end."""
    path = tmp_path / "access.pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    yield path, reader
    with contextlib.suppress(OSError):
        os.close(reader)


async def ask(gateway, count, path="/"):
    """The longest that one of so many answers took."""
    slowest = 0
    async with gateway.plain.client() as client:
        for number in range(count):
            began = time.monotonic()
            answer = await client.get(f"{path}?n={number}&{FILLING}")
            assert answer.status_code in (200, 502)
            slowest = max(slowest, time.monotonic() - began)
    return slowest


async def read(reader, enough):
    """Whole lines, until there are enough of them."""
    octets = b""

    def more():
        nonlocal octets
        with contextlib.suppress(BlockingIOError):
            while part := os.read(reader, 1 << 20):
                octets += part
        return enough(octets)

    await eventually(more, "the log to be written")
    return [json.loads(line) for line in octets.splitlines()]


@pytest.mark.timeout(180)
async def test_nobody_waits_for_a_log_that_nobody_reads(start_gateway, pipe):
    path, reader = pipe
    gateway = start_gateway(CONFIGURATION, place=path)
    operator = Operator(gateway.names["console"])
    memory = gateway.memory()
    assert await ask(gateway, REQUESTS) < 5
    lost = operator.total(DROPPED, log="access")
    assert 0 < lost < REQUESTS
    assert gateway.memory() - memory < 24 << 20
    # Who reads it now finds the lines there are, each whole, and hears what is missing.
    lines = await read(reader, lambda octets: octets.count(b"\n") >= REQUESTS - lost)
    assert len(lines) == REQUESTS - lost
    assert [line["path"] for line in lines] == [
        f"/?n={number}&{FILLING}" for number in range(len(lines))
    ]
    said = lambda: [line for line in gateway.stderr.splitlines() if "access log:" in line]
    await eventually(lambda: len(said()) == 2, "it to be said")
    assert "lines are left out" in said()[0] and f"{int(lost)} lines are missing" in said()[1]
    await ask(gateway, 1)
    assert len(await read(reader, lambda octets: octets.endswith(b"\n"))) == 1
    assert operator.total(DROPPED, log="access") == lost


async def test_a_log_that_nobody_reads_does_not_hold_up_the_end_or_another(start_gateway, pipe):
    path, _ = pipe
    gateway = start_gateway(CONFIGURATION, place=path)
    await ask(gateway, 50)
    # Another place is another matter.
    gateway.names["place"] = path.parent / "access.json"
    gateway.configure(CONFIGURATION)
    gateway.reload()
    gateway.wait_for_words("generation 2")
    await ask(gateway, 1)
    await eventually(lambda: "/?n=0" in (path.parent / "access.json").read_text(), "the line")
    gateway.names["place"] = path
    gateway.configure(CONFIGURATION)
    gateway.reload()
    gateway.wait_for_words("generation 3")
    await ask(gateway, 50)
    began = time.monotonic()
    gateway.signal(15)
    await asyncio.to_thread(gateway.assert_exit, 0)
    assert time.monotonic() - began < 10


async def test_a_reader_that_leaves_is_no_end(start_gateway, pipe):
    path, reader = pipe
    gateway = start_gateway(CONFIGURATION, place=path)
    operator = Operator(gateway.names["console"])
    await ask(gateway, 1)
    await read(reader, lambda octets: octets.endswith(b"\n"))
    os.close(reader)
    assert await ask(gateway, 20) < 5
    await eventually(lambda: operator.total(DROPPED, log="access") == 20, "all to be counted")


def said(gateway):
    return [line for line in gateway.stderr.splitlines() if "access log:" in line]


async def test_a_device_that_is_full_is_told_of_once(start_gateway):
    gateway = start_gateway(CONFIGURATION, place="/dev/full")
    operator = Operator(gateway.names["console"])
    await ask(gateway, 20)
    await eventually(lambda: operator.total(DROPPED, log="access") == 20, "all to be counted")
    (line,) = said(gateway)
    assert "No space left on device" in line and "lines are left out" in line


@pytest.fixture
def disk(tmp_path):
    """A disk of its own with room for some lines."""
    with allowed(), small_disk(tmp_path, "64k") as folder:
        yield folder


async def test_lines_stay_whole_when_a_disk_that_was_full_has_room_again(start_gateway, disk):
    ballast, log = disk / "ballast", disk / "access.json"
    ballast.write_bytes(b"x" * (40 << 10))
    gateway = start_gateway(CONFIGURATION, place=log)
    operator = Operator(gateway.names["console"])
    await ask(gateway, 9)
    await eventually(lambda: said(gateway), "the disk to be full")
    assert "No space left on device" in said(gateway)[0]
    assert not log.read_bytes().endswith(b"\n"), "no line was cut"
    ballast.unlink()
    await ask(gateway, 3, "/again")
    await eventually(lambda: len(said(gateway)) == 2, "it to be over")
    lost = operator.total(DROPPED, log="access")
    assert lost > 0 and f"{int(lost)} lines are missing" in said(gateway)[1]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == 9 + 3 - lost and lines[-1]["path"].startswith("/again?n=2")


async def test_a_file_that_may_not_grow_is_no_end(start_gateway, tmp_path):
    """As `LimitFSIZE=` of systemd has it, which sends a signal (SIGXFSZ)."""
    gateway = start_gateway(CONFIGURATION, place=tmp_path / "access.json")
    operator = Operator(gateway.names["console"])
    unlimited = resource.RLIM_INFINITY
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (20 << 10, unlimited))
    await ask(gateway, 9)
    await eventually(lambda: operator.total(DROPPED, log="access") > 0, "lines to be counted")
    assert "File too large" in said(gateway)[0]
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
    await ask(gateway, 1, "/again")
    await eventually(lambda: len(said(gateway)) == 2, "it to be over")
    lines = [json.loads(line) for line in (tmp_path / "access.json").read_text().splitlines()]
    assert len(lines) >= 3


async def test_messages_that_a_full_disk_does_not_take_are_counted(tmp_path):
    port = free_port()
    file = tmp_path / "gateway.conf"
    file.write_text(
        f"listen 127.0.0.1:{free_port()}; route / {{ respond 200 }}\n"
        f"console 127.0.0.1:{port} {{ token env:CONSOLE_TOKEN }}\n"
    )
    with open("/dev/full", "w") as full:
        gateway = subprocess.Popen(
            [binary(), "run", "--config", file],
            stderr=full,
            env={**os.environ, **ENVIRONMENT},
        )
    try:
        await eventually(lambda: accepts(port), "the console to be there")
        operator = Operator(port)
        await eventually(lambda: operator.total(DROPPED, log="events") >= 2, "lines to be counted")
    finally:
        gateway.terminate()
        assert gateway.wait(30) == 0
