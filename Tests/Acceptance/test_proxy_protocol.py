"""The PROXY protocol: from HAProxy and nginx in front of the gateway, and to HAProxy behind it.

Proxies come from 127.0.0.1, which is trusted; clients from other addresses of the loopback network."""

import asyncio
import json
import ssl
import struct

import pytest

from harness.certificates import CONTEXT
from harness.door import Door, ask
from harness.gateway import command
from harness.log import line
from harness.operator import Operator
from harness.ports import free_port
from harness.proxies import HAProxy, Nginx
from harness.raw import Raw, connection
from harness.waiting import PATIENCE

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"

CONFIGURATION = """
log { access json stdout }
trust 127.0.0.1
limits { request_head 2s; tls_handshake 2s }
listen 127.0.0.1:$http  { proxy_protocol }
listen 127.0.0.1:$https { proxy_protocol; tls { certificate self_signed } }
listen 127.0.0.1:$entry { proxy_protocol; redirect https }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
backend odd      { server 127.0.0.1:$odd }
backend hospital { server 127.0.0.1:$hospital }
sessions screens { store query:store_id; limit 1 block_new }
defaults { header X-Seen "{client.address} {request.scheme}" }
route /ws/queue/ { websocket; sessions screens; backend hospital }
route /          { backend odd }
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, odd, hospital):
    return start_module_gateway(CONFIGURATION, odd=odd, hospital=hospital, entry=free_port())


def block(command, family, rest=b"", length=None):
    return SIGNATURE + struct.pack(
        ">BBH", command, family, len(rest) if length is None else length
    ) + rest


def addresses(client="203.0.113.9", port=4711):
    octets = bytes(int(part) for part in client.split("."))
    return octets + bytes([198, 51, 100, 7]) + struct.pack(">HH", port, 443)


def get(path, *fields, host="localhost"):
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *fields, "Connection: close", "", ""]
    return "\r\n".join(lines).encode()


def seen(answer):
    """Address and scheme as the gateway told the app, and whom it named in `X-Forwarded-For`."""
    assert answer.status == 200, answer.body
    fields = {}
    for text in answer.body.decode("latin-1").split("\r\n")[1:]:
        name, _, value = text.partition(": ")
        assert name.lower() not in fields or not name, f"{name} twice"
        fields[name.lower()] = value
    address, scheme = fields["x-seen"].split(" ")
    assert fields["x-forwarded-proto"] == scheme
    assert fields["x-forwarded-for"] == address
    return address, scheme


V1 = b"PROXY TCP4 203.0.113.9 198.51.100.7 4711 443\r\n"
V2 = block(0x21, 0x11, addresses())
TLS = addresses() + b"\x20\x00\x05\x01\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("header", "address", "scheme"),
    [
        (V1, "203.0.113.9", "http"),
        (b"PROXY TCP6 2001:db8::9 ::1 4711 443\r\n", "2001:db8::9", "http"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1", "http"),
        (b"PROXY UNKNOWN 203.0.113.9 whatever\r\n", "127.0.0.1", "http"),
        (V2, "203.0.113.9", "http"),
        (block(0x20, 0x00), "127.0.0.1", "http"),
        (block(0x20, 0x11, addresses()), "127.0.0.1", "http"),
        (block(0x21, 0x00), "127.0.0.1", "http"),
        (block(0x21, 0x31, b"/x".ljust(216, b"\0")), "unix", "http"),
        (block(0x21, 0x11, TLS), "203.0.113.9", "https"),
        (block(0x21, 0x11, addresses() + b"\x04\x0f\xe1" + bytes(4065)), "203.0.113.9", "http"),
    ],
    ids=["v1", "v1-ipv6", "v1-unknown", "v1-unknown-words", "v2", "local", "local-addresses",
         "unspecified", "unix", "tls", "longest"],
)  # fmt: skip
async def test_what_a_trusted_proxy_says_counts(gateway, header, address, scheme):
    """In whatever pieces it comes."""
    request = get("/raw")
    for pieces in (
        [header + request],
        [header, request],
        [bytes([octet]) for octet in header[:300]] + [header[300:] + request],
    ):
        async with connection(gateway.plain) as raw:
            for piece in pieces:
                if piece:
                    await raw.send(piece)
                    await asyncio.sleep(0)
            assert seen(await raw.answer()) == (address, scheme)


async def over_tls(gateway, header, *fields):
    """The answer to a request over TLS that begins behind `header`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.names["https"])
    writer.write(header)
    await writer.drain()
    await writer.start_tls(CONTEXT, server_hostname="localhost")
    raw = Raw(reader, writer)
    await raw.send(get("/raw", *fields))
    answer = await asyncio.wait_for(raw.answer(), PATIENCE)
    writer.close()
    return answer


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
async def test_a_header_comes_in_front_of_tls(gateway, header):
    assert seen(await over_tls(gateway, header)) == ("203.0.113.9", "https")


