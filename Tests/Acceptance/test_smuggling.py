"""Requests that two readers could understand differently (RFC 9112, section 11.2). Behind all that a
client says here another request follows: the app, which reads with `h11`, must never see more than
the client has a right to."""

import contextlib

import pytest

from harness.raw import connection

CONFIGURATION = """
listen 127.0.0.1:$http
limits { attempts off }
jwt own { algorithms HS256; secret env:JWT_SECRET; user user_id; audience own }
backend app { server 127.0.0.1:$app; response_timeout 5s }
route /private  { auth own; backend app }
route /only     { methods GET; backend app }
route /hello    { respond 200 "hello" }
route /moved    { redirect 308 /hello }
route /socket   { websocket; backend app }
route /small    { body_size 3; backend app }
route none.test/only { backend app }
route /         { backend app }
"""

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


def head(*lines):
    return "".join(line + "\r\n" for line in (*lines, "")).encode("latin-1")


def post(*fields, target="/", version="1.1"):
    return head(f"POST {target} HTTP/{version}", "Host: a", *fields)


def get(*fields, target="/", version="1.1"):
    return head(f"GET {target} HTTP/{version}", "Host: a", *fields)


CHUNKED = "Transfer-Encoding: chunked"


def chunks(text):
    """A request whose chunked body is this."""
    return post(CHUNKED) + text.encode("latin-1")


