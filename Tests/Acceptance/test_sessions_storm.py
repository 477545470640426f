"""Crowds before a store that has two places: never more than two are in, nobody is told anything
but the truth, and nothing is left behind."""

import asyncio
import time

import pytest

from harness.visitors import KINDS, Visitors, routes
from harness.waiting import eventually, pace, together

CONFIGURATION = f"""
workers 2
listen 127.0.0.1:$http
backend app {{ server 127.0.0.1:$app }}
sessions two    {{ store query:store; device query:device; limit 2 block_new }}
sessions newest {{ store query:store; device query:device; limit 2 eject_old }}
{routes("two", "newest")}
"""

#: Addresses to come from, so that ports do not run out.
ADDRESSES = [f"127.0.1.{number}" for number in range(1, 33)]


async def come(visitors, block, number):
    return await visitors.come(block, f"D{number}", address=ADDRESSES[number % len(ADDRESSES)])


@pytest.mark.parametrize(
    "count, rounds",
    [(200, 5), pytest.param(1000, 50, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_of_a_storm_exactly_two_get_in(hall, gateway, kind, count, rounds):
    store, after = None, []
    for _ in range(rounds):
        visitors = Visitors(kind, gateway.plain)
        visitors.store = store = store or visitors.store
        crowd = await asyncio.gather(*[come(visitors, "two", n) for n in range(count)])
        inside = [visitor for visitor in crowd if visitor.is_in]
        assert len(inside) == 2
        assert sum(visitor.is_rejected for visitor in crowd) == count - 2
        assert not any(visitor.is_over for visitor in inside)
        assert {guest.target for guest in hall.inside} == {one.target for one in inside}
        for visitor in inside:
            await visitor.leave()
        await visitors.go()
        await eventually(lambda: not hall.inside, "the app to see them leave")
        await eventually(lambda: gateway.connections() == 0, "every connection to be given back")
        after.append((gateway.descriptors(), gateway.memory()))
    assert hall.most == 2
    first, last = after[0], after[-1]
    assert last[0] <= first[0], "descriptors"
    assert last[1] - first[1] < 8 << 20, "memory"


@pytest.mark.parametrize(
    "count, seconds",
    [(40, 2), pytest.param(300, 30, marks=[pytest.mark.long, pytest.mark.timeout(300)])],
)
async def test_places_change_hands_in_a_storm(hall, gateway, count, seconds):
    """Everybody comes again and again, stays a moment, and goes, politely or not; whoever is in, by
    what it heard and said itself, is never a third."""
    await together(*[play(hall, gateway, kind, count, seconds) for kind in KINDS])


async def play(hall, gateway, kind, count, seconds):
    visitors = Visitors(kind, gateway.plain)
    end = time.monotonic() + seconds
    inside, most, turns = set(), 0, 0

    async def device(number):
        nonlocal most, turns
        # A busy machine may need longer to give places on.
        while time.monotonic() < end or turns < 5:
            visitor = await come(visitors, "two", number)
            if visitor.is_in:
                inside.add(number)
                most = max(most, len(inside))
                turns += 1
                await pace(0.01)
                inside.discard(number)
                await visitor.leave()
            else:
                assert visitor.is_rejected, visitor
                await pace(0.01)
            await visitor.forget()

    await together(*[device(number) for number in range(count)])
    assert most <= 2
    third = [await visitors.eventually_admitted("two", f"late-{number}") for number in range(2)]
    assert not any(visitor.is_over for visitor in third)
    await visitors.go()


@pytest.mark.parametrize("kind", KINDS)
async def test_of_a_storm_that_ejects_the_newest_two_are_left(hall, gateway, kind):
    visitors = Visitors(kind, gateway.plain)
    crowd = await asyncio.gather(*[come(visitors, "newest", n) for n in range(100)])

    def left():
        return [visitor for visitor in crowd if not visitor.is_over]

    await eventually(lambda: len(left()) == 2, "all but two to be ended")
    for visitor in crowd:
        if visitor.is_over:
            assert visitor.told["reason"] == "eject_old" and visitor.code in (4010, None), visitor
    await eventually(lambda: len(hall.inside) == 2, "the app to see the others go")
    assert all(hall.has(visitor) for visitor in left())
    await visitors.go()
    await eventually(lambda: gateway.connections() == 0, "every connection to be given back")
