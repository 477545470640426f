"""Four ways to come with a token, and one word for what came of it."""

import contextlib
import dataclasses
import json

import websockets

from .door import receive
from .secrecy import secrecy
from .tokens import bearer

#: What the table of endings says: HTTP status and close code of each.
FACES = {
    "unauthenticated": (401, 4001),
    "forbidden": (403, 4003),
    "rate_limited": (429, 1013),
    "upstream_unavailable": (503, 1013),
    "draining": (503, 1012),
    "policy": (403, 1008),
}
#: What people are told over HTTP, and the word that machines are told on a WebSocket.
WORDS = {
    "Token missing": "token_missing",
    "Token malformed": "token_malformed",
    "Token algorithm not allowed": "token_algorithm",
    "Token key unknown": "token_unknown_key",
    "Token signature invalid": "token_signature",
    "Token issuer not accepted": "token_issuer",
    "Token audience not accepted": "token_audience",
    "Token claim invalid": "token_claim",
    "Token claim missing": "token_missing_claim",
    "Token not yet valid": "token_not_yet_valid",
    "Token expired": "token_expired",
    "Token too old": "token_too_old",
    "Token revoked": "token_revoked",
    "Ticket not valid": "ticket_invalid",
    "Role not allowed": "role",
    "Not allowed for this user": "claim",
    "Too many failed attempts": "attempts",
    "Too many requests": "rate",
    "This address may not come here": "address",
    "The keys to check the token with cannot be had": "keys",
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Let in, or refused: the reason, and the finer word behind it."""

    reason: str
    word: str = ""

    @property
    def is_in(self):
        return self == IN


IN = Outcome("let in")


REASONS = {
    "role": "forbidden", "claim": "forbidden", "attempts": "rate_limited",
    "keys": "upstream_unavailable", "rate": "rate_limited", "address": "policy",
}  # fmt: skip


def refused(word):
    """With the reason that belongs to the word."""
    return Outcome(REASONS.get(word, "unauthenticated"), word)


def problem(response):
    """What a problem document says, which must agree with its status and header."""
    assert response.headers["content-type"] == "application/problem+json", response.headers
    document = response.json()
    reason = document["reason"]
    assert document["status"] == response.status_code == FACES[reason][0], document
    assert document["request_id"], document
    challenge = response.headers.get("www-authenticate", "")
    assert challenge.startswith("Bearer") == (reason == "unauthenticated"), challenge
    word = WORDS.get(document["detail"], document["detail"])
    if reason == "unauthenticated":
        assert ('error="invalid_token"' in challenge) == (word != "token_missing"), challenge
    return Outcome(reason, word)


async def via_http(door, host, token, path="/echo", address=None):
    # A request may wait for a key for half a minute.
    async with door.client(address, timeout=40) as client:
        headers = {"Host": host, **(bearer(token) if token is not None else {})}
        response = await client.get(path, headers=headers)
    return IN if response.status_code == 200 else problem(response)


async def _via_websocket(door, host, path, **options):
    try:
        async with door.websocket(path, name=host, **options) as socket:
            with contextlib.suppress(websockets.ConnectionClosed):
                # A refused socket may be closed already.
                await socket.send(json.dumps({"type": "ping"}))
            messages, code = await until_pong(socket)
            return IN if code is None else refusal_on_socket(messages, code, socket.close_reason)
    except websockets.InvalidStatus as failed:
        # It is not about the client, and nothing was opened.
        document = json.loads(failed.response.body)
        assert failed.response.status_code == document["status"] == 503, document
        return refused(WORDS[document["detail"]])


async def until_pong(socket):
    """What came before the app's answer, and None; or what came before the close, and its code."""
    messages = []
    try:
        while (message := await receive(socket)) != {"type": "pong"}:
            messages.append(message)
    except websockets.ConnectionClosed:
        return messages, socket.close_code
    return messages, None


def refusal_on_socket(messages, code, close_reason):
    """What the only message and the close frame of a refusal say, which must agree. Only what is
    about the client itself is explained to one that does not say that it reads it."""
    secrecy.overheard("a refused WebSocket", json.dumps([*messages, close_reason]))
    if code < 4000:
        outcome = refused(close_reason)
        assert (messages, code) == ([], FACES[outcome.reason][1]), (messages, code, close_reason)
        return outcome
    assert len(messages) == 1 and messages[0]["type"] == "error", (messages, code, close_reason)
    error = messages[0]["error"]
    outcome = refused(error["details"]["reason"])
    assert error["code"] == code == FACES[outcome.reason][1], (messages, code, close_reason)
    assert outcome.word == close_reason, (messages, code, close_reason)
    return outcome


async def via_bearer(door, host, token, path="/ws/queue/knock", address=None):
    headers = bearer(token) if token is not None else {}
    return await _via_websocket(door, host, path, headers=headers, address=address)


async def via_subprotocol(door, host, token, path="/ws/queue/knock", address=None):
    return await _via_websocket(door, host, path, token=token, address=address)


async def via_events(door, host, token, path="/api/sse/stream?store_id=knock", address=None):
    headers = {"Host": host, **(bearer(token) if token is not None else {})}
    async with door.events(path, headers=headers, address=address) as events:
        if events.response.status_code != 200:
            await events.response.aread()
            return problem(events.response)
        first = await events.next()
        if first.retry is not None and not first.data:
            # Nothing but when to come back: no keys are there, which is not about the client.
            assert await events.next() is None
            return refused("keys")
        assert first.event == "connected", first
        return IN


WAYS = {
    "HTTP": via_http,
    "WebSocket, bearer": via_bearer,
    "WebSocket, subprotocol": via_subprotocol,
    "event stream": via_events,
}