#: Refused before the app hears of it, and hung up on: `name: (octets, status)`.
REFUSED = {
    # Lengths that contradict each other, or themselves.
    "length and chunks": (post("Content-Length: 5", CHUNKED) + b"0\r\n\r\n", 400),
    "chunks and length": (post(CHUNKED, "Content-Length: 5") + b"0\r\n\r\n", 400),
    "length 0 and chunks": (post("Content-Length: 0", CHUNKED) + b"0\r\n\r\n", 400),
    "two equal lengths": (post("Content-Length: 5", "Content-Length: 5") + b"hello", 400),
    "two lengths": (post("Content-Length: 5", "Content-Length: 0") + b"hello", 400),
    "two lengths, the first 0": (post("Content-Length: 0", "Content-Length: 5") + b"hello", 400),
    "two lengths, far apart": (post("Content-Length: 5", "X: y", "content-length: 6"), 400),
    **{
        f"length {value!r}": (post(f"Content-Length:{value}") + b"hello", 400)
        for value in (
            "", " ", " +5", " -5", " -0", " 5,5", " 5, 5", " 5,6", " 5 5", " 0x5", " 5.0", " 5e0",
            " 5;", " \"5\"", " 5a", " a", " ,5", " 5,", " 5\t5", " \xb2", " 9223372036854775808",
            " 18446744073709551621", " 99999999999999999999999999", " 0 5", " chunked", " 5_0",
            " \xa05", " 5\xa0", " 1'000",
            " " + "0" * 30 + "5",
        )
    },
    # Codings.
    **{
        f"coding {value!r}": (post(f"Transfer-Encoding:{value}") + b"0\r\n\r\n", status)
        for value, status in {
            "": 501, " ": 501, " identity": 501, " gzip": 501, " gzip, chunked": 501,
            " chunked, gzip": 400, " chunked, identity": 400, " chunked, chunked": 400,
            " chunked chunked": 501, " chunked;q=1": 501, " \"chunked\"": 501, " xchunked": 501,
            " chunkedx": 501, " chunked,": (400, 501), " ,chunked": (400, 501), " chun\tked": 501,
            " 'chunked'": 501, " chunked\xa0": 501, " \xa0chunked": 501, " c\xb9hunked": 501,
            " cow": 501, " cow, chunked": 501, " chunked, cow": 400, " deflate": 501,
            " trailers": 501, " chunked=": 501, " chunked-": 501,
        }.items()
    },
    "coding twice": (post(CHUNKED, CHUNKED) + b"0\r\n\r\n", 400),
    "coding, then another": (post(CHUNKED, "Transfer-Encoding: identity") + b"0\r\n\r\n", 400),
    "another, then coding": (post("Transfer-Encoding: identity", CHUNKED) + b"0\r\n\r\n", (400,
        501)),
    "coding in HTTP/1.0": (post(CHUNKED, version="1.0") + b"0\r\n\r\n", 400),
    "coding in HTTP/1.0, kept alive": (
        post(CHUNKED, "Connection: keep-alive", version="1.0") + b"0\r\n\r\n", 400,
    ),
    "coding and length in HTTP/1.0": (
        post(CHUNKED, "Content-Length: 5", version="1.0") + b"0\r\n\r\n", 400,
    ),
    "coding behind a vertical tab": (post("Transfer-Encoding:\x0bchunked") + b"0\r\n\r\n", 400),
    "coding behind a form feed": (post("Transfer-Encoding:\x0cchunked") + b"0\r\n\r\n", 400),
    "coding behind a zero": (post("Transfer-Encoding:\x00chunked") + b"0\r\n\r\n", 400),
    "coding before a zero": (post("Transfer-Encoding: chunked\x00") + b"0\r\n\r\n", 400),
    "coding behind DEL": (post("Transfer-Encoding:\x7fchunked") + b"0\r\n\r\n", 400),
    "coding behind a lone CR": (post("Transfer-Encoding:\rchunked") + b"0\r\n\r\n", 400),
    "coding behind a line feed": (post("Transfer-Encoding:\n chunked") + b"0\r\n\r\n", 400),
    "coding behind a fold": (post("Transfer-Encoding:\r\n chunked") + b"0\r\n\r\n", 400),
    "coding behind a lone line end": (post("X: y\nTransfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "coding behind a lone CR in a value": (
        post("X: y\rTransfer-Encoding: chunked") + b"0\r\n\r\n", 400,
    ),
    # Names.
    **{
        f"{name!r} for a name": (post(f"{name}: chunked") + b"0\r\n\r\n", 400)
        for name in (
            "Transfer-Encoding ", "Transfer-Encoding\t", " Transfer-Encoding",
            "\tTransfer-Encoding",
            "Transfer Encoding", "Transfer-Encoding\x00", "Transfer-Encoding\x0b", "\x00",
            "Transfer-Encoding\r", "Transfer\rEncoding", "Tr\xe4nsfer-Encoding",
            "Transfer-Encoding\xa0",
            "Transfer-Encoding(x)", "Transfer/Encoding", "Transfer-Encoding,",
            "\"Transfer-Encoding\"",
            "Transfer-Encoding;", "[Transfer-Encoding]", "{Transfer-Encoding}", "Transfer@Encoding",
            "Transfer=Encoding", "Transfer?Encoding", "Transfer<Encoding", "Transfer\\Encoding", "",
        )
    },
    "a length with a space before its colon": (post("Content-Length : 5") + b"hello", 400),
    "a length with a tab before its colon": (post("Content-Length\t: 5") + b"hello", 400),
    "a line without a colon": (post("Content-Length") + b"hello", 400),
    "a folded length": (post("Content-Length:\r\n 5") + b"hello", 400),
    "a field folded with a tab": (get("X: y\r\n\tz"), 400),
    "a first field that is folded": (head("GET / HTTP/1.1", " Host: a"), 400),
    "a fold of blanks": (get("X: y\r\n "), 400),
    "a zero in a value": (get("X: a\x00b"), 400),
    "a lone CR in a value": (get("X: a\rb"), 400),
    "a lone line end": (get("X: a\nY: b"), 400),
    "line feeds only": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "a line feed behind the request line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    "a line feed for the last line": (b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
    "CR CR LF": (b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400),
    "a control in a value": (get("X: a\x01b"), 400),
    "DEL in a value": (get("X: a\x7fb"), 400),
    "an escape code in a value": (get("X: \x1b[31m"), 400),
    # Request lines.
    **{
        f"{line!r}": (head(line, "Host: a"), status)
        for line, status in {
            "GET  / HTTP/1.1": 400, "GET /  HTTP/1.1": 400, "GET / HTTP/1.1 ": 400,
            " GET / HTTP/1.1": 400,
            "GET\t/ HTTP/1.1": 400, "GET /\tHTTP/1.1": 400, "GET / HTTP/1.1\r": 400, "GET /": 400,
            "GET": 400,
            "GET / ": 400, "GET / HTTP": 400, "GET / HTTP/": 400, "GET / HTTP/1": 400,
            "GET / HTTP/1.": 400,
            "GET / HTTP/.1": 400, "GET / HTTP/11": 400, "GET / HTTP/1,1": 400,
            "GET / HTTP/1.10": 400,
            "GET / HTTP/01.1": 400, "GET / HTTP/1.01": 400, "GET / HTTP/1.1.1": 400,
            "GET / HTTP/+1.1": 400,
            "GET / http/1.1": 400, "GET / HtTP/1.1": 400, "GET / HTTPS/1.1": 400,
            "GET / XTTP/1.1": 400,
            "GET / HTTP /1.1": 400, "GET / HTTP/ 1.1": 400, "GET / HTTP/1.x": 400,
            "GET / HTTP/1.\xb9": 400,
            "GET / HTTP/0.9": 505, "GET / HTTP/1.2": 505, "GET / HTTP/1.9": 505,
            "GET / HTTP/2.0": 505,
            "GET / HTTP/3.0": 505, "GET / HTTP/9.9": 505, "GET / HTTP/0.0": 505,
            "GET / HTTP/2.1": 505,
            "GET / HTTP/1.1 HTTP/1.1": 400, "GET / x HTTP/1.1": 400, "GET /a b HTTP/1.1": 400,
            "GET HTTP/1.1": 400, " / HTTP/1.1": 400, "/ HTTP/1.1": 400, "G\xc4T / HTTP/1.1": 400,
            "G@T / HTTP/1.1": 400, "GET: / HTTP/1.1": 400, "GET\x00 / HTTP/1.1": 400,
            "(GET) / HTTP/1.1": 400,
            "GET\x0b/ HTTP/1.1": 400, "GET /\x0cHTTP/1.1": 400, "GET\xa0/ HTTP/1.1": 400,
            # Targets.
            "GET a HTTP/1.1": 400, "GET * HTTP/1.1": 400, "OPTIONS ** HTTP/1.1": 400,
            "GET ? HTTP/1.1": 400,
            "GET /# HTTP/1.1": 400, "GET /a#b HTTP/1.1": 400, "GET /\x00 HTTP/1.1": 400,
            "GET /\x7f HTTP/1.1": 400,
            "GET /\xe9 HTTP/1.1": 400, "GET /\x01 HTTP/1.1": 400, "GET /%00 HTTP/1.1": 400,
            "GET /%0a HTTP/1.1": 400,
            "GET /%0d%0aX:y HTTP/1.1": 400, "GET /% HTTP/1.1": 400, "GET /%4 HTTP/1.1": 400,
            "GET /%zz HTTP/1.1": 400,
            "GET /.. HTTP/1.1": 400, "GET /a/../.. HTTP/1.1": 400, "GET /%2e%2e HTTP/1.1": 400,
            "GET /..%2f HTTP/1.1": 400,
            "GET /a%2fb HTTP/1.1": 400, "GET /a%5cb HTTP/1.1": 400, "GET /a\\b HTTP/1.1": 400,
            "GET /..;/a HTTP/1.1": 400,
            "GET http:// HTTP/1.1": 400, "GET http:///a HTTP/1.1": 400,
            "GET http://u@a/ HTTP/1.1": 400,
            "GET http://u:p@a/ HTTP/1.1": 400, "GET http://@a/ HTTP/1.1": 400,
            "GET http://a:b/ HTTP/1.1": 400,
            "GET http://a:99999/ HTTP/1.1": 400, "GET http://a:-1/ HTTP/1.1": 400,
            "GET http://a b/ HTTP/1.1": 400,
            "GET http://[::1/ HTTP/1.1": 400, "GET http://[]/ HTTP/1.1": 400,
                "GET http://a\\b/ HTTP/1.1": 400,
            "GET http://a,b/ HTTP/1.1": 400, "GET http://a%2eb/ HTTP/1.1": 400,
            "GET http:/a/ HTTP/1.1": 400,
            "GET http:a HTTP/1.1": 400, "GET ftp://a/ HTTP/1.1": 400,
            "GET file:///etc/passwd HTTP/1.1": 400,
            "GET javascript:alert(1) HTTP/1.1": 400,
            "GET a:80 HTTP/1.1": 400,
            "GET http://?x HTTP/1.1": 400, "GET http://#x HTTP/1.1": 400,
            "GET ws://a/ HTTP/1.1": 400,
            "CONNECT / HTTP/1.1": 400, "CONNECT a HTTP/1.1": 400, "CONNECT a: HTTP/1.1": 400,
            "CONNECT :80 HTTP/1.1": 400,
            "CONNECT http://a/ HTTP/1.1": 400, "CONNECT u@a:80 HTTP/1.1": 400,
            "CONNECT a:80/ HTTP/1.1": 400,
            "CONNECT a:80 HTTP/1.1": 405,
        }.items()
    },
    "a greeting of HTTP/2": (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", 505),
    "a greeting of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64, 400),
    "a greeting of SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", 400),
    "a greeting of SOCKS": (b"\x05\x01\x00", 400),
    "the PROXY protocol": (b"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n" + get(), 400),
    "the PROXY protocol, version 2": (b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + b"\x00" * 12,
        400),
    "HTTP/0.9": (b"GET /\r\n", 400),
    "HTTP/0.9 with a line feed": (b"GET /\n", 400),
    "an answer": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 400),
    "empty lines without end": (b"\r\n" * 20 + get(), 400),
    "an empty line of one line feed": (b"\n" + get(), 400),
    "an empty line of one CR": (b"\r" + get(), 400),
    "blanks for a line": (b" \r\n" + get(), 400),
    # Hosts.
    "no host": (head("GET / HTTP/1.1"), 400),
    "no host, an absolute target": (head("GET http://a/ HTTP/1.1"), 400),
    "two hosts": (get("Host: b"), 400),
    "two equal hosts": (get("Host: a"), 400),
    "two hosts in HTTP/1.0": (get("Host: b", version="1.0"), 400),
    **{
        f"host {value!r}": (head("GET / HTTP/1.1", f"Host: {value}"), 400)
        for value in (
            "a,b", "a b", "a/b", "a/", "u@a", "u:p@a", "a:b", "a:99999", "a:-1", "a::80", "[::1",
                "::1]", "[]", ":80",
            "a\\b", "a?b", "a#b", "a%20b", "\xe4", "a\tb", "http://a", "a:80:80", "[::1]x", "a;b",
            "a'b", "<a>",
        )
    },
    # Too much of everything.
    "a method without end": (b"M" * 5000 + b" / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    "a target of 9 KiB": (get(target="/" + "a" * 9000), 414),
    "a target of 64 KiB": (get(target="/" + "a" * 65_000), 414),
    "a query of 9 KiB": (get(target="/?" + "a" * 9000), 414),
    "a version without end": (b"GET / HTTP/1." + b"1" * 9000 + b"\r\n\r\n", 400),
    "a value of 40 KiB": (get("X: " + "a" * 40_000), 431),
    "a name of 40 KiB": (get("X" * 40_000 + ": a"), 431),
    "101 fields": (get(*["X: 1"] * 100), 431),
    "10,000 fields": (get(*["X: 1"] * 10_000), 431),
    "empty fields without end": (get(*["X:"] * 20_000), 431),
    "cookies of 40 KiB": (get(*["Cookie: " + "a" * 4000] * 10), 431),
    "a length beyond what the route takes": (post("Content-Length: 4", target="/small") + b"abcd",
        413),
    # Requests to open a WebSocket.
    "a WebSocket with a length": (
        get("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Content-Length: {len(HIDDEN)}",
            target="/socket"), 400,
    ),
    "a WebSocket with chunks": (
        get("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", CHUNKED, target="/socket"), 400,
    ),
}  # fmt: skip

#: Answered by the gateway itself, which does not read the body as a request: the same columns.
ANSWERED = {
    f"{name}, {framing}": (request, status)
    for name, method, target, status in (
        ("401", "POST", "/private", 401), ("405", "POST", "/only", 405), ("respond", "POST",
            "/hello", 200),
        ("redirect", "POST", "/moved", 308), ("426", "GET", "/socket", 426), ("CONNECT", "CONNECT",
            "a:80", 405),
        ("a refresh", "POST", "/.gateway/refresh", (400, 401, 403, 404, 413, 415)),
        ("respond to GET", "GET", "/hello", 200), ("respond to HEAD", "HEAD", "/hello", 200),
        ("respond to OPTIONS", "OPTIONS", "/hello", 200),
    )
    for framing, request in (
        ("a length", head(f"{method} {target} HTTP/1.1", "Host: a",
            f"Content-Length: {len(HIDDEN)}")),
        ("chunks", head(f"{method} {target} HTTP/1.1", "Host: a", CHUNKED)
         + b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)),
        ("a length, asked for", head(
            f"{method} {target} HTTP/1.1", "Host: a", "Expect: 100-continue",
            f"Content-Length: {len(HIDDEN)}")),
    )
}  # fmt: skip

