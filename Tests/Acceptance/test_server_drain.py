"""One server before its deploy: `gateway drain`, `gateway servers`, `gateway up`. What lives there ends
one by one, or stays, and is told when to come back. And `max_age`, which ends what has lasted."""

import asyncio
import contextlib
import json
import re
import time

import pytest

from harness.gateway import command
from harness.log import line
from harness.operator import Operator
from harness.ports import free_port
from harness.tokens import ENVIRONMENT
from harness.visitors import KINDS, Hall, Visitors
from harness.waiting import BUSY, eventually, longer_than

CONFIGURATION = """
log { access json stdout }
workers 2
limits { drain $drain }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$one; server 127.0.0.1:$two; keep_alive 4 }
defaults { backend app; while_away hold 30s }
route /socket { websocket }
route /events { events }
route /socket/short { websocket; max_age 2s jitter 50% }
route /events/short { events; max_age 2s jitter 50% }
route /download { stream }
route /download/short { stream; max_age 1s }
route / { }
"""


class House:
    """Two halls behind a gateway, and what an operator types."""

    def __init__(self, gateway, halls):
        self.gateway, self.halls = gateway, halls
        self.door = gateway.plain
        self.operator = Operator(gateway.names["console"])
        self.visitors = []

    def name(self, number):
        return f"127.0.0.1:{self.gateway.names['one' if number == 0 else 'two']}"

    def type(self, *words, code=0):
        done = command(*words, "--config", self.gateway.file)
        assert ENVIRONMENT["CONSOLE_TOKEN"] not in done.stdout + done.stderr
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def states(self):
        rows = self.type("servers").splitlines()[1:]
        return [row.split()[2] for row in rows]

    def visits(self, kind):
        self.visitors.append(Visitors(kind, self.door))
        return self.visitors[-1]

    async def crowd(self, kind, count, block="all"):
        visits = self.visits(kind)
        return await asyncio.gather(
            *[visits.admitted(block, f"d{number}") for number in range(count)]
        )

    def of(self, number, visitors):
        return [one for one in visitors if self.halls[number].has(one)]


@pytest.fixture
async def house(start_gateway):
    async with contextlib.AsyncExitStack() as stack:
        halls = [await stack.enter_async_context(Hall(free_port())) for _ in range(2)]
        gateway = start_gateway(CONFIGURATION, drain="20s", one=halls[0].port, two=halls[1].port)
        house = House(gateway, halls)
        yield house
        for visits in house.visitors:
            await visits.go()


def told_to_return(visitor):
    """How long it was told to wait, in milliseconds."""
    if visitor.code is None:
        return visitor.retry
    assert visitor.code == 1012, visitor
    return int(re.fullmatch(r"\w+ retry=(\d+)", visitor.reason)[1])


@pytest.mark.parametrize("kind", KINDS)
async def test_what_lives_on_a_drained_server_ends_and_comes_back_to_another(house, kind):
    crowd = await house.crowd(kind, 40)
    mine, others = house.of(0, crowd), house.of(1, crowd)
    assert len(mine) == 20
    printed = house.type("drain", "app", house.name(0))
    assert "draining" in printed or "drained" in printed
    begin = time.monotonic()
    await asyncio.gather(*[one.until(lambda one=one: one.is_over, "to end") for one in mine])
    assert time.monotonic() - begin > 0.5, "one by one"
    times = [told_to_return(one) for one in mine]
    assert all(1000 <= each <= 5000 for each in times) and len(set(times)) > 15
    await eventually(lambda: house.states() == ["drained", "up"], "the server to be drained")
    assert not any(one.is_over for one in others)
    for one in await house.crowd(kind, 6):
        assert house.halls[1].has(one)
    entry = await line(house.gateway, mine[0].mark)
    assert (entry["reason"], entry["detail"]) == ("draining", "server_drain")

    house.type("up", "app", house.name(0))
    assert house.states() == ["up", "up"]
    assert house.of(0, await house.crowd(kind, 4))


