"""Who holds a place and is gone without a word makes way for who comes; who is only quiet does not.

The network of a visitor is cut by a filter on its socket, which drops what comes before TCP sees
it: nothing is acknowledged, as on a phone that was carried into a lift.
"""

import inspect
import signal
import time

from harness.process import accepts
from harness.operator import Operator
from harness.visitors import KINDS, Visitors, routes
from harness.waiting import BUSY, eventually, longer_than, together
from harness.wire import TEXT

CONFIGURATION = f"""
workers 2
log {{ access json stdout }}
console 127.0.0.1:$console {{ token env:CONSOLE_TOKEN }}
listen 127.0.0.1:$http
backend app {{ server 127.0.0.1:$app }}
sessions one     {{ store query:store; device query:device; limit 1 block_new }}
sessions brisk   {{ store query:store; device query:device; limit 1 block_new; probe 500ms }}
sessions pair    {{ store query:store; device query:device; limit 2 block_new; probe 500ms }}
sessions couple  {{ store query:store; device query:device; limit 2 block_new; probe 5s }}
sessions patient {{ store query:store; device query:device; limit 1 block_new; probe 5s }}
sessions blind   {{ store query:store; device query:device; limit 1 block_new; probe off }}
{routes("one", "brisk", "pair", "couple", "patient", "blind")}
"""

SCENARIOS = []


def scenario(run):
    """Runs beside all others, with visitors of its own and, where it asks for it, the app."""
    SCENARIOS.append(run)
    return run


async def silence():
    """Who was heard within the last three seconds is not asked."""
    await longer_than("the silence before anybody is asked", 3.2)


async def ghost(visitors, block):
    """The device A, which no packet has reached for so long that it must be asked."""
    holder = await visitors.admitted(block, "A")
    holder.cut()
    await silence()
    return holder


async def of(visitors, block, count, are_in):
    """Of so many who wait at once so many get in, and the others know why not."""
    waiting = [await visitors.knock(block, f"N{number}") for number in range(count)]
    for visitor in waiting:
        await visitor.answer()
    assert sum(visitor.is_in for visitor in waiting) == are_in
    assert sum(visitor.is_rejected for visitor in waiting) == count - are_in


# Who is gone.


@scenario
async def a_cut_holder_makes_way_within_three_seconds(visitors):
    holder = await ghost(visitors, "one")
    started = time.monotonic()
    newcomer = await visitors.admitted("one", "B")
    assert time.monotonic() - started < 3 + BUSY
    # Its network is back, and it hears what it missed.
    holder.mend()
    await holder.ended("silent")
    assert holder.code in (1001, None)
    await visitors.rejected("one", "C")
    assert not newcomer.is_over


@scenario
async def a_holder_that_answers_nothing_makes_way(visitors):
    """Its kernel takes every octet, but nobody is at home: of an event stream that cannot be
    known."""
    holder = await visitors.admitted("brisk", "A")
    if visitors.kind == "events":
        return
    holder.is_deaf = True
    await silence()
    await visitors.admitted("brisk", "B")
    await holder.ended("silent")
    assert holder.code == 1001 and holder.asked == 1


@scenario
async def of_two_holders_the_dead_one_makes_way(visitors):
    dead, live = await visitors.admitted("pair", "A"), await visitors.admitted("pair", "B")
    dead.cut()
    await silence()
    await visitors.admitted("pair", "C")
    await visitors.rejected("pair", "D")
    assert live.asked >= 1 and not live.is_over
    dead.mend()
    await dead.ended("silent")


@scenario
async def of_several_who_wait_one_gets_in(visitors):
    await ghost(visitors, "brisk")
    await of(visitors, "brisk", 5, are_in=1)


@scenario
async def no_more_than_64_wait(visitors, hall):
    holder = await ghost(visitors, "patient")
    crowd = [await visitors.knock("patient", f"N{number}") for number in range(100)]

    def rejected():
        return sum(visitor.is_rejected for visitor in crowd)

    await eventually(lambda: rejected() == 36, "those who are too many to be refused at once")
    for visitor in crowd:
        await visitor.answer()
    assert rejected() == 99
    (winner,) = [visitor for visitor in crowd if visitor.is_in]
    assert hall.has(winner) and not winner.is_over


