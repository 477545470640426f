"""Keys in files that are written anew while the gateway runs."""

import json
import time

import pytest

from harness.blocks import UNKNOWN, at, knows
from harness.issuer import Key, key_set
from harness.knock import IN
from harness.waiting import BUSY, eventually, longer_than, together

#: How long a change of a file may go unnoticed.
SHORT = 5 + BUSY


@pytest.fixture
def files(tmp_path):
    return tmp_path


def replaced(path, octets):
    """As a careful tool writes: all at once."""
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(octets)
    fresh.replace(path)


FILES = {
    "jwks file": (lambda path: f"jwks file:{path}", key_set),
    "jwk file": (lambda path: f"jwk file:{path}", lambda key: json.dumps(key.jwk()).encode()),
    "public key": (lambda path: f"public_key file:{path}", lambda key: key.public_pem),
}


async def test_files_are_read_again_when_they_change(start_blocks, files):
    """No signal, no restart; the new key counts, the old one no more, in a few seconds."""
    paths = {what: files / what.replace(" ", "-") for what in FILES}
    old, new = Key("ES256"), Key("ES256")
    for what, (_, form) in FILES.items():
        paths[what].write_bytes(form(old))
    gateway = start_blocks({path.name: FILES[what][0](path) for what, path in paths.items()})
    await together(*[changes(gateway, paths[what], FILES[what][1], old, new) for what in FILES])
    assert gateway.stderr.count("can be read again") == len(FILES)


async def changes(gateway, path, form, old, new):
    block, token = path.name, old.mint()
    assert await at(gateway, block, token) == IN
    replaced(path, form(new))
    await knows(gateway, block, new, SHORT)
    assert not (await at(gateway, block, token)).is_in, "not even when it was let in before"
    # What is no key changes nothing; neither does a file that is gone.
    replaced(path, b"no key at all")
    await eventually(lambda: f"{path}'" in gateway.stderr, "the mistake to be reported", SHORT)
    assert await at(gateway, block, new.mint()) == IN
    path.unlink()
    await longer_than("a look at the files, which is every second", 2.5)
    assert await at(gateway, block, new.mint()) == IN
    path.write_bytes(form(old))
    await knows(gateway, block, old, SHORT)


async def test_a_token_of_a_key_that_was_just_written_is_let_in_at_once(start_blocks, files):
    """Whoever asks for a key that is not there makes the file be looked at."""
    path, old, new = files / "keys.json", Key("ES256"), Key("ES256")
    path.write_bytes(key_set(old))
    gateway = start_blocks({"file": f"jwks file:{path}"})
    assert await at(gateway, "file", old.mint()) == IN
    replaced(path, key_set(old, new))
    begin = time.monotonic()
    assert await at(gateway, "file", new.mint()) == IN
    assert time.monotonic() - begin < 1 + BUSY
    assert await at(gateway, "file", old.mint()) == IN


async def test_a_key_that_is_in_no_file_is_not_waited_for(start_blocks, files):
    """The file is looked at once more, which takes no time."""
    key, blocks = Key("ES256"), {}
    for what, (words, form) in FILES.items():
        path = files / what.replace(" ", "-")
        path.write_bytes(form(key))
        blocks[path.name] = words(path) + (f" kid {key.name}" if what == "public key" else "")
    gateway, strange = start_blocks(blocks), Key("ES256").mint()

    async def ask(block):
        assert await at(gateway, block, key.mint()) == IN
        begin = time.monotonic()
        assert await at(gateway, block, strange) == UNKNOWN
        assert time.monotonic() - begin < 1 + BUSY, block

    await together(*map(ask, blocks))
