import HTTP
import HTTP1

/// What goes wrong, ends, comes early, or stops being HTTP.
extension ClientConnectionTests {
    static let errors: [Row] = [
        Row(
            "what is no HTTP", [.get(), .server("SSH-2.0-server||"), .ask, .get()],
            [
                asking, "error head(HTTP1.HeadError.malformedStartLine)",
                "begun, sent, no rest: responseUnfinished", "no: spent",
            ]),
        Row(
            "two lengths",
            [.get(), .server("HTTP/1.1 200 OK|Content-Length: 1|Content-Length: 1||a")],
            [asking, "error head(HTTP1.HeadError.conflictingFraming)"]),
        Row(
            "a length and chunks",
            [
                .get(),
                .server("HTTP/1.1 200 OK|Content-Length: 1|Transfer-Encoding: chunked||a"),
            ],
            [asking, "error head(HTTP1.HeadError.conflictingFraming)"]),
        Row(
            "a chunk that is none",
            [
                .get(), .server("HTTP/1.1 200 OK|Transfer-Encoding: chunked||1|a|x"), .ask,
                .serverEnds,
            ],
            [
                asking, "200 chunked", "data a", "error body(HTTP1.BodyError.malformedChunk)",
                "head, sent, no rest: responseUnfinished", "ended idle",
            ]),
        Row(
            "a head that is too large",
            [.get(), .server("HTTP/1.1 200 OK|Server: 0123456789012345678901234567890123456789")],
            [asking, "error head(HTTP1.HeadError.headTooLarge)"],
            limits: .init(head: HeadLimits(size: 40, fieldCount: 9))),
        Row(
            "too many fields",
            [.get(), .server("HTTP/1.1 200 OK|A: 1|B: 2|C: 3||")],
            [asking, "error head(HTTP1.HeadError.tooManyFields)"],
            limits: .init(head: HeadLimits(size: 400, fieldCount: 2))),
        Row(
            "octets before any request", [.server("HTTP/1.1 200 OK||"), .ask, .get()],
            ["error unasked", "nothing, no rest: surplus", "no: spent"]),
        Row(
            "octets behind the answer",
            [.get(), .server("HTTP/1.1 200 OK|Content-Length: 1||ab"), .ask, .get()],
            [
                asking, "200 length(1)", "data a", "end", "error unasked",
                "whole, sent, no rest: surplus", "no: spent",
            ]),
        Row(
            "a whole answer that nobody asked for",
            [
                .get(), .server("HTTP/1.1 204 OK||"),
                .server("HTTP/1.1 200 OK|Content-Length: 0||"),
                .ask,
            ],
            [asking, "204 none", "end", "error unasked", "whole, sent, no rest: surplus"]),
    ]

    static let ends: [Row] = [
        Row(
            "before any request", [.serverEnds, .ask, .get()],
            ["ended idle", "nothing, over, no rest: ended", "no: spent"]),
        Row(
            "between two", [.get(), .server("HTTP/1.1 204 OK||"), .serverEnds, .ask, .get()],
            [
                asking, "204 none", "end", "ended idle", "whole, sent, over, no rest: ended",
                "no: spent",
            ]),
        Row(
            "before an answer", [.get(), .serverEnds, .ask, .server("x"), .get()],
            [
                asking, "ended unanswered", "nothing, sent, over, no rest: ended",
                "error ended", "no: spent",
            ]),
        Row(
            "within a head", [.get(), .server("HTTP/1.1 2"), .serverEnds, .ask],
            [asking, "ended early", "begun, sent, over, no rest: ended"]),
        Row(
            "behind an informational head",
            [.get(), .server("HTTP/1.1 103 A||"), .breaks, .ask],
            [asking, "103", "broke early", "informational, sent, over, no rest: ended"]),
        Row(
            "within a length",
            [.get(), .server("HTTP/1.1 200 OK|Content-Length: 2||a"), .serverEnds, .ask],
            [
                asking, "200 length(2)", "data a", "ended truncated",
                "head, sent, over, no rest: ended",
            ]),
        Row(
            "within chunks",
            [.get(), .server("HTTP/1.1 200 OK|Transfer-Encoding: chunked||1|a|"), .serverEnds],
            [asking, "200 chunked", "data a", "ended truncated"]),
        Row(
            "of a body that it frames", [.get(), .server("HTTP/1.1 200 OK||"), .serverEnds],
            [asking, "200 untilClose", "ended complete"]),
        Row(
            "by a break no body is framed", [.get(), .server("HTTP/1.1 200 OK||a"), .breaks, .ask],
            [
                asking, "200 untilClose", "data a", "broke truncated",
                "head, sent, over, no rest: untilClose",
            ]),
        Row(
            "of a tunnel",
            [
                .request(.init(.get, upgrade: "x")), .server("HTTP/1.1 101 A|Upgrade: x||"),
                .serverEnds, .breaks, .ask,
            ],
            [
                "-> GET / HTTP/1.1|Host: a|Upgrade: x|Connection: Upgrade||", "tunnel 101",
                "ended tunnel", "broke tunnel", "tunnel, under way, sent, over, no rest: ended",
            ]),
        Row(
            "before the request was sent to its end",
            [.post(.known(2)), .serverEnds, .ask],
            [posting, "ended unanswered", "nothing, wants body, over, no rest: ended"]),
    ]