@scenario
async def who_crowds_the_line_keeps_nobody_else_out(visitors):
    await ghost(visitors, "patient")
    crowd = [
        await visitors.knock("patient", f"N{number}", address="127.0.5.1") for number in range(70)
    ]

    def rejected():
        return sum(visitor.is_rejected for visitor in crowd)

    await eventually(lambda: rejected() == 6, "those who are too many to be refused at once")
    newcomer = await visitors.knock("patient", "B", address="127.0.5.2")
    await eventually(lambda: rejected() == 7, "one more to make way")
    assert not newcomer.is_rejected
    for visitor in crowd:
        visitor.reset()
    assert (await newcomer.answer()).is_in


@scenario
async def both_of_two_ghosts_make_way_for_two(visitors):
    for device in "AB":
        (await visitors.admitted("pair", device)).cut()
    await silence()
    await of(visitors, "pair", 4, are_in=2)


@scenario
async def who_gives_up_waiting_is_forgotten(visitors, hall):
    holder = await ghost(visitors, "patient")
    given_up = [await visitors.knock("patient", f"N{number}") for number in range(2)]
    await visitors.waiting("patient", 2)
    given_up[0].vanish()
    given_up[1].reset()
    newcomer = await visitors.admitted("patient", "C")
    assert not any(hall.has(visitor) for visitor in given_up)
    await visitors.rejected("patient", "D")
    assert not newcomer.is_over


@scenario
async def nobody_makes_way_for_who_has_given_up(visitors, gateway):
    holder = await ghost(visitors, "brisk")
    newcomer = await visitors.held("brisk", "B")
    newcomer.vanish()
    await eventually(
        lambda: f'{newcomer.mark}"' in gateway.stdout, "the log to know that it has given up"
    )
    await longer_than("the time in which who is asked may answer", 1)
    holder.mend()
    # TCP says again what was lost, less and less often.
    await holder.until(lambda: holder.asked, "to hear that it was asked")
    await longer_than("a look for acknowledgements, a few times a second", 1)
    await visitors.rejected("brisk", "C")
    assert not holder.is_over


@scenario
async def whoever_comes_back_to_its_own_place_is_let_in_at_once(visitors):
    holder = await ghost(visitors, "patient")
    newcomer = await visitors.held("patient", "B")
    started = time.monotonic()
    again = await visitors.admitted("patient", "A")
    assert (await newcomer.answer()).is_rejected
    assert time.monotonic() - started < BUSY, "nobody waits for a ghost that is none"
    assert not again.is_over


@scenario
async def who_waits_gets_the_place_of_who_says_goodbye(visitors):
    ghost, other = [await visitors.admitted("couple", device) for device in "AB"]
    ghost.cut()
    await silence()
    newcomer = await visitors.knock("couple", "C")
    started = time.monotonic()
    await other.leave()
    assert (await newcomer.answer()).is_in
    assert time.monotonic() - started < BUSY, "it need not wait for the other one"


@scenario
async def who_comes_twice_waits_once(visitors):
    holder = await ghost(visitors, "brisk")
    first = await visitors.held("brisk", "B")
    second = await visitors.knock("brisk", "B")
    await first.ended("replaced")
    assert first.code in (4011, None)
    assert (await second.answer()).is_in


# Who is quiet.


@scenario
async def a_live_holder_is_asked_and_stays(visitors):
    holder = await visitors.admitted("patient", "A")
    await silence()
    started = time.monotonic()
    await visitors.rejected("patient", "B")
    assert time.monotonic() - started < BUSY, "it answered at once"
    assert holder.asked == 1
    # Who was heard just now is not asked again.
    await visitors.rejected("patient", "C")
    assert holder.asked == 1 and not holder.is_over


@scenario
async def a_holder_that_speaks_is_not_asked(visitors, hall):
    holder = await visitors.admitted("one", "A")
    await silence()
    if visitors.kind == "events":
        return
    app = hall.guest(holder)
    await holder.wire.send(TEXT, "I am here")
    await eventually(lambda: app.heard, "the app to hear it")
    await visitors.rejected("one", "B")
    assert holder.asked == 0


@scenario
async def a_holder_that_answers_late_stays(visitors):
    holder = await ghost(visitors, "patient")
    newcomer = await visitors.held("patient", "B")
    assert not newcomer.is_over and not newcomer.is_in
    holder.mend()
    assert (await newcomer.answer()).is_rejected
    assert not holder.is_over and holder.asked == 1


