import Bytes
import HTTP
import HTTP1
import Testing

@Suite("Writing heads")
struct HeadEncoderTests {
    @Test("a request that was written is read again")
    func requestRoundTrip() throws {
        let original = try request("X-Thing: \t a b", "Cookie:c")
        var output: [UInt8] = []
        #expect(HeadEncoder.appendRequestLine(method: "GET", target: "/x?y=1", to: &output))
        for line in original.fields.lines {
            HeadEncoder.appendField(copying: line, of: original.fields, to: &output)
        }
        #expect(HeadEncoder.appendField(name: "X-New", value: "가\t1", to: &output))
        HeadEncoder.appendEnd(to: &output)
        let text =
            "GET /x?y=1 HTTP/1.1\r\nHost: a\r\nX-Thing: a b\r\nCookie: c\r\nX-New: 가\t1\r\n\r\n"
        #expect(output == [UInt8](text.utf8))
        #expect(HeadOutcome(requests: [output[...]]).heads.count == 1)
    }

    @Test("a response that was written is read again")
    func responseRoundTrip() throws {
        var output: [UInt8] = []
        HeadEncoder.appendStatusLine(status: 431, to: &output)
        HeadEncoder.appendEnd(to: &output)
        HeadEncoder.appendStatusLine(status: 299, reason: "Fine", to: &output)
        HeadEncoder.appendEnd(to: &output)
        HeadEncoder.appendStatusLine(status: 799, to: &output)
        HeadEncoder.appendEnd(to: &output)
        HeadEncoder.appendStatusLine(status: 200, reason: "O\r\nK", to: &output)
        HeadEncoder.appendEnd(to: &output)
        let received = try #require(try responseHead("HTTP/1.0 200 Tout va bien\r\n\r\n"))
        HeadEncoder.appendStatusLine(of: received, to: &output)
        HeadEncoder.appendEnd(to: &output)
        #expect(
            HeadOutcome(responses: [output[...]]).heads == [
                ["431", "Request Header Fields Too Large", "1"], ["299", "Fine", "1"],
                ["799", "", "1"], ["200", "", "1"], ["200", "Tout va bien", "1"],
            ])
    }

    static let refused: [(String, String)] = [
        ("", "x"), ("X Y", "x"), ("X:", "x"), ("X\r\n", "x"), ("가", "x"), ("X", "a\r\nY: b"),
        ("X", "a\nb"), ("X", "a\rb"), ("X", "a\u{0}b"), ("X", "\u{7F}"), ("X", "\u{1B}"),
    ]

    @Test("a field that would split the head is not written", arguments: refused)
    func refusesSplitting(name: String, value: String) {
        var output: [UInt8] = []
        #expect(!HeadEncoder.appendField(name: name, value: value, to: &output))
        #expect(!HeadEncoder.appendField(name: name, value: value.utf8.span, to: &output))
        #expect(output.isEmpty)
    }

    @Test(
        "a request line that would split the head is not written",
        arguments: [
            ("GET", "/ HTTP/1.1\r\n"), ("GET", ""), ("", "/"), ("G T", "/"), ("GET", "/\u{E9}"),
        ])
    func refusesRequestLines(method: String, target: String) {
        var output: [UInt8] = []
        #expect(!HeadEncoder.appendRequestLine(method: method, target: target, to: &output))
        #expect(output.isEmpty)
    }

    @Test("chunks that were written are read again")
    func chunks() {
        var output: [UInt8] = []
        for piece in ["hello", String(repeating: "x", count: 300)] {
            HeadEncoder.appendChunkHeader(size: piece.utf8.count, to: &output)
            output += Array(piece.utf8)
            HeadEncoder.appendChunkEnd(to: &output)
        }
        var plain = output
        HeadEncoder.appendLastChunk(to: &plain)
        let outcome = BodyOutcome(.chunked, [plain[...]])
        #expect(outcome.data.count == 305)
        #expect(outcome.trailers == [])
        HeadEncoder.appendLastChunk(trailers: Fields([("X-Sum", "1")]), to: &output)
        #expect(BodyOutcome(.chunked, [output[...]]).trailers == ["X-Sum=1 other"])
    }

    @Test("statuses that the gateway answers with have a phrase")
    func phrases() {
        for status in [101, 200, 204, 308, 400, 401, 403, 404, 405, 408, 409, 413, 414, 426, 429] {
            #expect(!ReasonPhrase.standard(for: status).isEmpty, "\(status)")
        }
        for status in [431, 500, 501, 502, 503, 504, 505] {
            #expect(!ReasonPhrase.standard(for: status).isEmpty, "\(status)")
        }
        #expect(ReasonPhrase.standard(for: 299).isEmpty)
        #expect(ReasonPhrase.standard(for: 499).isEmpty)
    }
}

@Suite("Hop-by-hop fields")
struct HopByHopTests {
    /// The names that travel on.
    static func kept(_ pairs: [(name: String, value: String)]) -> [String] {
        let fields = Fields(pairs)
        let hopByHop = HopByHop(fields)
        return fields.lines.filter { !hopByHop.isDropped($0, of: fields) }
            .map { fields.bytes.text($0.name) }
    }

    @Test("end here, as does what Connection names")
    func dropped() {
        let kept = Self.kept([
            ("Host", "a"), ("Connection", "keep-alive, X-Hop , close"), ("Keep-Alive", "timeout=5"),
            ("Proxy-Connection", "x"), ("TE", "trailers"), ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"), ("Proxy-Authorization", "x"), ("Proxy-Authenticate", "x"),
            ("x-hop", "1"), ("X-HOP", "2"), ("X-Hop-Not", "3"), ("Trailer", "X-Sum"),
            ("connection", "x-other"), ("X-Other", "4"), ("Cookie", "c"), ("Close", "5"),
        ])
        #expect(kept == ["Host", "X-Hop-Not", "Trailer", "Cookie", "Close"])
    }

    @Test("Connection cannot take away what the gateway acts upon or vouches for")
    func guarded() {
        let names = [
            "Host", "Content-Length", "Content-Type", "Cookie", "Authorization", "X-Forwarded-For",
            "X-Forwarded-Port", "X-Auth-User", "X-Client-Id", "X-Session-Id", "X-Request-Id",
            "Cache-Control", "Content-Range", "Set-Cookie", "Origin", "Sec-WebSocket-Key",
        ]
        let nominated = names.joined(separator: ", ") + ", X-Mine"
        let kept = Self.kept(
            [("Connection", nominated), ("X-Mine", "")] + names.map { (name: $0, value: "x") })
        #expect(kept == names)
    }

    @Test("more names than anybody lists are not looked for")
    func bounded() {
        let names = (0..<40).map { "X-\($0)" }
        let kept = Self.kept(
            [("Connection", names.joined(separator: ","))] + names.map { (name: $0, value: "x") })
        #expect(kept == Array(names[32...]))
    }

    @Test("nothing else ends here without Connection")
    func withoutConnection() {
        #expect(Self.kept([("X-A", "1"), ("Upgrade", "x")]) == ["X-A"])
    }
}
