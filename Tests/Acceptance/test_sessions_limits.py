"""How many there may be: by role, by store, by what the token says; what people are told who are too
many; and limits that are only tried out."""

import pytest

from harness import tokens
from harness.visitors import routes
from harness.log import line
from harness.operator import Operator
from harness.waiting import eventually

CONFIGURATION = f"""
workers 2
log {{ access json stdout }}
listen 127.0.0.1:$http
console 127.0.0.1:$console {{ token env:CONSOLE_TOKEN }}
backend app {{ server 127.0.0.1:$app }}
jwt staff {{ algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0ms }}
sessions groups {{
    store query:store
    device query:device
    role query:role
    limit admin manager 1 block_new
    limit kiosk 2 eject_old
    store large {{ limit admin manager 3 block_new; limit kiosk 1 block_new }}
    store larger {{ limit admin manager 2 eject_old }}
}}
sessions rest {{
    store query:store
    device query:device
    role query:role
    limit kiosk 2 block_new
    limit 1 block_new
    store wide {{ limit 2 block_new }}
}}
sessions plan {{
    store query:store
    device query:device
    limit admin claim:max_devices or 2 block_new
    store own {{ limit 1 block_new }}
}}
sessions duty {{
    store query:store
    device query:device
    role claim:duties
    limit admin 2 block_new
}}
sessions worded {{
    store query:store
    device query:device
    limit 2 block_new
    message block_new ko "{{max}}대까지, {{store}}의 {{device}}, {{policy}}: {{{{max}}}}"
    message block_new de "{{max}} in {{store}} sind genug"
}}
sessions ejecting {{
    store query:store
    device query:device
    limit 1 eject_old
    message eject_old en "{{device}} of {{store}} made way: {{max}}, {{policy}}"
    message replaced ko "{{device}}가 다시"
}}
{routes("groups", "rest", "worded", "ejecting")}
{routes("plan", "duty", words="auth staff")}
sessions tried {{ store query:store; device query:device; limit 1 block_new }}
sessions shown {{ store query:store; device query:device; limit 1 eject_old }}
{routes("tried", "shown", words="report_only sessions")}
route /events/forced {{ events; sessions tried; backend app }}
route /socket/forced {{ websocket; sessions tried; backend app }}
route /events/unsaid {{ sessions tried; backend app }}
route /events/unsaid-tried {{ sessions tried; backend app; report_only sessions }}
"""

pytestmark = pytest.mark.usefixtures("hall")


# By role.


async def test_groups_of_roles_are_counted_side_by_side(visitors):
    visitors = visitors()
    boards = [await visitors.admitted("groups", f"B{n}", role="board") for n in range(5)]
    manager = await visitors.admitted("groups", "M", role="manager")
    await visitors.rejected("groups", "A", role="admin")
    kiosks = [await visitors.admitted("groups", f"K{n}", role="kiosk") for n in range(3)]
    await kiosks[0].ended("eject_old")
    await visitors.rejected("groups", "A", role="admin")
    anybody = [await visitors.admitted("groups", f"N{n}") for n in range(3)]
    await manager.leave()
    await visitors.eventually_admitted("groups", "A", role="admin")
    await visitors.rejected("groups", "M", role="manager")
    for visitor in [*boards, *kiosks[1:], *anybody]:
        assert not visitor.is_over


async def test_a_device_has_a_place_in_each_group(visitors):
    """A board and a dashboard in two tabs of one browser."""
    visitors = visitors()
    roles = ["admin", "kiosk", "board", "reception"]
    tabs = [await visitors.admitted("groups", "A", role=role) for role in roles]
    again = await visitors.admitted("groups", "A", role="board")
    await tabs[2].ended("replaced")
    # The same count, the same place.
    manager = await visitors.admitted("groups", "A", role="manager")
    await tabs[0].ended("replaced")
    for visitor in [tabs[1], tabs[3], again, manager]:
        assert not visitor.is_over


