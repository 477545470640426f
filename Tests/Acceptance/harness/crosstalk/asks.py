"""What clients ask of the app `careless`, by chance: every request with a mark that stands in all of
its parts, so that whoever sees an octet of it, or of its answer, knows whose it is."""

import base64
import dataclasses
import hashlib
import hmac
import json
import os
import re
import time

from .. import tokens

#: Letters that no identifier of the gateway's has are at its ends.
MARK = re.compile(rb"u[0-9a-f]{8}l")

#: How the app behaves, and how often.
ORDERLY = {
    "plain": 60, "chunked": 12, "trailers": 4, "closing": 2, "until-close": 3, "hints": 4,
    "slow": 3,
    "events": 3, "early": 10, "early-refusal": 3, "negotiate": 4,
}  # fmt: skip
CUT_OFF = {
    "cut": 3, "cut-hard": 2, "cut-used": 4, "early-unless-used": 3, "cut-hints": 2,
    "cut-in-head": 1,
    "cut-in-length": 2, "cut-in-chunk": 2, "cut-in-events": 1, "leave": 6, "leave-soon": 8,
}  # fmt: skip
STALLED = {"stall": 1, "stall-half": 1}
OUT_OF_STEP = {
    "body-for-head": 8, "body-then-for-head": 6, "chunks-for-head": 4, "body-then-for-nothing": 4,
    "body-for-nothing": 6, "unread": 12, "surplus": 5,
    "second-answer": 5, "line-behind": 3, "switch": 4, "no-http": 2, "two-framings": 2,
}  # fmt: skip
#: Said some time after a whole answer: what HTTP/1.1 gives nobody a way to tell apart.
LATE = {"late-surplus": 6, "late-answer": 6, "late-body-for-head": 6}
SOCKETS = {
    "talk": 6, "talk-cut": 2, "talk-half": 1, "talk-no-frame": 1, "refuse": 3, "refuse-more": 2,
    "plain": 1, "body-for-nothing": 1, "surplus": 1, "cut": 1, "hints": 1, "switch": 1,
}  # fmt: skip

#: Answers to a handshake with more behind them than there should be.
SLOPPY_SOCKETS = ("refuse-more", "body-for-nothing", "surplus", "switch")
#: All that the app does in a run.
WAYS = (*ORDERLY, *CUT_OFF, *STALLED, *OUT_OF_STEP, *SOCKETS)

HEADS_BODY = ("body-for-head", "body-then-for-head", "chunks-for-head", "late-body-for-head")
BODILESS = ("GET", "HEAD", "DELETE", "OPTIONS")
METHODS = ("GET", "GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
    "PURGE")
SIZES = (0, 1, 7, 10, 33, 100, 300, 300, 1000, 2500)
LARGE = (9_000, 20_000, 70_000, 300_000)
REFUSED = ("/private", "/small", "/only")


