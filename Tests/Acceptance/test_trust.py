"""Whom a request comes from, by which scheme and to which host, where trusted proxies say it.

Proxies come from 127.0.0.1, which is trusted; strangers from 127.0.0.9."""

import json

import pytest
import websockets

from harness.certificates import make_certificate
from harness.door import Door, ask
from harness.log import line
from harness.ports import free_port
from harness.proxies import Nginx
from harness.raw import connection, once
from test_http import absent, get, only, raw_head

CONFIGURATION = """
log { access json stdout }
trust 127.0.0.1
listen 127.0.0.1:$http
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$entry { redirect https }
backend odd      { server 127.0.0.1:$odd }
backend hospital { server 127.0.0.1:$hospital }
sessions devices { store query:store_id; limit 1 block_new }
sessions cookies { store query:store_id; limit 9 block_new; device query:id issue cookie }
defaults { header X-Seen "{client.address} {request.scheme} {request.host}" }
route /ws/queue/status { websocket; sessions devices; backend hospital }
route /ws/queue/same   { websocket; refuse http; backend hospital }
route /ws/queue/cookie { websocket; sessions cookies; backend hospital }
route /raw/forwarded   { forwarded on; backend odd }
route /to              { redirect 307 {request.scheme}://{request.host}/there }
route api.example.kr/raw { backend odd; header X-Route api }
route /                { backend odd }
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, odd, hospital):
    return start_module_gateway(CONFIGURATION, odd=odd, hospital=hospital, entry=free_port())


@pytest.fixture(scope="module")
def entry(gateway):
    return Door("entry", gateway.names["entry"])


async def strange_head(door, *fields, path="/raw", host="localhost"):
    """As `raw_head`, of who is no trusted proxy."""
    async with connection(door, local_addr=("127.0.0.9", 0)) as raw:
        await raw.send(get(path, *fields, host=host))
        answer = await raw.answer()
    pairs = [text.split(": ", 1) for text in answer.body.decode("latin-1").split("\r\n")[1:] if text]
    return [(name.lower(), value) for name, value in pairs]


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:51008", "203.0.113.9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("2001:db8::9", "2001:db8::9"),
        ("6.6.6.6, 203.0.113.9:1, 127.0.0.1:2", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9:99999", "127.0.0.1"),
    ],
)
async def test_an_address_may_bring_its_port(gateway, said, address):
    nodes = ", ".join(f'for="{node.strip()}"' for node in said.split(","))
    for field in (f"X-Forwarded-For: {said}", f"Forwarded: {nodes}"):
        head = await raw_head(gateway.plain, field)
        assert only(head, "x-seen") == f"{address} http localhost"


async def test_clients_that_come_with_a_port_are_not_all_one(gateway):
    """With the proxy's address, everybody was the same device and pushed the last one out."""
    path = "/ws/queue/status?store_id=ports"
    for number, field in enumerate(("X-Forwarded-For", "Forwarded")):
        value = "{}" if number == 0 else 'for="{}"'

        def open_from(node):
            return gateway.plain.websocket(path, headers={field: value.format(node)})

        async with open_from(f"203.0.113.{number}:51008") as first:
            assert await ask(first, {"type": "ping"}) == {"type": "pong"}
            async with open_from("[2001:db8::9]:4711") as second:
                assert json.loads(await second.recv())["type"] == "connection_rejected"
            async with open_from(f"203.0.113.{number}:51009") as again:
                assert await ask(again, {"type": "ping"}) == {"type": "pong"}
                assert json.loads(await first.recv())["type"] == "force_disconnect"


