"""The language of `require`, from a token and a URL to the app's door."""

import pytest

from harness import tokens
from harness.knock import IN, via_bearer, via_http, refused

CONFIGURATION = """
log { access json stdout }
limits { attempts off }
listen 127.0.0.1:$https { tls { certificate self_signed } }
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id }
backend hospital { server 127.0.0.1:$hospital }

rewrite /ws/journey/{user_id} to /ws/journey { require claim:user_id == path:user_id }

route scope.test/     { auth app; require claim:scope has "queue:read"; backend hospital }
route store.test/     { auth app; require claim:store_ids has query:store_id; backend hospital }
route path.test/ws/queue/{store_id} {
    auth    app
    require claim:scope has "queue:read" and path:store_id in claim:store_ids
    require claim:role != guest and (claim:plan in pro team or claim:email matches *@example.kr)
    backend hospital
}
route nested.test/    { auth app; require claim:realm_access.roles has nurse; backend hospital }
route header.test/    { auth app; require header:X-Ward == claim:ward; backend hospital }
route cookie.test/    { auth app; require cookie:ward == claim:ward; backend hospital }
route user.test/ws/journey { auth app; backend hospital }
route open.test/      { require query:key matches k-????-*; backend hospital }
"""

SCOPES = [
    ("queue:read", True), ("openid queue:read profile", True), (["queue:read"], True),
    (["a", "queue:read"], True), ("queue:readonly", False), ("QUEUE:READ", False),
    ("queue", False), (["a queue:read"], False), ("", False), ([], False), (None, False),
    ({"queue:read": True}, False), (True, False), (["queue:read", 7], True),
]  # fmt: skip
STORES = [
    ([17, 18], "17", True), (["17"], "17", True), ("17 18", "18", True), (17, "17", True),
    ([17], "1", False), ([17], "017", False), ([17.0], "17", False), ([170], "17", False),
    ([], "", False), ([17], "17&store_id=18", False), ([17], "%31%37", True), ([[17]], "17", False),
    ([None], "null", False), ([True], "true", True),
]  # fmt: skip


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital):
    return start_module_gateway(CONFIGURATION, hospital=hospital)


def outcome(is_in):
    return IN if is_in else refused("claim")


@pytest.mark.parametrize("way", [via_http, via_bearer])
@pytest.mark.parametrize(("scope", "is_in"), SCOPES, ids=str)
async def test_a_scope(gateway, scope, is_in, way):
    """`require claim:scope has "queue:read"`."""
    assert await way(gateway.tls, "scope.test", tokens.mint(scope=scope)) == outcome(is_in)


@pytest.mark.parametrize(("stores", "store", "is_in"), STORES, ids=str)
async def test_a_store_of_a_list(gateway, stores, store, is_in):
    """`require claim:store_ids has query:store_id`."""
    path = f"/echo?store_id={store}"
    token = tokens.mint(store_ids=stores)
    assert await via_http(gateway.tls, "store.test", token, path) == outcome(is_in)


async def test_a_query_that_is_not_there_satisfies_nothing(gateway):
    for path in ("/echo", "/echo?store=17", "/echo?STORE_ID=17"):
        token = tokens.mint(store_ids=[17, "", None])
        assert await via_http(gateway.tls, "store.test", token, path) == outcome(False)


PATHS = [
    ({}, "17", True),
    ({"plan": "free", "email": "nurse@example.kr"}, "18", True),
    ({"plan": "free", "email": "nurse@example.kr.evil.test"}, "17", False),
    ({"plan": "free", "email": None}, "17", False),
    ({"role": "guest"}, "17", False),
    ({"role": None}, "17", False),
    ({"scope": "queue:write"}, "17", False),
    ({}, "19", False),
    ({}, "17%20", False),
    ({}, "%31%37", True),
]  # fmt: skip


@pytest.mark.parametrize(("claims", "store", "is_in"), PATHS, ids=str)
async def test_the_example_of_the_manual(gateway, claims, store, is_in):
    content = {
        "scope": "queue:read", "store_ids": [17, 18], "role": "nurse", "plan": "pro", **claims,
    }  # fmt: skip
    token = tokens.mint(**content)
    path = f"/ws/queue/{store}"
    assert await via_bearer(gateway.tls, "path.test", token, path) == outcome(is_in)


@pytest.mark.parametrize(
    ("user", "path", "is_in"),
    [
        (7, "7", True), ("7", "7", True), (7, "8", False), (7, "07", False),
        ("홍", "%ED%99%8D", True),
    ],
    ids=str,
)  # fmt: skip
async def test_an_id_in_a_path(gateway, user, path, is_in):
    """`require claim:user_id == path:user_id`, in a rewrite: 4003."""
    found = await via_bearer(
        gateway.tls, "user.test", tokens.mint(user=user), f"/ws/journey/{path}/"
    )
    assert found == outcome(is_in)


@pytest.mark.parametrize(
    ("claims", "is_in"),
    [
        ({"realm_access": {"roles": ["nurse", "x"]}}, True),
        ({"realm_access": {"roles": ["doctor"]}}, False),
        ({"realm_access.roles": ["nurse"]}, True),
        ({"realm_access": ["nurse"]}, False),
        ({"realm_access": {"roles": {"nurse": 1}}}, False),
        ({"realm_access.roles": ["x"], "realm_access": {"roles": ["nurse"]}}, False),
        ({}, False),
    ],
    ids=str,
)
async def test_a_claim_within_a_claim(gateway, claims, is_in):
    assert await via_http(gateway.tls, "nested.test", tokens.mint(**claims)) == outcome(is_in)


@pytest.mark.parametrize(
    ("host", "fields", "is_in"),
    [
        ("header.test", [("X-Ward", "5")], True),
        ("header.test", [("x-ward", "5")], True),
        ("header.test", [("X-Ward", "6")], False),
        ("header.test", [("X-Ward", "5"), ("X-Ward", "5")], False),
        ("header.test", [], False),
        ("cookie.test", [("Cookie", "a=1; ward=5")], True),
        ("cookie.test", [("Cookie", "ward=5; ward=6")], False),
        ("cookie.test", [("Cookie", "ward=6")], False),
    ],
    ids=str,
)
async def test_a_header_and_a_cookie(gateway, host, fields, is_in):
    """What came twice is absent: the app might believe the other one."""
    headers = [("Host", host), *tokens.bearer(tokens.mint(ward=5)).items(), *fields]
    async with gateway.tls.client() as client:
        answer = await client.get("/echo", headers=headers)
    assert answer.status_code == (200 if is_in else 403)


@pytest.mark.parametrize(
    ("key", "is_in"),
    [("k-abcd-", True), ("k-abcd-x", True), ("k-abc-x", False), ("K-abcd-x", False), ("", False)],
)
async def test_a_requirement_needs_no_token(gateway, key, is_in):
    async with gateway.tls.client() as client:
        answer = await client.get(f"/echo?key={key}", headers={"Host": "open.test"})
    assert answer.status_code == (200 if is_in else 403)