#: Bodies that break off after the app was told of the request: no body, no other request.
BROKEN = {
    **{
        f"chunk {text!r}": chunks(text)
        for text in (
            "z\r\n", "-1\r\n", "+5\r\nhello\r\n", "0x5\r\nhello\r\n", " 5\r\nhello\r\n",
            "5 \r\nhello\r\n",
            "5\t\r\nhello\r\n", "5\nhello\r\n", "5\r\nhello\n", "5\r\nhelloXX",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhel\r\n0\r\n\r\n", "5\rhello\r\n", "5\r\r\nhello\r\n", "\r\n", "\n", ";\r\n",
            ";x=y\r\nhello\r\n",
            "5 x\r\nhello\r\n", "5,5\r\nhello\r\n", "5.\r\nhello\r\n", "5_\r\nhello\r\n",
            "\x005\r\nhello\r\n",
            "5\x00\r\nhello\r\n", "5;a\x00\r\nhello\r\n", "5;a\nb\r\nhello\r\n",
            "5;a\rb\r\nhello\r\n", "5;a\n",
            "5;\n0\r\n\r\n", "5;a\r0\r\n\r\n", "5\r\nhello\r\n\n0\r\n\r\n",
            "5\r\nhello\r\n 0\r\n\r\n",
            "ffffffffffffffff\r\n", "10000000000000000\r\n", "fffffffffffffffff0\r\n",
            "8000000000000000\r\n",
            "00000000000000000000000000000005\r\nhello\r\n", "\xb25\r\nhello\r\n",
            "5h\r\nhello\r\n", "0\n\n",
            "0\r\n\n", "0\r\n\r", "0\r\nX\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\n X: y\r\n\r\n",
            "0\r\nX: y\n\r\n",
            "0\r\nX: y\r\n z\r\n\r\n", "0\r\nX: \x00\r\n\r\n", "0\r\n: y\r\n\r\n",
            "0\r\n\x00\r\n\r\n",
            "0 \r\n\r\n", "-0\r\n\r\n", "0x0\r\n\r\n", "0\rX\n\r\n", "GET / HTTP/1.1\r\n\r\n",
            "5;" + "a" * 300 + "\r\nhello\r\n", "1;aaaa\r\nx\r\n" * 2000 + "0\r\n\r\n",
            "0\r\n" + "X: y\r\n" * 60 + "\r\n", "0\r\nX: " + "y" * 9000 + "\r\n\r\n",
        )
        if text != "0\r\n\r"
    },
    "too much for the route": post(CHUNKED, target="/small") + b"4\r\nabcd\r\n0\r\n\r\n",
}  # fmt: skip

