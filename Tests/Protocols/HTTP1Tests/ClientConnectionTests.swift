import HTTP
import HTTP1
import Testing

/// Dialogues over every state of a connection and everything that can happen in it.
@Suite struct ClientConnectionTests {
    struct Row: Sendable {
        var name: String
        var lines: [ClientLine]
        var heard: [String]
        var limits = ClientConnection.Limits()

        init(
            _ name: String, _ lines: [ClientLine], _ heard: [String],
            limits: ClientConnection.Limits = .init()
        ) {
            self.name = name
            self.lines = lines
            self.heard = heard
            self.limits = limits
        }
    }

    static let asking = "-> GET / HTTP/1.1|Host: a||"
    static let posting = "-> POST / HTTP/1.1|Host: a|Content-Length: 2||"

    static let requests: [Row] = [
        Row(
            "a request without a body is whole with its head", [.ask, .get("/x?y"), .ask],
            [
                "nothing, open", "-> GET /x?y HTTP/1.1|Host: a||",
                "nothing, under way, sent, no rest: responseUnfinished",
            ]),
        Row(
            "an empty body is told, and nothing of it is sent", [.post(.known(0)), .ask, .end],
            [
                "-> POST / HTTP/1.1|Host: a|Content-Length: 0||",
                "nothing, under way, sent, no rest: responseUnfinished", "no: outOfOrder",
            ]),
        Row(
            "a body of a known length goes as it is",
            [.post(.known(2)), .ask, .data("a"), .sent(), .ask, .data("b"), .end, .sent(), .ask],
            [
                posting, "nothing, under way, wants body, no rest: requestUnfinished", "-> a",
                "nothing, under way, wants body, no rest: requestUnfinished", "-> b",
                "nothing, under way, sent, no rest: responseUnfinished",
            ]),
        Row(
            "a body of unknown length goes in chunks",
            [.post(.unknown), .ask, .data("abc"), .data(""), .trailers("X-Sum: 1"), .sent(), .ask],
            [
                "-> POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked||",
                "nothing, under way, wants body, frames, no rest: requestUnfinished",
                "-> 3|abc|", "-> 0|X-Sum: 1||",
                "nothing, under way, sent, no rest: responseUnfinished",
            ]),
        Row(
            "trailers are left out behind a length",
            [.post(.known(2)), .data("ab"), .trailers("X-Sum: 1"), .sent(), .ask],
            [posting, "-> ab", "nothing, under way, sent, no rest: responseUnfinished"]),
        Row(
            "more than was promised is not sent, and ends the request",
            [.post(.known(2)), .data("abc"), .ask, .data("ab"), .end],
            [
                posting, "no: body(HTTP1.BodyMismatch.tooLong)",
                "nothing, under way, no rest: requestUnfinished", "no: outOfOrder",
                "no: outOfOrder",
            ]),
        Row(
            "less than was promised is no whole request",
            [.post(.known(2)), .data("a"), .end, .ask],
            [
                posting, "-> a", "no: body(HTTP1.BodyMismatch.tooShort)",
                "nothing, under way, no rest: requestUnfinished",
            ]),
        Row(
            "a head has to end before anything else",
            [
                .begin(.init(.post, body: .known(1))), .data("a"), .end, .get(), .endHead, .endHead,
                .data("a"),
            ],
            [
                "-> POST / HTTP/1.1|", "no: outOfOrder", "no: outOfOrder", "no: outOfOrder",
                "-> Content-Length: 1||", "no: outOfOrder", "-> a",
            ]),
        Row(
            "without a request there is nothing to send",
            [.endHead, .data("a"), .end, .trailers("X: 1"), .ask],
            Array(repeating: "no: outOfOrder", count: 4) + ["nothing, open"]),
        Row(
            "what would split a head is not sent, and leaves the connection as it is",
            [
                .get("/a b"), .get(""), .get("/\r\nX: 1"), .request(.init(.other("G T"))),
                .request(.init(.get, upgrade: "web socket")), .request(.init(.get, upgrade: "")),
                .ask, .get(),
            ],
            Array(repeating: "no: illegalHead", count: 6) + ["nothing, open", asking]),
        Row(
            "the last request says so",
            [.request(.init(.get, isLast: true)), .server("HTTP/1.1 204 OK||"), .ask, .get()],
            [
                "-> GET / HTTP/1.1|Host: a|Connection: close||", "204 none", "end",
                "whole, sent, no rest: askedToClose", "no: spent",
            ]),
        Row(
            "an offer is made, also with the last request",
            [
                .request(.init(.get, upgrade: "websocket")), .server("HTTP/1.1 204 OK||"),
                .request(.init(.get, upgrade: "websocket", isLast: true)),
            ],
            [
                "-> GET / HTTP/1.1|Host: a|Upgrade: websocket|Connection: Upgrade||", "204 none",
                "end",
                "-> GET / HTTP/1.1|Host: a|Upgrade: websocket|Connection: Upgrade, close||",
            ]),
        Row(
            "one request after the other, and only then",
            [
                .get(), .get("/2"), .server("HTTP/1.1 200 OK|Content-Length: 0||"), .ask,
                .get("/2"),
                .server("HTTP/1.1 200 OK|Content-Length: 1||x"), .ask,
            ],
            [
                asking, "no: outOfOrder", "200 length(0)", "end", "whole, sent, open",
                "-> GET /2 HTTP/1.1|Host: a||", "200 length(1)", "data x", "end",
                "whole, sent, open",
            ]),
    ]

