"""TLS to servers: who is believed, what is said when one is not who he should be, what is shown to
those who want to know who we are, and what is gone on with."""

import asyncio
import socket
import ssl

import aiohttp
import pytest

from harness.certificates import Authority
from harness.gateway import command
from harness.name_server import NameServer
from harness.operator import start
from harness.places import Places
from harness.ports import free_port
from harness.waiting import PATIENCE, eventually

CONFIGURATION = """
workers 1
log { access json stdout }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
listen 127.0.0.1:$http
$top
backend app { server $server; $more }
route /ws { websocket; backend app }
route / { while_away error; backend app }
"""

ONE = "127.0.0.1"


def context(chain, key, clients=None):
    """What a server speaks; `clients` is the authority that signs clients' certificates."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(chain, key)
    made.set_alpn_protocols(["h2", "http/1.1"])
    if clients:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(clients.path)
    return made


@pytest.fixture
def ours(tmp_path):
    return Authority(tmp_path, "ours")


@pytest.fixture
def start_secure(start_gateway):
    """`start_secure(server, words)`: a gateway whose group has these words."""

    def begin(server, more, top=""):
        return start(start_gateway, CONFIGURATION, server=server, more=more, top=top)[0]

    return begin


async def asked(gateway, path="/"):
    """Status and what came."""
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{gateway.names['http']}{path}"
        async with session.get(url) as response:
            is_json = response.content_type == "application/json"
            return response.status, await (response.json() if is_json else response.text())


def detail(gateway):
    """That of the last request in the access log."""
    import json

    lines = [json.loads(line) for line in gateway.stdout.splitlines() if line.startswith("{")]
    return lines[-1].get("detail") if lines else None


async def test_requests_and_sockets_go_over_tls(ours, start_secure):
    """By its address, which stands in its certificate; ALPN says http/1.1; a connection rests and is
    used again."""
    port = free_port()
    async with Places(port) as places:
        await places.open(ONE, tls=context(*ours.issue("app", ["127.0.0.1"])))
        gateway = start_secure(f"{ONE}:{port}", f"tls {{ ca {ours.path} }}")
        status, first = await asked(gateway)
        assert status == 200 and first["alpn"] == "http/1.1"
        _, second = await asked(gateway)
        assert second["from"] == first["from"]
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{gateway.names['http']}/ws"
            async with session.ws_connect(url) as tunnel:
                big = "x" * 300_000
                for text in ("hello", big):
                    await tunnel.send_str(text)
                    assert await tunnel.receive_str() == f"{ONE}: {text}"


async def test_sessions_are_resumed(ours, start_secure):
    """A new connection to the same server goes on with the session of the one before."""
    port = free_port()
    async with Places(port) as places:
        await places.open(ONE, tls=context(*ours.issue("app", ["127.0.0.1"])))
        gateway = start_secure(f"{ONE}:{port}", f"keep_alive 0; tls {{ ca {ours.path} }}")
        _, first = await asked(gateway)
        assert not first["resumed"]
        _, second = await asked(gateway)
        assert second["resumed"] and second["from"] != first["from"]


async def test_a_named_server_is_asked_for_by_its_name(ours, start_secure, tmp_path):
    """The name of the line is the one in the certificate, and in SNI."""
    port = free_port()
    served = []
    server = context(*ours.issue("app", ["app.test"]))
    server.sni_callback = lambda connection, name, made: served.append(name)
    with NameServer(tmp_path / "dns", hosts={"app.test": [ONE], "other.test": [ONE]}) as dns:
        async with Places(port) as places:
            await places.open(ONE, tls=server)
            top = f"resolver 127.0.0.1:{dns.port}"
            gateway = start_secure(f"app.test:{port}", f"tls {{ ca {ours.path} }}", top)
            status, _ = await asked(gateway)
            assert status == 200 and served == ["app.test"]
            # One by another name is another one, unless the file says whom it has to be.
            gateway.names["server"] = f"other.test:{port}"
            gateway.configure(CONFIGURATION)
            gateway.reload()
            gateway.wait_for_words("reloaded: generation 2")
            status, _ = await asked(gateway)
            assert status == 502
            gateway.names["more"] = f"tls {{ ca {ours.path}; server_name app.test }}"
            gateway.configure(CONFIGURATION)
            gateway.reload()
            gateway.wait_for_words("reloaded: generation 3")

            async def served_again():
                return (await asked(gateway))[0] == 200

            await eventually(served_again, "the server to be believed", patience=20)
            assert served[-1] == "app.test"


@pytest.mark.parametrize("kind", ["expired", "name", "authority", "plain", "silent"])
async def test_a_server_that_is_not_who_it_should_be(kind, ours, start_secure, tmp_path):
    """502 with a detail, a line in the log that says why, and no octet of the request."""
    port = free_port()
    words = {
        "expired": "TLS: the certificate has expired",
        "name": "TLS: the certificate is for another host",
        "authority": "TLS: the certificate is signed by an unknown authority",
        "plain": "the TLS handshake failed",
        "silent": "the TLS handshake took too long",
    }[kind]
    heard = bytearray()

    async def listen(reader, writer):
        while octets := await reader.read(65536):
            heard.extend(octets)
            if kind == "plain":
                writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with Places(port) as places:
        if kind == "expired":
            certificate = ours.issue("app", ["127.0.0.1"], days=-2)
        elif kind == "name":
            certificate = ours.issue("app", ["app.test", "127.0.0.2"])
        else:
            certificate = Authority(tmp_path, "theirs").issue("app", ["127.0.0.1"])
        listener = None
        if kind in ("plain", "silent"):
            listener = await asyncio.start_server(listen, ONE, port)
        else:
            await places.open(ONE, tls=context(*certificate))
        more = f"connect_timeout 500ms; tls {{ ca {ours.path} }}"
        gateway = start_secure(f"{ONE}:{port}", more)
        status, _ = await asked(gateway)
        assert status == 502
        await eventually(lambda: detail(gateway) == "tls", "the log to say the detail")
        gateway.wait_for_words(f"{ONE}:{port} cannot be reached: {words}")
        assert b"GET" not in heard
        if listener:
            listener.close()


async def test_the_system_is_believed_by_default_and_nobody_checked_with_verify_off(
    ours, start_secure
):
    port = free_port()
    async with Places(port) as places:
        await places.open(ONE, tls=context(*ours.issue("app", ["elsewhere.test"], days=-1)))
        gateway = start_secure(f"{ONE}:{port}", "fail_timeout 0s; tls")
        assert (await asked(gateway))[0] == 502
        gateway.wait_for_words("TLS: the certificate")
        gateway.names["more"] = "tls { verify off }"
        gateway.configure(CONFIGURATION)
        gateway.reload()
        gateway.wait_for_words("reloaded: generation 2")
        assert (await asked(gateway))[0] == 200
        assert "with 'verify off' any server can pretend to be the app" in gateway.stderr


async def test_another_server_is_tried(ours, start_secure):
    """One of two has a certificate that has expired: every request is answered by the other."""
    port, other = free_port(), free_port()
    async with Places(port) as places:
        await places.open(ONE, tls=context(*ours.issue("old", ["127.0.0.1"], days=-2)))
        await places.open(ONE, other, tls=context(*ours.issue("app", ["127.0.0.1"])))
        more = f"server {ONE}:{other}; fail_timeout 0s; tls {{ ca {ours.path} }}"
        gateway = start_secure(f"{ONE}:{port}", more)
        for _ in range(6):
            status, answer = await asked(gateway)
            assert status == 200 and answer["port"] == other


async def test_a_certificate_of_ours(ours, start_secure, tmp_path):
    """Shown to a server that wants one; without it, the server ends the connection."""
    port = free_port()
    clients = Authority(tmp_path, "clients")
    chain, key = clients.issue("gateway", ["gateway.test"])
    async with Places(port) as places:
        await places.open(ONE, tls=context(*ours.issue("app", ["127.0.0.1"]), clients=clients))
        more = f"tls {{ ca {ours.path}; certificate {chain}; key {key} }}"
        gateway = start_secure(f"{ONE}:{port}", more)
        status, answer = await asked(gateway)
        assert status == 200
        assert [["commonName", "gateway.test"]] in answer["certificate"]["subject"]
        gateway.names["more"] = f"tls {{ ca {ours.path} }}"
        gateway.configure(CONFIGURATION)
        gateway.reload()
        gateway.wait_for_words("reloaded: generation 2")
        assert (await asked(gateway))[0] == 502


async def test_what_a_reload_changes_holds_for_connections_that_rest(ours, start_secure, tmp_path):
    """A connection that was made believing somebody else is not used again."""
    port = free_port()
    async with Places(port) as places:
        await places.open(ONE, tls=context(*ours.issue("app", ["127.0.0.1"])))
        gateway = start_secure(f"{ONE}:{port}", f"tls {{ ca {ours.path} }}")
        assert (await asked(gateway))[0] == 200
        theirs = Authority(tmp_path, "theirs")
        gateway.names["more"] = f"tls {{ ca {theirs.path} }}"
        gateway.configure(CONFIGURATION)
        gateway.reload()
        gateway.wait_for_words("reloaded: generation 2")
        assert (await asked(gateway))[0] == 502
        gateway.wait_for_words("unknown authority")


async def test_the_proxy_protocol_comes_in_front_of_tls(ours, start_secure):
    """As HAProxy and nginx have it: a header that is read before the handshake."""
    port = free_port()
    server = context(*ours.issue("app", ["127.0.0.1"]))
    heard = []

    def serve():
        """A header in front of TLS, to the octet, and one request."""
        plain, _ = listener.accept()
        plain.settimeout(PATIENCE)
        octets = b""
        while not octets.endswith(b"\r\n"):
            octets += plain.recv(1)
        heard.append(octets)
        with server.wrap_socket(plain, server_side=True) as secure:
            heard.append(secure.recv(65536))
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            secure.recv(1)

    with socket.create_server((ONE, port)) as listener:
        served = asyncio.create_task(asyncio.to_thread(serve))
        gateway = start_secure(f"{ONE}:{port}", f"send_proxy v1; tls {{ ca {ours.path} }}")
        status, text = await asked(gateway)
        assert (status, text) == (200, "ok")
        await served
    assert heard[0].startswith(b"PROXY TCP4 127.0.0.1 ")
    assert heard[1].startswith(b"GET / HTTP/1.1\r\n")


def test_files_are_checked_at_load(ours, tmp_path):
    """A file that is not there, holds something else, or a key that is another's: with the line and
    a caret."""
    chain, key = ours.issue("app")
    _, other = ours.issue("other")
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("nothing")
    for words, complaint in [
        ("ca nowhere.pem", ":3:44: error: no such file: 'nowhere.pem'"),
        (f"ca {rubbish}", f":3:44: error: '{rubbish}': "),
        (f"certificate {chain}", ":3:53: error: a certificate needs its 'key PATH' beside it"),
        (f"key {key}", ":3:45: error: a key needs its 'certificate PATH' beside it"),
        (f"certificate {chain}; key {other}", "does not belong to the certificate in"),
        ("serve_name a.test", "(did you mean 'server_name'?)"),
        ("server_name *.a.test", ":3:53: error: '*.a.test' is a pattern"),
        (f"verify off; ca {ours.path}", "'ca' has no effect with 'verify off'"),
    ]:
        file = tmp_path / "gateway.conf"
        file.write_text(
            f"listen 127.0.0.1:{free_port()}\n"
            "\n"
            f"backend app {{ server 127.0.0.1:1; tls {{ {words} }} }}\n"
            "route / { backend app }\n"
        )
        done = command("check", "--config", file)
        assert done.returncode == 1, words
        assert complaint in done.stderr, done.stderr
        assert "^" in done.stderr


@pytest.mark.parametrize("kind", ["GET /h", "websocket /ws", "tcp"])
async def test_checks_speak_tls_as_requests_do(kind, ours, start_secure, tmp_path):
    """Who shows another's certificate is down, and the log says why; who has the right one is up."""
    port = free_port()
    right = context(*ours.issue("app", [ONE]))
    wrong = context(*Authority(tmp_path, "others").issue("app", [ONE]))
    async with Places(port) as places:
        await places.open(ONE, tls=wrong)
        checks = f"check {kind} every 300ms timeout 300ms rise 1"
        gateway = start_secure(f"{ONE}:{port}", f"{checks}; tls {{ ca {ours.path} }}")
        reason = "a check failed: TLS: the certificate is signed by an unknown authority"
        line = f"{ONE}:{port} is down: {reason}"
        await eventually(lambda: line in gateway.stderr, "a check to fail")
        await places.close(ONE)
        await places.open(ONE, tls=right)
        await eventually(lambda: f"{ONE}:{port} is up after" in gateway.stderr, "a check to pass")
        status, answer = await asked(gateway)
        assert status == 200 and answer["alpn"] == "http/1.1"
