"""A stop that leads nobody to come back with all the others: what lives ends one by one, and each is told
when to return; load balancers hear of it first; and what `gateway status` says of it."""

import asyncio
import bisect
import datetime
import json
import re
import signal
import time

import httpx
import pytest

from harness.gateway import command
from harness.ports import free_port
from harness.process import accepts
from harness.tokens import ENVIRONMENT
from harness.visitors import KINDS, Hall, Visitors
from harness.waiting import BUSY, eventually, pace
from test_server_drain import told_to_return

CONFIGURATION = """
log { access json stdout }
workers 2
limits { drain $drain; drain_delay $delay }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
listen 127.0.0.1:$https { tls { certificate self_signed } }
backend app { server 127.0.0.1:$app; connect_timeout 20s; handshake_timeout 30s }
defaults { backend app }
sessions seats { store query:store; device query:device; role query:role; limit 100000 block_new }
route /socket { websocket }
route /events { events }
route /socket/seats { websocket; sessions seats }
route /readyz { respond ready }
route / { }
"""


@pytest.fixture
async def hall():
    async with Hall(free_port()) as hall:
        yield hall


@pytest.fixture
def start(start_gateway, hall):
    def start(drain="20s", delay="0s"):
        return start_gateway(CONFIGURATION, app=hall.port, drain=drain, delay=delay)

    return start


def most_within(moments, seconds=1.0):
    moments = sorted(moments)
    return max(
        bisect.bisect_left(moments, moment + seconds) - index
        for index, moment in enumerate(moments)
    )


async def crowd(gateway, kind, count, block="all"):
    visits, gate = Visitors(kind, gateway.plain), asyncio.Semaphore(40)

    async def come(number):
        async with gate:
            return await visits.admitted(block, f"d{number}")

    return visits, await asyncio.gather(*[come(number) for number in range(count)])


