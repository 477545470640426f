"""Sets of keys that change: since nothing is fetched twice within 30 seconds, all of this takes
minutes."""

import asyncio
import itertools
import time

import pytest

from harness.blocks import at, jwks, knows
from harness.issuer import Key, key_set
from harness.key_server import Answer, KeyServer
from harness.knock import IN, via_http
from harness.ports import free_port
from harness.waiting import eventually, longer_than, pace


class Traffic:
    """So many connections a second, as far as the machine gets through with them, each with a fresh
    token of the key that is in use; every outcome that is not as it should be is kept."""

    #: More wait for nothing but the machine.
    MOST_AT_ONCE = 20

    def __init__(self, gateway, block, rate):
        self.gateway, self.block, self.rate = gateway, block, rate
        self.key, self.strangers = None, 0
        self.count, self.bad, self.slowest = 0, [], 0.0

    async def run(self, seconds):
        begin, tasks = time.monotonic(), set()
        while (passed := time.monotonic() - begin) < seconds:
            while self.count < passed * self.rate and len(tasks) < self.MOST_AT_ONCE:
                self.count += 1
                task = asyncio.create_task(self._one(self.key.mint()))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await pace(0.01)
        await asyncio.gather(*tasks)

    async def _one(self, token):
        begin = time.monotonic()
        try:
            found = await via_http(self.gateway.tls, f"{self.block}.test", token)
        except Exception as error:
            found = error
        self.slowest = max(self.slowest, time.monotonic() - begin)
        if found != IN:
            self.bad.append((time.monotonic(), found))


def assert_quiet(times):
    assert all(b - a >= 29.9 for a, b in itertools.pairwise(times)), times


@pytest.mark.long
@pytest.mark.timeout(200)
async def test_keys_rotate_under_traffic(start_blocks, issuer):
    """Up to 100 connections a second. One issuer puts its new keys to use at once, at most every
    half minute; the other publishes each a minute before, while strangers ask for keys that nobody has.
    No good token is refused, and nobody is asked more often than every 30 seconds."""
    seconds = 130
    sudden, careful = [Key("ES256")], [Key("ES256"), Key("ES256")]
    issuer.answers["/sudden"] = Answer(key_set(*sudden), headers={"Cache-Control": "max-age=3600"})
    issuer.answers["/careful"] = Answer(key_set(*careful), headers={"Cache-Control": "max-age=30"})
    gateway = start_blocks({name: jwks(issuer, f"/{name}") for name in ("sudden", "careful")})
    at_once, ahead = Traffic(gateway, "sudden", 50), Traffic(gateway, "careful", 50)
    at_once.key, ahead.key = sudden[0], careful[0]
    over = asyncio.Event()

    async def rotate_suddenly():
        for _ in range(3):
            await pace(36)
            sudden.append(Key("ES256"))
            issuer.answers["/sudden"] = Answer(
                key_set(*sudden[-2:]), headers={"Cache-Control": "max-age=3600"}
            )
            at_once.key = sudden[-1]

    async def rotate_carefully():
        for _ in range(2):
            await pace(62)
            # The next one has been there for a minute; the one after that is published now.
            ahead.key = careful[-1]
            careful.append(Key("ES256"))
            issuer.answers["/careful"] = Answer(
                key_set(*careful[-3:]), headers={"Cache-Control": "max-age=30"}
            )

    async def ask_for_nothing():
        while not over.is_set():
            await at(gateway, "careful", Key("ES256").mint())

    strangers = [asyncio.create_task(ask_for_nothing()) for _ in range(3)]
    rotations = asyncio.gather(rotate_suddenly(), rotate_carefully())
    await asyncio.gather(at_once.run(seconds), ahead.run(seconds))
    await rotations
    over.set()
    await asyncio.gather(*strangers)
    for traffic in (at_once, ahead):
        assert traffic.count >= seconds, "of all keys many tokens came"
        assert traffic.bad == [], f"{len(traffic.bad)} of {traffic.count}: {traffic.bad[:3]}"
    assert len(issuer.times("/sudden")) == 4, "the first one, and one for each rotation"
    assert_quiet(issuer.times("/sudden"))
    assert_quiet(issuer.times("/careful"))


@pytest.mark.long
@pytest.mark.timeout(150)
async def test_a_set_is_kept_for_as_long_as_its_issuer_says(start_blocks, issuer):
    """Within 30 seconds and a day; what the configuration says, where the issuer says nothing."""
    key = Key("ES256")
    says = {
        "hour": ("max-age=3600", 1), "second": ("max-age=1", 3), "half-minute": ("max-age=30", 3),
        "never": ("no-store", 3), "nonsense": ("max-age=soon", 3), "for-others": ("s-maxage=1", 1),
        "nothing": (None, 1),
    }  # fmt: skip
    for name, (word, _) in says.items():
        headers = {"Cache-Control": word} if word else {}
        issuer.answers[f"/{name}"] = Answer(key_set(key), headers=headers)
    issuer.answers["/configured"] = Answer(key_set(key))
    blocks = {name: jwks(issuer, f"/{name}") for name in says}
    blocks["configured"] = jwks(issuer, "/configured", "refresh 30s")
    gateway = start_blocks(blocks)
    await longer_than("two fetches half a minute apart", 75)
    for name, (_, count) in [*says.items(), ("configured", (None, 3))]:
        times = issuer.times(f"/{name}")
        assert len(times) == count, f"{name}: {times}"
        assert_quiet(times)
        assert await at(gateway, name, key.mint()) == IN


@pytest.mark.long
@pytest.mark.timeout(150)
async def test_keys_outlive_their_issuer(start_blocks, authority, issuer):
    """Fetched once, they stay good while it is down, answers nonsense, or withdraws everything;
    when it is back, it is asked again soon."""
    key, new = Key("ES256"), Key("ES256")
    with KeyServer(free_port(), *issuer.identity) as mortal:
        mortal.answers["/keys"] = Answer(key_set(key), headers={"Cache-Control": "max-age=30"})
        for name in ("error", "garbage", "slow"):
            issuer.answers[f"/{name}"] = Answer(
                key_set(key), headers={"Cache-Control": "max-age=30"}
            )
        names = ("error", "garbage", "slow")
        blocks = {name: jwks(issuer, f"/{name}", "timeout 1s") for name in names}
        gateway = start_blocks({"down": jwks(mortal), **blocks})
        for name in ("down", *blocks):
            await knows(gateway, name, key)
        mortal.stop()
        issuer.answers["/error"] = Answer(status=503)
        issuer.answers["/garbage"] = Answer(b"{}")
        issuer.answers["/slow"] = Answer(key_set(new), delay=60)

        def all_reported():
            return gateway.stderr.count("the current keys stay in use") == 4

        await eventually(all_reported, "all to be missed", 45)
        for name in ("down", *blocks):
            assert await at(gateway, name, key.mint()) == IN, name
        for name in blocks:
            issuer.answers[f"/{name}"] = Answer(key_set(key, new))
        mortal.answers["/keys"] = Answer(key_set(key, new))
        mortal.start()
        for name in ("down", *blocks):
            await knows(gateway, name, new, 40)
