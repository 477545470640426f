"""Watches a process while something happens."""

import asyncio
import contextlib


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
            await asyncio.sleep(every)

    watcher = asyncio.create_task(watch())
    try:
        yield peak
    finally:
        peak.highest = max(peak.highest, process.memory())
        watcher.cancel()
