import Bytes
import HTTP
import HTTP1
import Randomness
import Testing

@Suite("Bodies")
struct BodyDecoderTests {
    @Test("a body of known length ends after it, whatever follows")
    func length() {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<20 {
            for pieces in cuts(of: [UInt8]("0123456789GET /".utf8), using: &generator) {
                let outcome = BodyOutcome(.length(10), pieces)
                #expect(outcome.data == [UInt8]("0123456789".utf8))
                #expect(outcome.trailers == [])
                #expect(outcome.consumed == 10)
            }
        }
    }

    @Test("a body without octets is complete from the start and gives no event")
    func empty() throws {
        for framing in [BodyFraming.none, .length(0)] {
            var decoder = BodyDecoder(framing)
            #expect(decoder.isComplete)
            var index = 0
            let event = try decoder.decode("GET /".utf8.span, at: &index)
            #expect(event == nil)
            #expect(index == 0)
            try decoder.inputEnded()
        }
    }

    @Test("what is missing of a body is known where its framing says so")
    func missing() throws {
        for (framing, expected) in [
            (BodyFraming.none, 0), (.length(0), 0), (.length(9), 9), (.chunked, nil),
            (.untilClose, nil),
        ] as [(BodyFraming, Int?)] {
            #expect(BodyDecoder(framing).remainingCount == expected)
        }
        var decoder = BodyDecoder(.length(9))
        var index = 0
        for expected in [6, 3, 0] {
            index = 0
            _ = try decoder.decode("abc".utf8.span, at: &index)
            #expect(decoder.remainingCount == expected)
        }
        _ = try decoder.decode("".utf8.span, at: &index)
        #expect(decoder.isComplete && decoder.remainingCount == 0)
    }

    @Test("a body until the end of the connection is complete with it")
    func untilClose() throws {
        var decoder = BodyDecoder(.untilClose)
        var index = 0
        guard case .data(0..<3) = try decoder.decode("abc".utf8.span, at: &index) else {
            Issue.record("no data")
            return
        }
        #expect(index == 3)
        let event = try decoder.decode("abc".utf8.span, at: &index)
        #expect(event == nil)
        #expect(!decoder.isComplete)
        try decoder.inputEnded()
        #expect(decoder.isComplete)
    }

    @Test("a connection that ends early leaves the body incomplete, for ever")
    func incomplete() throws {
        for framing in [BodyFraming.length(4), .chunked] {
            var decoder = BodyDecoder(framing)
            var index = 0
            _ = try decoder.decode("3\r\n".utf8.span, at: &index)
            #expect(throws: BodyError.incomplete) { try decoder.inputEnded() }
            #expect(throws: BodyError.incomplete) { try decoder.inputEnded() }
            #expect(throws: BodyError.incomplete) {
                try decoder.decode("3\r\n".utf8.span, at: &index)
            }
        }
    }

    @Test("every error has a status and a sentence", arguments: BodyError.allCases)
    func errors(error: BodyError) {
        #expect([400, 413, 431].contains(error.status))
        #expect(error.message.hasSuffix("."))
    }
}

@Suite("Chunked bodies")
struct ChunkedDecoderTests {
    static let accepted: [(String, String, [String])] = [
        ("0\r\n\r\n", "", []),
        ("5\r\nhello\r\n0\r\n\r\n", "hello", []),
        ("3\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n", "abc0123456789", []),
        ("a;x=\"y;z\"\r\n0123456789\r\n0;last\r\n\r\n", "0123456789", []),
        ("1 \t;x\r\na\r\n0\r\n\r\n", "a", []),
        ("000000000000001\r\na\r\n0\r\n\r\n", "a", []),
        ("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", []),
        ("0\r\nX-Sum: 1 \r\nX-b:\r\n\r\n", "", ["X-Sum=1 other", "X-b= other"]),
        (
            "0\r\nContent-Length: 1\r\nX: y\r\nHost: a\r\nAuthorization: b\r\nX-Auth-User: 1\r\n"
                + "Set-Cookie: c\r\nContent-Range: d\r\nTransfer-Encoding: e\r\n\r\n", "",
            ["X=y other"]
        ),
    ]

