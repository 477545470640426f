import HTTP1
import Testing

/// Requests and answers one behind the other: which is read when, how answers are framed, and
/// whether the connection goes on.
@Suite("Connections of a server: answers")
struct ServerConnectionTests {
    static let persistence = [
        Talk(
            "one request after the other",
            [
                .ask, .client(Said.get), .want(0), .ask, .answer(200, "ok"), .ask,
                .client(Said.get), .answer(200, "ok"),
            ],
            [
                "waits request, idle", Heard.get, "end", "waits answer, owes, takes nothing",
                Heard.ok, "waits request, idle", Heard.get, Heard.ok,
            ]),
        Talk(
            "a request that is pipelined is not read before the one in front is answered",
            [
                .client(Said.get + Said.head + Said.get), .ask, .want(9), .ask,
                .answer(200, "ok"), .ask, .answer(200, "ok"), .answer(200, "ok"), .ask,
            ],
            [
                Heard.get, "waits answer, owes, takes nothing, held 55", "end",
                "waits answer, owes, takes nothing, held 55", Heard.ok, "HEAD / none",
                "waits answer, owes, takes nothing, held 27",
                "-> HTTP/1.1 200 OK|Content-Length: 2||", Heard.get, Heard.ok,
                "waits request, idle",
            ]),
        Talk(
            "empty lines between requests are nothing",
            [.client("\r\n" + Said.get), .answer(200, "ok"), .client("\r\n"), .ask],
            [Heard.get, Heard.ok, "waits request, idle"]),
        Talk(
            "the client says close",
            [.client(Said.get("Connection: close") + Said.get), .answer(200, "ok"), .ask],
            [Heard.get, Heard.okLast, "waits nothing, last, finished"]),
        Talk(
            "HTTP/1.0 ends unless it says keep-alive",
            [
                .client(Said.get("Connection: keep-alive", version: "1.0")), .answer(200, "ok"),
                .ask, .client(Said.getOld), .answer(200, "ok"), .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 200 OK|Content-Length: 2|Connection: keep-alive||ok",
                "waits request, idle", Heard.get, Heard.okLast, "waits nothing, last, finished",
            ]),
        Talk(
            "the server makes it the last",
            [.makeLast, .ask, .client(Said.get + Said.get), .answer(200, "ok"), .ask],
            [
                "waits request, idle, last", Heard.get, Heard.okLast,
                "waits nothing, last, finished",
            ]),
        Talk(
            "the server makes it the last behind the head of the answer",
            [
                .client(Said.get), .head(200, length: 1), .makeLast, .data("x"), .end, .ask,
                .client(Said.get),
            ],
            [
                Heard.get, "-> HTTP/1.1 200 OK|Content-Length: 1||", "-> x",
                "waits nothing, last, finished",
            ]),
    ]

