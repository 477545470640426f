"""The gateway under test: a process with a configuration, judged when it stops."""

import os
import pathlib
import re
import signal
import string
import subprocess

from .door import Door
from .ports import free_port
from .process import ROOT, Process
from .secrecy import secrecy
from .tokens import ENVIRONMENT
from .waiting import wait_until

#: Those that run now, for the report of a failed test.
running = []


def binary():
    """GATEWAY_BINARY, or the newest of what `swift build` left."""
    named = os.environ.get("GATEWAY_BINARY")
    if named:
        return pathlib.Path(named)
    built = [ROOT / ".build" / kind / "gateway" for kind in ("release", "debug")]
    found = [path for path in built if path.exists()]
    assert found, "no gateway binary: run `Deploy/build` first"
    return max(found, key=lambda path: path.stat().st_mtime)


def command(*arguments, environment=None, patience=30):
    """Runs `gateway ARGUMENTS` to its end."""
    done = subprocess.run(
        [str(binary()), *[str(argument) for argument in arguments]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience,
        env={**os.environ, **ENVIRONMENT, **(environment or {})},
    )
    leaks = secrecy.found_in(done.stderr)
    assert not leaks, f"a secret in the output of gateway {arguments[0]}: {leaks}"
    return done


class Gateway(Process):
    """`gateway run` with a configuration text in which `$name` stands for a port: `$https`
    (TLS), `$http` (plain) and `$console` are its own, the others are apps, numbers or texts given
    by name. `before` is a command that starts it somewhere else."""

    #: Those that it listens on if the configuration names them.
    DOORS = ("https", "http", "console")

    def __init__(self, text, folder, arguments=(), before=(), **names):
        self.folder = folder
        self.names = {
            name: getattr(value, "port", value) for name, value in names.items()
        }
        for name in (*self.DOORS, "spare"):
            self.names.setdefault(name, free_port())
        self.file = folder / "gateway.conf"
        folder.mkdir(parents=True, exist_ok=True)
        self.configure(text)
        command = [*before, binary(), "run", "--config", self.file, *arguments]
        super().__init__("gateway", command, folder, ENVIRONMENT)
        self.watch_outputs(text)
        for name in {*self.DOORS}.intersection(string.Template(text).get_identifiers()):
            self.wait_for_port(self.names[name])
        self.tls = Door("gateway", self.names["https"], tls=True)
        self.plain = Door("gateway, plain", self.names["http"])
        running.append(self)

    def configure(self, text):
        """Writes the configuration; what runs does not change before `reload`. The file is
        replaced at once, as editors and orchestrators do."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(string.Template(text).substitute(self.names))
        fresh.replace(self.file)

    def watch_outputs(self, text):
        """Whatever it writes is looked through for secrets when the run is over."""
        title = f"gateway {self.pid}"
        for path in (self.stdout_path, self.stderr_path):
            secrecy.watch(title, path)
        for name in re.findall(r"access json (\S+)", text):
            if name not in ("stdout", "stderr"):
                secrecy.watch(title, self.folder / name.rstrip(";}"))

    def reload(self):
        self.signal(signal.SIGHUP)

    def finish(self):
        """Ends it and judges it: alive to the end, a clean exit, and not one secret written."""
        if not self.is_alive():
            running.remove(self)
            code = self.child.returncode
            raise AssertionError(f"the gateway died with {code}:\n{self.stderr[-4000:]}")
        self.signal(signal.SIGTERM)
        self.assert_exit(0)

    def assert_exit(self, code):
        """It ends, because of a signal the test sent, with this code."""
        running.remove(self)
        try:
            assert self.wait() == code, f"exit {self.child.returncode}\n{self.stderr[-4000:]}"
        finally:
            if self.is_alive():
                self.kill()
        self.assert_no_secret()

    def assert_no_secret(self):
        for stream, text in (("stderr", self.stderr), ("stdout", self.stdout)):
            leaks = secrecy.found_in(text)
            assert not leaks, f"secrets on {stream}: {leaks}"

    def wait_for_words(self, *words):
        """Until one line of stderr holds all of `words`."""

        def said():
            return any(
                all(word in line for word in words) for line in self.stderr.splitlines()
            )

        wait_until(said, f"stderr to say {words}; it says:\n{self.stderr[-2000:]}")