#: Unusual, and not to be misunderstood: what the app sees of it, and the next request behind it.
UNDERSTOOD = {
    "no body": (post() , ("POST", "/", b"")),
    "a body that was not announced is the next request": (post(), ("POST", "/", b"")),
    "a length of 0": (post("Content-Length: 0"), ("POST", "/", b"")),
    "a length with zeros": (post("Content-Length: 0005") + b"hello", ("POST", "/", b"hello")),
    "a length of as many digits as there may be": (
        post("Content-Length: " + "0" * 18 + "5") + b"hello", ("POST", "/", b"hello")),
    "a length between blanks": (post("Content-Length: \t 5 \t") + b"hello", ("POST", "/",
        b"hello")),
    "a length without a blank": (post("Content-Length:5") + b"hello", ("POST", "/", b"hello")),
    "a length in another case": (post("cOnTeNt-LeNgTh: 5") + b"hello", ("POST", "/", b"hello")),
    "a length that Connection names": (
        post("Content-Length: 5", "Connection: content-length") + b"hello", ("POST", "/",
            b"hello")),
    "a coding that Connection names": (
        post(CHUNKED, "Connection: transfer-encoding") + b"5\r\nhello\r\n0\r\n\r\n", ("POST", "/",
            b"hello")),
    "a body that is a request": (
        post(f"Content-Length: {len(HIDDEN)}") + HIDDEN, ("POST", "/", HIDDEN)),
    "a chunk that is a request": (
        post(CHUNKED) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN), ("POST", "/", HIDDEN)),
    "GET with a body that is a request": (
        get(f"Content-Length: {len(HIDDEN)}") + HIDDEN, ("GET", "/", HIDDEN)),
    "HEAD with a body": (
        head("HEAD / HTTP/1.1", "Host: a", "Content-Length: 5") + b"hello", ("HEAD", "/",
            b"hello")),
    "DELETE with chunks": (
        head("DELETE / HTTP/1.1", "Host: a", CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n", ("DELETE", "/",
            b"hello")),
    "no chunk but the last": (post(CHUNKED) + b"0\r\n\r\n", ("POST", "/", b"")),
    "a last chunk of many zeros": (post(CHUNKED) + b"000000\r\n\r\n", ("POST", "/", b"")),
    "chunks of either case": (post(CHUNKED) + b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
        ("POST", "/", b"01234567890123456789")),
    "a coding in another case": (post("TRANSFER-ENCODING:CHUNKED") + b"5\r\nhello\r\n0\r\n\r\n",
        ("POST", "/", b"hello")),
    "a coding between blanks": (
        post("Transfer-Encoding: \t chunked \t") + b"5\r\nhello\r\n0\r\n\r\n", ("POST", "/",
            b"hello")),
    "extensions": (post(CHUNKED) + b"5;a=b;c=\"d;e\"\r\nhello\r\n0;last\r\n\r\n", ("POST", "/",
        b"hello")),
    "a blank before an extension": (post(CHUNKED) + b"5 ;a\r\nhello\r\n0\r\n\r\n", ("POST", "/",
        b"hello")),
    "an extension that looks like a chunk": (
        post(CHUNKED) + b"5;0\r\nhello\r\n0\r\n\r\n", ("POST", "/", b"hello")),
    "trailers that frame": (
        post(CHUNKED) + b"5\r\nhello\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: gzip\r\n\r\n",
        ("POST", "/", b"hello")),
    "trailers that are a request": (
        post(CHUNKED) + b"0\r\nGET: /hidden HTTP/1.1\r\n\r\n", ("POST", "/", b"")),
    "an upgrade that nobody speaks": (
        get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
        ("GET", "/", b"")),
    "an upgrade with a body": (
        post("Connection: Upgrade", "Upgrade: h2c", "Content-Length: 5") + b"hello", ("POST", "/",
            b"hello")),
    "a WebSocket with POST is none": (
        post("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 5") + b"hello", ("POST",
            "/", b"hello")),
    "underscores for hyphens": (
        post("Transfer_Encoding: chunked", "Content-Length: 5") + b"hello", ("POST", "/",
            b"hello")),
    "a name that only looks the same": (
        post("Transfer-Encoding-: chunked", "XContent-Length: 9", "Content-Length: 5") + b"hello",
        ("POST", "/", b"hello")),
    "an empty line first": (b"\r\n" + get(), ("GET", "/", b"")),
    "two empty lines first": (b"\r\n\r\n" + get(), ("GET", "/", b"")),
    "an absolute target": (get(target="http://b.test/x"), ("GET", "/x", b"")),
    "an absolute target without a path": (get(target="http://b.test"), ("GET", "/", b"")),
    "many slashes": (get(target="//b.test//x"), ("GET", "/b.test/x", b"")),
    "dot segments": (get(target="/a/../x/./y"), ("GET", "/x/y", b"")),
    "a target in a query": (get(target="/x?http://b.test/../%2f%00"), ("GET",
        "/x?http://b.test/../%2f%00", b"")),
    "a method of nobody": (head("SPACEJUMP / HTTP/1.1", "Host: a"), ("SPACEJUMP", "/", b"")),
    "a method in small letters": (head("get / HTTP/1.1", "Host: a"), ("get", "/", b"")),
    "a host with a port": (head("GET / HTTP/1.1", "Host: a:65535"), ("GET", "/", b"")),
    "a host that is an address": (head("GET / HTTP/1.1", "Host: [::1]:80"), ("GET", "/", b"")),
    "all octets of a value": (
        get("X: " + "".join(map(chr, [9, *range(0x20, 0x7F), *range(0x80, 0x100)]))), ("GET", "/",
            b"")),
    "a value of nothing": (get("X:"), ("GET", "/", b"")),
    "99 fields": (get(*["X: 1"] * 97), ("GET", "/", b"")),
}  # fmt: skip


