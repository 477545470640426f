"""How much of the machine others used while we measured."""

import os
import pathlib
import resource
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
#: Cores in use by others from which on figures of time mean little.
TOO_LOUD = 0.1


class Neighbours:
    """Counts from its making on. Our own processes must have ended before it is asked, since
    what they used is only known then."""

    def __init__(self) -> None:
        self._start, self._busy, self._ours = time.monotonic(), _busy(), _ours()

    def cores(self) -> float:
        """Cores that were busy on average with what is not ours."""
        others = (_busy() - self._busy) - (_ours() - self._ours)
        return max(0.0, others / (time.monotonic() - self._start))

    def complaint(self) -> str | None:
        """What a reader should know of the figures' worth."""
        cores = self.cores()
        if cores <= TOO_LOUD:
            return None
        return f"others kept {cores:.1f} cores busy meanwhile: run again on a quiet machine"


def _busy() -> float:
    """Seconds all cores spent on anything, waiting for the host included."""
    fields = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _idle, _waiting, *interrupts_and_stolen = map(int, fields)
    return (user + nice + system + sum(interrupts_and_stolen)) / TICKS_PER_SECOND


def _ours() -> float:
    """Seconds this process and those of its children that have ended spent."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
