import HTTP
import HTTP1
import Testing

/// What ends a connection, and what goes on as something else.
@Suite("Connections of a server: ends")
struct ServerConnectionEndTests {
    static let bad =
        "-> HTTP/1.1 400 Bad Request|Content-Length: 2|Connection: close||no"

    static let errors = [
        Talk(
            "what is no HTTP is answered, and that is the end",
            [.client("GET\r\n\r\n" + Said.get), .ask, .answer(400, "no"), .ask],
            [
                "error 400", "waits answer, owes, last", Self.bad,
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "the error is that of the second request, behind the answer to the first",
            [
                .client(Said.get + "GET / HTTP/3.0\r\n"), .answer(200, "ok"), .answer(505, "no"),
                .ask,
            ],
            [
                Heard.get, Heard.ok, "error 505",
                "-> HTTP/1.1 505 HTTP Version Not Supported"
                    + "|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "two lengths are none",
            [
                .client(
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + Said.get), .want(9),
                .ask, .answer(400, "no"), .ask,
            ],
            [
                "error 400", "waits answer, owes, last", Self.bad,
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "a HEAD whose length is malformed is answered as one",
            [
                .client("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"),
                .answer(400, "no"),
            ],
            [
                "error 400", "-> HTTP/1.1 400 Bad Request|Content-Length: 2|Connection: close||",
            ]),
        Talk(
            "a head has bounds", limits: HeadLimits(size: 60, fieldCount: 3, targetSize: 5),
            [
                .client("GET /abcde HTTP/1.1\r\n"), .answer(414, ""), .ask,
            ],
            [
                "error 414",
                "-> HTTP/1.1 414 URI Too Long|Content-Length: 0|Connection: close||",
                "waits nothing, last, leavingRest",
            ]),
    ]

    static let times = [
        Talk(
            "who has not begun is not spoken to",
            [.giveUp, .ask], ["no", "waits nothing, last, finished"]),
        Talk(
            "half a head is answered",
            [.client("GET / HT"), .ask, .giveUp, .ask, .answer(408, "no"), .ask],
            [
                "waits head", "waits answer, owes, last",
                "-> HTTP/1.1 408 Request Timeout|Content-Length: 2|Connection: close||no",
                "waits nothing, last, finished",
            ]),
        Talk(
            "and half a body", unreadSize: 9,
            [
                .client(Said.post(3, "a")), .want(3), .giveUp, .client("bc"), .answer(408, "no"),
                .ask,
            ],
            [
                "POST /p length(3)", "data a",
                "-> HTTP/1.1 408 Request Timeout|Content-Length: 2|Connection: close||no",
                "waits nothing, last, finished",
            ]),
        Talk(
            "a request that is whole is not given up",
            [.client(Said.get), .want(0), .giveUp, .ask, .answer(200, "ok"), .ask],
            [
                Heard.get, "end", "waits answer, owes, takes nothing", Heard.ok,
                "waits request, idle",
            ]),
        Talk(
            "an answer under way is not given twice",
            [
                .client(Said.post(3, "a")), .want(3), .head(200, length: 1), .giveUp, .data("x"),
                .end, .ask,
            ],
            [
                "POST /p length(3)", "data a",
                "-> HTTP/1.1 200 OK|Content-Length: 1|Connection: close||", "no", "-> x",
                "waits nothing, last, finished",
            ]),
    ]

    static let leaving = [
        Talk(
            "between requests", [.client(Said.get), .answer(200, "ok"), .clientEnds, .ask],
            [Heard.get, Heard.ok, "waits nothing, last, finished"]),
        Talk(
            "within a head", [.client("GET / HT"), .clientEnds, .ask],
            ["waits nothing, last, finished"]),
        Talk(
            "within a body",
            [.client(Said.post(3, "a")), .want(3), .clientEnds, .ask, .answer(400, "no"), .ask],
            [
                "POST /p length(3)", "data a", "error 400", "waits answer, owes, last", Self.bad,
                "waits nothing, last, finished",
            ]),
        Talk(
            "behind a request: it is answered",
            [.client(Said.get), .want(0), .clientEnds, .ask, .answer(200, "ok"), .ask],
            [
                Heard.get, "end", "waits answer, owes, last, takes nothing", Heard.okLast,
                "waits nothing, last, finished",
            ]),
        Talk(
            "behind a request of whose body nobody has said a word: it is answered",
            [.client(Said.get), .clientEnds, .ask, .want(0), .answer(200, "ok"), .ask],
            [
                Heard.get, "waits answer, owes, last, takes nothing", "end", Heard.okLast,
                "waits nothing, last, finished",
            ]),
        Talk(
            "behind a CONNECT that is refused",
            [
                .client("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), .clientEnds,
                .answer(405, ""), .ask,
            ],
            [
                "CONNECT a:1 none",
                "-> HTTP/1.1 405 Method Not Allowed|Content-Length: 0|Connection: close||",
                "waits nothing, last, finished",
            ]),
        Talk(
            "within a body that nobody wants", unreadSize: 9,
            [.client(Said.post(3, "a")), .answer(200, "ok"), .clientEnds, .ask],
            ["POST /p length(3)", Heard.ok, "waits nothing, last, finished"]),
        Talk(
            "behind the last answer",
            [.client(Said.post(3, "a")), .answer(200, "ok"), .ask, .clientEnds, .ask],
            [
                "POST /p length(3)", Heard.okLast, "waits nothing, last, leavingRest",
                "waits nothing, last, finished",
            ]),
    ]

    static let ends = [
        Talk(
            "finish ends what is idle, and what has only begun to come",
            [.client("GET / HT"), .finish, .ask, .client("TP/1.1\r\nHost: a\r\n\r\n")],
            ["waits nothing, last, finished"]),
        Talk(
            "finish lets a request be answered",
            [.client(Said.get), .finish, .ask, .answer(200, "ok"), .ask],
            [
                Heard.get, "waits answer, owes, last, takes nothing", Heard.okLast,
                "waits nothing, last, finished",
            ]),
        Talk(
            "an answer that is cut can be told from a whole one",
            [
                .client(Said.get), .head(200, length: nil), .data("x"), .cut, .data("y"), .end,
                .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 200 OK|Transfer-Encoding: chunked||", "-> 1|x|", "no", "no",
                "waits nothing, last, cut(needsReset: false)",
            ]),
        Talk(
            "where the end of the connection would be that of the body, by a reset only",
            [.client(Said.getOld), .head(200, length: nil), .data("x"), .cut, .ask],
            [
                Heard.get, "-> HTTP/1.1 200 OK|Connection: close||", "-> x",
                "waits nothing, last, cut(needsReset: true)",
            ]),
    ]

    static let handshakes = [
        Talk(
            "behind a handshake that is refused nothing is HTTP",
            [.client(upgrade), .makeLastAndMore, .answer(403, "no"), .client(Said.get), .ask],
            [
                Heard.get, "-> HTTP/1.1 403 Forbidden|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "unless its client has sent all it will",
            [.client(upgrade), .clientEnds, .makeLastAndMore, .answer(403, "no"), .ask],
            [
                Heard.get, "-> HTTP/1.1 403 Forbidden|Content-Length: 2|Connection: close||no",
                "waits nothing, last, finished",
            ]),
        Talk(
            "what comes behind one that succeeds is read",
            [
                .client(upgrade), .makeLastAndMore, .head(101, length: nil), .client("raw"),
                .hangUp, .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 101 Switching Protocols|Connection: Upgrade||",
                "octets raw", "waits nothing, last, tunnel, finished",
            ]),
        Talk(
            "a tunnel may end before its client does",
            [
                .client(upgrade), .head(101, length: nil), .makeLastAndMore, .hangUp,
                .client("raw"), .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 101 Switching Protocols|Connection: Upgrade||",
                "waits nothing, last, tunnel, leavingRest",
            ]),
    ]

    static let silence = [
        Talk(
            "between requests", [.client(Said.get), .answer(200, "ok"), .hangUp, .ask],
            [Heard.get, Heard.ok, "waits nothing, last, finished"]),
        Talk(
            "before an answer, which is not given any more",
            [.client(Said.post(3, "a")), .want(3), .hangUp, .client("b"), .answer(200, ""), .ask],
            ["POST /p length(3)", "data a", "no", "waits nothing, last, finished"]),
        Talk(
            "within an answer, which goes no further",
            [
                .client(Said.get), .head(200, length: 3), .data("a"), .hangUp, .data("b"), .end,
                .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 200 OK|Content-Length: 3||", "-> a", "no", "no",
                "waits nothing, last, finished",
            ]),
        Talk(
            "within an answer that the end of the connection would make whole",
            [
                .client("GET / HTTP/1.0\r\n\r\n"), .head(200, length: nil), .data("a"), .hangUp,
                .ask,
            ],
            [
                "GET / none", "-> HTTP/1.1 200 OK|Connection: close||", "-> a",
                "waits nothing, last, cut(needsReset: true)",
            ]),
        Talk(
            "and where an end is known already, it stays that",
            [.client(Said.post(3, "a")), .answer(404, "no"), .hangUp, .ask],
            [
                "POST /p length(3)",
                "-> HTTP/1.1 404 Not Found|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
    ]

    static let upgrade = Said.get("Connection: keep-alive, Upgrade\r\nUpgrade: x")

    static let tunnels = [
        Talk(
            "a 101 is the last that is HTTP",
            [
                .client(upgrade + Said.get), .head(101, length: 3, ["Upgrade: x"]), .ask,
                .data("raw"), .client("more"), .end, .answer(200, "ok"), .giveUp, .ask, .finish,
                .ask,
            ],
            [
                Heard.get, "-> HTTP/1.1 101 Switching Protocols|Upgrade: x|Connection: Upgrade||",
                "octets " + Said.get, "waits nothing, tunnel", "-> raw", "octets more", "no", "no",
                "no", "waits nothing, tunnel", "waits nothing, last, tunnel, finished",
            ]),
        Talk(
            "who did not ask is not switched",
            [
                .client(Said.get("Upgrade: x") + Said.get), .head(101, length: nil),
                .answer(200, "ok"), .head(101, length: nil), .ask,
            ],
            [
                Heard.get, "no", Heard.ok, Heard.get, "no",
                "waits answer, owes, takes nothing",
            ]),
        Talk(
            "nor HTTP/1.0, nor who has still a body to send",
            [
                .client(Said.get("Connection: keep-alive, Upgrade\r\nUpgrade: x", version: "1.0")),
                .head(101, length: nil), .answer(200, "ok"),
            ],
            [
                Heard.get, "no",
                "-> HTTP/1.1 200 OK|Content-Length: 2|Connection: keep-alive||ok",
            ]),
        Talk(
            "a body comes before the switch",
            [
                .client(
                    "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n"
                        + "Content-Length: 1\r\n\r\n"), .want(1), .head(101, length: nil),
                .client("ab"), .head(101, length: nil),
            ],
            [
                "POST / length(1)", "no", "data a", "end",
                "-> HTTP/1.1 101 Switching Protocols|Connection: Upgrade||", "octets b",
            ]),
        Talk(
            "a switch that is refused is an answer like any other",
            [.client(upgrade + Said.get), .answer(200, "ok"), .ask],
            [Heard.get, Heard.ok, Heard.get, "waits answer, owes, takes nothing"]),
        Talk(
            "CONNECT opens a tunnel, without any framing",
            [
                .client("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 9\r\n\r\nraw"), .ask,
                .head(200, length: 3), .ask,
            ],
            [
                "CONNECT a:1 none", "waits answer, owes, takes nothing, held 3",
                "-> HTTP/1.1 200 OK||", "octets raw", "waits nothing, tunnel",
            ]),
        Talk(
            "behind a CONNECT that is refused nothing is HTTP",
            [
                .client("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" + Said.get),
                .answer(405, "no"), .ask,
            ],
            [
                "CONNECT a:1 none",
                "-> HTTP/1.1 405 Method Not Allowed|Content-Length: 2|Connection: close||no",
                "waits nothing, last, leavingRest",
            ]),
        Talk(
            "a tunnel is cut at once",
            [.client(upgrade), .head(101, length: nil), .cut, .client("x"), .data("y"), .ask],
            [
                Heard.get, "-> HTTP/1.1 101 Switching Protocols|Connection: Upgrade||", "no",
                "waits nothing, last, tunnel, cut(needsReset: false)",
            ]),
    ]

    @Test("by requests that cannot be read", arguments: errors)
    func fails(talk: Talk) { talk.check() }

    @Test("by time", arguments: times)
    func givesUp(talk: Talk) { talk.check() }

    @Test("by the client, who leaves", arguments: leaving)
    func leaves(talk: Talk) { talk.check() }

    @Test("by their owner", arguments: ends)
    func finishes(talk: Talk) { talk.check() }

    @Test("by handshakes, behind which nothing is a request", arguments: handshakes)
    func leavesRest(talk: Talk) { talk.check() }

    @Test("by silence, because nobody listens", arguments: silence)
    func hangsUp(talk: Talk) { talk.check() }

    @Test("and tunnels", arguments: tunnels)
    func switches(talk: Talk) { talk.check() }

    @Test("a head keeps the limits it began with, the next has others")
    func newLimits() throws {
        var connection = ServerConnection(limits: .request)
        let octets = [UInt8](Said.get.utf8)
        var index = 0
        #expect(try connection.receive(octets.span.extracting(0..<5), at: &index) == nil)
        connection.use(HeadLimits(size: 10))
        index = 0
        let rest = octets.span.extracting(5..<octets.count)
        guard case .head = try connection.receive(rest, at: &index) else {
            Issue.record("no head came")
            return
        }
        var output: [UInt8] = []
        #expect(connection.beginHead(status: 204, to: &output))
        #expect(connection.endHead(length: nil, to: &output) && connection.end(to: &output))
        connection.use(HeadLimits(size: 10))
        index = 0
        #expect(throws: RequestError.self) {
            _ = try connection.receive(octets.span, at: &index)
        }
    }

    @Test("octets of bodies are counted, framing and discarded ones included")
    func counts() throws {
        var connection = ServerConnection(limits: .request, unreadSize: 100)
        var output: [UInt8] = []
        for isWanted in [true, false] {
            let before = connection.bodyCount
            let octets = [UInt8](Said.chunked("3\r\nabc\r\n0\r\n\r\n").utf8)
            var index = 0
            _ = try connection.receive(octets.span, at: &index)
            #expect(connection.bodyCount == before)
            if isWanted { try connection.wantBody() } else { connection.discardBody() }
            while try connection.receive(octets.span, at: &index) != nil {}
            #expect(connection.bodyCount - before == 13)
            #expect(connection.beginHead(status: 204, to: &output))
            #expect(connection.endHead(length: nil, to: &output) && connection.end(to: &output))
        }
    }
}
