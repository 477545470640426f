"""`on_down`: what becomes of WebSockets and event streams when checks say that their server is down."""

import contextlib
import json

import pytest

from harness.log import line
from harness.ports import free_port
from harness.visitors import KINDS, Hall
from harness.waiting import eventually, longer_than
from test_server_drain import House, told_to_return

CONFIGURATION = """
log { access json stdout }
workers 2
limits { drain 5s }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
backend app {
    server 127.0.0.1:$one
    server 127.0.0.1:$two
    check GET /check every 300ms timeout 300ms rise 1 fall 1 expect 200
    $words
}
defaults { backend app }
route /socket { websocket }
route /events { events }
"""


@pytest.fixture
async def start_house(start_gateway):
    async with contextlib.AsyncExitStack() as stack:
        houses = []

        async def begin(words):
            halls = [await stack.enter_async_context(Hall(free_port())) for _ in range(2)]
            ports = {"one": halls[0].port, "two": halls[1].port}
            houses.append(House(start_gateway(CONFIGURATION, words=words, **ports), halls))
            return houses[-1]

        yield begin
        for house in houses:
            for visits in house.visitors:
                await visits.go()


@pytest.mark.parametrize("kind", KINDS)
async def test_close_ends_them_and_says_when_to_come_back(start_house, kind):
    house = await start_house("on_down close")
    crowd = await house.crowd(kind, 20)
    mine, others = house.of(0, crowd), house.of(1, crowd)
    assert len(mine) == 10
    house.halls[0].health = 500
    for one in mine:
        await one.until(lambda one=one: one.is_over, "to end")
    times = [told_to_return(one) for one in mine]
    assert all(1000 <= each <= 5000 for each in times) and len(set(times)) > 5
    assert not any(one.is_over for one in others)
    entry = await line(house.gateway, mine[0].mark)
    assert (entry["reason"], entry["detail"]) == ("draining", "server_down")
    server = json.loads(house.type("servers", "--json"))["servers"][0]
    assert (server["state"], server["why"]) == ("down", "checks")
    assert all(house.halls[1].has(one) for one in await house.crowd(kind, 4))
    house.halls[0].health = 200
    await eventually(lambda: house.states() == ["up", "up"], "the server to be up")
    assert house.of(0, await house.crowd(kind, 4))


async def test_keep_is_usual(start_house):
    house = await start_house("")
    crowd = await house.crowd("socket", 4)
    house.halls[0].health = 500
    await eventually(lambda: house.states() == ["down", "up"], "the server to be down")
    await longer_than("an end of what lives", 1)
    assert not any(one.is_over for one in crowd)
