"""Frameworks and libraries that many apps stand on, each behind the gateway by its recipe in
`Deploy/recipes.md`: see `harness/others.py`."""

import pytest

from harness.others import FOLDER, Kind, rows

DAPHNE = ("-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", "PORT")


def small(name, recipe, stem, client=None, variables=None, **rest):
    app = (FOLDER / "servers" / f"{stem}_app.py", "PORT")
    client = client or f"{stem}_client.py"
    return Kind(name, recipe, app, client, "small", variables=variables or {}, **rest)


KINDS = [
    Kind(
        "Django Channels", "Django Channels", (*DAPHNE, "channels_app:application"),
        "channels_client.py", None,
    ),
    small("sse-starlette", "Server-sent events", "sse", client="/"),
    small("Socket.IO", "Socket.IO", "socketio"),
    small(
        "Socket.IO, WebSocket", "Socket.IO", "socketio",
        variables={"TRANSPORTS": "websocket"}, is_long=True,
    ),
    small(
        "Socket.IO, auth", "Socket.IO with the token in auth", "socketio",
        variables={"TRANSPORTS": "websocket", "TOKEN_IN_AUTH": "yes"},
    ),
    small("Strawberry, gql", "GraphQL subscriptions", "graphql"),
    small(
        "gql, no cookie", "GraphQL subscriptions without a cookie", "graphql",
        variables={"TOKEN_IN_FIRST_MESSAGE": "yes"},
    ),
    small("MCP", "MCP", "mcp"),
    # What it answers as event streams ends when it is to end: sse-starlette sees to that.
    small(
        "MCP, sessions", "MCP", "mcp",
        variables={"SESSIONS": "kept", "MCP_MODE": "legacy"}, is_abrupt=True, is_long=True,
    ),
    small("OpenAI's client", "LLM completions", "completions", client="openai_client.py"),
]  # fmt: skip

#: Most of their lives they wait.
AT_A_TIME = len(KINDS)

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(("kind", "cell"), rows(KINDS))
def test_a_small_app(lives, kind, cell, record_property):
    lives.judge(kind, cell, record_property)
