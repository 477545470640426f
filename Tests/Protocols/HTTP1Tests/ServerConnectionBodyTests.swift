import HTTP1
import Testing

/// Bodies of requests: wanted, waited for, unread.
@Suite("Connections of a server: bodies")
struct ServerConnectionBodyTests {
    static let bodies = [
        Talk(
            "a body is not read before it is wanted",
            [
                .client(Said.post(3, "abc") + Said.get), .ask, .want(3), .ask, .answer(200, "ok"),
                .want(0),
            ],
            [
                "POST /p length(3)", "waits answer, owes, takes nothing, held 30", "data abc",
                "end", "waits answer, owes, takes nothing, held 27", Heard.ok, Heard.get, "end",
            ]),
        Talk(
            "while a body comes it is the client's turn",
            [.client(Said.post(3)), .want(3), .ask, .client("ab"), .ask, .client("c"), .ask],
            [
                "POST /p length(3)", "waits body, owes", "data ab", "waits body, owes", "data c",
                "end", "waits answer, owes, takes nothing",
            ]),
        Talk(
            "a chunked body has trailers",
            [
                .client(Said.chunked("2;x=y\r\nab\r\n1\r\nc\r\n0\r\nX-Sum: 1\r\n\r\n" + Said.get)),
                .want(3), .answer(200, "ok"),
            ],
            ["POST /p chunked", "data abc", "end X-Sum=1 other", Heard.ok, Heard.get]),
        Talk(
            "an empty body ends at once",
            [.client(Said.post(0)), .want(0), .answer(200, "ok"), .ask],
            ["POST /p length(0)", "end", Heard.ok, "waits request, idle"]),
        Talk(
            "an answer may begin while the body comes, and is the last then",
            [
                .client(Said.post(4, "ab")), .want(4), .head(200, length: nil), .client("c"),
                .data("x"), .client("d" + Said.get), .end, .ask,
            ],
            [
                "POST /p length(4)", "data ab",
                "-> HTTP/1.1 200 OK|Transfer-Encoding: chunked|Connection: close||", "data c",
                "-> 1|x|", "data d", "end", "-> 0||", "waits nothing, last, finished",
            ]),
        Talk(
            "an answer behind the last octet may go on, though the end was not told",
            [
                .client(Said.post(2, "a")), .want(2), .client("b"), .answer(200, "ok"),
                .client(Said.get),
            ],
            ["POST /p length(2)", "data ab", "end", Heard.ok, Heard.get]),
    ]

