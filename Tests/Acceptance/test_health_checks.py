"""Servers that are killed, hang or answer with errors: what checks and requests find out about
them, who is chosen meanwhile, and when they are back."""

import asyncio
import json
import signal
import time

import httpx
import pytest

from harness.operator import start
from harness.waiting import eventually

CONFIGURATION = """
workers $workers
log { access json stdout }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$one; server 127.0.0.1:$two; fail_timeout 60s; $words }
route /held { backend app; while_away hold 1m }
route / { backend app; while_away error }
"""

QUICK = "every 200ms timeout 200ms rise 2 fall 2"


@pytest.fixture
def start_pair(start_gateway, start_app):
    """`start_pair(words)`: two servers of a kind, a gateway and its operator."""

    def begin(words, kind="steady", workers=2):
        one, two = start_app(kind), start_app(kind)
        gateway, operator = start(
            start_gateway,
            CONFIGURATION,
            one=one.port,
            two=two.port,
            words=words,
            workers=workers,
        )
        return gateway, operator, one, two

    return begin


def ask(door_or_app, path="/"):
    port = door_or_app.port
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=20)


def asked(app, path):
    """What the app says of the requests for `path`."""
    return ask(app, "/asked" + path).json()


def become(app, path, status):
    assert ask(app, f"/become{path}/{status}").text == str(app.port)


def served(gateway, count=12, path="/"):
    """Who answers so many requests, none of which may fail."""
    answers = [ask(gateway.plain, path) for _ in range(count)]
    assert [answer.status_code for answer in answers] == [200] * count
    return {int(answer.text) for answer in answers}


def name(app):
    return f"127.0.0.1:{app.port}"


async def said(gateway, *words, times=1):
    """A line of the log that has all the words."""

    def lines():
        return [line for line in gateway.stderr.splitlines() if all(word in line for word in words)]

    await eventually(lambda: len(lines()) >= times, f"{times} lines with {words}")
    assert len(lines()) == times, gateway.stderr
    return lines()[-1]


def is_up(operator, app):
    return operator.total("gateway_server_up", backend="app", server=name(app))


async def test_one_check_an_interval_whatever_the_number_of_workers(start_pair):
    gateway, operator, one, two = start_pair("check GET /health host App.kr every 1s", workers=4)
    await eventually(lambda: len(asked(one, "/health")["moments"]) >= 3, "three checks")
    gateway.reload()
    await said(gateway, "reloaded: generation 2")
    await eventually(lambda: len(asked(one, "/health")["moments"]) >= 7, "seven checks")
    for app in (one, two):
        heard = asked(app, "/health")
        moments = heard["moments"]
        intervals = len(moments) - 1
        # Intervals are up to a tenth shorter; one check may be heard late, and the next in time.
        assert moments[-1] - moments[0] >= 0.9 * intervals - 0.8, moments
        assert heard["host"] == "app.kr" and heard["user-agent"] == "gateway-check"
    passed = operator.total("gateway_server_checks_total", server=name(one), result="passed")
    assert passed >= 6
    assert operator.total("gateway_server_checks_total", result="failed") == 0
    assert " is down" not in gateway.stderr and " is up" not in gateway.stderr


async def test_a_killed_server_is_noticed_at_once_and_back_when_a_check_says_so(
    start_pair, start_app
):
    gateway, operator, one, two = start_pair(f"check GET /health {QUICK}")
    assert served(gateway) == {one.port, two.port}
    one.signal(signal.SIGKILL)
    one.wait()
    # Not one request fails, and the first that tries tells all others.
    assert served(gateway) == {two.port}
    await said(gateway, name(one), "is down: ", "checks in a row failed")
    assert is_up(operator, one) == 0 and is_up(operator, two) == 1
    start_app("steady", one.port)
    await said(gateway, name(one), "is up after")
    # Behind `fail_timeout`, which is a minute, nobody would have tried it.
    await eventually(lambda: is_up(operator, one), "the server to be up")
    assert served(gateway) == {one.port, two.port}
    assert operator.total("gateway_server_checks_total", server=name(one), result="failed") >= 2


async def test_a_server_that_hangs_is_noticed_by_checks(start_pair):
    gateway, operator, one, two = start_pair(f"check GET /health {QUICK}")
    # Connections rest to both of them.
    assert served(gateway) == {one.port, two.port}
    one.signal(signal.SIGSTOP)
    try:
        line = await said(gateway, name(one), "is down: ")
        assert line.endswith(": no answer in time")
        began = time.monotonic()
        assert served(gateway, 40) == {two.port}
        assert time.monotonic() - began < 20
        assert is_up(operator, one) == 0
    finally:
        one.signal(signal.SIGCONT)
    await said(gateway, name(one), "is up after")
    assert served(gateway) == {one.port, two.port}


