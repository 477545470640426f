"""Frameworks and libraries that many apps stand on, each behind the gateway by its recipe in
`Deploy/recipes.md`: see `harness/others.py`."""

import pytest

from harness.others import FOLDER, Kind, rows

DAPHNE = ("-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", "PORT")


def small(name, recipe, stem, client=None, **variables):
    app = (FOLDER / "servers" / f"{stem}_app.py", "PORT")
    return Kind(
        name, recipe, app, client or f"{stem}_client.py", "small", variables=variables
    )


KINDS = [
    Kind(
        "Django Channels", "Django Channels", (*DAPHNE, "channels_app:application"),
        "channels_client.py", None,
    ),
    small("sse-starlette", "Server-sent events", "sse", client="/"),
    small("Socket.IO", "Socket.IO", "socketio"),
    small("Socket.IO, WebSocket", "Socket.IO", "socketio", TRANSPORTS="websocket"),
    small("Strawberry, gql", "GraphQL subscriptions", "graphql"),
    small("MCP", "MCP", "mcp"),
    small("MCP, sessions", "MCP", "mcp", SESSIONS="kept", MCP_MODE="legacy"),
    small("OpenAI's client", "LLM completions", "completions", client="openai_client.py"),
]  # fmt: skip

#: Most of their lives they wait.
AT_A_TIME = len(KINDS)

#: What is known to fail, and for what reason.
KNOWN = {
    ("Django Channels", "restart"): "a WebSocket is opened, and hears JSON of the gateway's,"
    " while the app is away",
    ("sse-starlette", "restart"): "502 while the app is away ends an EventSource for good",
    ("MCP", "new gateway"): "the answer to a POST is cut off with `retry:` at drain",
    ("MCP, sessions", "new gateway"): "the answer to a POST is cut off with `retry:` at drain",
    ("OpenAI's client", "new gateway"): "the answer to a POST is cut off with `retry:` at drain",
}

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(("kind", "cell"), rows(KINDS, KNOWN))
def test_a_small_app(lives, kind, cell, record_property):
    lives.judge(kind, cell, record_property)
