"""A real name server (dnsmasq) on a port of its own, with records that a test changes."""

import itertools
import pathlib
import shutil
import signal
import socket
import struct

from .ports import free_port
from .process import Process
from .waiting import wait_until

#: Debian has it where only administrators look.
PROGRAM = shutil.which("dnsmasq") or "/usr/sbin/dnsmasq"


class NameServer:
    """`hosts` are names with their addresses, `services` names with (host, port, priority, weight).
    Whatever is asked for beside them does not exist."""

    def __init__(self, folder, ttl=1, hosts=None, services=None):
        self.folder, self.ttl = pathlib.Path(folder), ttl
        self.hosts, self.services = hosts or {}, services or {}
        self.port = free_port()
        self._numbers = itertools.count()
        self.process = None
        self.start()

    @property
    def log(self):
        """Every question so far."""
        return "".join(
            path.read_text(errors="replace")
            for path in sorted(self.folder.glob("dnsmasq-*.stderr"))
        )

    def asked(self, name):
        """How often it was asked about the IPv4 addresses, or the services, of a name."""
        return sum(
            self.log.count(f"query[{kind}] {name} from") for kind in ("A", "SRV")
        )

    def start(self):
        records = []
        for name, addresses in self.hosts.items():
            for address in addresses:
                records.append(f"--host-record={name},{address},{self.ttl}")
        for name, entries in self.services.items():
            for host, port, priority, weight in entries:
                records.append(f"--srv-host={name},{host},{port},{priority},{weight}")
        self.process = Process(
            f"dnsmasq-{next(self._numbers):03}",
            [
                PROGRAM, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                "--no-hosts", "--no-daemon", "--log-queries", "--log-facility=-",
                f"--local-ttl={self.ttl}", "--local=/#/", "--bind-interfaces",
                "--listen-address=127.0.0.1", f"--port={self.port}", "--pid-file=", *records,
            ],
            self.folder,
        )  # fmt: skip
        wait_until(self.answers, "the name server to answer")

    def answers(self):
        """Whether it answers a question of ours."""
        assert self.process.is_alive(), self.process.stderr
        question = struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + b"\4test\0" + b"\0\1\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.5)
            probe.connect(("127.0.0.1", self.port))
            try:
                probe.send(question)
                return len(probe.recv(512)) >= 12
            except OSError:
                return False

    def change(self, hosts=None, services=None):
        """Other records from now on."""
        self.stop()
        if hosts is not None:
            self.hosts = hosts
        if services is not None:
            self.services = services
        self.start()

    def pause(self):
        """It is there, and does not answer any more."""
        self.process.signal(signal.SIGSTOP)

    def go_on(self):
        self.process.signal(signal.SIGCONT)

    def stop(self):
        if self.process.is_alive():
            self.process.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
