"""A network that nobody else sees: the gateway's machine, and one for every device, each plugged
into the same switch. Nothing of it is left when the tests end, however they do.

Machines are network namespaces. They belong to a user namespace where the system lets anybody have
one, so that no rights are needed; elsewhere they take those of root.
"""

import os
import subprocess

from .system import Unavailable

#: How to get a namespace, and how to get into it: the first that works is taken.
WAYS = {
    ("unshare", "--map-root-user", "--net"): ("--user", "--net", "--preserve-credentials"),
    ("unshare", "--net"): ("--net",),
}
#: How the network of a device may be cut: `Machine.cut`.
CUTS = ["unplugged", "lost in the switch"]


def run(*command):
    """To its end, which must be a good one."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Unavailable(f"`{' '.join(command)}`: {done.stderr.strip() or done.returncode}")


class Namespace:
    """Lives as long as a process in it, which ends with the tests: its input does."""

    def __init__(self, unshare, enter):
        self._keeper = subprocess.Popen(
            [*unshare, "sh", "-c", "echo in; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pid = self._keeper.pid
        if self._keeper.stdout.readline() != "in\n":
            raise Unavailable(f"`{' '.join(unshare)}`: {self._keeper.stderr.read().strip()}")
        #: What stands in front of a command that is to run here. It becomes the command: the
        #: process is the one that was started, and dies with the tests.
        self.inside = (
            "nsenter", f"--target={self.pid}", *enter, "setpriv", "--pdeathsig=KILL", "--"
        )  # fmt: skip

    def ip(self, *words):
        run(*self.inside, "ip", *words)

    def close(self):
        self._keeper.communicate()


class Machine:
    """Of a device: plugged into the switch by a cable."""

    def __init__(self, network, number):
        self.network, self.cable = network, f"cable{number}"
        unshare = (*network.gateway.inside, "unshare", "--net")
        self.namespace = network.keep(Namespace(unshare, network.enter))
        self.inside = self.namespace.inside
        network.gateway.ip(
            *f"link add {self.cable} master switch type veth peer name plug netns".split(),
            str(self.namespace.pid),
        )
        network.gateway.ip("link", "set", self.cable, "up")
        self.namespace.ip("address", "add", f"10.0.0.{number}/24", "dev", "plug")
        self.namespace.ip("link", "set", "plug", "up")

    def cut(self, how):
        """From now on no packet comes through, neither way, and nobody is told. `unplugged`: the
        machine is without a network; `lost in the switch`: it has one, but not the others'."""
        if how == "unplugged":
            self.namespace.ip("link", "set", "plug", "down")
        else:
            self.network.gateway.ip("link", "set", self.cable, "nomaster")

    def mend(self):
        self.network.gateway.ip("link", "set", self.cable, "master", "switch")
        self.namespace.ip("link", "set", "plug", "up")


class Network:
    #: Of the gateway's machine.
    ADDRESS = "10.0.0.1"

    def __init__(self):
        """Tries it all, to a machine at its end of a cable."""
        problems = []
        for unshare, self.enter in WAYS.items():
            self._namespaces = []
            self._count = 1
            try:
                self.gateway = self.keep(Namespace(unshare, self.enter))
                self.gateway.ip(*"link add switch address 02:00:00:00:00:01 type bridge".split())
                self.gateway.ip("address", "add", f"{self.ADDRESS}/24", "dev", "switch")
                for name in ("lo", "switch"):
                    self.gateway.ip("link", "set", name, "up")
                self.machine()
                return
            except Unavailable as problem:
                problems.append(str(problem))
                self.close()
        raise Unavailable(f"no network of its own for uid {os.getuid()}: {'; '.join(problems)}")

    def keep(self, namespace):
        self._namespaces.append(namespace)
        return namespace

    def machine(self):
        """One more."""
        self._count += 1
        return Machine(self, self._count)

    def close(self):
        """With its last process a namespace is gone, and with a namespace all that is in it."""
        for namespace in reversed(self._namespaces):
            namespace.close()