@pytest.fixture
def door(gateway, reading_app):
    return gateway.plain


def statuses(octets):
    """Of the answers in what a client heard; nothing that they carry here looks like one."""
    return [int(part[:3]) for part in octets.split(b"HTTP/1.1 ")[1:] if part[:2] != b"\r\n"]


async def all_that_comes(door, octets):
    """What is heard behind these octets until the other side hangs up, which it does."""
    async with connection(door) as raw:
        with contextlib.suppress(ConnectionError):
            await raw.send(octets)
        return await raw.end()


def expected(status):
    return status if isinstance(status, tuple) else (status,)


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_ambiguous_is_refused_and_hung_up_on(door, reading_app, name):
    octets, status = REFUSED[name]
    heard = statuses(await all_that_comes(door, octets + HIDDEN * 3))
    assert len(heard) == 1 and heard[0] in expected(status), heard
    assert not reading_app.requests and not reading_app.garbage


@pytest.mark.parametrize("name", ANSWERED)
async def test_a_body_that_nobody_wanted_is_no_request(door, reading_app, name):
    octets, status = ANSWERED[name]
    behind = b"" if b"0\r\n\r\n" in octets else HIDDEN
    async with connection(door) as raw:
        with contextlib.suppress(ConnectionError):
            await raw.send(octets + behind + head("GET /next HTTP/1.1", "Host: a",
                "Connection: close"))
        heard = [status for status in statuses(await raw.end()) if status != 100]
    assert heard and heard[0] in expected(status), heard
    assert "/hidden" not in [target for _, target, *_ in reading_app.requests]
    assert not reading_app.garbage


