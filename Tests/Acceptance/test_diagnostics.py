"""What an operator hears about what he typed: where it is wrong, what it is instead, and what to
write. Everything that a start would stumble over is said by `gateway check` before."""

import datetime
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from harness.certificates import Authority, make_certificate
from harness.door import Door
from harness.gateway import binary, command
from harness.network import run
from harness.operator import Operator
from harness.ports import free_port
from harness.system import allowed, first_unprivileged_port
from harness.tokens import ENVIRONMENT, SECRET
from harness.waiting import wait_until

ROUTE = "route / { respond 200 ok }\n"


@pytest.fixture
def check(tmp_path):
    """`check(text)`: what is said about a file, without colours."""

    def run(text, **options):
        (tmp_path / "gateway.conf").write_text(text)
        done = command("check", "--config", tmp_path / "gateway.conf", **options)
        done.said = done.stdout + done.stderr
        return done

    return run


def places(said, severity="error"):
    """`(line, column, message, text under the caret)` of every diagnostic of a kind."""
    found, lines = [], said.splitlines()
    for index, line in enumerate(lines):
        match = re.match(rf".*gateway\.conf:(\d+):(\d+): {severity}: (.+)", line)
        if match:
            source, caret = lines[index + 1 : index + 3]
            start = caret.index("^")
            under = source[start : start + len(caret.rstrip()) - start]
            found.append((int(match[1]), int(match[2]), match[3], under))
    return found


def assert_said(done, under, *words, severity="error", code=1):
    """One diagnostic, with the caret under `under`, that says `words`."""
    assert done.returncode == code, done.said
    found = places(done.said, severity)
    assert len(found) == 1, done.said
    assert found[0][3] == under, done.said
    for word in words:
        assert word in found[0][2], done.said
    assert "SystemError" not in done.said


# Certificates and keys


@pytest.fixture
def tls(check, tmp_path):
    """`tls(certificate, key)`: what is said about a listener with these files."""
    make_certificate(tmp_path, "a")
    make_certificate(tmp_path, "b")

    def run(certificate, key, inside="tls"):
        words = f"{inside} {{ certificate {certificate}; key {key} }}"
        if inside != "tls":
            words = f"tls {{ certificate self_signed }}; {words}"
        return check(f"listen 127.0.0.1:{free_port()} {{ {words} }}\n{ROUTE}")

    return run


@pytest.mark.parametrize("inside", ["tls", "host a.test"])
def test_a_key_in_the_place_of_the_certificate(tls, inside):
    done = tls("a.key", "a.pem", inside)
    assert_said(done, "a.key", "swapped", "certificate ", "a.pem' and 'key ")
    ((_, _, _, under),) = places(done.said, "note")
    assert under == "a.pem", "the other word is shown, too"


@pytest.mark.parametrize("inside", ["tls", "host a.test"])
def test_a_key_of_another_certificate(tls, inside):
    assert_said(tls("a.pem", "b.key", inside), "b.key", "does not belong to the certificate")


def test_a_chain_in_the_wrong_order(tls, tmp_path):
    both = (tmp_path / "b.pem").read_text() + (tmp_path / "a.pem").read_text()
    (tmp_path / "chain.pem").write_text(both)
    assert_said(tls("chain.pem", "a.key"), "chain.pem", "number 2", "has to come first")


