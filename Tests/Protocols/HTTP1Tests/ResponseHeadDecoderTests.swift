import Bytes
import HTTP
import HTTP1
import Randomness
import Testing

@Suite("Response heads")
struct ResponseHeadDecoderTests {
    static let accepted: [(String, [String])] = [
        ("HTTP/1.1 200 OK\r\n\r\n", ["200", "OK", "1"]),
        ("HTTP/1.0 404 Not Found\r\n\r\n", ["404", "Not Found", "0"]),
        ("HTTP/1.1 200 \r\n\r\n", ["200", "", "1"]),
        ("HTTP/1.1 200\r\n\r\n", ["200", "", "1"]),
        ("HTTP/1.1 999 가\t!\r\n\r\n", ["999", "가\t!", "1"]),
        (
            "HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a\r\nSet-Cookie:b \r\n\r\n",
            ["200", "OK", "1", "Server=x server", "Set-Cookie=a other", "Set-Cookie=b other"]
        ),
    ]

    @Test("are read in any cuts", arguments: accepted)
    func accepts(text: String, head: [String]) {
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<20 {
            for pieces in cuts(of: [UInt8](text.utf8), using: &generator) {
                let outcome = HeadOutcome(responses: pieces)
                #expect(outcome.heads == [head])
                #expect(outcome.isIdle)
            }
        }
    }

    @Test("informational heads come like any other, before the final one")
    func informational() {
        let text =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.1 204\r\n\r\n"
        let outcome = HeadOutcome(responses: [[UInt8](text.utf8)[...]])
        #expect(outcome.heads.map { $0[0] } == ["100", "103", "204"])
    }

    static let refused: [(String, HeadError)] = [
        ("HTTP/1.1 20 OK\r\n\r\n", .malformedStartLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", .malformedStartLine),
        ("HTTP/1.1 099 OK\r\n\r\n", .malformedStartLine),
        ("HTTP/1.1  200 OK\r\n\r\n", .malformedStartLine),
        ("HTTP/1.1 200 OK\n\n", .malformedStartLine),
        ("HTTP/1.1 200\n", .malformedStartLine),
        ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .malformedStartLine),
        ("HTTP/1.1 200 OK\rX\r\n\r\n", .malformedStartLine),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", .malformedStartLine),
        ("<html>", .malformedStartLine),
        ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .malformedField),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .malformedField),
        ("HTTP/1.1 200 OK\r\nA: b\n\r\n", .malformedField),
    ]

    @Test("what is not exactly HTTP/1.x is refused, however it is cut", arguments: refused)
    func refuses(text: String, error: HeadError) {
        var generator = SeededGenerator(seed: 9)
        for pieces in cuts(of: [UInt8](text.utf8), using: &generator) {
            #expect(HeadOutcome(responses: pieces).error == error)
        }
    }

    @Test("a reason that fills the limit is refused")
    func tooLarge() {
        var generator = SeededGenerator(seed: 10)
        let text = "HTTP/1.1 200 " + String(repeating: "x", count: 100)
        for pieces in cuts(of: [UInt8](text.utf8), using: &generator) {
            let outcome = HeadOutcome(responses: pieces, limits: HeadLimits(size: 64))
            #expect(outcome.error == .headTooLarge)
        }
    }
}
