import Bytes
import HTTP
import HTTP1
import Randomness
import Testing

/// Random histories of connections, against what they were made of.
@Suite struct ClientHistoryTests {
    private struct Heard {
        var status: [Int] = []
        var body: [UInt8] = []
        var isWhole = false
        var hasTrailers = false
        var end: ClientConnection.InputEnd?
        var error: ResponseError?
    }

    /// Sends the request of `history`, but for its end if that has to wait.
    private func send(
        _ history: ClientHistory, on connection: inout ClientConnection
    ) throws(SendError) -> [UInt8] {
        var output: [UInt8] = []
        try connection.beginHead(history.outline, target: "/", to: &output)
        HeadEncoder.appendField(name: "Host", value: "a", to: &output)
        try connection.endHead(to: &output)
        connection.wasSent(isTaken: true)
        guard history.hasBody else { return output }
        for portion in history.portions {
            try connection.send(portion.utf8.span, to: &output)
            connection.wasSent(isTaken: true)
        }
        if !history.isEarly { try finish(&connection, &output) }
        return output
    }

    private func finish(
        _ connection: inout ClientConnection, _ output: inout [UInt8]
    ) throws(SendError) {
        try connection.end(to: &output)
        connection.wasSent(isTaken: true)
    }

    private func feed(_ input: [UInt8], to connection: inout ClientConnection, _ heard: inout Heard)
    {
        var index = 0
        do throws(ResponseError) {
            while let event = try connection.receive(input.span, at: &index) {
                switch event {
                case .informational(let head): heard.status.append(head.status)
                case .head(let head, _): heard.status.append(head.status)
                case .data(let range): heard.body += input[range]
                case .end(let trailers):
                    heard.isWhole = true
                    heard.hasTrailers = trailers != nil
                case .tunnel: Issue.record("a tunnel nobody asked for")
                }
            }
        } catch {
            heard.error = error
        }
    }

    private func answer(
        _ history: ClientHistory, on connection: inout ClientConnection,
        using generator: inout SeededGenerator
    ) -> Heard {
        var heard = Heard()
        let octets = Array(history.octets.prefix(history.cut ?? .max))
        let size = [1, 7, 1_000].randomElement(using: &generator) ?? 1
        for piece in generator.pieces(of: octets.count, 1...size) {
            feed(Array(octets[piece]), to: &connection, &heard)
        }
        switch history.ending {
        case .open: break
        case .finished: heard.end = connection.inputEnded()
        case .broken: heard.end = connection.connectionBroke()
        }
        if heard.end == .complete { heard.isWhole = true }
        return heard
    }

    private func check(
        _ history: ClientHistory, _ heard: Heard, _ connection: borrowing ClientConnection
    ) {
        #expect(heard.status == history.expectedStatus, "\(history)")
        #expect(heard.isWhole == (history.expectedBody != nil), "\(history)")
        if let body = history.expectedBody { #expect(heard.body == body, "\(history)") }
        #expect(heard.hasTrailers == history.expectsTrailers, "\(history)")
        #expect(heard.error == (history.surplus.isEmpty ? nil : .unasked), "\(history)")
        if let end = heard.end { #expect(end == history.expectedEnd, "\(history)") }
        switch connection.rest {
        case .open: #expect(history.expectsRest && !history.expectsWatch, "\(history)")
        case .watched: #expect(history.expectsRest && history.expectsWatch, "\(history)")
        case .refused: #expect(!history.expectsRest, "\(history)")
        }
        let wasSeen = history.cut != 0
        let hasSentBody =
            history.hasBody && !(history.isEarly && history.portions.allSatisfy(\.isEmpty))
        let mayRepeat = !wasSeen && history.outline.method.isIdempotent && !hasSentBody
        let obstacle = connection.retryObstacle(keepsBody: false)
        #expect((obstacle == nil) == (mayRepeat && connection.isReused), "\(history)")
    }

    /// The request, read by the other side's decoders.
    private func checkRequest(_ octets: [UInt8], _ history: ClientHistory) throws {
        var decoder = RequestHeadDecoder(limits: .request)
        var index = 0
        let head = try #require(try decoder.decode(octets.span, at: &index))
        #expect(head.method == history.outline.method)
        #expect(head.wantsKeepAlive != history.outline.isLast)
        let framing = try head.bodyFraming()
        #expect(framing == history.outline.framing)
        let outcome = BodyOutcome(framing, [octets[index...]])
        let sent = history.hasBody ? history.portions.joined() : ""
        #expect(outcome.data == Array(sent.utf8))
        #expect(index + outcome.consumed == octets.count)
    }

    @Test func `whatever happens is heard as it was meant`() throws {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 0xC11E))
        var restCount = 0
        var cutCount = 0
        for _ in 0..<Fuzzing.iterations(default: 1_500) {
            var connection = ClientConnection()
            for _ in 0..<10 {
                let history = ClientHistory(using: &generator)
                var output = try send(history, on: &connection)
                let heard = answer(history, on: &connection, using: &generator)
                if history.isEarly, heard.error == nil, heard.end == nil {
                    try finish(&connection, &output)
                }
                if connection.isRequestWhole { try checkRequest(output, history) }
                check(history, heard, connection)
                restCount += history.expectsRest ? 1 : 0
                cutCount += history.cut == nil ? 0 : 1
                var next: [UInt8] = []
                guard history.expectsRest else {
                    #expect(throws: SendError.self) {
                        try connection.beginHead(RequestOutline(.get), target: "/", to: &next)
                    }
                    break
                }
            }
        }
        #expect(restCount > 300 && cutCount > 300, "\(restCount), \(cutCount): they say little")
    }

    @Test func `damaged answers are read or refused alike in all cuts`() {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 0xDA3A))
        var refused = 0
        let rounds = Fuzzing.iterations(default: 1_500)
        for _ in 0..<rounds {
            let history = ClientHistory(using: &generator)
            let octets = mutated(history.octets, using: &generator)
            let outcomes = cuts(of: octets, using: &generator).map { pieces in
                var connection = ClientConnection(
                    limits: .init(head: MutationTests.limits, bodySize: 25, informationalCount: 2))
                _ = try? send(history, on: &connection)
                var heard = Heard()
                for piece in pieces { feed(Array(piece), to: &connection, &heard) }
                let end = connection.inputEnded()
                // What came of a body before an error in it depends on the cuts.
                let body = heard.error == nil ? heard.body : []
                return "\(heard.status) \(body) \(heard.isWhole) \(heard.hasTrailers)"
                    + " \(String(describing: heard.error)) \(end) \(connection.answer)"
                    + " \(connection.rest)"
            }
            #expect(outcomes.allSatisfy { $0 == outcomes[0] }, "\(octets) \(outcomes)")
            refused += outcomes[0].contains("Optional") ? 1 : 0
        }
        #expect(refused > rounds / 5 && refused < rounds / 30 * 29, "\(refused) refused")
    }
}
