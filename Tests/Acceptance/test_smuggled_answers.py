"""Answers of apps that two readers could understand differently, or that say more than was asked:
the client hears its own answer or that there is none, and nobody hears what is left over."""

import contextlib

import pytest

from harness.raw import connection
from harness.waiting import together

CONFIGURATION = """
workers 1
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$app; response_timeout 5s }
route / { backend app }
"""

HIDDEN = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhidden"


def head(*lines):
    return "".join(line + "\r\n" for line in (*lines, "")).encode("latin-1")


def ok(*fields):
    return head("HTTP/1.1 200 OK", *fields)


CHUNKED = "Transfer-Encoding: chunked"

#: What is no answer: 502.
REFUSED = {
    "length and chunks": ok("Content-Length: 5", CHUNKED) + b"0\r\n\r\n",
    "chunks and length": ok(CHUNKED, "Content-Length: 5") + b"0\r\n\r\n",
    "two lengths": ok("Content-Length: 5", "Content-Length: 6") + b"hello",
    "two equal lengths": ok("Content-Length: 5", "Content-Length: 5") + b"hello",
    **{
        f"length {value!r}": ok(f"Content-Length:{value}") + b"hello"
        for value in (
            "", " -1", " +5", " 5,5", " 5, 6", " 0x5", " 5 5", " 5a", " 9223372036854775808",
            " 99999999999999999999999",
        )
    },
    **{
        f"coding {value!r}": ok(f"Transfer-Encoding:{value}") + b"0\r\n\r\n"
        for value in (
            "", " gzip", " identity", " gzip, chunked", " chunked, gzip", " chunked, chunked",
            " xchunked",
            " \"chunked\"", " chunked;q=1",
        )
    },
    "coding twice": ok(CHUNKED, CHUNKED) + b"0\r\n\r\n",
    "coding in HTTP/1.0": head("HTTP/1.0 200 OK", CHUNKED) + b"0\r\n\r\n",
    "coding behind a vertical tab": ok("Transfer-Encoding:\x0bchunked") + b"0\r\n\r\n",
    "a name with a space": ok("Content-Length : 0"),
    "a name with a tab": ok("Content-Length\t: 0"),
    "a folded field": ok("Content-Length: 0", "X: y", " z"),
    "a first field that is folded": ok(" X: y", "Content-Length: 0"),
    "a lone line end": ok("Content-Length: 0", "X: y\nSet-Cookie: z"),
    "a lone CR": ok("Content-Length: 0", "X: y\rSet-Cookie: z"),
    "a zero in a value": ok("Content-Length: 0", "X: \x00"),
    "DEL in a value": ok("Content-Length: 0", "X: \x7f"),
    "a line without a colon": ok("Content-Length: 0", "X"),
    "a field without a name": ok("Content-Length: 0", ": x"),
    "line feeds only": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    **{
        f"{line!r}": head(line, "Content-Length: 0")
        for line in (
            "HTTP/2.0 200 OK", "HTTP/0.9 200 OK", "HTTP/1.10 200 OK", "http/1.1 200 OK",
            "HTTP/1.1  200 OK",
            "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1 -20 OK",
            "HTTP/1.1 000 OK",
            "HTTP/1.1 099 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 200\tOK", "HTTP/1.1 OK", "HTTP/1.1",
            "200 OK",
            "ICY 200 OK", " HTTP/1.1 200 OK", "HTTP/1.1 200 O\x00K", "HTTP/1.1 200 O\rK",
            "GET / HTTP/1.1",
        )
    },
    "an empty line first": b"\r\n" + ok("Content-Length: 0"),
    "no HTTP at all": b"hello\r\n\r\n",
    "a greeting of TLS": b"\x15\x03\x01\x00\x02\x02\x46" * 20,
    "a switch nobody asked for": head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade",
        "Upgrade: x"),
    "a WebSocket nobody asked for": head(
        "HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    "a head of 70 KiB": ok("Content-Length: 0", "X: " + "y" * 70_000),
    "300 fields": ok("Content-Length: 0", *["X: y"] * 300),
}  # fmt: skip

#: Bodies that break: the answer looks cut.
CUT = {
    f"chunk {text!r}": ok(CHUNKED) + b"5\r\nhello\r\n" + text.encode("latin-1")
    for text in (
        "z\r\n", "-1\r\n", "0x5\r\n", " 5\r\n", "5 \r\n", "5\n", "1\r\nXY\r\n",
        "ffffffffffffffff\r\n",
        "\r\n", "0\n\n", "0\r\nX : y\r\n\r\n", "0\r\n X: y\r\n\r\n", "0\r\nX: \x00\r\n\r\n",
        "5;\x00\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
    )
}  # fmt: skip

