"""permessage-deflate (RFC 7692, section 7.1): what clients offer and what is agreed on, with and
without contexts that are kept, as far as the budget goes."""

import asyncio
import contextlib

import pytest

from harness.deflating import (
    BROWSER, DEFLATE, FIELD, NEITHER_KEEPS, assert_speak, parameters, words,
)  # fmt: skip
from harness.waiting import eventually
from harness.wire import TEXT, Message, dialled, wired

CONFIGURATION = """
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$app }
defaults { backend app }
route /shared    { websocket; compress over 64 }
route /dedicated { websocket; compress over 64 context dedicated window 11 memory 4 budget 1m }
route /budget    { websocket; compress over 64 context dedicated window 11 memory 4 budget 60k }
route /both      { websocket; compress over 64 upstream }
"""


#: What is offered, and the most that may be agreed on for a window, True for what must be in the
#: answer; None when nothing may be agreed on.
OFFERS = {
    "the name": (["permessage-deflate"], {}),
    "as browsers do": (["permessage-deflate; client_max_window_bits"], {}),
    "server window 9": (
        ["permessage-deflate; server_max_window_bits=9"], {"server_max_window_bits": 9},
    ),
    "server window 10": (
        ["permessage-deflate; server_max_window_bits=10"], {"server_max_window_bits": 10},
    ),
    "server window 15": (
        ["permessage-deflate; server_max_window_bits=15"], {"server_max_window_bits": 15},
    ),
    "client window 8": (
        ["permessage-deflate; client_max_window_bits=8"], {"client_max_window_bits": 8},
    ),
    "client window 9": (
        ["permessage-deflate; client_max_window_bits=9"], {"client_max_window_bits": 9},
    ),
    "both windows": (
        ["permessage-deflate; server_max_window_bits=12; client_max_window_bits=10"],
        {"server_max_window_bits": 12, "client_max_window_bits": 10},
    ),
    "a quoted number": (
        ['permessage-deflate; server_max_window_bits="10"'], {"server_max_window_bits": 10},
    ),
    "much space": (
        ["  permessage-deflate \t;   server_max_window_bits=10  "], {"server_max_window_bits": 10},
    ),
    "no server takeover": (
        ["permessage-deflate; server_no_context_takeover"], {"server_no_context_takeover": True},
    ),
    "no client takeover": (["permessage-deflate; client_no_context_takeover"], {}),
    "no takeover": (
        ["permessage-deflate; client_no_context_takeover; server_no_context_takeover"],
        {"server_no_context_takeover": True},
    ),
    "another one first": (["x-webkit-deflate-frame, permessage-deflate"], {}),
    "another one last": (["permessage-deflate, permessage-bzip2; x=1"], {}),
    "two lines": (["permessage-bzip2", "permessage-deflate"], {}),
    "one that cannot be kept first": (
        ["permessage-deflate; server_max_window_bits=17, permessage-deflate"], {},
    ),
    "one with an unknown parameter first": (
        ["permessage-deflate; turbo, permessage-deflate; server_max_window_bits=10"],
        {"server_max_window_bits": 10},
    ),
    "the better one first": (
        ["permessage-deflate; server_max_window_bits=9, permessage-deflate"],
        {"server_max_window_bits": 9},
    ),
    "empty elements": ([", permessage-deflate,, ,"], {}),
    "only others": (["permessage-bzip2, x-webkit-deflate-frame; no_context_takeover"], None),
    "an unknown parameter": (["permessage-deflate; turbo"], None),
    "a window twice": (
        ["permessage-deflate; server_max_window_bits=10; server_max_window_bits=10"], None,
    ),
    "a flag twice": (
        ["permessage-deflate; client_no_context_takeover; client_no_context_takeover"], None,
    ),
    "a flag with a value": (["permessage-deflate; server_no_context_takeover=1"], None),
    "a server window without a value": (["permessage-deflate; server_max_window_bits"], None),
    "server window 0": (["permessage-deflate; server_max_window_bits=0"], None),
    "server window 7": (["permessage-deflate; server_max_window_bits=7"], None),
    "server window 16": (["permessage-deflate; server_max_window_bits=16"], None),
    "client window 7": (["permessage-deflate; client_max_window_bits=7"], None),
    "client window 16": (["permessage-deflate; client_max_window_bits=16"], None),
    "a leading zero": (["permessage-deflate; server_max_window_bits=010"], None),
    "a window in letters": (["permessage-deflate; server_max_window_bits=ten"], None),
    "a window past all numbers": (
        ["permessage-deflate; server_max_window_bits=" + "9" * 30], None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", ["/shared", "/dedicated"])
@pytest.mark.parametrize("name", OFFERS)
async def test_offers(gateway, upstream, path, name):
    offers, expected = OFFERS[name]
    fields = [FIELD + offer for offer in offers]
    async with wired(gateway.plain, upstream, path, *fields) as (client, app):
        assert app.field("sec-websocket-extensions") is None
        agreed = parameters(client.field("sec-websocket-extensions"))
        if expected is None:
            assert agreed is None
            await app.send(TEXT, words(100))
            assert await client.message() == Message(TEXT, words(100).encode())
            return
        for key, value in expected.items():
            if value is True:
                assert agreed[key] is True
            elif key.startswith("server"):
                assert 8 <= agreed[key] <= value, "an offered limit must be confirmed"
            else:
                assert 8 <= agreed.get(key, value) <= value
        if not any("client_max_window_bits" in offer for offer in offers):
            assert "client_max_window_bits" not in agreed, "not offered, not to be asked for"
        if path == "/shared":
            assert NEITHER_KEEPS <= set(agreed)
        else:
            asked = any("server_no_context_takeover" in offer for offer in offers)
            assert ("server_no_context_takeover" in agreed) == asked
        await assert_speak(client, app)


@pytest.mark.parametrize("path", ["/shared", "/dedicated"])
async def test_a_window_of_8_bits_is_kept_or_declined(gateway, upstream, path):
    """zlib deflates with 9 at least, which would be too much."""
    offer = DEFLATE + "; server_max_window_bits=8"
    async with wired(gateway.plain, upstream, path, offer) as (client, app):
        agreed = parameters(client.field("sec-websocket-extensions"))
        if agreed is not None:
            assert agreed["server_max_window_bits"] == 8
            await assert_speak(client, app)
    async with wired(gateway.plain, upstream, path, offer + ", permessage-deflate") as (client, app):
        await assert_speak(client, app)


@pytest.mark.parametrize("path", ["/shared", "/both"])
@pytest.mark.parametrize(
    "value",
    [
        "permessage-deflate;", "permessage-deflate; ", ";", "; permessage-deflate", "=",
        "permessage-deflate; =10", "permessage-deflate; server_max_window_bits=",
        'permessage-deflate; server_max_window_bits="10',
        'permessage-deflate; server_max_window_bits=""',
        "permessage-deflate; server_max_window_bits=10=10", "permessage deflate", "@",
        '"permessage-deflate"', "permessage-deflate, @", "permessage-deflate; a b",
        "permessage/deflate",
        "permessage-deflate; server_max_window_bits=1\x80", ",".join(["permessage-deflate"] * 1000),
    ],
)  # fmt: skip
async def test_a_malformed_offer_is_400(gateway, upstream, path, value):
    async with dialled(gateway.plain, path, FIELD + value) as client:
        head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 15)
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"application/problem+json" in head
        assert not upstream.has_arrived(client.target)


# The budget of kept contexts.


async def test_the_budget_is_kept_and_given_back(gateway, upstream):
    """It is enough for very few; the next one is served without a context of its own."""

    async def count(stack):
        """How many get a context before the first that gets none, which is good all the same."""
        for number in range(10):
            client, app = await stack.enter_async_context(
                wired(gateway.plain, upstream, "/budget", BROWSER)
            )
            await assert_speak(client, app)
            agreed = parameters(client.field("sec-websocket-extensions"))
            if NEITHER_KEEPS <= set(agreed):
                return number
            assert not NEITHER_KEEPS & set(agreed)
        raise AssertionError("the budget has no end")

    for _ in range(3):

        async def some_fit():
            async with contextlib.AsyncExitStack() as stack:
                return 1 <= await count(stack) <= 3

        await eventually(some_fit, "contexts to be given back")
