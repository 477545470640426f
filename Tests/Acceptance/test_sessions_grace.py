"""How a device went decides about its place: it is free after a goodbye, and kept for a while for
whoever may be back in a moment."""

import inspect

from harness.operator import Operator
from harness.visitors import KINDS, Hall, Visitors, chunk, routes
from harness.waiting import eventually, together
from harness.wire import BINARY

CONFIGURATION = f"""
workers 2
log {{ access json stdout }}
console 127.0.0.1:$console {{ token env:CONSOLE_TOKEN }}
listen 127.0.0.1:$http
listen 127.0.0.1:$https {{ tls {{ certificate self_signed }} }}
backend app    {{ server 127.0.0.1:$app }}
sessions kept  {{ store query:store; device query:device; limit 1 block_new; grace 1h; probe 100ms }}
sessions brief {{ store query:store; device query:device; limit 1 block_new; grace 1s; probe 2s }}
sessions loose {{ store query:store; device query:device; limit 1 block_new; grace off }}
sessions stage {{ store query:store; device query:device; limit 1 eject_old; grace 1h }}
sessions duo   {{ store query:store; device query:device; limit 1 block_new; grace 1h; probe 100ms
                  same_device share }}
defaults {{ while_away hold 300ms }}
{routes("kept", "brief", "loose", "stage", "duo")}
"""

SCENARIOS = []


def scenario(run):
    SCENARIOS.append(run)
    return run


async def lost(visitors, hall, block):
    """The connection of the device A broke, and everybody has seen it."""
    holder = await visitors.admitted(block, "A")
    holder.reset()
    await hall.without(holder)


async def test_places_of_who_has_gone(hall, gateway):
    operator = Operator(gateway.names["console"])

    async def play(run, kind, door):
        visitors = Visitors(kind, door, operator)
        try:
            if "hall" in inspect.signature(run).parameters:
                await run(visitors, hall)
            else:
                await run(visitors)
        except BaseException as problem:
            problem.add_note(f"in {run.__name__}, {kind}, {door}")
            raise
        finally:
            await visitors.go()

    await together(
        *[
            play(run, kind, door)
            for run in SCENARIOS
            for kind in KINDS
            for door in (gateway.plain, gateway.tls)
        ]
    )
    await eventually(lambda: gateway.connections() == 0, "every connection to be given back")


async def assert_kept(visitors, block="kept"):
    """For the device A, and for nobody else."""
    await visitors.rejected(block, "B")
    back = await visitors.admitted(block, "A")
    await visitors.rejected(block, "C")
    assert not back.is_over
    await back.leave()
    await visitors.eventually_admitted(block, "D")


# Who may be back.


@scenario
async def a_reset(visitors, hall):
    await lost(visitors, hall, "kept")
    await assert_kept(visitors)


@scenario
async def an_end_without_a_word(visitors, hall):
    """On a WebSocket. For an event stream it is how one says goodbye."""
    holder = await visitors.admitted("kept", "A")
    holder.vanish()
    await hall.without(holder)
    if visitors.kind == "socket":
        await assert_kept(visitors)
    else:
        await visitors.admitted("kept", "B")


@scenario
async def an_app_that_breaks_off(visitors, hall):
    holder = await visitors.admitted("kept", "A")
    hall.guest(holder).reset()
    await holder.until(lambda: holder.is_over, "to end")
    assert holder.code in (1001, None)
    await assert_kept(visitors)


@scenario
async def an_app_that_breaks_off_within_a_message(visitors, hall):
    holder = await visitors.admitted("kept", "A")
    app = hall.guest(holder)
    if visitors.kind == "socket":
        await app.send(BINARY, b"begun", final=False)
    else:
        await app.say(chunk(b"data: beg"))
    app.reset()
    await holder.until(lambda: holder.is_over, "to end")
    await assert_kept(visitors)


@scenario
async def the_last_of_the_windows_of_a_device(visitors, hall):
    first, second = [await visitors.admitted("duo", "A") for _ in range(2)]
    first.reset()
    await hall.without(first)
    second.reset()
    await hall.without(second)
    await assert_kept(visitors, "duo")


# Who is gone for good.


@scenario
async def a_goodbye(visitors):
    holder = await visitors.admitted("kept", "A")
    await holder.leave()
    await visitors.eventually_admitted("kept", "B")


@scenario
async def a_goodbye_of_the_app(visitors, hall):
    holder = await visitors.admitted("kept", "A")
    app = hall.guest(holder)
    if visitors.kind == "socket":
        await app.close(1000)
    else:
        await app.say(b"0\r\n\r\n")
        app.vanish()
    await visitors.eventually_admitted("kept", "B")


@scenario
async def a_goodbye_before_the_app_has_answered(visitors, hall):
    holder = await visitors.knock("kept", "A", gate="shut")
    await eventually(lambda: hall.has(holder), "the app to be asked")
    holder.vanish()
    await visitors.eventually_admitted("kept", "B")


@scenario
async def an_end_by_rule(visitors):
    """Who made way has no place to come back to but another's."""
    first = await visitors.admitted("stage", "A")
    second = await visitors.admitted("stage", "B")
    await first.ended("eject_old")
    third = await visitors.admitted("stage", "A")
    await second.ended("eject_old")
    assert not third.is_over


@scenario
async def a_place_in_grace_is_given_up_first(visitors, hall):
    await lost(visitors, hall, "stage")
    newcomer = await visitors.admitted("stage", "B")
    assert not newcomer.is_over


@scenario
async def without_grace_a_place_is_free_at_once(visitors):
    holder = await visitors.admitted("loose", "A")
    holder.reset()
    await visitors.eventually_admitted("loose", "B")


# When it is over.


@scenario
async def who_comes_shortly_before_the_end_waits_for_it(visitors, hall):
    await lost(visitors, hall, "brief")
    newcomer = await visitors.held("brief", "B")
    assert not newcomer.is_in and not newcomer.is_over
    assert (await newcomer.answer()).is_in
    await visitors.rejected("brief", "A")


@scenario
async def who_waits_for_the_end_is_refused_when_the_device_is_back(visitors, hall):
    await lost(visitors, hall, "brief")
    newcomer = await visitors.held("brief", "B")
    back = await visitors.admitted("brief", "A")
    assert (await newcomer.answer()).is_rejected
    assert not back.is_over


# The app is away.


async def test_a_device_whose_app_is_away_keeps_its_place(start_gateway, visitors, app_port):
    """It comes back again and again, and is told that nobody is there; when the app is back, it has
    its place."""
    gateway = start_gateway(CONFIGURATION.replace("$app }", "$app; fail_timeout 1s }"), app=app_port)
    visitors = visitors(gateway.plain)
    async with Hall(app_port):
        holder = await visitors.admitted("kept", "A")
    await holder.until(lambda: holder.is_over, "to lose its app")
    for _ in range(3):
        again = await visitors.come("kept", "A")
        assert again.status in (200, 502) and again.code is None, again
        assert not again.is_rejected
        await visitors.rejected("kept", "B")
    async with Hall(app_port):
        await visitors.eventually_admitted("kept", "A")
        await visitors.rejected("kept", "B")


async def test_a_new_device_whose_app_is_away_has_no_place_yet(start_gateway, visitors, app_port):
    gateway = start_gateway(CONFIGURATION, app=app_port)
    visitors = visitors(gateway.plain)
    for device in "AB":
        newcomer = await visitors.come("kept", device)
        assert newcomer.status in (200, 502) and newcomer.code is None
        assert not newcomer.is_rejected
