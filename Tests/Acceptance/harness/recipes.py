"""`Deploy/recipes.md`: what it tells operators to write is what the tests run."""

import re

from .process import ROOT

PAGE = ROOT / "Deploy" / "recipes.md"
#: The one server of a recipe; the test's app listens elsewhere.
SERVER = re.compile(r"(?<=server )( *)127\.0\.0\.1:\d+")


def sections():
    """The configurations of the page by heading; what stands before all of them is ''."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.M)
    titles = ["", *parts[1::2]]
    return {title: _block(title, text) for title, text in zip(titles, parts[::2])}


def _block(title, text):
    blocks = re.findall(r"^```conf\n(.*?)^```$", text, re.M | re.S)
    assert len(blocks) == 1, f"{PAGE}: '{title}' has {len(blocks)} blocks of configuration"
    return blocks[0]


def recipe(title):
    """The text of a recipe for `start_gateway`, with `$app`, `$certificate` and `$key`."""
    found = sections()
    beginning, count = re.subn(r"listen \S+ ", "listen 127.0.0.1:$https ", found[""])
    assert count == 1, beginning
    for name, path in (("certificate", "tls/fullchain.pem"), ("key", "tls/privkey.pem")):
        assert path in beginning
        beginning = beginning.replace(path, f"${name}")
    text, count = SERVER.subn(r"\g<1>127.0.0.1:$app", found[title])
    assert count == 1, f"{PAGE}: '{title}' has {count} servers"
    return f"log {{ access json stdout }}\n{beginning}\n{text}"