    @Test("are decoded in any cuts, up to their end", arguments: accepted)
    func accepts(text: String, data: String, trailers: [String]) {
        var generator = SeededGenerator(seed: 12)
        let octets = [UInt8]((text + "GET /").utf8)
        for _ in 0..<20 {
            for pieces in cuts(of: octets, using: &generator) {
                let outcome = BodyOutcome(.chunked, pieces)
                #expect(outcome.data == [UInt8](data.utf8))
                #expect(outcome.trailers == trailers)
                #expect(outcome.error == nil)
                #expect(outcome.consumed == text.utf8.count)
            }
        }
    }

    static let refused: [(String, BodyError)] = [
        ("\r\n", .malformedChunk), ("x\r\n", .malformedChunk), ("-1\r\n", .malformedChunk),
        ("0x1\r\n", .malformedChunk), (" 1\r\n", .malformedChunk), ("1 \r\n", .malformedChunk),
        ("1 1\r\n", .malformedChunk), ("1\na\r\n", .malformedChunk), ("1\r\r\n", .malformedChunk),
        ("1\r\nab\r\n", .malformedChunk), ("1\r\na\n", .malformedChunk),
        ("1\r\na\rX", .malformedChunk), (";x\r\n", .malformedChunk),
        ("1;x\n", .malformedChunk), ("1;\u{0}\r\n", .malformedChunk), ("1;x\rX", .malformedChunk),
        ("1000000000000000\r\n", .chunkTooLarge), ("0000000000000001\r\n", .chunkTooLarge),
        ("fffffffffffffffff\r\n", .chunkTooLarge),
        ("0\r\n x: y\r\n\r\n", .malformedTrailers), ("0\r\nx : y\r\n\r\n", .malformedTrailers),
        ("0\r\nx: y\n\r\n", .malformedTrailers), ("0\r\n\n", .malformedTrailers),
        ("1;" + String(repeating: "x", count: 256) + "\r\n", .extensionsTooLarge),
        ("1" + String(repeating: " ", count: 257), .extensionsTooLarge),
        (
            String(
                repeating: "1;" + String(repeating: "x", count: 199) + "\r\na\r\n", count: 21),
            .extensionsTooLarge
        ),
        ("0\r\n" + String(repeating: "x: y\r\n", count: 51) + "\r\n", .trailersTooLarge),
        ("0\r\nx: " + String(repeating: "y", count: 8190), .trailersTooLarge),
    ]

    @Test("that are not exactly RFC 9112 §7.1 are refused", arguments: refused.indices)
    func refuses(row: Int) {
        let (text, error) = Self.refused[row]
        var generator = SeededGenerator(seed: 13)
        for pieces in cuts(of: [UInt8](text.utf8), using: &generator) {
            #expect(BodyOutcome(.chunked, pieces).error == error, "\(text.prefix(80))")
        }
    }

    @Test("extensions and trailers are accepted up to their limits")
    func limits() {
        let line = "1;" + String(repeating: "x", count: 255) + "\r\na\r\n"
        let trailers = String(repeating: "x: y\r\n", count: 50)
        let text = String(repeating: line, count: 16) + "0\r\n" + trailers + "\r\n"
        let outcome = BodyOutcome(.chunked, [[UInt8](text.utf8)[...]])
        #expect(outcome.error == nil)
        #expect(outcome.data.count == 16)
        #expect(outcome.trailers?.count == 50)
        for (count, error) in [(8185, nil), (8186, BodyError.trailersTooLarge)] {
            let text = "0\r\nx: " + String(repeating: "y", count: count) + "\r\n\r\n"
            let outcome = BodyOutcome(.chunked, [[UInt8](text.utf8)[...]])
            #expect(outcome.error == error)
            #expect(outcome.trailers?.count == (error == nil ? 1 : nil))
        }
    }

    @Test("a decoder stays dead after an error")
    func staysDead() {
        var decoder = ChunkedDecoder()
        for text in ["z", "0\r\n\r\n", ""] {
            var index = 0
            #expect(throws: BodyError.malformedChunk) {
                try decoder.decode(text.utf8.span, at: &index)
            }
        }
    }
}
