"""Which device somebody is: by its id, from several places in order; by a cookie that it was
handed out; by its looks. What becomes of a device that comes again, and whose it is."""

import re

import pytest

from harness import tokens
from harness.visitors import routes
from harness.waiting import eventually

CONFIGURATION = f"""
workers 2
listen 127.0.0.1:$http
listen 127.0.0.1:$https {{ tls {{ certificate self_signed }} }}
backend app {{ server 127.0.0.1:$app }}
sessions plain  {{ store query:store; device query:device; limit 1 block_new }}
sessions share  {{ store query:store; device query:device; limit 1 block_new; same_device share }}
sessions order  {{ store query:store; device query:device header:X-Client-Id cookie:id
                   limit 1 block_new }}
sessions cookie {{ store query:store; device query:device issue cookie; limit 2 block_new }}
sessions named  {{ store query:store; device issue cookie door; limit 2 block_new }}
jwt people {{ algorithms HS256; secret env:JWT_SECRET; user user_id }}
jwt staff  {{ algorithms HS384; secret env:JWT_SECRET; user user_id }}
sessions owned {{ store query:store; device query:device; limit 2 block_new }}
sessions till  {{ store query:store; device query:device; device_owner store; limit 1 block_new }}
{routes("plain", "share", "order", "cookie", "named")}
{routes("owned", "till", words="auth people or staff optional")}
route /socket/polite {{ websocket; sessions plain; backend app; refuse http }}
"""

pytestmark = pytest.mark.usefixtures("hall")

AGENT = "User-Agent: Mozilla/5.0"


def of(user, **options):
    """The header that says who somebody is."""
    return f"Authorization: Bearer {tokens.mint(user=user, **options)}"


# Whose.


async def test_another_user_with_the_same_id_is_another_device(visitors, hall):
    visitors = visitors()
    mina = await visitors.admitted("owned", "A", of("mina"))
    joon = await visitors.admitted("owned", "A", of("joon"))
    # Two places are taken; each is refreshed by its own user.
    await visitors.rejected("owned", "A", of("third"))
    again = await visitors.admitted("owned", "A", of("mina"))
    await mina.ended("replaced")
    assert not joon.is_over and not again.is_over


async def test_who_fights_for_somebody_elses_id_fights_alone(visitors):
    """In a full store as well: she comes back whenever she likes."""
    visitors = visitors()
    mina = await visitors.admitted("owned", "A", of("mina"))
    await visitors.admitted("owned", "B", of("other"))
    for _ in range(12):
        await visitors.rejected("owned", "A", of("joon"))
    assert not mina.is_over
    for _ in range(3):
        again = await visitors.admitted("owned", "A", of("mina"))
        await mina.ended("replaced")
        mina = again


async def test_a_visitor_without_a_token_has_no_users_device(visitors):
    visitors = visitors()
    mina = await visitors.admitted("owned", "A", of("mina"))
    visitor = await visitors.admitted("owned", "A")
    again = await visitors.admitted("owned", "A")
    await visitor.ended("replaced")
    assert not mina.is_over and not again.is_over


async def test_users_of_two_issuers_are_two(visitors):
    visitors = visitors()
    await visitors.admitted("owned", "A", of(7))
    await visitors.admitted("owned", "A", of(7, algorithm="HS384"))
    await visitors.rejected("owned", "B", of(8))


async def test_a_till_is_the_stores_whoever_stands_at_it(visitors):
    visitors = visitors()
    morning = await visitors.admitted("till", "T", of("mina"))
    evening = await visitors.admitted("till", "T", of("joon"))
    await morning.ended("replaced")
    # Not for who has no token, and not for another till.
    await visitors.rejected("till", "T")
    await visitors.rejected("till", "U", of("mina"))
    assert not evening.is_over


# Again.


async def test_the_same_device_replaces_itself(visitors, hall):
    visitors = visitors()
    first = await visitors.admitted("plain", "A")
    second = await visitors.admitted("plain", "A")
    await first.ended("replaced")
    assert first.code in (4011, None) and first.retry in (86_400_000, None)
    await visitors.rejected("plain", "B")
    await eventually(lambda: not hall.has(first), "the app to see the first one go")
    assert hall.has(second) and not second.is_over


async def test_a_device_that_shares_its_place_counts_once(visitors, hall):
    visitors = visitors()
    windows = [await visitors.admitted("share", "A") for _ in range(32)]
    await visitors.rejected("share", "B")
    one_more = await visitors.admitted("share", "A")
    await windows[0].ended("replaced")
    assert not any(window.is_over for window in windows[1:])
    for window in [*windows[1:-1], one_more]:
        await window.leave()
        await hall.without(window)
    await visitors.rejected("share", "B")
    await windows[-1].leave()
    await visitors.eventually_admitted("share", "B")


