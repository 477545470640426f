"""A small disk of one's own, which is gone with the test, however it ends: a file system in memory
that a process has mounted in a mount namespace of its own. Nobody else sees it, but through that
process."""

import contextlib
import pathlib
import subprocess

from .system import Unavailable

#: How to get a mount namespace: the first that works is taken.
WAYS = [("unshare", "--mount"), ("unshare", "--map-root-user", "--mount")]


@contextlib.contextmanager
def small_disk(folder, size):
    """The path of a disk with room for `size`, as mount(8) writes it; it is mounted on `folder`."""
    problems = []
    for way in WAYS:
        with subprocess.Popen(
            [*way, "sh", "-c", 'mount -t tmpfs -o "size=$2" none "$1" && echo in && exec cat']
            + ["sh", str(folder), size],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as keeper:  # fmt: skip
            if keeper.stdout.readline() == "in\n":
                yield pathlib.Path(f"/proc/{keeper.pid}/root{folder}")
                return
            problems.append(f"`{' '.join(way)}`: {keeper.stderr.read().strip()}")
    raise Unavailable(f"nobody may mount a file system here: {'; '.join(problems)}")