    static let early: [Row] = [
        Row(
            "an answer before the request was whole: the rest may still be sent",
            [
                .post(.known(2)), .server("HTTP/1.1 413 Big|Content-Length: 1||x"), .ask,
                .data("ab"),
                .end, .sent(), .ask, .get(),
            ],
            [
                posting, "413 length(1)", "data x", "end",
                "whole, under way, wants body, no rest: answeredEarly", "-> ab",
                "whole, sent, no rest: answeredEarly", "no: spent",
            ]),
        Row(
            "or not",
            [
                .post(.unknown), .server("HTTP/1.1 413 Big|Content-Length: 0||"), .abandon,
                .ask, .data("ab"),
            ],
            [
                "-> POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked||", "413 length(0)", "end",
                "whole, under way, no rest: answeredEarly", "no: outOfOrder",
            ]),
        Row(
            "an answer to octets that wait to be sent is early, too",
            [
                .post(.known(2)), .data("ab"), .end, .sent(),
                .server("HTTP/1.1 200 OK|Content-Length: 0||", unsent: 1), .ask,
            ],
            [posting, "-> ab", "200 length(0)", "end", "whole, sent, no rest: answeredEarly"]),
        Row(
            "a connection that takes no more may have answered before",
            [
                .post(.known(4)), .data("ab"), .sent(isTaken: false), .ask,
                .server("HTTP/1.1 413 Big|Content-Length: 0||"), .ask,
            ],
            [
                "-> POST / HTTP/1.1|Host: a|Content-Length: 4||", "-> ab",
                "nothing, under way, no rest: requestBroken", "413 length(0)", "end",
                "whole, under way, no rest: requestBroken",
            ]),
        Row(
            "it may give up on what it took",
            [.get(), .sendFails, .server("HTTP/1.1 200 OK|Content-Length: 0||"), .ask],
            [asking, "200 length(0)", "end", "whole, sent, no rest: requestBroken"]),
        Row(
            "a head of which nothing was taken was seen by nobody",
            [.begin(.init(.post, body: .known(2))), .endHead, .sent(isTaken: false), .ask],
            [
                "-> POST / HTTP/1.1|", "-> Content-Length: 2||",
                "nothing, under way, wants body, refused, no rest: requestBroken",
            ]),
        Row(
            "an answer to half a head",
            [.begin(.init(.get)), .server("HTTP/1.1 408 Slow|Content-Length: 0||"), .ask],
            [
                "-> GET / HTTP/1.1|", "408 length(0)", "end",
                "whole, under way, no rest: answeredEarly",
            ]),
    ]

    static let expecting = "-> PUT / HTTP/1.1|Host: a|Content-Length: 2|Expect: 100-continue||"
    static let put = RequestOutline(.put, body: .known(2), expectsContinue: true)

