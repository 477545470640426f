"""The commands: `gateway check` speaks like a compiler and names every mistake at once;
`gateway token` makes a token that works."""

import re

import jwt
import pytest

from harness import tokens
from harness.gateway import command

GOOD = """\
listen 127.0.0.1:18443 { tls { certificate self_signed } }
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; audience hospital }
backend app { server 127.0.0.1:18000 }
sessions screens {
    store  query:store_id
    device query:client_id
    limit  2 block_new
}
route /ws/ { websocket; auth app; sessions screens; backend app }
route /    { backend app }
"""

#: Each mistake: the line in GOOD it replaces (1-based), the new line, the column, and a word that
#: the diagnostic must say.
MISTAKES = [
    (2, "jwt app { algorithms HS257; secret env:JWT_SECRET; user user_id }", 22, "HS257"),
    (6, "    devise query:client_id", 5, "devise"),
    (7, "    limit  2 block_knew", 14, "block_knew"),
    (9, "route /ws/ { websocket; auth app; sessions screens; backend ap }", 61, "ap"),
    (10, "route /    { backend app; ping 5x }", 32, "5x"),
]


@pytest.fixture
def check(tmp_path):
    def run(text, **options):
        file = tmp_path / "gateway.conf"
        file.write_text(text)
        return command("check", "--config", file, **options)

    return run


def with_mistakes(mistakes):
    lines = GOOD.splitlines()
    for number, text, _, _ in mistakes:
        lines[number - 1] = text
    return "\n".join(lines) + "\n"


def errors(done):
    """(line, column, message, source line, caret line) of every error."""
    lines = (done.stdout + done.stderr).splitlines()
    found = []
    for index, line in enumerate(lines):
        match = re.match(r".*gateway\.conf:(\d+):(\d+): error: (.+)", line)
        if match:
            found.append((int(match[1]), int(match[2]), match[3], lines[index + 1 : index + 3]))
    return found


def test_a_good_file_is_good(check):
    done = check(GOOD)
    assert done.returncode == 0, done.stderr
    assert errors(done) == []


def test_five_mistakes_are_five_diagnostics(check):
    done = check(with_mistakes(MISTAKES))
    assert done.returncode == 1
    found = errors(done)
    assert [(line, column) for line, column, _, _ in found] == [
        (number, column) for number, _, column, _ in MISTAKES
    ], done.stderr
    for (number, text, column, word), (_, _, message, below) in zip(MISTAKES, found):
        assert word in message
        source, caret = below
        assert source.endswith(text), "the line itself"
        assert f" {number} |" in source
        offset = source.index(text)
        assert caret.index("^") == offset + column - 1, "the caret stands below the word"


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake[3] for mistake in MISTAKES])
def test_every_mistake_alone_is_one_diagnostic(check, mistake):
    done = check(with_mistakes([mistake]))
    assert done.returncode == 1
    assert len(errors(done)) == 1, done.stderr


def test_a_misspelt_word_gets_a_suggestion(check):
    done = check(with_mistakes([MISTAKES[1]]))
    ((_, _, message, _),) = errors(done)
    assert "did you mean 'device'?" in message


def test_an_unknown_backend_is_answered_with_those_that_exist(check):
    done = check(with_mistakes([MISTAKES[3]]))
    ((_, _, message, _),) = errors(done)
    assert "app" in message.replace("'ap'", "")


def test_what_runs_but_should_not_is_a_warning(check):
    done = check(GOOD.replace("; audience hospital", ""))
    assert done.returncode == 0
    assert re.search(r"gateway\.conf:2:\d+: warning: ", done.stdout + done.stderr)


def test_a_secret_that_is_not_there_is_an_error_that_names_the_variable(check):
    done = check(GOOD.replace("JWT_SECRET", "NO_SUCH_VARIABLE"))
    assert done.returncode == 1
    ((line, _, message, _),) = errors(done)
    assert line == 2
    assert "NO_SUCH_VARIABLE" in message


def test_a_certificate_that_is_not_there_is_an_error(check):
    """Check builds everything, as a start would."""
    missing = GOOD.replace("certificate self_signed", "certificate none.pem; key none.key")
    done = check(missing)
    assert done.returncode == 1
    assert errors(done)[0][0] == 1
    assert "none.pem" in errors(done)[0][2]


def test_a_file_that_is_not_there_is_1(tmp_path):
    done = command("check", "--config", tmp_path / "missing.conf")
    assert done.returncode == 1
    assert "missing.conf" in done.stderr


def test_a_wrong_option_is_2():
    assert command("check", "--no-such-option").returncode == 2


def test_a_start_with_a_broken_file_is_1(tmp_path):
    file = tmp_path / "gateway.conf"
    file.write_text(with_mistakes(MISTAKES))
    done = command("run", "--config", file)
    assert done.returncode == 1
    assert len(errors(done)) == len(MISTAKES)


def test_a_port_that_is_taken_is_3(tmp_path, hospital):
    file = tmp_path / "gateway.conf"
    file.write_text(f"listen 127.0.0.1:{hospital.port}\nroute / {{ respond 200 ok }}\n")
    done = command("run", "--config", file)
    assert done.returncode == 3
    assert str(hospital.port) in done.stderr


def test_includes_name_the_file_of_the_mistake(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "routes.conf").write_text("route / { backend nobody }\n")
    file = tmp_path / "gateway.conf"
    file.write_text("listen 127.0.0.1:18443\ninclude conf.d/*.conf\n")
    done = command("check", "--config", file)
    assert done.returncode == 1
    assert re.search(r"routes\.conf:1:\d+: error: .*nobody", done.stdout + done.stderr)


# gateway token


def mint(tmp_path, *arguments):
    file = tmp_path / "gateway.conf"
    file.write_text(GOOD)
    done = command("token", "--config", file, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_minted_token_is_good_elsewhere_too(tmp_path):
    token = mint(
        tmp_path, "--user", "7", "--role", "admin", "--claim", "ward=5", "--expires", "1h"
    )
    claims = jwt.decode(token, tokens.SECRET, algorithms=["HS256"], audience="hospital")
    assert str(claims["user_id"]) == "7"
    assert claims["role"] == "admin"
    assert str(claims["ward"]) == "5"
    assert claims["exp"] - claims["iat"] == 3600


async def test_a_minted_token_opens_the_door(tmp_path, start_gateway, hospital):
    gateway = start_gateway(
        GOOD.replace("18443", "$https").replace("18000", "$hospital"), hospital=hospital
    )
    token = mint(tmp_path, "--user", "7", "--role", "admin")
    async with gateway.tls.websocket("/ws/queue/?store_id=1", token=token) as socket:
        await socket.send('{"type":"ping"}')
        assert await socket.recv() == '{"type": "pong"}'


def test_the_binary_says_how_it_is_used():
    done = command("--help")
    assert done.returncode == 0
    for word in ("run", "check", "token", "demo"):
        assert word in done.stdout
