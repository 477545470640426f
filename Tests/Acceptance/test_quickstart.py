"""The first minute with the product: `Deploy/quickstart` does what it says."""

import os
import re
import signal
import socket
import subprocess

import pytest

from harness.gateway import binary
from harness.process import ROOT, accepts

QUICKSTART = ROOT / "Deploy" / "quickstart"


def options():
    environment = {**os.environ, "GATEWAY_BINARY": str(binary())}
    return {"stdin": subprocess.DEVNULL, "text": True, "env": environment}


def run(*arguments):
    return subprocess.run([QUICKSTART, *arguments], capture_output=True, timeout=50, **options())


def test_the_three_commands_do_what_they_promise():
    done = run("--check")
    assert done.returncode == 0, done.stdout + done.stderr
    for promise in ("a WebSocket", "an event stream", "a second device is refused"):
        assert f"ok: {promise}" in done.stdout


def test_ports_that_are_taken_are_replaced():
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            squatter.bind(("127.0.0.1", 8443))
            squatter.listen()
        except OSError:
            pass  # taken by somebody else, which is just as good
        done = run("--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "port 8443 is taken" in done.stdout


def test_it_stays_until_ctrl_c_and_leaves_nothing_behind():
    child = subprocess.Popen(
        [QUICKSTART],
        stdout=subprocess.PIPE,
        # Whoever runs the tests in the background ignores SIGINT, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options(),
    )
    try:
        said = ""
        while "Ctrl-C stops both" not in said:
            line = child.stdout.readline()
            assert line, f"it ended by itself:\n{said}"
            said += line
        gateway, app = re.search(
            r"The gateway is at https://127\.0\.0\.1:(\d+) .* http://127\.0\.0\.1:(\d+)", said
        ).groups()
        assert accepts(int(gateway)) and accepts(int(app))
        # What it tells people to type, typed: the event stream of device A.
        typed = re.search(r"^  (curl .*client_id=A.*)$", said, re.MULTILINE)[1]
        heard = subprocess.run(
            ["bash", "-c", f"timeout 10 {typed} | grep -m 1 data:"], capture_output=True, text=True
        )
        assert "data:" in heard.stdout
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 0
        assert not accepts(int(gateway)) and not accepts(int(app))
    finally:
        child.kill()
        child.stdout.close()


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_it_says_what_it_does(option):
    done = run(option)
    assert done.returncode == 0
    assert "--check" in done.stdout


def test_an_unknown_option_is_2():
    assert run("--chekc").returncode == 2