def pattern(mark, size, start=0):
    """The octets from `start` on of a body that is marked throughout."""
    start %= len(mark)
    return (mark * ((start + size) // len(mark) + 1))[start : start + size]


class Ask:
    """One request: its octets, and what its answer may be."""

    __slots__ = (
        "mark", "method", "how", "size", "prefix", "head", "body", "expects", "upgrades", "words",
    )  # fmt: skip

    def __init__(self, mark, method, how, size, prefix="", fields=(), body=b"", **more):
        self.mark, self.method, self.how, self.size, self.prefix = mark, method, how, size, prefix
        self.body = body
        self.expects = more.get("expects", False)
        self.upgrades = more.get("upgrades", False)
        text = mark.decode()
        lines = [
            f"{method} {prefix}/{how}/{text}/{size} HTTP/1.1",
            f"Host: {text}.test",
            f"Cookie: who={text}",
            f"User-Agent: {text}",
            f"X-Mark: {text}",
            *fields,
            *(["Expect: 100-continue"] if self.expects else []),
        ]
        self.head = "\r\n".join([*lines, "", ""]).encode()
        framing = [field for field in fields if field.startswith(("Content-Len", "Transfer-Enc"))]
        self.words = " ".join([text, method, prefix + "/" + how, str(size), *framing])

    def __str__(self):
        return self.words


def token(mark):
    """A token whose user is the mark. There are too many to remember them all; the app checks that
    none of them comes through."""
    claims = {"user_id": mark.decode(), "aud": "own", "exp": int(time.time()) + 3600}
    parts = [_part(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims)]
    digest = hmac.digest(tokens.SECRET.encode(), ".".join(parts).encode(), hashlib.sha256)
    return ".".join([*parts, _part(digest)])


def _part(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def broken(mark, chance):
    """What is refused, before anybody is asked or in the middle of its body."""
    way = chance.choice(["space", "line end", "length", "chunk", "nothing"])
    text = mark.decode()
    if way in ("length", "chunk"):
        lengths = ["Content-Length: 10"] if way == "length" else []
        ask = Ask(mark, "POST", "plain", 0, "", [*lengths, "Transfer-Encoding: chunked"])
        ask.body = b"5\r\n" + mark
        return ask
    ask = Ask(mark, "GET", "plain", 0)
    if way == "space":
        ask.head = ask.head.replace(b"Host:", b"Host :")
    elif way == "line end":
        ask.head = ask.head.replace(b"\r\nCookie", b"\nCookie")
    else:
        ask.head = f"{text} {text} {text}\r\n\r\n".encode()
    return ask


@dataclasses.dataclass(frozen=True)
class Scope:
    """How much of it all is done."""

    #: Also what nobody can tell apart.
    late: bool = False
    #: These ways of the app's, and the plain one.
    only: tuple = ()
    #: One by one, in one piece, to the end.
    is_calm: bool = False
    #: Some requests bring a token, and the app is to be told whose they are.
    has_tokens: bool = True

    @property
    def ways(self):
        ways = {**ORDERLY, **CUT_OFF, **STALLED, **OUT_OF_STEP, **(LATE if self.late else {})}
        if not self.only:
            return ways
        return {"plain": 1, **{way: 1 for way in self.only if way in ways or way in LATE}}

    @property
    def socket_ways(self):
        return {way: SOCKETS[way] for way in SOCKETS if not self.only or way in self.only}


class Asker:
    """Makes requests from one source of chance."""

    def __init__(self, chance, scope):
        self.chance = chance
        self.ways, self.socket_ways = scope.ways, scope.socket_ways
        self.has_tokens = scope.has_tokens

    def request(self, mark):
        chance = self.chance
        how = chance.choices(list(self.ways), list(self.ways.values()))[0]
        method = chance.choice(METHODS)
        if how in HEADS_BODY and chance.random() < 0.8:
            method = "HEAD"
        size = chance.choice(SIZES)
        if how in ORDERLY and chance.random() < 0.06:
            size = chance.choice(LARGE)
        prefix = chance.choice(REFUSED) if chance.random() < 0.03 else ""
        if self.has_tokens and chance.random() < 0.2:
            prefix = chance.choice(["/own", "/held"])
        if how in OUT_OF_STEP or how in LATE:
            prefix = "/sloppy"
        body, fields = self.body(mark, method, how)
        if how == "events" and chance.random() < 0.5:
            fields = (*fields, "Accept: text/event-stream")
        if prefix == "/own":
            fields = (*fields, f"Authorization: Bearer {token(mark)}")
        expects = bool(body) and chance.random() < 0.15
        return Ask(mark, method, how, size, prefix, fields, body, expects=expects)

    def body(self, mark, method, how):
        """A body and the fields that frame it."""
        chance = self.chance
        if how == "unread":
            return self.unread_body(mark, method)
        if method in BODILESS and chance.random() < 0.85:
            return b"", ()
        if how in ("early", "early-unless-used", "cut-used") and chance.random() < 0.4:
            return b"0\r\n\r\n", ("Transfer-Encoding: chunked",)
        size = chance.choice(SIZES)
        if chance.random() < 0.02:
            size = chance.choice(LARGE)
        kind = chance.randrange(5)
        if kind == 0:
            return b"", ()
        if kind < 3:
            return pattern(mark, size), (f"Content-Length: {size}",)
        return self.chunks(mark, size), ("Transfer-Encoding: chunked",)

    def chunks(self, mark, size):
        parts, sent = [], 0
        while sent < size:
            piece = min(size - sent, self.chance.choice((1, 9, 80, 1000, 30_000)))
            parts.append(b"%x\r\n%b\r\n" % (piece, pattern(mark, piece, sent)))
            sent += piece
        trailers = b"X-Digest: %b\r\n" % mark if self.chance.random() < 0.2 else b""
        return b"".join([*parts, b"0\r\n", trailers, b"\r\n"])

    def unread_body(self, mark, method):
        """A body that is a request itself, in the eyes of who did not read it; with GET and its
        like it may as well be anything."""
        hidden = b"".join(
            Ask(mark, "GET", "plain", self.chance.choice(SIZES)).head
            for _ in range(self.chance.randrange(1, 3))
        )
        if method in BODILESS and self.chance.random() < 0.5:
            hidden = pattern(mark, self.chance.choice(SIZES) + 1)
            if self.chance.random() < 0.3:
                size = len(hidden)
                return b"%x\r\n%b\r\n0\r\n\r\n" % (size, hidden), ("Transfer-Encoding: chunked",)
        return hidden, (f"Content-Length: {len(hidden)}",)

    def socket(self, mark):
        ways = self.socket_ways
        how = self.chance.choices(list(ways), list(ways.values()))[0]
        key = base64.b64encode(mark + b"marked").decode()
        fields = (
            "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
        )  # fmt: skip
        prefix = "/ws"
        if how in SLOPPY_SOCKETS:
            prefix = "/sloppyws"
        elif self.chance.random() < 0.4:
            prefix, fields = "/packed", (*fields, "Sec-WebSocket-Extensions: permessage-deflate")
        elif self.has_tokens and self.chance.random() < 0.3:
            prefix, fields = "/owned", (*fields, f"Sec-WebSocket-Protocol: jwt.{token(mark)}")
        return Ask(mark, "GET", how, self.chance.choice(SIZES), prefix, fields, upgrades=True)

    def messages(self, mark):
        """Frames of a client, masked, as one string of octets."""
        frames = []
        for _ in range(self.chance.randrange(9)):
            size = self.chance.choice((1, 10, 60, 125, 126, 900))
            frames.append(masked(0x81, pattern(mark, size), self.chance))
            if self.chance.random() < 0.2:
                frames.append(masked(0x89, mark, self.chance))
        return b"".join(frames)


def masked(first, payload, chance):
    size, mask = len(payload), chance.randbytes(4)
    head = bytes([first, 0x80 | size]) if size < 126 else bytes([first, 0xFE]) + size.to_bytes(2,
        "big")
    longer = int.from_bytes((mask * (size // 4 + 1))[:size], "big") if size else 0
    return head + mask + (int.from_bytes(payload, "big") ^ longer).to_bytes(size, "big")


class Plan:
    """What one client does on one connection, and how it leaves."""

    ENDS = ("close", "half", "reset")

    def __init__(self, number, slot, chance, scope):
        self.chance = chance
        asker = Asker(chance, scope)
        marks = (b"u%02x%04x%02xl" % (slot, number & 0xFFFF, index) for index in range(256))
        self.asks = [asker.request(next(marks)) for _ in range(chance.choice((1, 2, 4, 6, 9, 12)))]
        self.frames = b""
        if asker.socket_ways and chance.random() < 0.2:
            self.asks = self.asks[: chance.randrange(4)] + [asker.socket(next(marks))]
            self.frames = asker.messages(self.asks[-1].mark)
        elif chance.random() < 0.04:
            self.asks.append(broken(next(marks), chance))
        #: All at once, or one when the other was answered.
        self.is_pipelined = chance.random() < 0.6
        if self.is_pipelined:
            for ask in self.asks:
                if ask.expects:
                    ask.expects, ask.head = False, ask.head.replace(b"Expect: 100-continue\r\n",
                        b"")
        self.is_in_pieces = chance.random() < 0.08
        self.ignores_answers = chance.random() < 0.03
        self.speaks_early = chance.random() < 0.2
        self.cut_sent = self.cut_heard = None
        self.end = chance.choice(self.ENDS)
        if chance.random() < 0.1:
            self.cut_sent = chance.randrange(1, sum(len(a.head) + len(a.body) for a in self.asks)
                + 1)
        elif chance.random() < 0.06:
            self.cut_heard = chance.randrange(1, 4000)
        if scope.is_calm:
            self.is_pipelined = self.is_in_pieces = self.ignores_answers = self.speaks_early = False
            self.cut_sent = self.cut_heard = None

    def __str__(self):
        words = ["all at once" if self.is_pipelined else "one by one"]
        if self.is_in_pieces:
            words.append("in pieces")
        if self.cut_sent is not None:
            words.append(f"{self.end} behind {self.cut_sent} octets sent")
        if self.cut_heard is not None:
            words.append(f"{self.end} behind {self.cut_heard} octets heard")
        return f"{', '.join(words)}: " + "; ".join(map(str, self.asks))


def new_seed():
    """CROSSTALK_SEED, or another one every time."""
    named = os.environ.get("CROSSTALK_SEED")
    return int(named) if named else int.from_bytes(os.urandom(4), "big")
