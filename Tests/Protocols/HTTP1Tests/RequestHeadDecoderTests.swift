import Bytes
import HTTP
import HTTP1
import Randomness
import Testing

@Suite("Request heads")
struct RequestHeadDecoderTests {
    static let browser =
        "GET /ws/admin?store_id=17 HTTP/1.1\r\nHost: app.example.kr:8443\r\n"
        + "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\nx-empty:\r\n"
        + "X-Blanks: \t two words \t \r\nX-Text: caf\u{E9} 가\r\nCookie: a=1; b=2\r\n\r\n"

    @Test("a head is read whole, in single octets and in random cuts, alone and with a body after")
    func cutsAndTrailing() throws {
        var generator = SeededGenerator(seed: 1)
        let fields = [
            "Host=app.example.kr:8443 host",
            "User-Agent=Mozilla/5.0 (X11; Linux x86_64) userAgent",
            "Accept=*/* accept", "x-empty= other", "X-Blanks=two words other",
            "X-Text=caf\u{E9} 가 other", "Cookie=a=1; b=2 cookie",
        ]
        for _ in 0..<50 {
            for pieces in cuts(of: [UInt8](Self.browser.utf8), using: &generator) {
                let outcome = HeadOutcome(requests: pieces)
                #expect(outcome.heads == [["GET", "/ws/admin?store_id=17", "1"] + fields])
                #expect(outcome.error == nil)
                #expect(outcome.isIdle)
            }
        }
        var decoder = RequestHeadDecoder(limits: .request)
        let input = [UInt8]((Self.browser + "body").utf8)
        var index = 0
        let head = try #require(try decoder.decode(input.span, at: &index))
        #expect(index == input.count - 4)
        #expect(head.fields.bytes == Array(input[..<index]))
    }

    @Test("heads follow one another, with an empty line or two between")
    func keepAlive() {
        var generator = SeededGenerator(seed: 2)
        let stream =
            "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nPOST /b HTTP/1.0\r\n\r\n"
            + "OPTIONS * HTTP/1.1\r\nhost: b\r\n\r\n"
        for pieces in cuts(of: [UInt8](stream.utf8), using: &generator) {
            let outcome = HeadOutcome(requests: pieces)
            #expect(outcome.heads.map { $0[1] } == ["/a", "/b", "*"])
            #expect(outcome.consumed == stream.utf8.count)
            #expect(outcome.isIdle)
        }
    }

    @Test("a decoder is idle until the first octet of a request, and after its last")
    func idle() throws {
        var decoder = RequestHeadDecoder(limits: .request)
        for (text, isIdle) in [
            ("", true), ("\r\n", true), ("G", false), ("ET / HTTP/1.0\r\n", false), ("\r", false),
            ("\n", true),
        ] {
            var index = 0
            _ = try decoder.decode(text.utf8.span, at: &index)
            #expect(index == text.utf8.count)
            let found = decoder.isIdle
            #expect(found == isIdle, "after '\(text.debugDescription)'")
        }
    }

    static let refused: [(String, HeadError)] = [
        // Request lines.
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedStartLine),
        ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .malformedStartLine),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedStartLine),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .malformedStartLine),
        ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .malformedStartLine),
        ("GET /\r\n\r\n", .malformedStartLine),
        ("GET\r\n\r\n", .malformedStartLine),
        ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedStartLine),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", .malformedStartLine),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .malformedStartLine),
        ("GET / HTTP/1\r\nHost: a\r\n\r\n", .malformedStartLine),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", .malformedStartLine),
        ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .malformedStartLine),
        ("\n", .malformedStartLine),
        ("\rG", .malformedStartLine),
        ("\r\n\r\n\r\n", .malformedStartLine),
        ("\u{16}\u{3}\u{1}", .malformedStartLine),
        ("GET / HTTP/1.2\r\n", .unsupportedVersion),
        ("GET / HTTP/3.0\r\n", .unsupportedVersion),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        (String(repeating: "M", count: 33), .methodTooLong),
        // Targets.
        ("GET /\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("GET /\u{E9} HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("GET /\u{0} HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("CONNECT [::1] HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .illegalTarget),
        // Fields.
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .malformedField),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\r\n\rX", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{0}b\r\n\r\n", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7F}b\r\n\r\n", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\r\nX(y): x\r\n\r\n", .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\r\n가: x\r\n\r\n", .malformedField),
        // Hosts.
        ("GET / HTTP/1.1\r\n\r\n", .missingHost),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", .repeatedHost),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .repeatedHost),
        ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", .illegalHost),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .illegalHost),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .illegalHost),
        ("GET / HTTP/1.0\r\nHost: u@a\r\n\r\n", .illegalHost),
    ]

    @Test("what is not exactly HTTP/1.x is refused, however it is cut", arguments: refused)
    func refuses(text: String, error: HeadError) {
        var generator = SeededGenerator(seed: 3)
        for pieces in cuts(of: [UInt8](text.utf8), using: &generator) {
            let outcome = HeadOutcome(requests: pieces)
            #expect(outcome.error == error)
            #expect(outcome.heads.isEmpty)
        }
    }

    static let accepted = [
        "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET http://a HTTP/1.1\r\nHost: b\r\n\r\n",
        "GET HTTPS://[::1]:80?x HTTP/1.1\r\nHost: b\r\n\r\n",
        "CONNECT [::1]:443 HTTP/1.1\r\nHost: b\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
        "M-SEARCH /\"<>\\^`{|} HTTP/1.1\r\nHost: b\r\n\r\n",
    ]

    @Test("all forms of a target are accepted with their methods", arguments: accepted)
    func accepts(text: String) throws {
        #expect(try requestHead(text) != nil)
    }

    @Test("a decoder stays dead after an error and lets nothing else through")
    func staysDead() {
        var decoder = RequestHeadDecoder(limits: .request)
        for text in ["GET / HTTP/9.9\r\n", "GET / HTTP/1.0\r\n\r\n", "", "\r\n"] {
            var index = 0
            #expect(throws: HeadError.unsupportedVersion) {
                try decoder.decode(text.utf8.span, at: &index)
            }
            let isIdle = decoder.isIdle
            #expect(!isIdle)
        }
        var refusing = RequestHeadDecoder(limits: .request)
        for text in ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"] {
            var index = 0
            #expect(throws: HeadError.missingHost) {
                try refusing.decode(text.utf8.span, at: &index)
            }
        }
    }
}