def test_files_that_are_something_else(tls, tmp_path):
    key = serialization.load_pem_private_key((tmp_path / "a.key").read_bytes(), None)
    certificate = x509.load_pem_x509_certificate((tmp_path / "a.pem").read_bytes())
    encoding, plain = serialization.Encoding, serialization.NoEncryption()
    public = key.public_key().public_bytes(
        encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    locked = key.private_bytes(
        encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )  # fmt: skip
    store = pkcs12.serialize_key_and_certificates(
        b"a", key, certificate, None, plain
    )
    files = {
        "public": public, "locked": locked, "store": store, "empty": b"", "text": b"hello\n",
        "der": certificate.public_bytes(encoding.DER),
    }  # fmt: skip
    for name, octets in files.items():
        (tmp_path / name).write_bytes(octets)
    assert_said(tls("public", "a.key"), "public", "contains a public key")
    assert_said(tls("a.pem", "public"), "public", "contains the public key")
    assert_said(tls("a.pem", "locked"), "locked", "encrypted", "openssl pkey")
    assert_said(tls("store", "a.key"), "store", "PKCS #12", "openssl pkcs12")
    assert_said(tls("der", "a.key"), "der", "binary form", "openssl x509 -inform der")
    assert_said(tls("empty", "a.key"), "empty", "is empty")
    assert_said(tls("a.pem", "text"), "text", "contains something else, but no private key")


def test_a_certificate_that_has_expired_is_a_warning_also_at_a_start(check, tmp_path):
    Authority(tmp_path).issue("old", days=-3)
    text = f"listen 127.0.0.1:{free_port()} {{ tls {{ certificate old.pem; key old.key }} }}\n"
    done = check(text + ROUTE)
    assert_said(done, "old.pem", "expired 3 days ago", severity="warning", code=0)
    child = subprocess.Popen(
        [binary(), "run", "--config", tmp_path / "gateway.conf"], text=True,
        stderr=subprocess.PIPE, env={**os.environ, **ENVIRONMENT},
    )  # fmt: skip
    said = ""
    while "ready: " not in said:
        said += child.stderr.readline()
    child.send_signal(signal.SIGINT)
    assert child.wait(10) == 0
    assert "old.pem" in said and "warning: this certificate has expired" in said


def test_an_intermediate_that_has_expired_is_named_by_its_number(tls, tmp_path):
    Authority(tmp_path).issue("old", days=-1)
    both = (tmp_path / "a.pem").read_text() + (tmp_path / "old.pem").read_text()
    (tmp_path / "chain.pem").write_text(both)
    done = tls("chain.pem", "a.key")
    assert_said(done, "chain.pem", "certificate 2 of this chain", severity="warning", code=0)


def test_a_certificate_that_is_not_valid_yet_is_a_warning(tls, tmp_path):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", "new.key", "-out", "self.pem", "-subj", "/CN=a"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    key = serialization.load_pem_private_key((tmp_path / "new.key").read_bytes(), None)
    made = x509.load_pem_x509_certificate((tmp_path / "self.pem").read_bytes())
    now = datetime.datetime.now(datetime.timezone.utc)
    later = (
        x509.CertificateBuilder()
        .subject_name(made.subject).issuer_name(made.subject).public_key(key.public_key())
        .serial_number(5).not_valid_before(now + datetime.timedelta(days=2, hours=1))
        .not_valid_after(now + datetime.timedelta(days=9)).sign(key, hashes.SHA256())
    )  # fmt: skip
    (tmp_path / "new.pem").write_bytes(later.public_bytes(serialization.Encoding.PEM))
    done = tls("new.pem", "new.key")
    assert_said(
        done, "new.pem", "not valid before 2 days from now", "clock", severity="warning", code=0
    )


# Files and addresses that a start would not get


def with_log(path):
    return f"listen 127.0.0.1:{free_port()}\nlog {{ access json {path}; level info }}\n{ROUTE}"


def run_to_its_end(tmp_path, *arguments):
    """What `gateway run` says that cannot start."""
    done = command("run", "--config", tmp_path / "gateway.conf", *arguments)
    done.said = done.stdout + done.stderr
    return done


#: A path for the log, and what is said of it.
LOGS = {
    "/no/such/folder/access.json": ("its folder does not exist", "mkdir -p '/no/such/folder'"),
    "$TMP": ("it is a folder, not a file",),
    "$TMP/gateway.conf/access.json": ("a part of the path is not a folder",),
    "$TMP/link": ("symbolic link", "name the file"),
}


@pytest.mark.parametrize("path", LOGS)
def test_an_access_log_that_cannot_be_opened(check, tmp_path, path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    real = path.replace("$TMP", str(tmp_path))
    done = check(with_log(real))
    assert_said(done, real, "the access log cannot be opened", *LOGS[path])
    started = run_to_its_end(tmp_path)
    assert_said(started, real, "the access log cannot be opened", *LOGS[path], code=3)
    assert not (tmp_path / "elsewhere").exists()


def test_check_makes_nothing(check, tmp_path):
    text = with_log("access.json") + "state kept\n"
    assert check(text).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gateway.conf"]


def drop_rights():
    """Only root has rights that go beyond those of files."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)


@pytest.fixture
def open_folder():
    """Everybody may look into it, and into those that it lies in. `tmp_path` lies in one that
    pytest closes to others whenever it begins."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder)


def check_without_rights(folder, text, before=()):
    file = folder / "gateway.conf"
    file.write_text(text)
    # Where it was built, only its builder may look.
    program = shutil.copy(binary(), folder / "program")
    os.chmod(program, 0o755)
    done = subprocess.run(
        [*before, program, "check", "--config", file], capture_output=True, text=True,
        preexec_fn=drop_rights, env={"PATH": "/usr/bin", **ENVIRONMENT},
    )  # fmt: skip
    done.said = done.stdout + done.stderr
    return done


def test_files_that_this_user_may_not_write(open_folder):
    log, closed = open_folder / "access.json", open_folder / "closed"
    log.write_text("")
    log.chmod(0o400)
    closed.mkdir()
    closed.chmod(0o555)
    unwritable = "this user is not allowed to write there"
    for path in (log, closed / "access.json"):
        assert_said(check_without_rights(open_folder, with_log(path)), str(path), unwritable)
    state = f"listen 127.0.0.1:{free_port()}\nstate {closed}/kept\n{ROUTE}"
    done = check_without_rights(open_folder, state)
    assert_said(done, f"{closed}/kept", "not allowed to write there")
    private = f"listen unix:{closed}/a.sock\n{ROUTE}"
    done = check_without_rights(open_folder, private)
    assert_said(done, f"unix:{closed}/a.sock", "not allowed to create files in", str(closed))


@pytest.fixture
def strict_network():
    """What starts a command where ports below 1024 are for the privileged: here, or, where
    everybody may have every port, in a network namespace, which has the kernel's own limits."""
    if first_unprivileged_port() >= 1024:
        return ()
    way = ("unshare", "--user", "--net")
    with allowed():
        run(*way, "true")
    return way


def test_a_port_that_this_user_may_not_have(open_folder, strict_network):
    done = check_without_rights(open_folder, f"listen 0.0.0.0:81\n{ROUTE}", strict_network)
    assert_said(done, "0.0.0.0:81", "port below 1024", "CAP_NET_BIND_SERVICE")


@pytest.mark.parametrize("who", ["listen", "console"])
def test_an_address_of_another_machine(check, tmp_path, who):
    console = f"console 192.0.2.1:9901 {{ token env:CONSOLE_TOKEN; allow_remote on }}\n"
    text = f"listen 127.0.0.1:{free_port()}\n{console}{ROUTE}"
    if who == "listen":
        text = f"listen 192.0.2.1:8443 {{ tls {{ certificate self_signed }} }}\n{ROUTE}"
    address = "192.0.2.1:8443" if who == "listen" else "192.0.2.1:9901"
    done = check(text)
    assert_said(done, address, "this machine has no such address", "0.0.0.0")
    assert_said(run_to_its_end(tmp_path), address, "no such address", code=3)


@pytest.mark.parametrize("who", ["listen", "console"])
def test_an_address_that_is_in_use_is_a_warning_and_no_start(check, tmp_path, who):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        own = f"listen 127.0.0.1:{free_port()}\n"
        console = f"console {address} {{ token env:CONSOLE_TOKEN }}\n"
        text = (own + console if who == "console" else f"listen {address}\n") + ROUTE
        words = ("another process uses this address", "ss -ltnp")
        assert_said(check(text), address, *words, severity="warning", code=0)
        assert_said(run_to_its_end(tmp_path), address, *words, code=3)


@pytest.mark.parametrize(
    "path, words",
    [
        ("/no/such/folder/a.sock", "its folder does not exist"),
        ("$TMP/gateway.conf", "the file is not a socket"),
        ("/tmp/" + "x" * 120, "at most 107 octets"),
    ],
)
def test_a_socket_that_cannot_be_made(check, tmp_path, path, words):
    address = "unix:" + path.replace("$TMP", str(tmp_path))
    done = check(f"listen {address}\n{ROUTE}")
    severity, code = ("warning", 0) if "not a socket" in words else ("error", 1)
    assert_said(done, address, words, severity=severity, code=code)
    # How long it may be is a rule of the language.
    assert_said(run_to_its_end(tmp_path), address, words, code=1 if "octets" in words else 3)


def test_a_folder_of_the_state_that_is_none(check, tmp_path):
    (tmp_path / "kept").write_text("")
    done = check(f"listen 127.0.0.1:{free_port()}\nstate kept\n{ROUTE}")
    assert_said(done, "kept", "state: ")
    assert_said(run_to_its_end(tmp_path), "kept", "state: ", code=70)


def test_a_folder_of_the_state_that_others_may_write_to(check, tmp_path):
    (tmp_path / "kept").mkdir(mode=0o777)
    (tmp_path / "kept").chmod(0o777)
    done = check(f"listen 127.0.0.1:{free_port()}\nstate kept\n{ROUTE}")
    assert_said(done, "kept", "chmod go-w")


def test_every_finding_is_told_at_once(check):
    done = check("listen 192.0.2.1:8443 { tls { certificate self_signed } }\n" + ROUTE
                 + "log { access json /no/such/x }\n")  # fmt: skip
    assert done.returncode == 1
    assert done.said.count(" error: ") == 2, done.said
    assert re.search(r"^\S+gateway\.conf: 2 errors", done.said, re.M)


# reload and pid files


RUNNING = "listen 127.0.0.1:$http\n" + ROUTE


def test_a_gateway_with_a_pid_file_is_found_without_it(start_gateway, tmp_path):
    pid_file = tmp_path / "own.pid"
    gateway = start_gateway(RUNNING, arguments=["--pid-file", pid_file])
    gateway.wait_for_words("ready: ")
    wait_until(pid_file.exists, "the process ID")
    for words in ([], ["--pid-file", pid_file], ["--pid", gateway.pid]):
        done = command("reload", "--config", gateway.file, *words)
        assert done.returncode == 0, done.stderr
        assert str(gateway.pid) in done.stdout
    gateway.wait_for_words("generation 4 judges")


def test_check_says_nothing_of_the_addresses_of_the_gateway_that_runs(start_gateway):
    gateway = start_gateway(RUNNING)
    gateway.wait_for_words("ready: ")
    done = command("check", "--config", gateway.file)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reload_that_finds_nobody_says_where_it_looked(tmp_path):
    file = tmp_path / "gateway.conf"
    file.write_text(f"listen 127.0.0.1:{free_port()}\n{ROUTE}")
    done = command("reload", "--config", file)
    assert done.returncode == 1
    for word in ("no running gateway", str(file), "/run/gateway-", "--pid", "--pid-file"):
        assert word in done.stderr
    missing = command("reload", "--config", file, "--pid-file", tmp_path / "none.pid")
    assert "there is no" in missing.stderr and "run --pid-file" in missing.stderr
    (tmp_path / "text.pid").write_text("hello")
    broken = command("reload", "--config", file, "--pid-file", tmp_path / "text.pid")
    assert "contains no process ID" in broken.stderr


def test_a_pid_file_that_cannot_be_written_is_no_start(tmp_path):
    file = tmp_path / "gateway.conf"
    file.write_text(f"listen 127.0.0.1:{free_port()}\n{ROUTE}")
    done = command("run", "--config", file, "--pid-file", "/no/such/folder/a.pid")
    assert done.returncode == 1
    for word in ("--pid-file", "its folder does not exist", "mkdir -p '/no/such/folder'"):
        assert word in done.stderr


# The console's token


CONSOLE = "console 127.0.0.1:$console { token env:CONSOLE_TOKEN }\n" + RUNNING


def test_the_console_tells_a_wrong_token_from_none(start_gateway):
    operator = Operator(start_gateway(CONSOLE).names["console"])
    missing = operator("GET", "/sessions", token=None)
    assert missing.status_code == 401
    assert "missing" in missing.json()["detail"]
    assert "Authorization: Bearer" in missing.json()["detail"]
    assert missing.headers["www-authenticate"] == 'Bearer realm="gateway console"'
    wrong = operator("GET", "/sessions", token="not the one")
    assert wrong.status_code == 401
    assert "Authorization" in wrong.json()["detail"]
    assert "needed" not in wrong.json()["detail"]
    assert wrong.headers["www-authenticate"].endswith('error="invalid_token"')
    basic = operator("GET", "/sessions", token=None, headers={"Authorization": "Basic YTpi"})
    assert basic.json()["detail"] == wrong.json()["detail"]


def test_a_command_with_another_token_says_whose_is_wrong(start_gateway):
    gateway = start_gateway(CONSOLE)
    good = command("sessions", "list", "--config", gateway.file)
    assert good.returncode == 0, good.stderr
    other = {"CONSOLE_TOKEN": "another-token-than-that-of-the-gateway"}
    done = command("sessions", "list", "--config", gateway.file, environment=other)
    assert done.returncode == 1
    for word in ("does not accept the token", "console { token", "reload"):
        assert word in done.stderr
    assert other["CONSOLE_TOKEN"] not in done.stderr


def test_a_command_without_a_gateway_says_so(tmp_path):
    file = tmp_path / "gateway.conf"
    file.write_text(
        f"console 127.0.0.1:{free_port()} {{ token env:CONSOLE_TOKEN }}\n"
        f"listen 127.0.0.1:{free_port()}\n{ROUTE}"
    )
    done = command("sessions", "list", "--config", file)
    assert done.returncode == 1
    assert "does not answer" in done.stderr and "is the gateway running" in done.stderr


# Variables


def test_variables_are_taken_from_the_environment(start_gateway, tmp_path):
    text = (
        'listen 127.0.0.1:$${PORT}\nroute / { respond 200 "<$${WORDS}> $${NOBODY:-a b} $$$${X}" }\n'
    )
    os.environ.update(PORT=str(free_port()), WORDS="a; b # {c} \"d\"")
    try:
        gateway = start_gateway(text)
        gateway.wait_for_words("ready: ")
        answer = httpx.get(Door("gateway", int(os.environ["PORT"])).http("/"))
    finally:
        del os.environ["PORT"], os.environ["WORDS"]
    assert answer.text == '<a; b # {c} "d"> a b ${X}'


@pytest.mark.parametrize(
    "text, under, words",
    [
        ("listen 127.0.0.1:${NO_SUCH}\n", "${NO_SUCH}", ("'NO_SUCH' is not set", ":-text")),
        ("listen ${JWT_SECRET}\n", "${JWT_SECRET}", ()),
        ("listen 127.0.0.1:1\nworkers ${JWT_SECRET}\n", "${JWT_SECRET}", ("number",)),
        ("listen 127.0.0.1:1\nworkers ${\n", "${", ("${NAME}",)),
    ],
)
def test_a_variable_that_is_wrong_is_shown_where_it_stands(check, text, under, words):
    done = check(text + ROUTE)
    assert_said(done, under, *words)
    assert SECRET not in done.said


def test_a_secret_is_never_inserted(check):
    done = check(
        "listen 127.0.0.1:1\njwt a { algorithms HS256; audience x; secret ${JWT_SECRET} }\n" + ROUTE
    )
    assert done.returncode == 1
    assert "write env:NAME" in done.said
    assert SECRET not in done.said and "audience'" not in done.said


# log { level debug }


@pytest.mark.parametrize("level", ["debug", "info"])
def test_debug_tells_of_every_request_where_it_went(start_gateway, level):
    text = "log { level " + level + " }\nlisten 127.0.0.1:$http\n" + """
jwt a { algorithms HS256; secret env:JWT_SECRET; audience a }
backend away { server 127.0.0.1:$spare }
backend here { server 127.0.0.1:$console; retries 0 }
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
route /private { auth a; backend away }
route /here    { backend here }
"""
    gateway = start_gateway(text)
    with httpx.Client(base_url=gateway.plain.http()) as client:
        for path in ("/private", "/here"):
            client.get(path, headers={"X-Request-Id": f"id-of{path}"})
    words = ("debug", "id-of/private", "401", "token_missing"), ("debug", "id-of/here", "goes to")
    if level == "debug":
        for each in words:
            gateway.wait_for_words(*each)
    else:
        assert "debug" not in gateway.stderr.split("ready: ")[1]


# What was said well already


@pytest.mark.parametrize(
    "text, words",
    [
        ("backend b { server http://127.0.0.1:8000 }\n", ("127.0.0.1:8000",)),
        ("backend b { server 127.0.0.1:8000 weight 2 }\n", ("weight=2",)),
        ("listen :8443\n", ("*:8443",)),
        ("route /x { compress on; respond 200 ok }\n", ("compress",)),
        ("route /x { websocket on; respond 200 ok }\n", ("websocket",)),
        ("route /x { respond 200 a#b }\n", ("quotes",)),
        ("route /x { respond 205 text }\n", ("205 has no body",)),
    ],
)
def test_what_people_write_first_is_answered_with_what_to_write(check, text, words):
    done = check("listen 127.0.0.1:18443\n" + text + ROUTE)
    assert done.returncode == 1
    for word in words:
        assert any(word in place[2] for place in places(done.said)), done.said