def ended(gateway):
    """When each ended, by its path: in seconds, as the gateway has it. A client that looks is as
    late as the machine is busy."""
    entries = [json.loads(text) for text in gateway.stdout.splitlines()]
    return {
        entry["path"]: datetime.datetime.fromisoformat(entry["time"]).timestamp()
        for entry in entries
        if entry["reason"] == "draining"
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "count", [400, pytest.param(2000, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
async def test_ends_and_returns_are_spread_over_the_drain(start, kind, count, record_property):
    """And half of all clients do come to another gateway when they were told to."""
    gateway, other = start(), start()
    visits, all_of_them = await crowd(gateway, kind, count)
    others = Visitors(kind, other.plain)
    seen = []

    async def live(number, one):
        await one.until(lambda: one.is_over, "to end", patience=60)
        await pace(told_to_return(one) / 1000)
        seen.append(time.monotonic())
        if number % 2 == 0:
            await others.admitted("all", f"d{number}")

    living = [asyncio.create_task(live(*one)) for one in enumerate(all_of_them)]
    gateway.signal(signal.SIGTERM)
    await asyncio.gather(*living)
    gateway.assert_exit(0)
    ends = ended(gateway)
    assert len(ends) == count and max(ends.values()) - min(ends.values()) < 20
    returns = [ends[one.target] + told_to_return(one) / 1000 for one in all_of_them]
    for what, moments in (("ends", ends.values()), ("returns", returns), ("seen", seen)):
        record_property(f"{what} in a second, at most", most_within(moments))
    assert most_within(ends.values()) <= 0.15 * count
    assert most_within(returns) <= 0.15 * count
    for each in (visits, others):
        await each.go()


async def test_who_has_a_session_is_told_in_the_message_too(start):
    gateway = start(drain="4s")
    visits, (one,) = await crowd(gateway, "socket", 1, "seats")
    gateway.signal(signal.SIGTERM)
    await one.ended("draining")
    assert one.told["retry"] == told_to_return(one)
    gateway.assert_exit(0)
    await visits.go()


async def test_without_time_all_end_at_once_and_are_told_different_times(start):
    gateway = start(drain="0s")
    visits, all_of_them = await crowd(gateway, "socket", 60)
    gateway.signal(signal.SIGTERM)
    for one in all_of_them:
        await one.until(lambda one=one: one.is_over, "to end")
    assert len({told_to_return(one) for one in all_of_them}) > 50
    gateway.assert_exit(0)
    await visits.go()


# Load balancers.


async def ready(gateway):
    """What a load balancer hears at the route, and at the console without a token."""
    async with httpx.AsyncClient() as client:
        route = await client.get(gateway.plain.http("/readyz"))
        console = await client.get(f"http://127.0.0.1:{gateway.names['console']}/readyz")
        return route.status_code, console.status_code


async def test_readiness_goes_first_and_newcomers_are_served_meanwhile(start):
    gateway = start(drain="5s", delay="4s")
    assert await ready(gateway) == (200, 200)
    visits, (early,) = await crowd(gateway, "socket", 1)
    begin = time.monotonic()
    gateway.signal(signal.SIGTERM)

    async def is_unready():
        return await ready(gateway) == (503, 503)

    await eventually(is_unready, "it to say that it is not ready")
    more, (late,) = await crowd(gateway, "socket", 1)
    assert not early.is_over, "nothing ends before the delay is over"
    async with httpx.AsyncClient() as client:
        health = await client.get(f"http://127.0.0.1:{gateway.names['console']}/healthz")
        assert health.status_code == 200
    assert "listeners closed" in status(gateway)
    await eventually(lambda: not accepts(gateway.plain.port), "the listeners to be closed")
    assert time.monotonic() - begin > 3.5
    for one in (early, late):
        await one.until(lambda one=one: one.is_over, "to end")
        assert 1000 <= told_to_return(one) <= 5000
    gateway.assert_exit(0)
    for each in (visits, more):
        await each.go()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_during_the_delay_stops_at_once(start, number):
    gateway = start(drain="60s", delay="60s")
    visits, (one,) = await crowd(gateway, "socket", 1)
    gateway.signal(signal.SIGTERM)
    await eventually(lambda: "not ready any more" in gateway.stderr, "the first signal")
    begin = time.monotonic()
    gateway.signal(number)
    gateway.assert_exit(0)
    assert time.monotonic() - begin < 4 + BUSY
    await one.until(lambda: one.is_over, "to end")
    await visits.go()


async def test_a_second_sigterm_ends_all_who_are_left_and_tells_them(start):
    gateway = start(drain="600s")
    visits, all_of_them = await crowd(gateway, "socket", 400)
    gateway.signal(signal.SIGTERM)
    await eventually(lambda: any(one.is_over for one in all_of_them), "the first to end")
    assert sum(one.is_over for one in all_of_them) < 300, "one by one"
    gateway.signal(signal.SIGTERM)
    gateway.assert_exit(0)
    for one in all_of_them:
        await one.until(lambda one=one: one.is_over, "to end")
        assert told_to_return(one) >= 1000
    await visits.go()


async def test_a_reload_during_a_stop_is_ignored(start):
    gateway = start(drain="5s", delay="3s")
    gateway.signal(signal.SIGTERM)
    await eventually(lambda: "not ready any more" in gateway.stderr, "the signal")
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_words("reload ignored: the gateway is stopping")
    gateway.assert_exit(0)
    assert "reloaded" not in gateway.stderr


# Status.


def status(gateway, *words, code=0):
    done = command("status", *words, "--config", gateway.file)
    assert ENVIRONMENT["CONSOLE_TOKEN"] not in done.stdout + done.stderr
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


async def test_the_status_says_what_runs(start, hall):
    gateway = start()
    visits, _ = await crowd(gateway, "socket", 3)
    printed = status(gateway)
    assert "generation 1" in printed and "2 workers" in printed
    assert re.search(rf"127\.0\.0\.1:{gateway.names['https']} +yes +\(any\) +\(self-signed\)", printed)
    assert re.search(rf"app +127\.0\.0\.1:{hall.port} +up +- +- +3 ", printed)
    assert "sessions: 3 live, 0 with a seat" in printed
    answer = json.loads(status(gateway, "--json"))
    assert answer["pid"] == gateway.pid and answer["generation"]["refused"] is None
    (certificate,) = [c for each in answer["listeners"] for c in each["certificates"]]
    assert certificate["days_left"] > 0
    assert answer["drains"] == {"gateway": None, "servers": []}
    assert answer["sessions"] == {"live": 3, "seated": 0}
    await visits.go()


async def test_the_status_says_why_a_configuration_was_refused(start):
    gateway = start()
    good = gateway.file.read_text()
    gateway.file.write_text(good.replace("route / { }", "route / { bakcend app }"))
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_words("reload refused")
    gateway.file.write_text(good)
    printed = status(gateway)
    assert "generation 1" in printed and "refused at" in printed and "bakcend" in printed
    answer = json.loads(status(gateway, "--json"))
    assert "did you mean" in answer["generation"]["refused"]["reason"]
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_words("generation 2 judges every request")
    assert "refused" not in status(gateway)


async def test_without_a_gateway_the_status_is_an_error(start):
    gateway = start()
    gateway.signal(signal.SIGTERM)
    gateway.assert_exit(0)
    assert "does not answer" in status(gateway, code=1)


async def test_the_console_asks_for_its_token_for_everything_else(start):
    gateway = start()
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{gateway.names['console']}"
    ) as client:
        for path in ("/status", "/servers", "/readyz/", "/metrics"):
            assert (await client.get(path)).status_code == 401, path
        for path in ("/readyz", "/healthz"):
            assert (await client.get(path)).status_code == 200, path
            page = await client.get(path, headers={"Origin": "https://a.kr"})
            assert page.status_code == 403, "the console is not for web pages"