async def test_header_and_client_hello_may_come_in_one_segment(gateway):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = CONTEXT.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    async with connection(gateway.tls, tls=False) as raw:
        await raw.send(V2 + outgoing.read())
        while True:
            incoming.write(await asyncio.wait_for(raw.reader.read(65536), PATIENCE))
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
        client.write(get("/raw"))
        await raw.send(outgoing.read())
        octets = b""
        while b"203.0.113.9 https" not in octets:
            received = await asyncio.wait_for(raw.reader.read(65536), PATIENCE)
            assert received, octets
            incoming.write(received)
            try:
                octets += client.read()
            except ssl.SSLWantReadError:
                pass


@pytest.mark.parametrize(
    "octets",
    [
        get("/raw"),
        b"PROXY TCP4 203.0.113.9 198.51.100.7 4711 443\n" + get("/raw"),
        b"PROXY TCP4 203.0.113.999 198.51.100.7 4711 443\r\n" + get("/raw"),
        b"PROXY TCP4 " + b"1" * 200,
        block(0x31, 0x11, addresses()) + get("/raw"),
        block(0x22, 0x11, addresses()) + get("/raw"),
        block(0x21, 0x41, addresses()) + get("/raw"),
        block(0x21, 0x11, addresses()[:-1]) + get("/raw"),
        block(0x21, 0x11, addresses(), length=60_000),
        block(0x21, 0x11, addresses() + b"\x03\x00\x04\x00\x00\x00\x00") + get("/raw"),
        SIGNATURE[:5] + b"x",
    ],
    ids=["none", "no-cr", "no-address", "long-line", "version", "command", "family", "short",
         "long-block", "checksum", "no-signature"],
)  # fmt: skip
async def test_without_a_proper_header_a_trusted_proxy_gets_no_answer(gateway, octets):
    operator = Operator(gateway.names["console"])
    refused = lambda: operator.total("gateway_refused_connections_total", rule="proxy_protocol")
    before = refused()
    for door in (gateway.plain, gateway.tls):
        async with connection(door, tls=False) as raw:
            await raw.send(octets)
            assert await raw.end() == b""
    assert refused() == before + 2


@pytest.mark.parametrize("header", [b"", V1[:20], V2[:14]], ids=["nothing", "v1", "v2"])
async def test_a_header_has_to_come_in_time(gateway, header):
    for door in (gateway.plain, gateway.tls):
        async with connection(door, tls=False) as raw:
            if header:
                await raw.send(header)
            assert await raw.end() == b""


async def test_the_log_is_not_filled_with_what_is_no_header(gateway):
    def lines():
        return [line for line in gateway.stderr.splitlines() if "of proxy" in line]

    before = len(lines())
    for _ in range(50):
        async with connection(gateway.plain) as raw:
            await raw.send(b"PROXY NOTHING\r\n")
            assert await raw.end() == b""
    assert len(lines()) - before < 25, "one a second is enough"


async def test_strangers_come_without_a_header(gateway):
    for door, scheme in ((gateway.plain, "http"), (gateway.tls, "https")):
        async with connection(door, local_addr=("127.0.0.9", 0)) as raw:
            await raw.send(get("/raw"))
            assert seen(await raw.answer()) == ("127.0.0.9", scheme)


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
async def test_a_header_of_strangers_is_a_malformed_request(gateway, header):
    async with connection(gateway.plain, local_addr=("127.0.0.9", 0)) as raw:
        await raw.send(header + get("/raw"))
        assert (await raw.answer()).status == 400
        assert await raw.end() == b""
    async with connection(gateway.tls, tls=False, local_addr=("127.0.0.9", 0)) as raw:
        await raw.send(header + get("/raw"))
        assert b"203.0.113.9" not in await raw.end()