async def test_who_is_in_no_group_is_in_the_one_that_names_none(visitors):
    visitors = visitors()
    await visitors.admitted("rest", "A", role="admin")
    await visitors.rejected("rest", "B", role="board")
    await visitors.rejected("rest", "C")
    for device in "KL":
        await visitors.admitted("rest", device, role="kiosk")
    await visitors.rejected("rest", "M", role="kiosk")


# By store.


async def test_a_store_may_have_limits_of_its_own(visitors, hall):
    visitors = visitors()
    visitors.store = "large"
    for device in "ABC":
        await visitors.admitted("groups", device, role="admin")
    assert (await visitors.rejected("groups", "D", role="admin")).told["max"] == 3
    await visitors.admitted("groups", "K", role="kiosk")
    assert (await visitors.rejected("groups", "L", role="kiosk")).told["max"] == 1
    visitors.store = "larger"
    first, *_ = [await visitors.admitted("groups", device, role="admin") for device in "ABC"]
    await first.ended("eject_old")
    visitors.store = "wide"
    for device in "AB":
        await visitors.admitted("rest", device, role="admin")
    await visitors.rejected("rest", "C", role="admin")
    # The store is the next test's, too.
    for visitor in visitors.all:
        if not visitor.is_over:
            await visitor.leave()
    await eventually(lambda: not hall.inside, "everybody to be gone")


async def test_who_names_no_store_is_a_bad_request_unless_unlimited(visitors):
    visitors = visitors()
    for store in (None, ""):
        visitors.store = store
        nowhere = await visitors.come("groups", "A", role="admin")
        assert nowhere.status == 400 and nowhere.told["details"] == {"reason": "store"}
        await visitors.admitted("groups", "A", role="board")


async def test_the_name_of_a_store_has_a_limit(visitors):
    visitors = visitors()
    visitors.store = "%EA%B0%80" * 85 + "a"
    await visitors.admitted("groups", "A", role="admin")
    await visitors.rejected("groups", "B", role="admin")
    visitors.store += "b"
    nowhere = await visitors.come("groups", "A", role="admin")
    assert nowhere.status == 400 and nowhere.told["details"] == {"reason": "store"}
    await visitors.admitted("groups", "A", role="board")


async def test_two_spellings_of_a_text_are_two_stores(visitors):
    """Which Unicode calls one: a syllable, and the letters that it is made of."""
    visitors = visitors()
    store = visitors.store
    for visitors.store in (f"{store}%EA%B0%80", f"{store}%E1%84%80%E1%85%A1"):
        await visitors.admitted("rest", "A")
        await visitors.rejected("rest", "B")


# By what the token says.


def bearer(role="admin", **claims):
    return f"Authorization: Bearer {tokens.mint(role=role, **claims)}"


async def test_a_token_says_how_many_there_may_be(visitors):
    visitors = visitors()
    large, small, usual = bearer(max_devices=4), bearer(max_devices=1), bearer()
    for device in "ABC":
        await visitors.admitted("plan", device, large)
    assert (await visitors.rejected("plan", "D", small)).told["max"] == 1
    assert (await visitors.rejected("plan", "D", usual)).told["max"] == 2
    await visitors.admitted("plan", "D", large)
    assert (await visitors.rejected("plan", "E", large)).told["max"] == 4
    # The role, too, is the token's, whatever the query says.
    await visitors.rejected("plan", "F", usual, role="board")
    await visitors.admitted("plan", "F", bearer(role="board"), role="admin")


@pytest.mark.parametrize(
    "claim, most",
    [("3", 3), (3, 3), (3.0, 2), (0, 2), (-1, 2), (1.5, 2), ("many", 2), ([5], 2), (10**9, 2),
     (None, 2), (True, 2)],
    ids=str,
)  # fmt: skip
async def test_a_claim_that_is_no_number_of_devices_counts_for_nothing(visitors, claim, most):
    visitors = visitors()
    token = bearer(max_devices=claim)
    for number in range(most):
        await visitors.admitted("plan", f"D{number}", token)
    assert (await visitors.rejected("plan", "E", token)).told["max"] == most