    static let bodies: [Row] = [
        Row(
            "a head, data and an end, by length",
            [.get(), .server("HTTP/1.1 200 OK|Content-Length: 3||abc"), .ask],
            [asking, "200 length(3)", "data abc", "end", "whole, sent, open"]),
        Row(
            "in chunks, with trailers",
            [
                .get(),
                .server("HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ab|1|c|0|X-Sum: 1||"),
                .ask,
            ],
            [asking, "200 chunked", "data abc", "end X-Sum=1 other", "whole, sent, open"]),
        Row(
            "up to the end of the connection",
            [.get(), .server("HTTP/1.1 200 OK||ab"), .ask, .server("c"), .serverEnds, .ask],
            [
                asking, "200 untilClose", "data ab",
                "head, under way, sent, no rest: untilClose", "data c", "ended complete",
                "whole, sent, over, no rest: untilClose",
            ]),
        Row(
            "a HEAD is answered without one, whatever its length",
            [.request(.init(.head)), .server("HTTP/1.1 200 OK|Content-Length: 30||"), .ask],
            ["-> HEAD / HTTP/1.1|Host: a||", "200 none", "end", "whole, sent, watched"]),
        Row(
            "204 and 304 have none",
            [
                .get(), .server("HTTP/1.1 204 OK|Transfer-Encoding: chunked||"), .get(),
                .server("HTTP/1.1 304 OK|Content-Length: 3||"), .ask,
            ],
            [asking, "204 none", "end", asking, "304 none", "end", "whole, sent, watched"]),
        Row(
            "HTTP/1.0 ends its connection unless it says otherwise",
            [
                .get(), .server("HTTP/1.0 200 OK|Connection: keep-alive|Content-Length: 0||"), .ask,
                .get(), .server("HTTP/1.0 200 OK|Content-Length: 0||"), .ask, .get(),
            ],
            [
                asking, "200 length(0)", "end", "whole, sent, open", asking, "200 length(0)", "end",
                "whole, sent, no rest: saidClose", "no: spent",
            ]),
        Row(
            "informational responses come before",
            [
                .get(), .server("HTTP/1.1 103 Early|Link: x||"), .ask,
                .server("HTTP/1.1 102 Wait||HTTP/1.1 200 OK|Content-Length: 0||"), .ask,
            ],
            [
                asking, "103", "informational, under way, sent, no rest: responseUnfinished", "102",
                "200 length(0)", "end", "whole, sent, open",
            ]),
        Row(
            "one of them may say that the connection ends",
            [
                .get(), .server("HTTP/1.1 103 Early|Connection: close||"),
                .server("HTTP/1.1 200 OK|Content-Length: 0||"), .ask,
            ],
            [asking, "103", "200 length(0)", "end", "whole, sent, no rest: saidClose"]),
        Row(
            "what frames an informational response is not looked at",
            [
                .get(), .server("HTTP/1.1 103 E|Content-Length: 1|Content-Length: 2||"),
                .server("HTTP/1.1 200 OK|Content-Length: 0||"),
            ],
            [asking, "103", "200 length(0)", "end"]),
        Row(
            "there are not more of them than a bound",
            [
                .get(), .server("HTTP/1.1 102 A||HTTP/1.1 102 A||"), .ask,
                .server("HTTP/1.1 102 A||"), .ask,
            ],
            [
                asking, "102", "102", "informational, under way, sent, no rest: responseUnfinished",
                "error tooManyInformational",
                "informational, sent, no rest: responseUnfinished",
            ],
            limits: .init(informationalCount: 2)),
        Row(
            "the bound is for one response each",
            [
                .get(), .server("HTTP/1.1 102 A||HTTP/1.1 204 B||"), .get(),
                .server("HTTP/1.1 102 A||HTTP/1.1 204 B||"),
            ],
            [asking, "102", "204 none", "end", asking, "102", "204 none", "end"],
            limits: .init(informationalCount: 1)),
        Row(
            "a body that is too large is refused behind its head",
            [.get(), .server("HTTP/1.1 200 OK|Content-Length: 3||abc"), .ask],
            [
                asking, "200 length(3)", "error bodyTooLarge",
                "head, sent, no rest: responseUnfinished",
            ],
            limits: .init(bodySize: 2)),
        Row(
            "one that just fits is not, and room is made for the next",
            [
                .get(), .server("HTTP/1.1 200 OK|Content-Length: 2||ab"), .get(),
                .server("HTTP/1.1 200 OK|Transfer-Encoding: chunked||2|ab|0||"),
            ],
            [asking, "200 length(2)", "data ab", "end", asking, "200 chunked", "data ab", "end"],
            limits: .init(bodySize: 2)),
        Row(
            "a response to HEAD may speak of a large one",
            [.request(.init(.head)), .server("HTTP/1.1 200 OK|Content-Length: 30||")],
            ["-> HEAD / HTTP/1.1|Host: a||", "200 none", "end"], limits: .init(bodySize: 2)),
    ]