@pytest.mark.parametrize(
    "fields",
    [
        ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: app.kr:8443"],
        ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: WSS", "X-Forwarded-Host: app.kr:8443"],
        ['Forwarded: for=203.0.113.9;proto=https;host="app.kr:8443"'],
        ["Forwarded: for=6.6.6.6;proto=http;host=evil.kr",
         'Forwarded: FOR="203.0.113.9:1"; Proto=https; host="app.kr:8443"'],
        ["X-Forwarded-For: 6.6.6.6, 203.0.113.9, 127.0.0.1", "X-Forwarded-Proto: http, https, http",
         "X-Forwarded-Host: evil.kr, app.kr:8443, localhost"],
        ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: http", "X-Forwarded-Proto: https",
         "X-Forwarded-Host: evil.kr", "X-Forwarded-Host: app.kr:8443"],
    ],
    ids=["x-forwarded", "wss", "forwarded", "forwarded-lines", "lists", "lines"],
)  # fmt: skip
async def test_scheme_and_host_count_for_everything(gateway, fields):
    mark = f"mark={abs(hash(tuple(fields)))}"
    head = await raw_head(gateway.plain, *fields, path=f"/raw?{mark}")
    assert only(head, "x-seen") == "203.0.113.9 https app.kr:8443"
    assert only(head, "x-forwarded-proto") == "https"
    assert only(head, "x-forwarded-host") == "app.kr:8443"
    assert only(head, "host") == "localhost", "Host is kept"
    logged = await line(gateway, mark)
    assert (logged["client"], logged["host"]) == ("203.0.113.9", "app.kr:8443")
    answer = await once(gateway.plain, get("/to", *fields))
    assert answer.values("location") == ["https://app.kr:8443/there"]
    # Of strangers, not a word; nor does any of it travel on.
    head = await strange_head(gateway.plain, *fields)
    assert only(head, "x-seen") == "127.0.0.9 http localhost"
    assert only(head, "x-forwarded-for") == "127.0.0.9"
    assert only(head, "x-forwarded-proto") == "http"
    assert only(head, "x-forwarded-host") == "localhost"
    assert absent(head, "forwarded")


@pytest.mark.parametrize("proto", ["https, http", "ftp", "", "https://"])
async def test_a_scheme_that_no_trusted_proxy_says_does_not_count(gateway, proto):
    """`https, http`: the nearest proxy saw http; what stands before it may be the client's."""
    fields = ["X-Forwarded-For: 203.0.113.9", f"X-Forwarded-Proto: {proto}"]
    head = await raw_head(gateway.plain, *fields)
    assert only(head, "x-forwarded-proto") == "http"


@pytest.mark.parametrize("host", ["evil.kr/path", "a@b", "a b", "", "evil.kr\", for=6.6.6.6"])
async def test_a_host_that_is_none_does_not_count(gateway, host):
    head = await raw_head(gateway.plain, f"X-Forwarded-Host: {host}", path="/raw/forwarded")
    assert only(head, "x-forwarded-host") == "localhost"
    assert only(head, "forwarded") == "for=127.0.0.1;host=localhost;proto=http"


async def test_other_claims_of_proxies_travel_on_from_trusted_ones_only(gateway):
    claims = ["X-Forwarded-Port: 8443", "x-forwarded-prefix: /app", "X-Forwarded-Ssl: on"]
    head = await raw_head(gateway.plain, *claims)
    assert [only(head, claim.lower().split(": ")[0]) for claim in claims] == ["8443", "/app", "on"]
    head = await strange_head(gateway.plain, *claims)
    assert all(absent(head, claim.lower().split(": ")[0]) for claim in claims)


async def test_routes_are_found_by_the_host_that_counts(gateway):
    head = await raw_head(gateway.plain, "X-Forwarded-Host: api.example.kr:8443")
    assert only(head, "x-route") == "api"
    head = await strange_head(gateway.plain, "X-Forwarded-Host: api.example.kr")
    assert absent(head, "x-route")