async def test_the_token_wins_over_the_store(visitors, hall):
    visitors = visitors()
    visitors.store = "own"
    await visitors.admitted("plan", "A", bearer())
    assert (await visitors.rejected("plan", "B", bearer())).told["max"] == 1
    await visitors.admitted("plan", "B", bearer(max_devices=2))
    # The store is the next test's, too.
    for visitor in visitors.all:
        if not visitor.is_over:
            await visitor.leave()
    await eventually(lambda: not hall.inside, "everybody to be gone")


@pytest.mark.parametrize("block, claim", [("plan", "role"), ("duty", "duties")])
async def test_of_several_roles_the_limited_one_counts(visitors, block, claim):
    visitors = visitors()
    several, one = bearer(**{claim: ["viewer", "admin"]}), bearer(**{claim: "admin"})
    for device in "AB":
        await visitors.admitted(block, device, several)
    await visitors.rejected(block, "C", several)
    await visitors.rejected(block, "C", one)


async def test_a_token_that_ends_frees_the_place(visitors):
    visitors = visitors()
    visitor = await visitors.admitted("plan", "A", bearer(max_devices=1, expires=2))
    await visitors.rejected("plan", "B", bearer(max_devices=1))
    await visitor.ended("token_expired")
    assert visitor.code in (4001, None)
    await visitors.admitted("plan", "B", bearer(max_devices=1))


@pytest.mark.parametrize("accept", [None, "*/*", "text/event-stream;q=0.9", "text/event-stream"])
async def test_a_stream_counts_whatever_its_request_accepts(several, accept):
    """A route without `events` learns from the response what it is."""
    visitors = several("events")
    words = [f"Accept: {accept}"] if accept else []
    first = await visitors.admitted("unsaid", "A", *words)
    await visitors.rejected("unsaid", "B", *words)
    await visitors.admitted("unsaid", "A", *words)
    await first.ended("replaced")
    await visitors.admitted("unsaid-tried", "C", *words)


async def test_who_is_not_let_in_takes_no_place(visitors, hall):
    visitors = visitors()
    one = {"max_devices": 1}
    for token in (bearer(secret="x" * 32, **one), bearer(expires=-60, **one)):
        visitor = await visitors.come("plan", "A", token)
        assert visitor.code in (4001, None) and visitor.status in (101, 401)
    await visitors.admitted("plan", "B", bearer(**one))
    await visitors.rejected("plan", "C", bearer(**one))


# What people are told.


KOREAN, ENGLISH = ("접속 가능한 대수(1대)를 초과하여 접속할 수 없습니다", "No more than 1 device")


@pytest.mark.parametrize(
    "languages, words",
    [(None, KOREAN), ("ko", KOREAN), ("en", ENGLISH), ("en-GB, ko;q=0.9", ENGLISH),
     ("de, en;q=0.5", ENGLISH), ("de", KOREAN), ("*", KOREAN), ("en;q=0, *", KOREAN),
     ("nonsense;;;=, en", ENGLISH)],
    ids=str,
)  # fmt: skip
async def test_messages_come_in_the_language_of_the_reader(visitors, languages, words):
    visitors = visitors()
    await visitors.admitted("rest", "A")
    fields = [] if languages is None else [f"Accept-Language: {languages}"]
    told = (await visitors.rejected("rest", "B", *fields)).told
    assert told["message"].startswith(words)
    assert (told["max"], told["policy"], told["store"]) == (1, "block_new", visitors.store)


async def test_messages_may_be_the_operators_own(visitors):
    visitors = visitors()
    for device in "AB":
        await visitors.admitted("worded", device)
    for language, words in [
        ("ko", f"2대까지, {visitors.store}의 C, block_new: {{max}}"),
        ("de", f"2 in {visitors.store} sind genug"),
        ("fr", f"2대까지, {visitors.store}의 C, block_new: {{max}}"),
    ]:
        rejected = await visitors.rejected("worded", "C", f"Accept-Language: {language}")
        assert rejected.told["message"] == words
    english = await visitors.rejected("worded", "C", "Accept-Language: en")
    assert english.told["message"].startswith("No more than 2 devices")