    static let rows = requests + bodies + errors + ends + early + expectations + tunnels

    @Test(arguments: rows.indices)
    func `a dialogue goes as it should, however the octets come`(index: Int) {
        let row = Self.rows[index]
        let whole = ClientDialogue.heard(row.lines, limits: row.limits)
        #expect(whole == row.heard, "\(row.name)")
        let octetByOctet = ClientDialogue.heard(row.lines, limits: row.limits) { octets in
            octets.indices.map { octets[$0...$0] }
        }
        #expect(octetByOctet == row.heard, "\(row.name), octet by octet")
        for cut in 1..<100 {
            let halves = ClientDialogue.heard(row.lines, limits: row.limits) { octets in
                cut < octets.count ? [octets[..<cut], octets[cut...]] : [octets[...]]
            }
            #expect(halves == row.heard, "\(row.name), cut at \(cut)")
        }
    }

    @Test func `a 408 on an idle connection is a goodbye`() {
        let goodbye = "HTTP/1.1 408 Request Timeout||"
        #expect(ClientDialogue.heard([.server(goodbye)]) == ["error unaskedTimeout"])
        let behind = [ClientLine.get(), .server("HTTP/1.1 204 OK||"), .server(goodbye)]
        #expect(ClientDialogue.heard(behind).last == "error unaskedTimeout")
    }

    // MARK: Questions

    /// What happens on a connection, and why its request is not sent once more: by somebody who has
    /// its body no more, and by somebody who has.
    static let repeats: [([ClientLine], [UpstreamUse.RetryObstacle?])] = [
        ([], [nil, nil]),
        ([.get()], [.newConnection, .newConnection]),
        (once + [.get()], [nil, nil]),
        (once + [.get(), .serverEnds], [nil, nil]),
        (once + [.get(), .server("H")], [.answered, .answered]),
        (once + [.get(), .server("HTTP/1.1 103 E||"), .breaks], [.answered, .answered]),
        (once + [.post(.none)], [.notIdempotent, .notIdempotent]),
        (
            once + [.begin(.init(.post, body: .known(1))), .endHead, .sent(isTaken: false)],
            [nil, nil]
        ),
        (once + [.request(.init(.put, body: .unknown))], [nil, nil]),
        (once + [.request(.init(.put, body: .unknown)), .data("a"), .sent()], [.bodyGone, nil]),
        (
            once + [.request(.init(.put, body: .known(1))), .data("a"), .end, .sent()],
            [.bodyGone, nil]
        ),
    ]
    private static let once = [ClientLine.get(), .server("HTTP/1.1 204 OK||")]

    @Test(arguments: repeats.indices)
    func `a request is sent once more where that does no harm`(index: Int) {
        let (lines, obstacles) = Self.repeats[index]
        var dialogue = ClientDialogue()
        for line in lines { dialogue.carryOut(line) { [$0[...]] } }
        #expect(dialogue.retryObstacles == obstacles)
    }

    @Test func `octets right behind an answer are known with its end, before they are asked for`()
        throws
    {
        for (surplus, rest) in [
            ("", .open), ("x", .refused(.surplus)),
        ] as [(String, UpstreamUse.Rest)] {
            var connection = ClientConnection()
            var output: [UInt8] = []
            try connection.beginHead(.init(.get), target: "/", to: &output)
            try connection.endHead(to: &output)
            connection.wasSent(isTaken: true)
            let input = [UInt8]("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab\(surplus)".utf8)
            var index = 0
            // A driver stops here: whom the next event is for is not known yet.
            for _ in ["head", "data", "end"] {
                _ = try connection.receive(input.span, at: &index)
            }
            #expect(connection.answer == .whole)
            #expect(connection.rest == rest)
        }
    }

    @Test func `what is kept of heads and trailers is counted, and let go of`() {
        var dialogue = ClientDialogue()
        let steps: [(ClientLine, Int)] = [
            (.get(), 0), (.server("HTTP/1.1 200"), 12),
            (.server(" OK|Transfer-Encoding: chunked||"), 0), (.server("1|a|0|X-Su"), 4),
            (.server("m: 1||"), 0), (.get(), 0), (.server("HTTP"), 4), (.server("?"), 0),
        ]
        for (line, count) in steps {
            dialogue.carryOut(line) { [$0[...]] }
            #expect(dialogue.keptCount == count, "\(line)")
        }
    }
}
