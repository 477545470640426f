"""Watches a process while something happens."""

import asyncio
import contextlib
import pathlib
import signal

from .waiting import STEP, eventually, pace


class Peak:
    def __init__(self, baseline):
        self.baseline = self.highest = baseline

    @property
    def growth(self):
        return self.highest - self.baseline


@contextlib.asynccontextmanager
async def peak_memory(process, every=0.05):
    """The most memory the process has while the block runs, against what it had before."""
    peak = Peak(process.memory())

    async def watch():
        while True:
            peak.highest = max(peak.highest, process.memory())
            await pace(every)

    watcher = asyncio.create_task(watch())
    try:
        yield peak
    finally:
        peak.highest = max(peak.highest, process.memory())
        watcher.cancel()


async def leaves_unread(process, port):
    """Whether it leaves what came from that port of a client's where it is, however often one
    looks."""
    for _ in range(10):
        if not process.unread_from(port):
            return False
        await pace(STEP)
    return True


@contextlib.asynccontextmanager
async def stopping(process):
    """Stops the process for a while, so that it finds everything at once, in the order it came."""
    process.signal(signal.SIGSTOP)
    try:
        stat = pathlib.Path(f"/proc/{process.pid}/stat")
        await eventually(lambda: ") T " in stat.read_text(), "the process to stop")
        yield
    finally:
        process.signal(signal.SIGCONT)
