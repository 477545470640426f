import Bytes
import HTTP
import HTTP1
import Randomness
import Testing

@Suite("Limits of heads")
struct HeadLimitsTests {
    static let start = "GET / HTTP/1.0\r\n"

    /// A request head of exactly `size` octets.
    static func head(size: Int) -> [UInt8] {
        let filler = size - start.utf8.count - "X: \r\n\r\n".utf8.count
        return [UInt8]((start + "X: " + String(repeating: "x", count: filler) + "\r\n\r\n").utf8)
    }

    @Test("a head may be as long as the limit and no octet longer")
    func size() {
        var generator = SeededGenerator(seed: 4)
        let limits = HeadLimits(size: 100)
        for pieces in cuts(of: Self.head(size: 100), using: &generator) {
            let outcome = HeadOutcome(requests: pieces, limits: limits)
            #expect(outcome.heads.count == 1)
            #expect(outcome.error == nil)
        }
        for pieces in cuts(of: Self.head(size: 101), using: &generator) {
            let outcome = HeadOutcome(requests: pieces, limits: limits)
            #expect(outcome.error == .headTooLarge)
        }
    }

    @Test("a head that never ends is refused at the limit, not kept")
    func endless() {
        var decoder = RequestHeadDecoder(limits: HeadLimits(size: 4096))
        let line = [UInt8]((Self.start + "X: ").utf8)
        var index = 0
        #expect(throws: Never.self) { try decoder.decode(line.span, at: &index) }
        let filler = [UInt8](repeating: UInt8(ascii: "x"), count: 4096 - line.count - 1)
        index = 0
        #expect(throws: Never.self) { try decoder.decode(filler.span, at: &index) }
        index = 0
        let last: [UInt8] = [UInt8(ascii: "x")]
        #expect(throws: HeadError.headTooLarge) { try decoder.decode(last.span, at: &index) }
    }

    @Test("as many field lines as the limit, and not one more")
    func fieldCount() {
        var generator = SeededGenerator(seed: 5)
        let limits = HeadLimits(fieldCount: 100)
        let lines = (0..<100).map { "X-\($0): \($0)\r\n" }.joined()
        for pieces in cuts(of: [UInt8]((Self.start + lines + "\r\n").utf8), using: &generator) {
            let outcome = HeadOutcome(requests: pieces, limits: limits)
            #expect(outcome.heads.first?.count == 103)
        }
        for pieces in cuts(of: [UInt8]((Self.start + lines + "Y:").utf8), using: &generator) {
            let outcome = HeadOutcome(requests: pieces, limits: limits)
            #expect(outcome.error == .tooManyFields)
        }
    }

    @Test("a target as long as the limit, and no octet longer")
    func targetSize() {
        var generator = SeededGenerator(seed: 6)
        let limits = HeadLimits(targetSize: 50)
        let target = "/" + String(repeating: "t", count: 49)
        for pieces in cuts(of: [UInt8]("GET \(target) HTTP/1.0\r\n\r\n".utf8), using: &generator) {
            #expect(HeadOutcome(requests: pieces, limits: limits).error == nil)
        }
        for pieces in cuts(of: [UInt8]("GET \(target)t".utf8), using: &generator) {
            #expect(HeadOutcome(requests: pieces, limits: limits).error == .targetTooLong)
        }
    }

    @Test("a head that is too large already in its first line has too long a target")
    func sizeBelowTargetSize() {
        var generator = SeededGenerator(seed: 7)
        let octets = [UInt8](("GET /" + String(repeating: "t", count: 100)).utf8)
        for pieces in cuts(of: octets, using: &generator) {
            let outcome = HeadOutcome(requests: pieces, limits: HeadLimits(size: 60))
            #expect(outcome.error == .targetTooLong)
        }
    }

    @Test("every error has the status of its kind and a sentence", arguments: HeadError.allCases)
    func errors(error: HeadError) {
        #expect([400, 414, 426, 431, 501, 505].contains(error.status))
        #expect(error.message.hasSuffix("."))
    }
}