#: Whole answers with something before or behind: `name: (method, octets, status, body)`.
MORE = {
    "HEAD with a body": ("HEAD", ok("Content-Length: 6") + b"hidden", 200, b""),
    "HEAD with an answer for a body": ("HEAD", ok(f"Content-Length: {len(HIDDEN)}") + HIDDEN, 200,
        b""),
    "HEAD with chunks": ("HEAD", ok(CHUNKED) + b"6\r\nhidden\r\n0\r\n\r\n", 200, b""),
    "204 with a body": ("GET", head("HTTP/1.1 204 No", "Content-Length: 6") + b"hidden", 204, b""),
    "204 with an answer": ("GET", head("HTTP/1.1 204 No") + HIDDEN, 204, b""),
    "304 with a body": ("GET", head("HTTP/1.1 304 No", "Content-Length: 6") + b"hidden", 304, b""),
    "304 with chunks": ("GET", head("HTTP/1.1 304 No", CHUNKED) + b"6\r\nhidden\r\n0\r\n\r\n", 304,
        b""),
    "a length and more": ("GET", ok("Content-Length: 2") + b"ok" + b"hidden", 200, b"ok"),
    "a length and an answer": ("GET", ok("Content-Length: 2") + b"ok" + HIDDEN, 200, b"ok"),
    "no length and an answer": ("GET", ok("Content-Length: 0") + HIDDEN, 200, b""),
    "a length and a line end": ("GET", ok("Content-Length: 2") + b"ok\r\n", 200, b"ok"),
    "chunks and more": ("GET", ok(CHUNKED) + b"2\r\nok\r\n0\r\n\r\nhidden", 200, b"ok"),
    "chunks and an answer": ("GET", ok(CHUNKED) + b"2\r\nok\r\n0\r\n\r\n" + HIDDEN, 200, b"ok"),
    "trailers and an answer": ("GET", ok(CHUNKED) + b"2\r\nok\r\n0\r\nX: y\r\n\r\n" + HIDDEN, 200,
        b"ok"),
    "POST and an answer": ("POST", ok("Content-Length: 2") + b"ok" + HIDDEN, 200, b"ok"),
    "hints and an answer more": (
        "GET", head("HTTP/1.1 103 Early Hints", "Link: </x>") + ok("Content-Length: 2") + b"ok"
        + HIDDEN, 200, b"ok"),
    "three informational answers": (
        "GET", (b"HTTP/1.1 100 Continue\r\n\r\n" + b"HTTP/1.1 102 Processing\r\n\r\n"
                b"HTTP/1.1 199 Odd\r\n\r\n" + ok("Content-Length: 2") + b"ok"), 200, b"ok"),
    "an informational answer with a length": (
        "GET", head("HTTP/1.1 103 Early Hints", "Content-Length: 5") + ok("Content-Length: 2")
        + b"ok", 200, b"ok"),
    "an answer that closes, and another": (
        "GET", ok("Connection: close", "Content-Length: 2") + b"ok" + HIDDEN, 200, b"ok"),
    "an answer of HTTP/1.0 and another": (
        "GET", head("HTTP/1.0 200 OK", "Content-Length: 2") + b"ok" + HIDDEN, 200, b"ok"),
    "a length that Connection names": (
        "GET", ok("Connection: content-length", "Content-Length: 2") + b"ok", 200, b"ok"),
    "205 with a body": ("GET", head("HTTP/1.1 205 Reset", "Content-Length: 2") + b"ok", 205, b"ok"),
    "no reason": ("GET", head("HTTP/1.1 200", "Content-Length: 2") + b"ok", 200, b"ok"),
    "a status nobody knows": ("GET", head("HTTP/1.1 799 X", "Content-Length: 2") + b"ok", 799,
        b"ok"),
}  # fmt: skip


@pytest.fixture
def door(gateway, reading_app):
    return gateway.plain


def ask(method, target):
    length = "Content-Length: 0\r\n" if method == "POST" else ""
    return f"{method} {target} HTTP/1.1\r\nHost: a\r\n{length}\r\n"


async def assert_in_step(door):
    """Whoever comes next, and next to that, hears what is its own."""

    async def one(number):
        async with connection(door) as raw:
            for turn in range(3):
                await raw.send(ask("GET", f"/next/{number}/{turn}"))
                assert (await raw.answer()).body == f"/next/{number}/{turn}".encode()

    await together(*[one(number) for number in range(4)])


@pytest.mark.parametrize("then", ["stay", "close"])
@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_answer_is_502(door, reading_app, name, then):
    reading_app.forget(REFUSED[name] + HIDDEN, then)
    async with connection(door) as raw:
        await raw.send(ask("GET", "/asked") + ask("GET", "/next"))
        answer = await raw.answer()
        assert answer.status == 502 and b"hidden" not in answer.body
        assert (await raw.answer()).body == b"/next"
    await assert_in_step(door)


@pytest.mark.parametrize("name", CUT)
async def test_a_body_that_breaks_looks_cut(door, reading_app, name):
    reading_app.forget(CUT[name] + HIDDEN)
    async with connection(door) as raw:
        await raw.send(ask("GET", "/asked") + ask("GET", "/next"))
        heard = b""
        with contextlib.suppress(ConnectionError):
            heard = await raw.end()
    assert b"hidden" not in heard and b"0\r\n\r\n" not in heard and heard.count(b"HTTP/1.1") == 1
    await assert_in_step(door)


@pytest.mark.parametrize("name", MORE)
async def test_what_is_left_over_of_an_answer_reaches_nobody(door, reading_app, name):
    method, octets, status, body = MORE[name]
    reading_app.forget(octets)
    async with connection(door) as raw:
        for turn in range(5):
            await raw.send(ask(method, "/asked") + ask("GET", f"/next/{turn}"))
            answer = await raw.answer(method)
            assert (answer.status, answer.body) == (status, body)
            assert (await raw.answer()).body == f"/next/{turn}".encode()
    await assert_in_step(door)
