"""Rules that only report: everybody passes, and an operator sees whom they would have refused."""

import pytest

from harness import tokens
from harness.operator import Operator
from harness.door import ask, refusal
from harness.knock import IN, WAYS, refused
from harness.log import line
from harness.waiting import eventually, together

BLOCK = """
route {name}.test/ws/            {{ websocket; {rules}; backend hospital }}
route {name}.test/api/sse/stream {{ events; {rules}; backend waiting }}
route {name}.test/               {{ {rules}; backend hospital }}
"""
RULES = {
    "auth": "auth app; report_only auth",
    "short": "report_only auth app",
    "roles": "auth app; roles admin; report_only roles",
    "require": "auth app; require claim:ward == 5; report_only require",
    "all": "auth app; roles admin; require claim:ward == 5; report_only auth roles require",
    "rest": "auth app; roles admin; require claim:ward == 5; report_only require",
    "half": "auth app; roles admin; report_only auth",
    "optional": "auth app optional",
    "either": "auth app or other",
}
CONFIGURATION = """
log { access json stdout }
limits { attempts off }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$https { tls { certificate self_signed } }
jwt app   { algorithms HS256; secret env:JWT_SECRET; user user_id; audience app }
jwt other { algorithms HS256; secret env:JWT_SECRET; user user_id; audience other }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
""" + "".join(BLOCK.format(name=name, rules=rules) for name, rules in RULES.items())


def mint(**claims):
    return tokens.mint(**{"aud": "app", "ward": 5, **claims})


PATIENT, OTHER_WARD = {"role": "patient"}, {"ward": 6}
FORGED = lambda: mint(secret="x" * 64)  # noqa: E731

#: Host, token, outcome, and the rules that would have refused.
TABLE = [
    ("auth", mint, IN, []),
    ("auth", lambda: None, IN, ["auth"]),
    ("auth", FORGED, IN, ["auth"]),
    ("auth", lambda: mint(expires=-60), IN, ["auth"]),
    ("short", FORGED, IN, ["auth"]),
    ("roles", mint, IN, []),
    ("roles", lambda: mint(**PATIENT), IN, ["roles"]),
    ("roles", FORGED, refused("token_signature"), None),
    ("roles", lambda: None, refused("token_missing"), None),
    ("require", lambda: mint(**OTHER_WARD), IN, ["require"]),
    ("require", mint, IN, []),
    ("all", lambda: mint(**PATIENT, **OTHER_WARD), IN, ["roles", "require"]),
    ("all", lambda: None, IN, ["auth", "roles", "require"]),
    ("rest", lambda: mint(**OTHER_WARD), IN, ["require"]),
    ("rest", lambda: mint(**PATIENT), refused("role"), None),
    ("half", lambda: None, refused("role"), ["auth"]),
    ("optional", lambda: None, IN, []),
    ("optional", mint, IN, []),
    ("optional", FORGED, refused("token_signature"), None),
    ("either", mint, IN, []),
    ("either", lambda: mint(aud="other"), IN, []),
    ("either", lambda: mint(aud="third"), refused("token_audience"), None),
]
#: What the line of a request says that a rule refuses.
WORDS = {
    "auth": (401, "unauthenticated"), "roles": (403, "forbidden"), "require": (403, "forbidden"),
}  # fmt: skip
DETAILS = {1: "token_missing", 2: "token_signature", 3: "token_expired", 4: "token_signature"}
PATHS = {
    "HTTP": "/echo?", "WebSocket, bearer": "/ws/queue/knock?",
    "WebSocket, subprotocol": "/ws/queue/knock?", "event stream": "/api/sse/stream?store_id=1&",
}  # fmt: skip


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting):
    return start_module_gateway(CONFIGURATION, hospital=hospital, waiting=waiting)


@pytest.mark.parametrize("row", range(len(TABLE)), ids=lambda row: f"{row}-{TABLE[row][0]}")
async def test_what_passes_and_what_is_written_down(gateway, row):
    """Whichever way the token comes; in the log of each request, and in the count of all."""
    host, make, outcome, reported = TABLE[row]
    console = Operator(gateway.names["console"])

    def counts():
        return {
            rule: console.total("gateway_report_only_total", rule=rule)
            for rule in ("auth", "roles", "require")
        }

    async def knock(number, way):
        mark = f"tab=report-{row}-{number}."
        found = await WAYS[way](gateway.tls, f"{host}.test", make(), path=PATHS[way] + mark)
        assert found == outcome, way
        entry = await line(gateway, mark)
        assert entry.get("would_refuse", []) == (reported or [])
        assert [WORDS[rule] for rule in reported or []] == [
            (end["status"], end["reason"]) for end in entry.get("would_refuse_as", [])
        ]
        if host in ("auth", "short") and reported:
            assert entry["would_refuse_as"][0]["detail"] == DETAILS[row]
        if outcome != IN:
            assert (entry["reason"], entry["detail"]) == (outcome.reason, outcome.word)

    before = counts()
    await together(*[knock(number, way) for number, way in enumerate(WAYS)])
    after = counts()
    if outcome == IN:
        for rule in before:
            more = len(WAYS) if rule in reported else 0
            assert after[rule] - before[rule] == more, rule


async def test_the_metric_names_the_route(gateway):
    console = Operator(gateway.names["console"])

    def count():
        return console.total("gateway_report_only_total", route="auth.test/", rule="auth")

    before = count()
    for _ in range(3):
        assert await WAYS["HTTP"](gateway.tls, "auth.test", FORGED()) == IN
    assert count() == before + 3


async def test_the_log_of_events_says_so_once_a_second(gateway):
    before = len(gateway.stderr.splitlines())
    async with gateway.tls.client() as client:
        for _ in range(30):
            await client.get("/echo", headers={"Host": "auth.test"})
    await eventually(lambda: "would have refused" in gateway.stderr, "a word about it")
    lines = gateway.stderr.splitlines()[before:]
    assert len([text for text in lines if "would have refused" in text]) <= 4


@pytest.mark.parametrize("make", [lambda: None, FORGED], ids=["no token", "a forged token"])
async def test_who_would_have_been_refused_has_no_identity(gateway, make):
    """The app must not take a forged token for a good one, nor see it."""
    headers = {"X-Auth-User": "1", "X-Auth-Role": "root", "X-Auth-Claims": "e30"}
    token = make()
    if token:
        headers.update(tokens.bearer(token))
    async with gateway.tls.client() as client:
        seen = (await client.get("/echo", headers={"Host": "auth.test", **headers})).json()
    names = {name for name, _ in seen["headers"]}
    assert not names & {"x-auth-user", "x-auth-role", "x-auth-claims", "authorization"}


async def test_optional_tells_the_app_who_it_is_if_anybody(gateway):
    async with gateway.tls.client() as client:
        for headers, user in ((tokens.bearer(mint(user=5)), ["5"]), ({}, [])):
            headers = {"Host": "optional.test", "X-Auth-User": "1", **headers}
            seen = (await client.get("/echo", headers=headers)).json()
            assert [value for name, value in seen["headers"] if name == "x-auth-user"] == user


async def test_a_socket_that_only_reports_outlives_its_token(gateway):
    """There is nothing that could be refused at its end either."""
    token = mint(expires=-29.0)
    async with gateway.tls.websocket("/ws/queue/x", name="auth.test", token=token) as socket:
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}
    async with gateway.tls.websocket("/ws/queue/x", name="roles.test", token=FORGED()) as socket:
        assert (await refusal(socket))[1] == 4001
