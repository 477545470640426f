"""The waiting list of the other two reports: how many devices of a store may be connected.

Every scenario runs on event streams through the FastAPI app, which has no tokens (the role is
in the query), and on WebSockets through the Channels app (the role is in the token).
Store ids are handed out fresh, so no scenario meets what another one left.
"""

import asyncio
import re

import pytest

from harness import tokens
from harness.door import ask, closing
from harness.screens import EventScreen, Screens, SocketScreen
from harness.waiting import eventually, settled

BLOCK_1, BLOCK_2, EJECT_2 = range(1000, 1080), range(2000, 2020), range(3000, 3020)


def stores():
    """`store N { limit … }` for every store id that the tests may take."""
    limits = [(BLOCK_1, "1 block_new"), (BLOCK_2, "2 block_new"), (EJECT_2, "2 eject_old")]
    return "\n".join(
        f"    store {store} {{ limit {limit} }}"
        for numbers, limit in limits
        for store in numbers
    )


CONFIGURATION = f"""
listen 127.0.0.1:$https {{ tls {{ certificate self_signed }} }}

jwt hospital {{
    algorithms HS256
    secret env:JWT_SECRET
    user user_id
}}
backend hospital {{ server 127.0.0.1:$hospital }}
backend waiting  {{ server 127.0.0.1:$waiting }}

sessions dashboards {{
    store   query:store_id
    device  query:client_id header:X-Client-Id
    limited admin manager
    limit   7 block_new
{stores()}
}}
sessions waiting {{
    store   query:store_id
    device  query:client_id
    role    query:role
    limited admin manager
    limit   7 block_new
{stores()}
}}
sessions counters {{
    store   query:store_id
    device  query:client_id
    limit   1 block_new
    message block_new ko "창구는 {{max}}개까지 (매장 {{store}})"
    message block_new en "No more than {{max}} counter at store {{store}}"
}}

route /ws/admin         {{ websocket; auth hospital; sessions dashboards; backend hospital }}
route /ws/queue/counter {{ websocket; sessions counters; backend hospital }}
route /api/sse/stream   {{ events; sessions waiting; backend waiting }}
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting):
    return start_module_gateway(CONFIGURATION, hospital=hospital, waiting=waiting)


@pytest.fixture(params=[EventScreen, SocketScreen], ids=["events", "websocket"])
async def screens(request, gateway, waiting_itself):
    async with waiting_itself.client() as publisher:
        screens = Screens(request.param, gateway, publisher)
        yield screens
        await screens.close()


_fresh = {numbers: iter(numbers) for numbers in (BLOCK_1, BLOCK_2, EJECT_2)}


def fresh(numbers):
    return str(next(_fresh[numbers]))


def assert_replaced(ending):
    assert ending.reason == "replaced"
    assert ending.code in (4011, None)


def assert_ejected(ending):
    assert ending.reason == "eject_old"
    assert ending.code in (4010, None)


async def test_block_new_with_one_device(screens):
    """시나리오 1: 신규 접속 차단 + 허용 1대."""
    store = fresh(BLOCK_1)
    first = await screens.admitted(store, "A")
    refreshed = await screens.admitted(store, "A")  # F5
    assert_replaced(await first.ended())
    rejection = await screens.rejected(store, "B")
    assert rejection.message["message"] == "접속 가능한 대수(1대)를 초과하여 접속할 수 없습니다"
    assert rejection.code in (4009, None)
    await refreshed.assert_alive()


async def test_block_new_with_two_devices(screens):
    """테스트 시나리오 1 (Block New, 2대): the refresh of A and of B is welcome, C is not, and
    nobody is cut because of C."""
    store = fresh(BLOCK_2)
    first_a = await screens.admitted(store, "A")
    first_b = await screens.admitted(store, "B")
    a = await screens.admitted(store, "A")
    assert_replaced(await first_a.ended())
    await first_b.assert_alive()
    rejection = await screens.rejected(store, "C")
    assert rejection.message["message"] == "접속 가능한 대수(2대)를 초과하여 접속할 수 없습니다"
    b = await screens.admitted(store, "B")
    assert_replaced(await first_b.ended())
    await screens.rejected(store, "C")
    await a.assert_alive()
    await b.assert_alive()


async def test_eject_old_with_two_devices(screens):
    """시나리오 2: 기존 기기 종료 + 허용 2대."""
    store = fresh(EJECT_2)
    a = await screens.admitted(store, "A")
    first_b = await screens.admitted(store, "B")
    c = await screens.admitted(store, "C")
    assert_ejected(await a.ended())
    b = await screens.admitted(store, "B")  # refresh
    assert_replaced(await first_b.ended())
    await c.assert_alive()
    await b.assert_alive()


async def test_an_ejected_device_may_come_back(screens):
    """테스트 시나리오 2 (Eject Old), 5: 기기 A 새로고침 → 정상 접속되어야 함."""
    store = fresh(EJECT_2)
    first_a = await screens.admitted(store, "A")
    b = await screens.admitted(store, "B")
    c = await screens.admitted(store, "C")
    assert_ejected(await first_a.ended())
    a = await screens.admitted(store, "A")
    assert_ejected(await b.ended())
    await c.assert_alive()
    await a.assert_alive()


async def test_the_refresh_of_an_ejecting_policy_ejects_nobody(screens):
    store = fresh(EJECT_2)
    a = await screens.admitted(store, "A")
    b = await screens.admitted(store, "B")
    for _ in range(3):
        again = await screens.admitted(store, "B")
        assert_replaced(await b.ended())
        b = again
    await a.assert_alive()
    await b.assert_alive()


async def test_two_devices_behind_one_wifi(screens):
    """시나리오 3: 동일 와이파이 환경. One address, one kind of browser, two ClientIds."""
    store = fresh(BLOCK_1)
    first = await screens.admitted(store, "550e8400-e29b-41d4-a716-446655440000")
    await screens.rejected(store, "16fd2706-8baf-433b-82eb-8c7fada847da")
    computer = await screens.admitted(store, "550e8400-e29b-41d4-a716-446655440000")
    assert_replaced(await first.ended())
    await screens.rejected(store, "16fd2706-8baf-433b-82eb-8c7fada847da")
    await computer.assert_alive()


async def test_without_client_id_same_address_role_and_browser_is_the_same_device(screens):
    """판별 우선순위 2: IP + Role + UserAgent 일치 (하위 호환)."""
    store = fresh(BLOCK_1)
    first = await screens.admitted(store, None)
    second = await screens.admitted(store, None)
    assert_replaced(await first.ended())
    await second.assert_alive()


@pytest.mark.parametrize(
    "other", [{"agent": "Safari"}, {"address": "127.0.0.2"}, {"role": "manager"}], ids=str
)
async def test_without_client_id_any_difference_is_another_device(screens, other):
    """판별 우선순위 3: 그 외 → 다른 기기로 판단."""
    store = fresh(BLOCK_1)
    first = await screens.admitted(store, None)
    await screens.rejected(store, None, **other)
    await first.assert_alive()


async def test_a_client_id_is_another_device_than_the_same_browser_without_one(screens):
    """리스크 1: 기존 세션 마이그레이션; only equal ClientIds make one device for sure."""
    store = fresh(BLOCK_2)
    old = await screens.admitted(store, None)
    new = await screens.admitted(store, "A")
    await screens.rejected(store, "B")
    await old.assert_alive()
    await new.assert_alive()


async def test_roles_that_are_not_limited_are_unlimited(screens):
    """역할별 제한 적용: board, reception 무제한."""
    store = fresh(BLOCK_1)
    boards = [await screens.admitted(store, f"board-{number}", "board") for number in range(5)]
    admin = await screens.admitted(store, "A")
    receptions = [
        await screens.admitted(store, f"reception-{number}", "reception") for number in range(5)
    ]
    await screens.rejected(store, "B", "manager")
    for screen in [*boards, admin, *receptions]:
        await screen.assert_alive()


async def test_all_limited_roles_share_the_limit(screens):
    """Dashboard 역할 (admin, manager): 설정된 제한 적용."""
    store = fresh(BLOCK_2)
    await screens.admitted(store, "A", "admin")
    await screens.admitted(store, "B", "manager")
    await screens.rejected(store, "C", "admin")
    await screens.rejected(store, "D", "manager")


async def test_stores_do_not_know_each_other(screens):
    """store_id: one store's full house is no other store's business."""
    one, other = fresh(BLOCK_1), fresh(BLOCK_1)
    first = await screens.admitted(one, "A")
    second = await screens.admitted(other, "A")
    await screens.rejected(one, "B")
    await screens.rejected(other, "B")
    await first.assert_alive()
    await second.assert_alive()


async def test_the_rejection_says_why(screens):
    store = fresh(BLOCK_1)
    await screens.admitted(store, "A")
    message = (await screens.rejected(store, "B")).message
    assert message["type"] == "connection_rejected"
    assert message["max"] == 1
    assert message["policy"] == "block_new"
    assert message["store"] == store


@pytest.mark.parametrize("language", ["en", "en-US,en;q=0.9", "fr, en;q=0.8, ko;q=0.3"])
async def test_who_prefers_english_reads_english(screens, language):
    store = fresh(BLOCK_1)
    await screens.admitted(store, "A")
    message = (await screens.rejected(store, "B", language=language)).message["message"]
    assert not re.search("[가-힣]", message)
    assert re.search(r"\b1\b", message), "the limit is named"


@pytest.mark.parametrize("language", [None, "ko", "ko-KR,ko;q=0.9,en;q=0.8", "de", "en;q=0, ko"])
async def test_everybody_else_reads_korean(screens, language):
    store = fresh(BLOCK_1)
    await screens.admitted(store, "A")
    rejection = await screens.rejected(store, "B", language=language)
    assert rejection.message["message"] == "접속 가능한 대수(1대)를 초과하여 접속할 수 없습니다"


async def test_the_ejected_device_is_told_so_in_its_own_language(screens):
    store = fresh(EJECT_2)
    a = await screens.admitted(store, "A", language="en")
    b = await screens.admitted(store, "B", language="ko")
    await screens.admitted(store, "C", language="ko")
    await screens.admitted(store, "D", language="en")
    english, korean = await a.ended(), await b.ended()
    assert not re.search("[가-힣]", english.message["message"])
    assert re.search("[가-힣]", korean.message["message"])


async def test_who_leaves_makes_room(screens):
    store = fresh(BLOCK_1)
    first = await screens.admitted(store, "A")
    await screens.rejected(store, "B")
    await first.close()

    async def room():
        return (await screens.open(store, "B")).rejection is None

    await eventually(room, "the slot to be free again")


async def test_of_a_rush_exactly_as_many_as_allowed_get_in(screens):
    """동시 접속 시도: never more than `max`, and never fewer."""
    store = fresh(BLOCK_2)
    rush = await asyncio.gather(*[screens.open(store, f"D{number}") for number in range(24)])
    inside = [screen for screen in rush if screen.rejection is None]
    assert len(inside) == 2
    for screen in inside:
        await screen.assert_alive()


async def test_a_rush_of_ejections_leaves_the_newest(screens):
    store = fresh(EJECT_2)
    rush = await asyncio.gather(*[screens.open(store, f"D{number}") for number in range(12)])
    assert all(screen.rejection is None for screen in rush)
    endings = [asyncio.create_task(screen.ended()) for screen in rush]

    def over():
        return sum(ending.done() for ending in endings)

    assert await settled(over, "the ejections") == 10
    for ending in endings:
        if ending.done():
            assert_ejected(ending.result())
        else:
            ending.cancel()


async def test_a_rejected_screen_never_reaches_the_app(gateway, waiting_itself):
    store = fresh(BLOCK_1)
    async with waiting_itself.client() as app:
        screens = Screens(EventScreen, gateway, app)
        await screens.admitted(store, "A")
        await screens.rejected(store, "B")
        connections = (await app.get(f"/api/stores/{store}/connections")).json()
        assert [connection["client_id"] for connection in connections] == ["A"]
        await screens.close()

        async def none_left():
            return (await app.get(f"/api/stores/{store}/connections")).json() == []

        await eventually(none_left, "the app to hear that everybody left")


@pytest.mark.parametrize(
    "client_id", ["a" * 129, "%EA%B0%80", "a%00b", "a%20b", ""], ids=str
)
async def test_a_client_id_that_is_none_is_400(gateway, client_id):
    """1 to 128 visible ASCII characters."""
    async with gateway.tls.client() as client:
        path = f"/api/sse/stream?store_id={fresh(BLOCK_1)}&role=admin&client_id={client_id}"
        answer = await client.get(path)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_client_id_may_come_in_a_header(gateway):
    store = fresh(BLOCK_1)

    def open_one(device):
        return gateway.tls.websocket(
            f"/ws/admin?store_id={store}",
            token=tokens.mint(),
            headers={"X-Client-Id": device},
        )

    async with open_one("A") as first:
        seen = await ask(first, {"type": "whoami"})
        told = dict(seen["headers"])
        assert told["x-client-id"] == "A"
        assert told["x-session-id"]
        async with open_one("A") as second:
            assert (await closing(first))[1] == 4011
            async with open_one("B") as third:
                assert (await closing(third))[1] == 4009
            assert await ask(second, {"type": "ping"}) == {"type": "pong"}


async def test_the_operators_own_words_are_used(gateway):
    path = "/ws/queue/counter?store_id=9&client_id="
    async with gateway.tls.websocket(path + "A"):
        for language, words in [
            ("ko", "창구는 1개까지 (매장 9)"),
            ("en", "No more than 1 counter at store 9"),
        ]:
            headers = {"Accept-Language": language}
            async with gateway.tls.websocket(path + "B", headers=headers) as socket:
                ((message,), code) = await closing(socket)
                assert (message["message"], code) == (words, 4009)