async def test_who_is_ended_reads_words_of_its_own_as_well(visitors):
    visitors = visitors()
    english = await visitors.admitted("ejecting", "A", "Accept-Language: en")
    korean = await visitors.admitted("ejecting", "B", "Accept-Language: ko")
    await visitors.admitted("ejecting", "B")
    await english.ended("eject_old")
    assert english.told["message"] == f"A of {visitors.store} made way: 1, eject_old"
    await korean.ended("replaced")
    assert korean.told["message"] == "B가 다시"


async def test_words_of_the_client_are_quoted(visitors):
    """What the client says comes back in a message, and stays within it."""
    visitors = visitors()
    visitors.store = "%22%0A%5C%3C%7Bmax%7D%E2%82%AC"
    for device in "AB":
        await visitors.admitted("worded", device)
    told = (await visitors.rejected("worded", "{max}")).told
    assert told["store"] == '"\n\\<{max}€'
    assert told["message"] == '2대까지, "\n\\<{max}€의 {max}, block_new: {max}'


# Only tried out.


@pytest.mark.parametrize("block, word", [("tried", "refused"), ("shown", "ended")])
async def test_a_limit_that_is_only_tried_lets_everybody_in(visitors, gateway, block, word):
    visitors = visitors()
    route = f"/{visitors.kind}/{block}"
    operator = Operator(gateway.names["console"])

    def reported():
        return operator.total("gateway_report_only_total", route=route, rule="sessions")

    before = reported()
    everybody = [await visitors.admitted(block, f"D{number}") for number in range(4)]
    everybody.append(await visitors.admitted(block, "D0"))
    assert not any(visitor.is_over for visitor in everybody)
    assert reported() == before + 3
    for visitor, rules in zip(everybody, [[], *[["sessions"]] * 3, []]):
        await visitor.leave()
        assert (await line(gateway, visitor.mark)).get("would_refuse", []) == rules

    async def told():
        """At most once a second, whichever route it is about."""
        for number in range(2):
            await visitors.admitted(block, f"D{number}")
        lines = [text for text in gateway.stderr.splitlines() if f"route {route} would" in text]
        return lines and f"have {word}" in lines[0] and f"store {visitors.store}:" in lines[0]

    await eventually(told, "an operator to read of it")


@pytest.mark.parametrize("query", [{"store": None}, {"device": "%20"}], ids=str)
async def test_who_cannot_be_counted_passes_a_limit_that_is_only_tried(visitors, gateway, query):
    visitors = visitors()
    stranger = await visitors.admitted("tried", **{"device": "A", **query})
    await stranger.leave()
    assert (await line(gateway, stranger.mark))["would_refuse"] == ["sessions"]


async def test_no_client_writes_a_line_into_the_log(visitors, gateway):
    visitors = visitors()
    visitors.store = "1%0A2026-11-21T02:00:00.000Z%20error%20all%20is%20lost%1B%5B2J"

    async def told():
        for number in range(2):
            await visitors.admitted("tried", f"D{number}")
        return "all is lost" in gateway.stderr

    await eventually(told, "the log to name the store")
    (text, *_) = [text for text in gateway.stderr.splitlines() if "all is lost" in text]
    assert " info " in text and "store 1␊2026-" in text and "lost␛[2J:" in text


async def test_who_came_in_too_many_is_in_no_ones_way(visitors):
    """A limit that is in force counts the places that there are."""
    visitors = visitors()
    first = await visitors.admitted("tried", "A")
    extra = [await visitors.admitted("tried", f"D{number}") for number in range(3)]
    await visitors.rejected("forced", "B")
    await first.leave()
    await visitors.eventually_admitted("forced", "B")
    assert not any(visitor.is_over for visitor in extra)
