"""What some systems allow nobody: containers, above all. A test that wants it is skipped there and
says why, and `Tests/run` lists it. Nothing else is a reason to be skipped: a program that
`Tests/run` installs is there, or its tests fail."""

import contextlib
import pathlib

import pytest


class Unavailable(Exception):
    """This system does not allow it; says why."""


@contextlib.contextmanager
def allowed():
    """Skips the test whose fixture finds out within the block that it is `Unavailable`."""
    try:
        yield
    except Unavailable as reason:
        pytest.skip(str(reason))


def first_unprivileged_port():
    return int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