    static let framing = [
        Talk(
            "an unknown length is chunked",
            [
                .client(Said.get), .head(200, length: nil, ["A: b"]), .data("hello, world, 16+"),
                .data(""), .data("x"), .end, .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 200 OK|A: b|Transfer-Encoding: chunked||",
                "-> 11|hello, world, 16+|", "-> 1|x|", "-> 0||", "waits request, idle",
            ]),
        Talk(
            "trailers go behind chunks only",
            [
                .client(Said.get + Said.get), .head(200, length: nil), .trailers("X-Sum: 1"),
                .head(200, length: 0), .trailers("X-Sum: 1"),
            ],
            [
                Heard.get, "-> HTTP/1.1 200 OK|Transfer-Encoding: chunked||", "-> 0|X-Sum: 1||",
                Heard.get, "-> HTTP/1.1 200 OK|Content-Length: 0||",
            ]),
        Talk(
            "to HTTP/1.0 the end of the connection is the end of the body",
            [
                .client(Said.get("Connection: keep-alive", version: "1.0")),
                .head(200, length: nil), .data("x"), .data("y"), .end, .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 200 OK|Connection: close||", "-> x", "-> y",
                "waits nothing, last, finished",
            ]),
        Talk(
            "HEAD is answered as GET, without the body",
            [
                .client(Said.head + Said.head),
                .answer(200, "hello"), .head(200, length: nil), .data("x"), .end, .ask,
            ],
            [
                "HEAD / none", "-> HTTP/1.1 200 OK|Content-Length: 5||", "HEAD / none",
                "-> HTTP/1.1 200 OK||", "waits request, idle",
            ]),
        Talk(
            "204 has neither length nor body, 304 only a length",
            [
                .client(Said.get + Said.get + Said.get), .answer(204, "no"), .answer(304, "four"),
                .head(304, length: nil), .end, .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 204 No Content||", Heard.get,
                "-> HTTP/1.1 304 Not Modified|Content-Length: 4||", Heard.get,
                "-> HTTP/1.1 304 Not Modified||", "waits request, idle",
            ]),
        Talk(
            "informational answers come in front",
            [
                .client(Said.get), .head(103, length: 7, ["Link: x"]), .ask,
                .head(199, length: nil), .answer(200, "ok"), .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 103 Early Hints|Link: x||",
                "waits answer, owes, takes nothing", "-> HTTP/1.1 199 ||", Heard.ok,
                "waits request, idle",
            ]),
        Talk(
            "HTTP/1.0 knows no informational answers",
            [.client(Said.getOld), .head(103, length: nil), .answer(200, "ok")],
            [Heard.get, "no", Heard.okLast]),
        Talk(
            "Upgrade is named by Connection, whatever else that says",
            [
                .client(Said.get + Said.get("Connection: close")),
                .head(426, length: 0, ["Upgrade: x"], upgrade: true), .end,
                .head(426, length: 0, upgrade: true), .end,
            ],
            [
                Heard.get,
                "-> HTTP/1.1 426 Upgrade Required|Upgrade: x|Content-Length: 0"
                    + "|Connection: Upgrade||",
                Heard.get,
                "-> HTTP/1.1 426 Upgrade Required|Content-Length: 0"
                    + "|Connection: Upgrade, close||",
            ]),
    ]

    static let forbidden = [
        Talk(
            "nothing is said to nobody",
            [
                .answer(200, "ok"), .head(103, length: nil), .data("x"), .end, .goOn,
                .client(Said.get), .data("x"), .end, .ask,
            ],
            [
                "no", "no", "no", "no", "no", Heard.get, "no", "no",
                "waits answer, owes, takes nothing",
            ]),
        Talk(
            "a request is answered once",
            [
                .client(Said.get), .answer(200, "ok"), .answer(200, "ok"), .end,
                .client(Said.get), .head(200, length: 2), .answer(200, "ok"), .data("ok"), .end,
            ],
            [
                Heard.get, Heard.ok, "no", "no", Heard.get,
                "-> HTTP/1.1 200 OK|Content-Length: 2||", "no", "-> ok",
            ]),
        Talk(
            "no more goes out than the length said",
            [
                .client(Said.get), .head(200, length: 2), .data("o"), .data("ko"), .data("k"),
                .data("!"), .end, .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 200 OK|Content-Length: 2||", "-> o", "no", "-> k", "no",
                "waits request, idle",
            ]),
        Talk(
            "a body that is shorter than its length ends the connection",
            [
                .client(Said.get + Said.get), .head(200, length: 2), .data("o"), .end, .data("k"),
                .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 200 OK|Content-Length: 2||", "-> o", "no", "no",
                "waits nothing, last, cut(needsReset: false)",
            ]),
        Talk(
            "a status has three digits",
            [.client(Said.get), .head(99, length: 0), .head(1000, length: 0), .answer(200, "ok")],
            [Heard.get, "no", "no", Heard.ok]),
    ]

    @Test("go on or end", arguments: persistence)
    func persists(talk: Talk) { talk.check() }

    @Test("frame their answers", arguments: framing)
    func frames(talk: Talk) { talk.check() }

    @Test("say only what may be said", arguments: forbidden)
    func refuses(talk: Talk) { talk.check() }
}