async def test_two_windows_that_fight_are_parted(visitors, gateway):
    """Both come back whenever they are sent away: after five times in ten seconds one is told to
    wait, longer each time, and the other one stays."""
    visitors = visitors()
    device = f"fighter-{visitors.kind}"
    holders = [await visitors.admitted("plain", device) for _ in range(6)]
    for holder in holders[:-1]:
        await holder.ended("replaced")
    for retry in (1000, 2000, 4000):
        sent_away = await visitors.come("plain", device)
        await sent_away.ended("replaced")
        assert sent_away.told["type"] == "force_disconnect"
        assert sent_away.told["retry"] == retry
        assert sent_away.retry in (retry, None)
        assert sent_away.code in (4011, None)
    assert not holders[-1].is_over
    lines = [line for line in gateway.stderr.splitlines() if f"device {device}" in line]
    assert len(lines) == 1 and "fight" in lines[0]
    # To others it is a device like any other.
    await visitors.rejected("plain", "B")
    await holders[-1].leave()
    await visitors.eventually_admitted("plain", "B")


async def test_a_fight_over_plain_http(visitors):
    visitors = visitors()
    if visitors.kind == "events":
        return
    for _ in range(6):
        await visitors.admitted("polite", "A")
    sent_away = await visitors.come("polite", "A")
    assert sent_away.status == 429 and sent_away.told["reason"] == "replaced"
    assert sent_away.wire.field("retry-after") == "1"


# Who it is.


async def test_the_first_source_that_is_there_names_the_device(visitors, hall):
    visitors = visitors()
    header, cookie = "X-Client-Id: by-header", "Cookie: other=1; id=by-cookie"
    steps = [
        ("by-query", ["by-query", header, cookie]),
        ("by-header", [None, header, cookie]),
        ("by-cookie", [None, cookie]),
    ]
    for name, (device, *fields) in steps:
        first = await visitors.admitted("order", device, *fields)
        assert hall.guest(first).field("x-client-id") == name
        second = await visitors.admitted("order", device, *fields)
        await first.ended("replaced")
        await visitors.rejected("order", "somebody-else")
        await second.leave()
        await hall.without(second)


@pytest.mark.parametrize("device", ["", "a" * 129, "%EA%B0%80", "a%20b", "a%0Ab", "%7F"])
async def test_an_id_that_is_none_is_a_bad_request(visitors, hall, device):
    visitors = visitors()
    for block in ("plain", "cookie"):
        visitor = await visitors.come(block, device)
        assert visitor.status == 400 and visitor.told["details"] == {"reason": "client_id"}
        assert not visitor.cookies
    assert not hall.inside
    await visitors.admitted("plain", "a" * 128)


# Cookies.


def handed_out(visitor, name="gw_client", secure=False):
    """The name of the device in the only cookie of the answer."""
    (cookie,) = visitor.cookies
    found = re.fullmatch(
        rf"{name}=([0-9a-f]{{32}}); Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax(; Secure)?",
        cookie,
    )
    assert found and bool(found[2]) == secure, cookie
    return found[1]


@pytest.mark.parametrize("secure", [False, True])
async def test_a_browser_is_given_its_name(visitors, hall, gateway, secure):
    visitors = visitors(gateway.tls if secure else gateway.plain)
    first = await visitors.admitted("cookie", None, AGENT)
    name = handed_out(first, secure=secure)
    assert hall.guest(first).field("x-client-id") == name
    # It keeps it.
    second = await visitors.admitted("cookie", None, AGENT, f"Cookie: gw_client={name}")
    await first.ended("replaced")
    assert not second.cookies, "it has one"
    assert hall.guest(second).field("x-client-id") == name
    # From then on another one that looks the same is another one.
    other = await visitors.admitted("cookie", None, AGENT)
    assert handed_out(other, secure=secure) != name
    await visitors.rejected("cookie", "third")
    assert not second.is_over and not other.is_over


async def test_a_browser_that_keeps_no_cookies_replaces_itself(visitors):
    visitors = visitors()
    seen, last = set(), None
    for _ in range(4):
        visitor = await visitors.admitted("cookie", None, AGENT)
        seen.add(handed_out(visitor))
        if last:
            await last.ended("replaced")
        last = visitor
    assert len(seen) == 4
    await visitors.admitted("cookie", "second")
    await visitors.rejected("cookie", "third")


async def test_who_has_a_name_is_given_none(visitors):
    visitors = visitors()
    assert not (await visitors.admitted("cookie", "A")).cookies


async def test_a_cookie_that_is_no_id_is_replaced_by_a_good_one(visitors):
    visitors = visitors()
    handed_out(await visitors.admitted("cookie", None, AGENT, "Cookie: gw_client=\xff\xfe"))
    handed_out(await visitors.admitted("named", None, AGENT, "Cookie: gw_client=A"), "door")


async def test_the_cookies_of_the_app_go_beside_ours(visitors, hall):
    visitors = visitors()
    visitor = await visitors.admitted("cookie", None, AGENT, cookie="app")
    assert {cookie.partition("=")[0] for cookie in visitor.cookies} == {"gw_client", "app"}