async def test_only_the_first_octets_are_a_header(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send(V1 + V1 + get("/raw"))
        assert (await raw.answer()).status == 400


async def test_of_a_client_that_a_proxy_names_forwarded_fields_are_not_believed(gateway):
    """It is no trusted proxy itself."""
    async with connection(gateway.plain) as raw:
        await raw.send(V1 + get("/raw", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https"))
        assert seen(await raw.answer()) == ("203.0.113.9", "http")


async def test_the_address_is_in_the_log(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send(V1 + get("/raw?proxied=log"))
        await raw.answer()
    assert (await line(gateway, "proxied=log"))["client"] == "203.0.113.9"


async def test_a_client_that_spoke_tls_with_the_proxy_is_not_redirected(gateway):
    door = Door("entry", gateway.names["entry"])
    async with connection(door) as raw:
        await raw.send(V1 + get("/raw", host="app.kr"))
        answer = await raw.answer()
        assert answer.status == 308
        assert answer.values("location") == ["https://app.kr/raw"]
    async with connection(door) as raw:
        await raw.send(block(0x21, 0x11, TLS) + get("/raw", host="app.kr"))
        assert seen(await raw.answer()) == ("203.0.113.9", "https")


# MARK: Other people's proxies in front.

IN_FRONT = {
    "haproxy-v1": "server gateway 127.0.0.1:$target send-proxy",
    "haproxy-v2": "server gateway 127.0.0.1:$target send-proxy-v2",
    "haproxy-v2-options": "server gateway 127.0.0.1:$target send-proxy-v2"
    " proxy-v2-options crc32c,unique-id,authority,ssl",
}


def haproxy_front(server, bind=""):
    return f"""
listen front
    mode tcp
    bind 127.0.0.1:$port {bind}
    {server}
"""


NGINX = """
stream {
    server { listen 127.0.0.1:$port; proxy_pass 127.0.0.1:$target; proxy_protocol on; }
}
"""


@pytest.fixture(scope="module")
def front(start_proxy, gateway):
    """`front(name, target)`: a door at a proxy that speaks for its clients; one of each."""
    started = {}

    def start(name, target, tls):
        if (name, target) not in started:
            kind, text = (
                (Nginx, NGINX) if name == "nginx" else (HAProxy, haproxy_front(IN_FRONT[name]))
            )
            started[name, target] = start_proxy(kind, text, target=gateway.names[target])
        return Door(name, started[name, target].port, tls=tls)

    return start


FRONTS = [*IN_FRONT, "nginx"]


@pytest.mark.parametrize("name", FRONTS)
@pytest.mark.parametrize(("target", "scheme"), [("http", "http"), ("https", "https")])
async def test_clients_behind_a_proxy_are_themselves(front, name, target, scheme):
    door = front(name, target, target == "https")
    for address in ("127.0.0.5", "127.0.0.6"):
        async with connection(door, local_addr=(address, 0)) as raw:
            await raw.send(get("/raw"))
            assert seen(await raw.answer()) == (address, scheme)


@pytest.mark.parametrize("name", FRONTS)
async def test_two_addresses_are_two_devices(front, name):
    """Behind a proxy that nobody asks, all would be one device and push each other out."""
    door = front(name, "http", False)
    path = f"/ws/queue/status?store_id={name}"
    async with door.websocket(path, address="127.0.0.5") as first:
        assert await ask(first, {"type": "ping"}) == {"type": "pong"}
        async with door.websocket(path, address="127.0.0.6") as second:
            message = json.loads(await second.recv())
            assert message["type"] == "connection_rejected"
        async with door.websocket(path, address="127.0.0.5") as again:
            assert await ask(again, {"type": "ping"}) == {"type": "pong"}
            message = json.loads(await first.recv())
            assert message["type"] == "force_disconnect"


async def test_haproxy_tells_that_it_spoke_tls(start_haproxy, authority, gateway):
    chain, key = authority.issue("haproxy")
    pem = chain.with_suffix(".both")
    pem.write_text(chain.read_text() + key.read_text())
    front = start_haproxy(
        haproxy_front(
            "server gateway 127.0.0.1:$target send-proxy-v2-ssl", bind=f"ssl crt {pem}"
        ),
        target=gateway.names["entry"],
    )
    async with connection(Door("haproxy", front.port, tls=True), local_addr=("127.0.0.5", 0)) as raw:
        await raw.send(get("/raw"))
        assert seen(await raw.answer()) == ("127.0.0.5", "https")


async def test_checks_of_a_proxy_are_of_its_own(start_haproxy, gateway):
    """HAProxy's health checks say LOCAL; the server stays up."""
    front = start_haproxy(
        """
listen front
    mode http
    bind 127.0.0.1:$port
    option httpchk GET /raw?health=check
    server gateway 127.0.0.1:$target send-proxy-v2 check inter 100ms check-send-proxy
""",
        target=gateway.names["http"],
    )
    entry = (await line(gateway, "health=check", count=3))[0]
    assert (entry["client"], entry["status"]) == ("127.0.0.1", 200)
    async with connection(Door("haproxy", front.port), local_addr=("127.0.0.7", 0)) as raw:
        await raw.send(get("/raw"))
        assert seen(await raw.answer()) == ("127.0.0.7", "http")


# MARK: Behind.

BEHIND = """
trust 127.0.0.1
listen 127.0.0.1:$http
listen 127.0.0.1:$https { proxy_protocol }
listen unix:entry.sock
backend app   { server 127.0.0.1:$behind; send_proxy v2; retries 0 }
backend old   { server 127.0.0.1:$behind; send_proxy v1 }
backend plain { server 127.0.0.1:$behind; send_proxy off }
route /ws/    { websocket; backend app }
route /v1     { backend old }
route /plain  { backend plain }
route /       { backend app }
"""

ACCEPTING = """
frontend app
    bind 127.0.0.1:$port accept-proxy
    use_backend hospital if { path_beg /ws/ }
    http-request return status 200 content-type text/plain lf-string "%[src]|%[src_port]|%[dst]|%[dst_port]|%[fc_rcvd_proxy]" unless { path_beg /ws/ }
backend hospital
    server hospital 127.0.0.1:$hospital
"""


@pytest.fixture(scope="module")
def behind(start_proxy, start_module_gateway, hospital):
    app = start_proxy(HAProxy, ACCEPTING, hospital=hospital.port)
    return start_module_gateway(BEHIND, behind=app)


async def told(raw, path, *fields):
    await raw.send(get(path, *fields).replace(b"Connection: close\r\n", b""))
    answer = await raw.answer()
    assert answer.status == 200, answer.body
    source, port, destination, destination_port, proxied = answer.body.decode().split("|")
    assert proxied == "1"
    # HAProxy says nothing of port 0.
    return source, int(port or 0), destination, int(destination_port)


@pytest.mark.parametrize("path", ["/", "/v1"])
async def test_an_app_is_told_who_connects(behind, path):
    async with connection(behind.plain, local_addr=("127.0.0.9", 0)) as raw:
        port = raw.port
        expected = ("127.0.0.9", port, "127.0.0.1", behind.names["http"])
        assert await told(raw, path) == expected
        assert await told(raw, path) == expected, "on every connection"


@pytest.mark.parametrize("path", ["/", "/v1"])
async def test_connections_to_an_app_that_is_told_are_one_clients(behind, path):
    """One that rests would say of the next client that it is the last one."""
    for _ in range(3):
        for address in ("127.0.0.8", "127.0.0.9"):
            async with connection(behind.plain, local_addr=(address, 0)) as raw:
                assert (await told(raw, path))[0] == address


@pytest.mark.parametrize(
    ("field", "address", "port"),
    [
        ("X-Forwarded-For: 203.0.113.9", "203.0.113.9", 0),
        ("X-Forwarded-For: 203.0.113.9:4711", "203.0.113.9", 4711),
        ("Forwarded: for=\"203.0.113.9:4711\"", "203.0.113.9", 4711),
        ("X-Forwarded-For: [2001:db8::9]:4711", "2001:db8::9", 4711),
    ],
)
async def test_it_is_told_what_a_trusted_proxy_says(behind, field, address, port):
    async with connection(behind.plain) as raw:
        source = await told(raw, "/", field)
    assert source[:2] == (address, port)
    assert source[2] in ("127.0.0.1", "::ffff:127.0.0.1")


async def test_it_is_told_what_a_proxy_header_says(behind):
    async with connection(behind.tls, tls=False) as raw:
        await raw.send(V2)
        assert await told(raw, "/") == ("203.0.113.9", 4711, "198.51.100.7", 443)
    async with connection(behind.tls, tls=False) as raw:
        await raw.send(b"PROXY TCP6 2001:db8::9 2001:db8::1 5 6\r\n")
        assert await told(raw, "/v1") == ("2001:db8::9", 5, "2001:db8::1", 6)


async def test_of_a_client_without_an_address_it_is_told_none(behind):
    """LOCAL: the app sees the gateway."""
    reader, writer = await asyncio.open_unix_connection(behind.folder / "entry.sock")
    source = await told(Raw(reader, writer), "/")
    assert source[0] == "127.0.0.1" and source[3] != behind.names["http"]
    writer.close()


async def test_a_websocket_is_told_of_too(behind):
    async with behind.plain.websocket("/ws/queue/status", address="127.0.0.9") as socket:
        assert await ask(socket, {"type": "ping"}) == {"type": "pong"}


async def test_an_app_that_expects_a_header_gets_none_unasked(behind):
    async with connection(behind.plain) as raw:
        await raw.send(get("/plain"))
        assert (await raw.answer()).status in (400, 502)


def test_nobody_is_believed_without_trust(tmp_path):
    file = tmp_path / "gateway.conf"
    file.write_text("listen 127.0.0.1:8080 { proxy_protocol }\nroute / { respond 204 }\n")
    done = command("check", "--config", file)
    assert done.returncode == 1
    assert "gateway.conf:1:25: error: 'proxy_protocol' needs 'trust CIDR…'" in done.stderr
