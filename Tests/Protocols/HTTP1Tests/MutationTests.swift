import HTTP
import HTTP1
import Randomness
import Testing

/// Damaged messages: no trap, and the same answer however they are cut.
@Suite("Damaged messages")
struct MutationTests {
    static let requests = [
        RequestHeadDecoderTests.browser,
        "\r\nPOST http://a.b:80/x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
            + "OPTIONS * HTTP/1.0\r\nConnection: close\r\n\r\n",
        "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n",
    ]
    static let responses = [
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a\r\n\r\n",
        "HTTP/1.0 302\r\nLocation: /x\r\nConnection: keep-alive\r\n\r\n",
    ]
    static let bodies = [
        "5\r\nhello\r\n1a;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX-Sum: 1\r\nHost: a\r\n\r\n",
        "000A\r\n0123456789\r\n1 ;\r\n.\r\n00\r\n\r\nrest",
    ]
    static let rounds = Fuzzing.iterations(default: 1500)
    static let limits = HeadLimits(size: 400, fieldCount: 8, targetSize: 40)

    @Test("requests are read or refused alike in all cuts")
    func requests() throws {
        try expectAlike(Self.requests, seed: 0xBADC_0DE, error: \.error) {
            HeadOutcome(requests: $0, limits: Self.limits)
        }
    }

    @Test("responses are read or refused alike in all cuts")
    func responses() throws {
        try expectAlike(Self.responses, seed: 0xF00D, error: \.error) {
            HeadOutcome(responses: $0, limits: Self.limits)
        }
    }

    @Test("chunked bodies are read or refused alike in all cuts")
    func bodies() throws {
        try expectAlike(Self.bodies, seed: 0xCAFE, error: \.error) {
            BodyOutcome(.chunked, $0)
        }
    }

    private func expectAlike<Outcome: Equatable, Failure: Error>(
        _ samples: [String], seed: UInt64, error: (Outcome) -> Failure?,
        outcome: ([ArraySlice<UInt8>]) -> Outcome
    ) throws {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: seed))
        var refused = 0
        for _ in 0..<Self.rounds {
            let sample = try #require(samples.randomElement(using: &generator))
            let octets = mutated([UInt8](sample.utf8), using: &generator)
            let outcomes = cuts(of: octets, using: &generator).map(outcome)
            #expect(outcomes.allSatisfy { $0 == outcomes[0] }, "\(octets)")
            refused += error(outcomes[0]) == nil ? 0 : 1
        }
        #expect(
            refused > Self.rounds / 5 && refused < Self.rounds / 30 * 29,
            "\(refused) refused: the samples say little")
    }

    @Test("what survives as a request can be asked everything")
    func questions() {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 0xD1CE))
        let sample =
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade, x\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n"
        var survivors = 0
        for _ in 0..<Self.rounds {
            let octets = mutated([UInt8](sample.utf8), using: &generator)
            var decoder = RequestHeadDecoder(limits: .request)
            var index = 0
            guard let head = try? decoder.decode(octets.span, at: &index) else { continue }
            _ = head.wantsKeepAlive
            _ = head.expectsContinue
            _ = try? head.bodyFraming()
            let hopByHop = HopByHop(head.fields)
            for line in head.fields.lines { _ = hopByHop.isDropped(line, of: head.fields) }
            survivors += 1
        }
        #expect(survivors > Self.rounds / 30)
    }
}