@pytest.mark.parametrize(
    ("field", "secure"),
    [("X-Forwarded-Proto: https", True), ("Forwarded: for=1.1.1.1;proto=https", True),
     ("X-Forwarded-Proto: http", False)],
)  # fmt: skip
async def test_cookies_are_for_the_scheme_that_the_browser_sees(gateway, field, secure):
    name, value = field.split(": ")
    path = "/ws/queue/cookie?store_id=1"
    async with gateway.plain.websocket(path, headers={name: value}) as socket:
        assert ("Secure" in socket.response.headers["Set-Cookie"]) == secure
    async with gateway.plain.websocket(path, headers={name: value}, address="127.0.0.9") as socket:
        assert "Secure" not in socket.response.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("host", "origin", "fields", "passes"),
    [
        ("app.kr:443", "https://app.kr", {"X-Forwarded-Proto": "https"}, True),
        ("app.kr", "https://app.kr:443", {"X-Forwarded-Proto": "https"}, True),
        ("app.kr", "https://app.kr", {"X-Forwarded-Proto": "https"}, True),
        ("app.kr", "http://app.kr", {"X-Forwarded-Proto": "https"}, False),
        ("app.kr", "https://app.kr:8443", {"X-Forwarded-Proto": "https"}, False),
        ("app.kr:80", "http://app.kr", {"X-Forwarded-Proto": "http"}, True),
        ("inside", "https://app.kr:8443",
         {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.kr:8443"}, True),
        ("inside", "https://app.kr",
         {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.kr:443"}, True),
        ("inside", "https://app.kr",
         {"Forwarded": 'for=1.1.1.1;proto=https;host="app.kr:443"'}, True),
        ("inside", "https://inside",
         {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.kr"}, False),
    ],
)  # fmt: skip
async def test_the_same_origin_is_the_one_that_the_browser_sees(
    gateway, host, origin, fields, passes
):
    handshake = [
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Origin: {origin}",
    ]  # fmt: skip
    said = [f"{name}: {value}" for name, value in fields.items()]
    async with connection(gateway.plain) as raw:
        await raw.send(get("/ws/queue/same", *handshake, *said, host=host))
        status = (await raw.until(b"\r\n")).split(b" ")[1]
    assert status == (b"101" if passes else b"403")


async def test_a_stranger_does_not_choose_the_origin(gateway):
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    with pytest.raises(websockets.InvalidStatus) as refused:
        await gateway.plain.websocket(
            "/ws/queue/same", headers=headers, origin="https://evil.example", address="127.0.0.9"
        )
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "field", ["X-Forwarded-Proto: https", "Forwarded: for=1.1.1.1;proto=https"]
)
async def test_who_came_with_tls_is_not_sent_there_again(gateway, entry, field):
    assert (await once(entry, get("/raw", field))).status == 200
    answer = await once(entry, get("/raw", "X-Forwarded-Proto: http", host="app.kr"))
    assert (answer.status, answer.values("location")) == (308, ["https://app.kr/raw"])
    answer = await once(entry, get("/raw", "X-Forwarded-Host: app.kr:81", host="inside"))
    assert answer.values("location") == ["https://app.kr/raw"]
    async with connection(entry, local_addr=("127.0.0.9", 0)) as raw:
        await raw.send(get("/raw", field))
        assert (await raw.answer()).status == 308, "anybody may say that"


@pytest.mark.parametrize(
    ("said", "nodes", "forwarded"),
    [
        ([], "127.0.0.1", "for=127.0.0.1;host=localhost;proto=http"),
        (["Forwarded: for=_a, for=\"[2001:db8::9]:1\";proto=https"],
         "_a, 2001:db8::9, 127.0.0.1",
         'for=_a, for="[2001:db8::9]";host=localhost;proto=https,'
         " for=127.0.0.1;host=localhost;proto=http"),
        (["X-Forwarded-For: 6.6.6.6, 203.0.113.9:51008", "X-Forwarded-Proto: https",
          "X-Forwarded-Host: app.kr:81"],
         "6.6.6.6, 203.0.113.9:51008, 127.0.0.1",
         'for=6.6.6.6, for=203.0.113.9;host="app.kr:81";proto=https,'
         " for=127.0.0.1;host=localhost;proto=http"),
    ],
    ids=["nothing", "forwarded", "x-forwarded"],
)  # fmt: skip
async def test_an_app_is_told_in_forwarded_where_a_route_says_so(gateway, said, nodes, forwarded):
    head = await raw_head(gateway.plain, *said, path="/raw/forwarded")
    assert only(head, "forwarded") == forwarded
    assert only(head, "x-forwarded-for") == nodes
    assert absent(await raw_head(gateway.plain, *said), "forwarded")
    head = await strange_head(gateway.plain, *said, path="/raw/forwarded")
    assert only(head, "forwarded") == "for=127.0.0.9;host=localhost;proto=http"


async def test_a_client_cannot_spoil_what_a_proxy_appends(gateway):
    for client in ('for="', "for=6.6.6.6;", '"', 'x="\\', "for=6.6.6.6, for=\""):
        head = await raw_head(gateway.plain, f"Forwarded: {client}, for=203.0.113.9;proto=https")
        assert only(head, "x-seen") == "203.0.113.9 https localhost"


@pytest.mark.parametrize(
    ("words", "address"), [("any", "1.1.1.1"), ("x_forwarded", "1.1.1.1"), ("forwarded", "2.2.2.2")]
)
async def test_operators_may_say_which_fields_their_proxies_speak(
    start_gateway, odd, words, address
):
    gateway = start_gateway(
        f"""
        trust 127.0.0.0/8
        trust_fields {words}
        listen 127.0.0.1:$http
        backend odd {{ server 127.0.0.1:$odd }}
        route / {{ backend odd; header X-Seen {{client.address}} }}
        """,
        odd=odd,
    )
    both = ["X-Forwarded-For: 1.1.1.1", "Forwarded: for=2.2.2.2"]
    assert only(await raw_head(gateway.plain, *both), "x-seen") == address
    alone = "127.0.0.1" if words == "x_forwarded" else "2.2.2.2"
    assert only(await raw_head(gateway.plain, both[1]), "x-seen") == alone


@pytest.mark.parametrize("network", ["::/0", "::/64", "fd00::/8"])
async def test_a_network_of_ipv6_has_no_proxies_of_ipv4(start_gateway, odd, network):
    gateway = start_gateway(
        f"""
        trust {network}
        listen 127.0.0.1:$http
        backend odd {{ server 127.0.0.1:$odd }}
        route / {{ backend odd; header X-Seen {{client.address}} }}
        """,
        odd=odd,
    )
    head = await raw_head(gateway.plain, "X-Forwarded-For: 1.1.1.1")
    assert only(head, "x-seen") == "127.0.0.1"


# MARK: Other people's proxies.

NGINX = """
http {
    access_log off;
    map $$http_upgrade $$connection_upgrade { default upgrade; '' close; }
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate     $chain;
        ssl_certificate_key $key;
        location / {
            proxy_pass http://127.0.0.1:$target;
            proxy_http_version 1.1;
            proxy_set_header Host $$http_host;
            proxy_set_header Upgrade $$http_upgrade;
            proxy_set_header Connection $$connection_upgrade;
            $fields
        }
    }
}
"""

FIELDS = {
    "x-forwarded": """
        proxy_set_header X-Forwarded-For   $$proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $$scheme;
        proxy_set_header X-Forwarded-Host  $$http_host;
        proxy_set_header Forwarded         "";""".replace("$$", "$"),
    "with-ports": """
        proxy_set_header X-Forwarded-For   $$remote_addr:$$remote_port;
        proxy_set_header X-Forwarded-Proto $$scheme;""".replace("$$", "$"),
    "forwarded": """
        proxy_set_header X-Forwarded-For   "";
        proxy_set_header X-Forwarded-Proto "";
        proxy_set_header X-Forwarded-Host  "";
        proxy_set_header Forwarded
            '$$http_forwarded, for="$$remote_addr:$$remote_port";proto=$$scheme;host="$$http_host"';
    """.replace("$$", "$"),
}


@pytest.fixture(scope="module", params=FIELDS)
def front(request, start_proxy, gateway, tmp_path_factory):
    """nginx speaks TLS with clients and plain HTTP with the listener that redirects to https."""
    chain, key = make_certificate(tmp_path_factory.mktemp("front"), "localhost")
    proxy = start_proxy(
        Nginx, NGINX, target=gateway.names["entry"], chain=chain, key=key,
        fields=FIELDS[request.param],
    )  # fmt: skip
    return Door(f"nginx, {request.param}", proxy.port, tls=True)


async def test_behind_nginx_clients_are_themselves(front):
    forged = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: http", 'Forwarded: for=6.6.6.6;x="']
    for address in ("127.0.0.5", "127.0.0.6"):
        async with connection(front, local_addr=(address, 0)) as raw:
            await raw.send(get("/raw", *forged, host=f"localhost:{front.port}"))
            answer = await raw.answer()
        assert answer.status == 200, "it is not sent round in circles"
        assert f"X-Seen: {address} https localhost:{front.port}".encode() in answer.body


async def test_behind_nginx_pages_of_the_same_origin_pass(front):
    async with front.websocket("/ws/queue/same", origin=front.http()) as socket:
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}
    for origin in ("https://evil.example", front.http().replace("https", "http")):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await front.websocket("/ws/queue/same", origin=origin)
        assert refused.value.response.status_code == 403


async def test_behind_nginx_cookies_are_secure(front):
    async with front.websocket("/ws/queue/cookie?store_id=2") as socket:
        assert "Secure" in socket.response.headers["Set-Cookie"]