async def test_with_keep_what_lives_there_stays(house):
    crowd = await house.crowd("socket", 6)
    printed = house.type("drain", "app", house.name(0), "--keep")
    assert "draining" in printed
    assert all(house.halls[1].has(one) for one in await house.crowd("socket", 4))
    await longer_than("an end of what lives", 1)
    assert not any(one.is_over for one in crowd)
    assert house.states() == ["draining", "up"]
    # The operator changes his mind.
    mine = house.of(0, crowd)
    house.type("drain", "app", house.name(0))
    for one in mine:
        await one.until(lambda one=one: one.is_over, "to end")
    await eventually(lambda: house.states() == ["drained", "up"], "the server to be drained")


async def test_who_has_not_ended_stays_when_the_server_is_used_again(house):
    crowd = await house.crowd("socket", 120)
    mine = house.of(0, crowd)
    house.type("drain", "app", house.name(0))
    await eventually(lambda: any(one.is_over for one in mine), "the first to end")
    house.operator.delete(f"/servers/app/{house.name(0)}/drain")
    ended = sum(one.is_over for one in mine)
    await longer_than("the ends of all others", 3)
    left = [one for one in mine if not one.is_over]
    assert len(left) >= len(mine) - ended - 5 and left


async def test_an_order_outlives_a_reload(house):
    house.type("drain", "app", house.name(1))
    house.gateway.reload()
    await eventually(
        lambda: "generation 2 judges every request" in house.gateway.stderr, "the reload"
    )
    assert house.states() == ["up", "drained"]
    assert all(house.halls[0].has(one) for one in await house.crowd("events", 6))
    assert house.operator.total("gateway_server_drained") == 1
    assert house.operator.total("gateway_generation") == 2


async def test_a_request_under_way_finishes(house):
    """Also a download, which begins when its server is drained already."""
    visits = house.visits("download")
    visitors = [await visits.knock("all", f"d{n}", gate="shut") for n in range(2)]
    await eventually(
        lambda: sum(len(hall.inside) for hall in house.halls) == 2, "both to be inside"
    )
    house.type("drain", "app", house.name(0))
    assert house.states() == ["draining", "up"]
    for hall in house.halls:
        hall.gate.set()
    for visitor in visitors:
        await visitor.answer()
        assert visitor.is_in and not visitor.is_over


async def test_while_all_servers_are_drained_requests_wait(house):
    for number in range(2):
        printed = house.type("drain", "app", house.name(number))
    assert "no server of 'app' is up" in printed
    visitor = await house.visits("socket").knock("all", "d")
    await longer_than("an answer", 1)
    assert not visitor.is_in and not visitor.is_over
    house.type("up", "app", house.name(1))
    await visitor.answer()
    assert visitor.is_in and house.halls[1].has(visitor)


def test_what_is_not_there_is_refused(house):
    assert "There is no such server" in house.type("drain", "app", "127.0.0.1:1", code=1)
    assert "There is no such server" in house.type("up", "nobody", house.name(0), code=1)
    assert house.type("servers", "--backend", "nobody") == "no servers\n"
    assert house.states() == ["up", "up"]


def test_json_is_what_the_console_says(house):
    answer = json.loads(house.type("servers", "--json"))
    assert [server["state"] for server in answer["servers"]] == ["up", "up"]
    assert {server["backend"] for server in answer["servers"]} == {"app"}
    answer = json.loads(house.type("drain", "app", house.name(0), "--json"))
    assert answer["left"] == 1 and answer["servers"][0]["why"] == "ordered"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_has_lasted_ends_each_at_its_age(house, kind):
    begin = time.monotonic()
    crowd = await house.crowd(kind, 12, "short")
    ends = []
    for one in crowd:
        await one.until(lambda one=one: one.is_over, "to end")
        ends.append(time.monotonic() - begin)
        assert 1000 <= told_to_return(one) <= 5000
    assert 0.9 < ends[0] and ends[-1] < 2.5 + BUSY
    entry = await line(house.gateway, crowd[0].mark)
    assert (entry["reason"], entry["detail"]) == ("draining", "max_age")
    assert entry["duration_ms"] >= 900
    for one in await house.crowd(kind, 2):
        assert one.is_in


async def test_a_download_that_has_lasted_is_broken_off(house):
    one = await house.visits("download").knock("short", "d")
    await one.until(lambda: one.is_over, "to end")
    assert one.status == 200
    entry = await line(house.gateway, one.mark)
    assert (entry["reason"], entry["detail"]) == ("draining", "max_age")