@pytest.mark.parametrize("name", BROKEN)
async def test_a_body_that_breaks_never_ends_as_if_it_were_whole(door, reading_app, name):
    octets = BROKEN[name]
    heard = statuses(await all_that_comes(door, octets + HIDDEN * 3))
    assert len(heard) == 1 and heard[0] in (400, 413, 431), heard
    assert len(reading_app.requests) <= 1
    for _, target, _, is_whole in reading_app.requests:
        assert target != "/hidden" and not is_whole, reading_app.requests


@pytest.mark.parametrize("name", UNDERSTOOD)
async def test_what_is_unusual_is_understood_as_it_was_meant(door, reading_app, name):
    octets, (method, target, body) = UNDERSTOOD[name]
    async with connection(door) as raw:
        await raw.send(octets + NEXT)
        assert (await raw.answer(method.upper())).status == 200
        assert (await raw.answer()).body == b"/next"
    assert [tuple(request) for request in reading_app.requests] == [
        (method, target, body, True),
        ("GET", "/next", b"", True),
    ]
    assert not reading_app.garbage


async def test_an_absolute_target_says_which_host_is_meant(door, reading_app):
    """RFC 9112, section 3.2.2: whatever `Host` says."""
    async with connection(door) as raw:
        await raw.send(get(target="http://b.test/x"))
        assert (await raw.answer()).status == 200
    assert reading_app.heads[0]["host"] == "b.test"
    assert reading_app.heads[0]["x-forwarded-host"] == "b.test"
