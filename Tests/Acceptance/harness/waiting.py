"""Waiting for conditions, never for time."""

import asyncio
import inspect
import time

#: How long a condition may take on a busy machine before the test gives up.
PATIENCE = 15
STEP = 0.02


def wait_until(condition, what, patience=PATIENCE):
    """The first true answer of `condition`; fails with `what` when none comes."""
    deadline = time.monotonic() + patience
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s in vain: {what}")
        time.sleep(STEP)


async def eventually(condition, what, patience=PATIENCE):
    """The same for coroutines; `condition` may be a plain or an async function."""
    deadline = time.monotonic() + patience
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s in vain: {what}")
        await asyncio.sleep(STEP)


async def settled(measure, what, readings=15, patience=PATIENCE):
    """The value `measure` keeps for `readings` readings in a row."""
    seen = []

    async def same():
        value = measure()
        seen.append(await value if inspect.isawaitable(value) else value)
        await asyncio.sleep(STEP)
        return len(seen) >= readings and len(set(seen[-readings:])) == 1

    await eventually(same, f"{what} to stand still", patience)
    return seen[-1]


async def together(*scenarios):
    """Runs what takes seconds each beside each other, to the end of all, and tells every failure."""
    ends = await asyncio.gather(*scenarios, return_exceptions=True)
    failures = [end for end in ends if isinstance(end, BaseException)]
    if failures:
        raise BaseExceptionGroup(f"{len(failures)} of {len(ends)} scenarios failed", failures)