    static let sizes = [
        Talk(
            "a length that is too large is refused before an octet is read",
            [
                .client(Said.post(4, "abcd")), .want(3), .ask, .answer(413, "no"), .ask,
            ],
            [
                "POST /p length(4)", "error 413", "waits answer, owes, last",
                "-> HTTP/1.1 413 Content Too Large|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "a chunked body is refused where it becomes too large",
            [
                .client(Said.chunked("3\r\nabc\r\n")), .want(3), .client("1\r\nd\r\n"), .ask,
                .answer(413, "no"), .client(Said.get), .ask,
            ],
            [
                "POST /p chunked", "data abc", "error 413", "waits answer, owes, last",
                "-> HTTP/1.1 413 Content Too Large|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "a malformed chunk ends the request",
            [
                .client(Said.chunked("1\r\na\r\nx\r\n" + Said.get)), .want(9), .answer(400, "no"),
                .ask,
            ],
            [
                "POST /p chunked", "data a", "error 400",
                "-> HTTP/1.1 400 Bad Request|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "an error behind the head of an answer lets that come to its end",
            [
                .client(Said.chunked("1\r\na\r\n")), .want(9), .head(200, length: nil),
                .client("x"), .ask, .data("y"), .end, .ask,
            ],
            [
                "POST /p chunked", "data a",
                "-> HTTP/1.1 200 OK|Transfer-Encoding: chunked|Connection: close||", "error 400",
                "waits answer, last", "-> 1|y|", "-> 0||", "waits nothing, last, leavingRest",
            ]),
    ]

    static let expectations = [
        Talk(
            "who asks for leave gets it once the body is wanted",
            [
                .client(Said.post(2, expects: true)), .ask, .want(2), .ask, .goOn, .goOn, .ask,
                .client("ab"), .answer(200, "ok"), .ask,
            ],
            [
                "POST /p length(2)", "waits answer, owes, awaits 100, takes nothing",
                "waits answer, owes, awaits 100", Heard.goOn, "no", "waits body, owes", "data ab",
                "end", Heard.ok, "waits request, idle",
            ]),
        Talk(
            "leave that comes from elsewhere is leave",
            [
                .client(Said.post(2, expects: true)), .want(2), .head(100, length: nil), .goOn,
                .ask, .client("ab"), .answer(200, "ok"), .ask,
            ],
            [
                "POST /p length(2)", Heard.goOn, "no", "waits body, owes", "data ab", "end",
                Heard.ok, "waits request, idle",
            ]),
        Talk(
            "who does not wait for leave is not told",
            [
                .client(Said.post(2, expects: true)), .want(2), .client("a"), .goOn, .ask,
                .client("b"), .answer(200, "ok"),
            ],
            ["POST /p length(2)", "data a", "no", "waits body, owes", "data b", "end", Heard.ok]),
        Talk(
            "nor is who has only begun a chunk",
            [
                .client(
                    "POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n"), .want(2), .client("2"), .goOn,
                .ask, .client("\r\nab\r\n0\r\n\r\n"), .answer(200, "ok"),
            ],
            ["POST /p chunked", "no", "waits body, owes", "data ab", "end", Heard.ok]),
        Talk(
            "who is answered without leave ends, even where the body could be read away",
            unreadSize: 9,
            [.client(Said.post(2, expects: true)), .answer(404, "no"), .ask],
            [
                "POST /p length(2)",
                "-> HTTP/1.1 404 Not Found|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "and so does who was read on for",
            unreadSize: 9,
            [.client(Said.post(2, expects: true)), .want(2), .answer(404, "no"), .ask],
            [
                "POST /p length(2)",
                "-> HTTP/1.1 404 Not Found|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "HTTP/1.0 and requests without a body wait for nothing",
            [
                .client(Said.get("Expect: 100-continue")), .want(0), .goOn, .answer(200, "ok"),
                .client("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"),
                .want(1), .goOn, .ask,
            ],
            [Heard.get, "end", "no", Heard.ok, "POST / length(1)", "no", "waits body, owes, last"]),
    ]

    static let unread = [
        Talk(
            "a body that nobody wants ends the connection",
            [.client(Said.post(3, "a")), .answer(404, "no"), .client("bc" + Said.get), .ask],
            [
                "POST /p length(3)",
                "-> HTTP/1.1 404 Not Found|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "a short one is read away",
            unreadSize: 3,
            [
                .client(Said.post(3, "a")), .answer(404, "no"), .ask, .client("bc" + Said.get),
                .answer(200, "ok"), .ask,
            ],
            [
                "POST /p length(3)", "-> HTTP/1.1 404 Not Found|Content-Length: 2||no",
                "waits body", Heard.get, Heard.ok, "waits request, idle",
            ]),
        Talk(
            "a long one is not",
            unreadSize: 3,
            [.client(Said.post(4, "abcd")), .answer(404, "no"), .ask],
            [
                "POST /p length(4)",
                "-> HTTP/1.1 404 Not Found|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "a chunked one that turns out to be long ends it",
            unreadSize: 3,
            [
                .client(Said.chunked("3\r\nabc\r\n")), .answer(404, "no"), .ask,
                .client("1\r\nd\r\n0\r\n\r\n" + Said.get), .ask,
            ],
            [
                "POST /p chunked", "-> HTTP/1.1 404 Not Found|Content-Length: 2||no",
                "waits body", "waits nothing, last, leavingRest",
            ]),
        Talk(
            "and so does one that is malformed",
            unreadSize: 3,
            [.client(Said.chunked("x\r\n")), .answer(404, "no"), .ask],
            [
                "POST /p chunked", "-> HTTP/1.1 404 Not Found|Content-Length: 2||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "the rest of one that was wanted is read away, too",
            unreadSize: 3,
            [
                .client(Said.chunked("1\r\na\r\n")), .want(9), .answer(200, "ok"), .ask,
                .client("2\r\nbc\r\n0\r\n\r\n" + Said.get), .ask,
            ],
            [
                "POST /p chunked", "data a", Heard.ok, "waits body", Heard.get,
                "waits answer, owes, takes nothing",
            ]),
        Talk(
            "it is thrown away while the answer is still to come",
            unreadSize: 3,
            [
                .client(Said.post(3, "abc") + Said.get), .discard, .ask, .answer(404, "no"),
                .answer(200, "ok"), .ask,
            ],
            [
                "POST /p length(3)", "waits answer, owes, takes nothing, held 27",
                "-> HTTP/1.1 404 Not Found|Content-Length: 2||no", Heard.get, Heard.ok,
                "waits request, idle",
            ]),
        Talk(
            "nobody waits for the rest before the last answer ends",
            unreadSize: 3,
            [.client(Said.post(3, "a")), .makeLast, .answer(404, "no"), .ask],
            [
                "POST /p length(3)",
                "-> HTTP/1.1 404 Not Found|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "a client that does not send the rest in time is waited for no longer",
            unreadSize: 3,
            [.client(Said.post(3, "a")), .answer(404, "no"), .giveUp, .ask],
            [
                "POST /p length(3)", "-> HTTP/1.1 404 Not Found|Content-Length: 2||no", "no",
                "waits nothing, last, finished",
            ]),
    ]

    static let lacking = [
        Talk(
            "a length is counted down",
            [
                .client(Said.post(3)), .askBody, .want(3), .askBody, .client("ab"), .askBody,
                .client("c"), .askBody, .answer(200, "ok"), .askBody,
            ],
            [
                "POST /p length(3)", "lacks 3", "lacks 3", "data ab", "lacks 1", "data c", "end",
                "lacks nothing", Heard.ok, "lacks nothing",
            ]),
        Talk(
            "nobody knows what is left of chunks",
            [
                .client(Said.chunked("1\r\na\r\n")), .want(3), .askBody, .client("0\r\n\r\n"),
                .askBody,
            ],
            ["POST /p chunked", "data a", "lacks more", "end", "lacks nothing"]),
        Talk(
            "what is declined is not lacking",
            [.client(Said.post(3, "a")), .want(3), .discard, .askBody, .client("bc"), .askBody],
            ["POST /p length(3)", "data a", "lacks nothing", "lacks nothing"]),
        Talk(
            "nor is what is read away",
            unreadSize: 9, [.client(Said.post(3, "a")), .want(3), .discard, .askBody],
            ["POST /p length(3)", "data a", "lacks nothing"]),
        Talk(
            "nor what never comes",
            [.client(Said.post(3, "a")), .want(3), .clientEnds, .askBody],
            ["POST /p length(3)", "data a", "error 400", "lacks nothing"]),
        Talk(
            "nor anything of a request without a body, or of none",
            [.askBody, .client(Said.get), .askBody, .want(3), .askBody, .answer(200, "ok")],
            [
                "lacks nothing", Heard.get, "lacks nothing", "end", "lacks nothing", Heard.ok,
            ]),
    ]

    @Test("lack what is still to come of them", arguments: lacking)
    func lacks(talk: Talk) { talk.check() }

    @Test(
        "leave is for who waits and has something to send",
        arguments: [
            (Said.post(2, expects: true), true), (Said.post(2, "a", expects: true), false),
            (Said.get("Expect: 100-continue"), false), (Said.post(0, expects: true), false),
        ])
    func waits(request: String, isWaiting: Bool) throws {
        var connection = ServerConnection(limits: .request)
        var index = 0
        let octets = [UInt8](request.utf8)
        _ = try connection.receive(octets.span, at: &index)
        #expect(connection.awaitsContinue == isWaiting)
        try connection.wantBody()
        var output: [UInt8] = []
        #expect(connection.appendContinue(to: &output) == isWaiting)
        #expect(output.isEmpty != isWaiting)
    }

    @Test("are read when they are wanted", arguments: bodies)
    func reads(talk: Talk) { talk.check() }

    @Test("have a size", arguments: sizes)
    func limits(talk: Talk) { talk.check() }

    @Test("may wait for leave", arguments: expectations)
    func expects(talk: Talk) { talk.check() }

    @Test("are read away or end the connection", arguments: unread)
    func discards(talk: Talk) { talk.check() }
}