    static let expectations: [Row] = [
        Row(
            "100 asks for the body",
            [
                .request(put), .ask, .server("HTTP/1.1 103 E||"), .ask, .server("HTTP/1.1 100 C||"),
                .ask, .data("ab"), .end, .sent(), .server("HTTP/1.1 200 OK|Content-Length: 0||"),
                .ask,
            ],
            [
                expecting,
                "nothing, under way, wants body, awaits 100, no rest: requestUnfinished", "103",
                "informational, under way, wants body, awaits 100, no rest: requestUnfinished",
                "100", "informational, under way, wants body, no rest: requestUnfinished", "-> ab",
                "200 length(0)", "end", "whole, sent, open",
            ]),
        Row(
            "who does not wait for it may send",
            [.request(put), .data("a"), .ask],
            [expecting, "-> a", "nothing, under way, wants body, no rest: requestUnfinished"]),
        Row(
            "a final answer says that nobody wants it",
            [.request(put), .server("HTTP/1.1 417 No|Content-Length: 0||"), .ask, .abandon, .ask],
            [
                expecting, "417 length(0)", "end",
                "whole, under way, wants body, no rest: answeredEarly",
                "whole, under way, no rest: answeredEarly",
            ]),
        Row(
            "nobody waits behind the end of a request that was given up",
            [.request(put), .abandon, .ask],
            [expecting, "nothing, under way, no rest: requestUnfinished"]),
    ]

    static let offering = "-> GET / HTTP/1.1|Host: a|Upgrade: websocket|Connection: Upgrade||"
    static let offer = RequestOutline(.get, upgrade: "websocket")

    static let tunnels: [Row] = [
        Row(
            "a switch leaves alone what stands behind it",
            [
                .request(offer),
                .server("HTTP/1.1 101 S|Upgrade: WebSocket|X: 1||HTTP/1.1 200 OK||"),
                .ask, .server("more"), .get(),
            ],
            [
                offering, "tunnel 101", "left HTTP/1.1 200 OK\r\n\r\n",
                "tunnel, under way, sent, no rest: responseUnfinished", "left more",
                "no: outOfOrder",
            ]),
        Row(
            "informational heads may come before it",
            [.request(offer), .server("HTTP/1.1 103 E||HTTP/1.1 101 S|Upgrade: websocket||")],
            [offering, "103", "tunnel 101"]),
        Row(
            "an offer may be declined",
            [.request(offer), .server("HTTP/1.1 200 OK|Content-Length: 0||"), .ask],
            [offering, "200 length(0)", "end", "whole, sent, open"]),
        Row(
            "a switch that nobody offered", [.get(), .server("HTTP/1.1 101 S|Upgrade: x||"), .ask],
            [asking, "error unaskedSwitch", "begun, sent, no rest: responseUnfinished"]),
        Row(
            "to another protocol", [.request(offer), .server("HTTP/1.1 101 S|Upgrade: h2c||")],
            [offering, "error unaskedSwitch"]),
        Row(
            "to none", [.request(offer), .server("HTTP/1.1 101 S||")],
            [offering, "error unaskedSwitch"]),
        Row(
            "an offer is forgotten with its request",
            [
                .request(offer), .server("HTTP/1.1 204 OK||"), .get(),
                .server("HTTP/1.1 101 S|Upgrade: websocket||"),
            ],
            [offering, "204 none", "end", asking, "error unaskedSwitch"]),
        Row(
            "before the request is whole",
            [
                .request(.init(.post, body: .known(1), upgrade: "x")),
                .server("HTTP/1.1 101 S|Upgrade: x||"),
            ],
            [
                "-> POST / HTTP/1.1|Host: a|Content-Length: 1|Upgrade: x|Connection: Upgrade||",
                "error unaskedSwitch",
            ]),
        Row(
            "CONNECT opens a tunnel with any 2xx, whatever its fields say of a body",
            [
                .request(.init(.connect), target: "a:1"),
                .server("HTTP/1.1 200 OK|Content-Length: 3||abc"),
            ],
            ["-> CONNECT a:1 HTTP/1.1|Host: a||", "tunnel 200", "left abc"]),
        Row(
            "and with nothing else",
            [
                .request(.init(.connect), target: "a:1"),
                .server("HTTP/1.1 407 No|Content-Length: 3||abc"), .ask,
            ],
            [
                "-> CONNECT a:1 HTTP/1.1|Host: a||", "407 length(3)", "data abc", "end",
                "whole, sent, open",
            ]),
    ]
}
