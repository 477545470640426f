"""Clients that pipeline, cut, upgrade and refuse, in front of an app that is careless in every way:
not one octet of an answer, and not one of a request, reaches whom it is not for.

A run depends on its seed, which a failure prints: `CROSSTALK_SEED=1 pytest test_crosstalk.py`."""

import itertools

import pytest

from harness.crosstalk import WAYS, ask_app, crosstalk, new_seed, shrink
from harness.ports import free_port

# The app listens twice, and there is a server that is not there at all. Every other reload takes
# the second server away, or brings it back. What says more than it should has servers of its own,
# since the gateway may trust those no more.
CONFIGURATION = """
workers $workers
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
jwt own { algorithms HS256; secret env:JWT_SECRET; user user_id; audience own }
limits { attempts off }
backend careless {
    server 127.0.0.1:$careless
    $second
    server 127.0.0.1:$nobody
    response_timeout 1s
    response_pause 1s
    fail_timeout 1s
    retries 2
}
backend sloppy { $sloppy; response_timeout 1s; response_pause 1s }
defaults { backend careless }
route /sloppy/   { backend sloppy }
route /sloppyws/ { backend sloppy; websocket }
route /ws/      { websocket }
route /packed/  { websocket; compress }
route /private/ { auth own }
route /own/     { auth own }
route /owned/   { auth own; websocket }
route /only/    { methods GET }
route /small/   { body_size 200 }
route /held/    { buffer_body 1k }
route /         { }
"""


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
async def scene(request, start_gateway, start_app):
    """A gateway in front of a careless app of its own."""
    app = start_app("careless")
    ports = (await ask_app(app.port, "/report"))["ports"]
    gateway = start_gateway(
        CONFIGURATION,
        workers=request.param,
        careless=app.port,
        nobody=free_port(),
        second=f"server [::1]:{app.port}",
        sloppy="; ".join(f"server 127.0.0.1:{port}" for port in ports),
    )
    return gateway, app


def reloads(gateway):
    """Each call is one."""
    servers = itertools.cycle(["", gateway.names["second"]])

    def reload():
        gateway.names["second"] = next(servers)
        gateway.configure(CONFIGURATION)
        gateway.reload()

    return reload


async def run(scene, answers):
    gateway, app = scene
    doors = [(door.host, door.port, door.tls) for door in (gateway.plain, gateway.tls)]
    verdict = await crosstalk(doors, app.port, new_seed(), answers, between=reloads(gateway))
    if verdict.total:
        await shrink(doors, app.port, verdict)
    assert not verdict.total, verdict.describe()
    # It was about something: the app was heard, on connections that were used again.
    assert verdict.apps_answers > answers / 2
    assert verdict.app["requests"] > verdict.app["connections"] * 1.2
    return verdict


@pytest.mark.timeout(180)
async def test_nobody_hears_what_is_another_s(scene):
    await run(scene, 3_000)


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_nobody_hears_what_is_another_s_in_two_hundred_thousand_answers(scene):
    """A hundred thousand with one worker and with two."""
    verdict = await run(scene, 100_000)
    heard = {how for how, _ in verdict.outcomes}
    assert not {*WAYS} - heard