@scenario
async def where_nobody_is_asked_a_newcomer_is_refused_at_once(visitors):
    holder = await ghost(visitors, "blind")
    started = time.monotonic()
    await visitors.rejected("blind", "B")
    assert time.monotonic() - started < 1 + BUSY


@scenario
async def a_holder_whose_app_takes_its_time_is_no_ghost(visitors, hall):
    """Before its handshake is answered, or its stream has begun, there is no way to ask."""
    holder = await visitors.knock("brisk", "A", gate="shut")
    await silence()
    await visitors.rejected("brisk", "B")
    hall.gate.set()
    assert (await holder.answer()).is_in


@scenario
async def a_holder_in_the_middle_of_a_long_message_is_no_ghost(visitors, hall):
    """It cannot be pinged before the end of the message, but takes what comes."""
    holder = await visitors.admitted("brisk", "A")
    app = hall.guest(holder)
    if visitors.kind == "events":
        return
    await app.send(TEXT, "begun", final=False)
    await silence()
    await visitors.rejected("brisk", "B")
    assert not holder.is_over


# Who waits is a client like any other.


@scenario
async def what_who_waits_has_sent_already_is_not_lost(visitors, hall):
    holder = await ghost(visitors, "brisk")
    if visitors.kind == "events":
        newcomer = await visitors.admitted("brisk", "B", behind=b"GET / HTTP/1.1\r\n")
        assert not newcomer.is_over
        return
    early = holder.wire.octets(TEXT, "early")
    newcomer = await visitors.admitted("brisk", "B", behind=early)
    app = hall.guest(newcomer)
    await eventually(lambda: [one.payload for one in app.heard] == [b"early"], "what came early")


# The process changes while somebody waits.


@scenario
async def who_waits_is_not_lost_over_a_reload(visitors, gateway):
    holder = await ghost(visitors, "brisk")
    newcomer = await visitors.held("brisk", "B")
    gateway.reload()
    assert (await newcomer.answer()).is_in
    await visitors.rejected("brisk", "C")


@scenario
async def who_waits_is_sent_away_when_the_process_stops(visitors, start_gateway, app_port):
    gateway = start_gateway("limits { drain 20s }" + CONFIGURATION, app=app_port)
    visitors.door, visitors.operator = gateway.plain, Operator(gateway.names["console"])
    holder = await ghost(visitors, "patient")
    newcomer = await visitors.held("patient", "B")
    started = time.monotonic()
    gateway.signal(signal.SIGTERM)
    await newcomer.until(lambda: newcomer.is_over, "to be sent away")
    assert time.monotonic() - started < BUSY, "it need not wait for its answer"
    assert newcomer.code in (1012, None) and (newcomer.retry or 1000) < 60_000
    assert newcomer.told["reason"] == "draining"
    holder.mend()
    await holder.ended("draining")
    await eventually(lambda: not gateway.is_alive(), "the gateway to stop")
    gateway.assert_exit(0)


@scenario
async def who_is_let_in_while_the_process_stops_is_sent_away(
    visitors, start_gateway, app_port, hall
):
    """Its app answers only then."""
    gateway = start_gateway("limits { drain 20s }" + CONFIGURATION, app=app_port)
    visitors.door = gateway.plain
    newcomer = await visitors.knock("patient", "A", gate="shut")
    await silence()
    gateway.signal(signal.SIGTERM)
    await eventually(lambda: not accepts(gateway.plain.port), "the gateway to stop")
    hall.gate.set()
    await newcomer.ended("draining")
    assert newcomer.code in (1012, None)
    await eventually(lambda: not gateway.is_alive(), "the gateway to stop")
    gateway.assert_exit(0)


async def test_ghosts(hall, gateway, start_gateway, app_port):
    names = {
        "hall": hall, "gateway": gateway, "start_gateway": start_gateway, "app_port": app_port,
    }  # fmt: skip

    operator = Operator(gateway.names["console"])

    async def play(run, kind):
        wanted = {name: names[name] for name in inspect.signature(run).parameters if name in names}
        visitors = Visitors(kind, gateway.plain, operator)
        try:
            await run(visitors, **wanted)
        except BaseException as problem:
            problem.add_note(f"in {run.__name__}, {kind}")
            raise
        finally:
            await visitors.go()

    await together(*[play(run, kind) for run in SCENARIOS for kind in KINDS])