async def test_a_server_that_answers_checks_with_errors_gets_no_requests(start_pair):
    gateway, operator, one, two = start_pair(f"check GET /health {QUICK} expect 200-299 404")
    become(two, "/health", 404)
    become(one, "/health", 500)
    line = await said(gateway, name(one), "is down: ")
    assert line.endswith(": answered 500")
    assert served(gateway) == {two.port}
    gateway.reload()
    await said(gateway, "reloaded: generation 2")
    assert served(gateway) == {two.port}, "a reload keeps what is known"
    assert is_up(operator, one) == 0 and is_up(operator, two) == 1
    become(one, "/health", 204)
    await said(gateway, name(one), "is up after")
    assert served(gateway) == {one.port, two.port}


async def test_when_all_are_down_they_are_tried_anyway(start_pair):
    gateway, _, one, two = start_pair(f"check GET /health {QUICK}")
    for app in (one, two):
        become(app, "/health", 500)
    for app in (one, two):
        await said(gateway, name(app), "is down: ")
    assert served(gateway) <= {one.port, two.port}


async def test_when_all_are_down_nobody_waits_with_fail_fast(start_pair):
    gateway, _, one, two = start_pair(f"check GET /health {QUICK}; fail_fast")
    for app in (one, two):
        become(app, "/health", 500)
    for app in (one, two):
        await said(gateway, name(app), "is down: ")
    answer = ask(gateway.plain)
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
    entry = await eventually(
        lambda: [json.loads(line) for line in gateway.stdout.splitlines() if "none_up" in line],
        "a line of the access log",
    )
    assert entry[-1]["reason"] == "upstream_unavailable" and entry[-1]["detail"] == "none_up"
    become(two, "/health", 200)
    await said(gateway, name(two), "is up after")
    assert served(gateway) == {two.port}


async def test_who_waits_is_let_in_when_a_check_says_that_a_server_is_up(start_pair):
    gateway, operator, one, two = start_pair(f"check GET /health {QUICK}; fail_fast")
    for app in (one, two):
        become(app, "/health", 500)
    for app in (one, two):
        await said(gateway, name(app), "is down: ")
    waiting = [asyncio.create_task(asyncio.to_thread(ask, gateway.plain, "/held")) for _ in range(5)]
    await eventually(lambda: operator.total("gateway_held_requests") == 5, "five to be held")
    become(one, "/health", 200)
    for answer in await asyncio.wait_for(asyncio.gather(*waiting), 20):
        assert answer.status_code == 200 and answer.text == str(one.port)


async def test_a_server_without_a_check_any_more_counts_as_up(start_pair):
    gateway, operator, one, two = start_pair(f"check GET /health {QUICK}")
    become(one, "/health", 500)
    await said(gateway, name(one), "is down: ")
    gateway.configure(CONFIGURATION.replace("$words", ""))
    gateway.reload()
    await said(gateway, "reloaded: generation 2")
    await eventually(lambda: is_up(operator, one), "nobody to say that it is down")
    assert served(gateway) == {one.port, two.port}


@pytest.mark.parametrize("question", ["tcp", "websocket /"])
async def test_servers_are_asked_for_a_connection_or_a_websocket(start_pair, start_app, question):
    gateway, operator, one, _ = start_pair(f"check {question} {QUICK}", kind="echo")

    def passed():
        return operator.total("gateway_server_checks_total", server=name(one), result="passed")

    await eventually(lambda: passed() >= 3, "checks that pass")
    assert operator.total("gateway_server_checks_total", result="failed") == 0
    one.signal(signal.SIGKILL)
    one.wait()
    line = await said(gateway, name(one), "is down: ")
    assert line.endswith(": Connection refused")
    start_app("echo", one.port)
    await said(gateway, name(one), "is up after")
    assert "Traceback" not in one.stderr


async def test_a_program_without_websockets_fails_the_handshake(start_pair):
    gateway, _, one, _ = start_pair(f"check websocket /health {QUICK}")
    line = await said(gateway, name(one), "is down: ")
    assert line.endswith(": answered 403")


# Answers.


async def test_a_server_whose_answers_fail_is_left_out_and_let_in_again(start_pair):
    gateway, operator, one, two = start_pair("eject after 3 for 1s")
    become(one, "/page", 503)

    def fails():
        return ask(gateway.plain, "/page").status_code == 503

    failed = sum(fails() for _ in range(8))
    assert failed == 3, "then nobody asks it any more"
    line = await said(gateway, name(one), "is left out for 1 s: 3 answers in a row failed")
    assert line.endswith("the last one: status 503")
    assert operator.total("gateway_server_ejections_total", server=name(one)) == 1
    become(one, "/page", 200)

    async def is_in():
        return one.port in served(gateway, 4, "/page")

    await eventually(is_in, "the server to be let in")
    await said(gateway, name(one), "is let in again")
    assert is_up(operator, one) == 1


async def test_more_than_half_of_a_group_is_never_left_out(start_pair):
    gateway, operator, one, two = start_pair("eject after 2 for 60s")
    for app in (one, two):
        become(app, "/page", 500)
    answers = [ask(gateway.plain, "/page") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {500}
    assert operator.total("gateway_server_ejections_total") == 1
    assert len({answer.text for answer in answers[-8:]}) == 1, "the other one still serves"
