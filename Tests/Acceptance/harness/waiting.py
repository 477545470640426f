"""Waiting for conditions. Where time itself is what a test is about, it has a name."""

import asyncio
import contextlib
import functools
import inspect
import time

#: How long a condition may take on a busy machine before the test gives up.
PATIENCE = 15
STEP = 0.02
#: Seconds that a busy machine may add to what is over in time on one that is not. A fault that a
#: test looks for by the clock has to take longer than that.
BUSY = 4
#: Before the five seconds are over that the gateway waits for the other side of a close.
SOON = 4.5


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


async def longer_than(what, seconds):
    """Time that must pass, since that is what the test is about: nothing happens although it
    passed, or `what` is over by now. A condition is waited for with `eventually`."""
    await asyncio.sleep(seconds)


async def pace(seconds):
    """Between two pieces of traffic, or two looks at it: how often they come is what the test is
    about."""
    await asyncio.sleep(seconds)


def pause(seconds):
    """`pace`, where nothing is asynchronous."""
    time.sleep(seconds)


async def together(*scenarios):
    """Runs what takes seconds each beside each other, to the end of all; tells every failure."""
    ends = await asyncio.gather(*scenarios, return_exceptions=True)
    failures = [end for end in ends if isinstance(end, BaseException)]
    if failures:
        raise BaseExceptionGroup(f"{len(failures)} of {len(ends)} scenarios failed", failures)


#: Seconds by which a loop is late on a machine that has too much to do.
LATE = 0.25


@contextlib.asynccontextmanager
async def lateness():
    """A list of the seconds by which this loop was late while the block ran."""
    found = []

    async def look():
        while True:
            due = time.monotonic() + STEP
            await asyncio.sleep(STEP)
            found.append(time.monotonic() - due)

    looking = asyncio.create_task(look())
    try:
        yield found
    finally:
        looking.cancel()


def again_if_late(test):
    """For a test whose clients have to keep a rate, which nobody does whom the machine does not let
    run: when it failed and was late itself, that says nothing, and it is tried again, twice."""

    @functools.wraps(test)
    async def run(*arguments, **names):
        for _ in range(2):
            async with lateness() as late:
                try:
                    return await test(*arguments, **names)
                except Exception:
                    if max(late, default=0) < LATE:
                        raise
        return await test(*arguments, **names)

    return run
