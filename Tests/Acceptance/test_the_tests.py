"""How a test is written (`Tests/README.md`), as far as a program can see it."""

import ast

import pytest

from harness.process import ACCEPTANCE

#: What is not ours to say: apps and programs that other people's clients and servers stand for.
OTHERS = {"apps", "apps_of_others"}
FILES = sorted(
    path for path in ACCEPTANCE.rglob("*.py")
    if not OTHERS & set(path.relative_to(ACCEPTANCE).parts)
)  # fmt: skip


def calls(tree):
    """The name of whatever is called, and with what."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.args, node.lineno


def naps(tree):
    """Sleeps for a time; for none, others only have their turn."""
    for name, arguments, line in calls(tree):
        if name.endswith("sleep") and [ast.unparse(one) for one in arguments] != ["0"]:
            yield line


def skips(tree):
    words = {"skip", "skipif", "importorskip", "xfail"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in words:
            if ast.unparse(node.value) in ("pytest", "pytest.mark"):
                yield node.lineno


RULES = {
    "waits for conditions; for time only by a word that says what for": (naps, "waiting.py"),
    "is skipped for nothing but what a system allows nobody": (skips, "system.py"),
}


@pytest.mark.parametrize("rule", RULES)
def test_every_test(rule):
    find, place = RULES[rule]
    found = {
        f"{path.relative_to(ACCEPTANCE)}:{line}"
        for path in FILES
        if path != ACCEPTANCE / "harness" / place
        for line in find(ast.parse(path.read_text()))
    }
    assert not found, f"every test {rule} (harness/{place})"


@pytest.mark.parametrize("text, find, count", [
    ("await asyncio.sleep(0)", naps, 0), ("await asyncio.sleep(1)", naps, 1),
    ("time.sleep(0.1)", naps, 1), ("sleep(x)", naps, 1), ("await pace(1)", naps, 0),
    ("pytest.skip('why')", skips, 1), ("@pytest.mark.skipif(a)\ndef b(): pass", skips, 1),
    ("stream.skip(8)", skips, 0), ("pytest.importorskip('a')", skips, 1),
])  # fmt: skip
def test_what_is_found(text, find, count):
    assert len([*find(ast.parse(f"async def a():\n" + "".join(
        f"    {line}\n" for line in text.splitlines()
    )))]) == count
