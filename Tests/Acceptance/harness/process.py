"""Child processes: started, waited for, measured, stopped; none outlives the test run."""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import sys

from .waiting import wait_until

ACCEPTANCE = pathlib.Path(__file__).resolve().parent.parent
ROOT = ACCEPTANCE.parent.parent
PR_SET_PDEATHSIG = 1


def _die_with_the_tests():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def accepts(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A server process whose output is kept in two files."""

    def __init__(self, name, arguments, folder, environment=None):
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self.stdout_path = folder / f"{name}.stdout"
        self.stderr_path = folder / f"{name}.stderr"
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as errors:
            self.child = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                preexec_fn=_die_with_the_tests,
            )

    @property
    def pid(self):
        return self.child.pid

    @property
    def stdout(self):
        return self.stdout_path.read_text(errors="replace")

    @property
    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def is_alive(self):
        return self.child.poll() is None

    def wait_for_port(self, port):
        def ready():
            assert self.is_alive(), (
                f"{self.name} exited with {self.child.returncode} before it listened:\n"
                f"{self.stderr}"
            )
            return accepts(port)

        # A big app takes long to begin on a busy machine.
        wait_until(ready, f"{self.name} to listen on {port}", patience=60)

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self, patience=40):
        return self.child.wait(patience)

    def kill(self):
        self.child.kill()
        self.child.wait()

    def stop(self):
        """Ends a process whose ending is not what is tested."""
        if self.is_alive():
            self.child.terminate()
            try:
                self.child.wait(3)
            except subprocess.TimeoutExpired:
                self.kill()

    # What /proc knows.

    def descriptors(self):
        """How many file descriptors are open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def connections(self):
        """How many sockets are open that do not listen."""
        sockets = self._sockets()
        for fields in self._tcp():
            if fields[3] == "0A":
                sockets.discard(fields[9])
        return len(sockets)

    def is_connected_to(self, port):
        """Whether it has accepted, and not closed, the connection from that port of a client's, or
        has opened, and not closed, one from that port of its own."""
        sockets = self._sockets()
        return any(
            fields[9] in sockets
            for fields in self._tcp()
            if port in [int(end.rpartition(":")[2], 16) for end in fields[1:3]]
        )

    def unread_from(self, port):
        """How many octets wait to be read on its connection from that port of a client's."""
        sockets = self._sockets()
        return sum(
            int(fields[4].rpartition(":")[2], 16)
            for fields in self._tcp()
            if fields[9] in sockets and int(fields[2].rpartition(":")[2], 16) == port
        )

    def _sockets(self):
        """The inodes of its open sockets."""
        sockets = set()
        for path in pathlib.Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                name = os.readlink(path)
                if name.startswith("socket:["):
                    sockets.add(name[len("socket:[") : -1])
        return sockets

    def _tcp(self):
        """The rows of the kernel's table of IPv4 sockets, in columns (proc(5))."""
        rows = pathlib.Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines()[1:]
        return [row.split() for row in rows]

    def memory(self):
        """Octets of memory that are this process's own share (PSS)."""
        for line in pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("smaps_rollup has no Pss line")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class App(Process):
    """One of the apps in `apps/`, listening on a port of its own."""

    COMMANDS = {
        "hospital": ["daphne", "-v", "0", "-b", "127.0.0.1", "-p", "PORT", "hospital.asgi:application"],
        "waiting": [
            "uvicorn", "waiting.app:app", "--host", "127.0.0.1", "--port", "PORT",
            "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "1",
        ],
        "models": [
            "uvicorn", "models.app:app", "--host", "127.0.0.1", "--port", "PORT",
            "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "1",
        ],
        "chat": [
            "uvicorn", "chat.app:app", "--host", "127.0.0.1", "--port", "PORT",
            "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "1",
        ],
        "steady": [
            "uvicorn", "--factory", "steady:app", "--host", "127.0.0.1", "--port", "PORT",
            "--no-access-log", "--log-level", "warning", "--lifespan", "off",
        ],
        "odd": [None, "PORT"],
        "echo": [None, "PORT"],
        "careless": ["careless", "PORT"],
        **{
            kind: ["readers", kind, "PORT"]
            for kind in ("starlette", "aiohttp", "werkzeug", "node")
        },
    }  # fmt: skip

    def __init__(self, name, port, folder):
        self.port = port
        module, *rest = self.COMMANDS[name]
        start = ["-m", module] if module else [ACCEPTANCE / "apps" / f"{name}.py"]
        rest = [str(port) if word == "PORT" else word for word in rest]
        super().__init__(
            f"{name}-{port}",
            [sys.executable, *start, *rest],
            folder,
            {"PYTHONPATH": str(ACCEPTANCE / "apps"), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self.wait_for_port(port)
