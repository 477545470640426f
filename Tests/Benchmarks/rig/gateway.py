"""The gateway that is measured: one worker, pinned to a core of its own."""

import contextlib
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator

from harness.ports import free_port
from harness.process import ROOT, Process

from .app import App
from .crowd import Crowd
from .loop import Loop

#: The cores we may use, before anything was pinned.
CORES = sorted(os.sched_getaffinity(0))
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

CONFIGURATION = """\
workers 1
limits {{ drain 0ms; {limits} }}
listen 127.0.0.1:{port} {{ tls {{ certificate self_signed }} }}
backend app {{ server 127.0.0.1:{app}; connect_timeout 20s; handshake_timeout 30s }}
route / {{ websocket; backend app; {route} }}
{more}
"""


class Unsupported(Exception):
    """This binary does not know a word of the configuration."""


def binary() -> pathlib.Path:
    """GATEWAY_BINARY, or the release build: a debug build says nothing about speed."""
    named = os.environ.get("GATEWAY_BINARY")
    path = pathlib.Path(named) if named else ROOT / ".build" / "release" / "gateway"
    if not path.exists():
        raise SystemExit(f"no {path}: run `Deploy/build` first")
    return path


def cores() -> tuple[int, int]:
    """The core of the gateway and that of everything else."""
    return CORES[0], CORES[-1]


class Gateway(Process):
    """`gateway run` with what a case says of its route and limits; `more` are further lines."""

    def __init__(
        self, folder: pathlib.Path, app_port: int, route: str = "", limits: str = "", more: str = ""
    ) -> None:
        self.port: int = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "gateway.conf"
        file.write_text(
            CONFIGURATION.format(
                port=self.port, app=app_port, route=route, limits=limits, more=more
            )
        )
        _check(file)
        core = str(cores()[0])
        super().__init__(
            "gateway", ["taskset", "-c", core, binary(), "run", "--config", file], folder
        )
        self.wait_for_port(self.port)

    def cpu_seconds(self) -> float:
        """User and system time of all threads since the start, to the nanosecond where the kernel
        counts them."""
        threads = list(pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat"))
        if threads:
            return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def forget_peak(self) -> None:
        """From here on `peak_growth` counts."""
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        self._resident_before = self._status("VmRSS")

    def peak_growth(self) -> int:
        """By how many octets the gateway's memory had grown, at its largest."""
        return self._status("VmHWM") - self._resident_before

    def _status(self, name: str) -> int:
        for line in self._proc("status").splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"/proc/PID/status has no {name}")

    def _proc(self, name: str) -> str:
        return pathlib.Path(f"/proc/{self.pid}/{name}").read_text()


def _check(file: pathlib.Path) -> None:
    """Tells an older binary from a broken one."""
    checked = subprocess.run(
        [binary(), "check", "--config", file], capture_output=True, text=True, timeout=30
    )
    if checked.returncode != 0:
        errors = [line for line in checked.stderr.splitlines() if ": error: " in line]
        raise Unsupported(errors[0].partition(": error: ")[2] if errors else checked.stderr)


class Stand:
    """A gateway with an app behind it and a crowd in front."""

    def __init__(
        self, loop: Loop, folder: pathlib.Path, route: str, limits: str, more: str
    ) -> None:
        self.loop, self.app = loop, App(loop)
        try:
            self.gateway = Gateway(folder, self.app.port, route, limits, more)
        except BaseException:
            self.app.close()
            raise
        self.crowd = Crowd(loop, self.gateway.port, compressed="compress" in route)

    def settled_memory(self) -> int:
        """The gateway's PSS when it stands still, in octets."""
        readings: list[int] = [self.gateway.memory()]
        while len(readings) < 40:
            self.loop.run_for(0.25)
            readings.append(self.gateway.memory())
            if max(readings[-4:]) - min(readings[-4:]) <= 64 * 1024 and len(readings) >= 4:
                break
        return readings[-1]

    def close(self) -> None:
        if not self.gateway.is_alive():
            raise AssertionError(f"the gateway died:\n{self.gateway.stderr[-2000:]}")
        self.crowd.close()
        self.gateway.stop()
        self.app.close()


@contextlib.contextmanager
def stand(loop: Loop, route: str = "", limits: str = "", more: str = "") -> Iterator[Stand]:
    """A fresh gateway for the length of a block."""
    with tempfile.TemporaryDirectory(prefix="gateway-benchmark-") as folder:
        built = Stand(loop, pathlib.Path(folder), route, limits, more)
        try:
            yield built
        except BaseException:
            built.gateway.stop()
            raise
        built.close()
