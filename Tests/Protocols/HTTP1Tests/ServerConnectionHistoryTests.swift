import HTTP
import HTTP1
import Randomness
import Testing

/// Histories that are made up: requests of every kind, answered in every way.
@Suite("Connections of a server: histories")
struct ServerConnectionHistoryTests {
    /// What the client sends before it waits, and what its owner does with it.
    private struct Turn {
        var octets: String
        var lines: [Line]
    }

    /// Requests and answers one behind the other, as long as the client is free to go on.
    private static func turns(_ exchanges: [Exchange]) -> [Turn] {
        exchanges.flatMap { exchange in
            let (before, after) = exchange.lines
            let sendsBody = !exchange.waits || exchange.moment == .atEnd
            return [
                Turn(octets: exchange.head, lines: before),
                Turn(octets: sendsBody ? exchange.body : "", lines: after),
            ]
        }
    }

    @Test("go as a naive reading of the RFC has it, in all cuts")
    func naive() {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 0x4157))
        var counts = (goneOn: 0, ended: 0)
        for _ in 0..<Fuzzing.iterations(default: 1500) {
            let unreadSize = [0, 1, 6, 100].randomElement(using: &generator) ?? 0
            var exchanges: [Exchange] = []
            var expected: [String] = []
            var (isLast, isOver) = (false, false)
            for _ in 0..<Int.random(in: 1...5, using: &generator) where !isOver {
                let exchange = Exchange(using: &generator)
                exchanges.append(exchange)
                let heard: [String]
                (heard, isLast, isOver) = exchange.heard(unreadSize, wasLast: isLast)
                expected += heard
            }
            if isOver { counts.ended += 1 } else { counts.goneOn += 1 }
            for pieces in 0..<3 {
                let heard = play(exchanges, unreadSize, pieces, using: &generator)
                #expect(heard == expected, "\(exchanges)")
            }
        }
        #expect(min(counts.goneOn, counts.ended) > Fuzzing.iterations(default: 1500) / 20)
    }

    /// - Parameter kind: 0 whole, 1 octet by octet, 2 in random pieces.
    private func play(
        _ exchanges: [Exchange], _ unreadSize: Int, _ kind: Int,
        using generator: inout SeededGenerator
    ) -> [String] {
        var dialogue = Dialogue(unreadSize: unreadSize)
        for turn in Self.turns(exchanges) {
            let octets = [UInt8](turn.octets.utf8)
            let pieces =
                kind == 0
                ? [octets.startIndex..<octets.endIndex]
                : generator.pieces(of: octets.count, kind == 1 ? 1...1 : 1...20)
            for piece in pieces { dialogue.feed(Array(octets[piece])) }
            for line in turn.lines { dialogue.carryOut(line) }
        }
        return dialogue.heard
    }

    @Test("that are pipelined in one piece come out the same")
    func pipelined() {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 0x9199))
        for _ in 0..<Fuzzing.iterations(default: 1500) / 3 {
            var exchanges: [Exchange] = []
            var expected: [String] = []
            var (isLast, isOver) = (false, false)
            while exchanges.count < 4, !isOver {
                let exchange = Exchange(using: &generator)
                // What was declined and is there already is known to be too long.
                let isKnown = exchange.moment == .declined && exchange.rest(6) == .tooLong
                if exchange.waits || isKnown { continue }
                exchanges.append(exchange)
                let heard: [String]
                (heard, isLast, isOver) = exchange.heard(6, wasLast: isLast)
                expected += heard
            }
            var dialogue = Dialogue(unreadSize: 6)
            dialogue.feed([UInt8](exchanges.map { $0.head + $0.body }.joined().utf8))
            for exchange in exchanges {
                for line in exchange.lines.before + exchange.lines.after {
                    dialogue.carryOut(line)
                }
            }
            #expect(dialogue.heard == expected, "\(exchanges)")
        }
    }

    // MARK: Whatever comes, whatever is done

    private static let samples = [
        Said.get + Said.post(3, "abc") + Said.chunked("1\r\na\r\n0\r\nX: y\r\n\r\n") + Said.head,
        Said.post(4, expects: true) + "data" + Said.getOld,
        Said.get("Connection: Upgrade\r\nUpgrade: x") + "raw octets" + Said.get,
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" + Said.get,
    ]

    private static let deeds: [Line] = [
        .want(3), .want(1000), .goOn, .discard, .head(200, length: 2), .head(200, length: nil),
        .head(103, length: nil), .head(101, length: nil), .head(304, length: 7), .data("ab"),
        .data("c"), .end, .trailers("X: y"), .answer(200, "ok"), .answer(204, ""),
    ]
    private static let lastDeeds: [Line] = [
        .giveUp, .makeLast, .makeLastAndMore, .finish, .cut, .hangUp, .clientEnds,
    ]

    @Test("whatever comes and whatever is done, what goes out can be read as answers")
    func anything() throws {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 0xA11))
        var answers = 0
        for _ in 0..<Fuzzing.iterations(default: 1500) {
            let sample = try #require(Self.samples.randomElement(using: &generator))
            let octets =
                Bool.random(using: &generator)
                ? mutated([UInt8](sample.utf8), using: &generator) : [UInt8](sample.utf8)
            var reader = AnswerReader()
            var dialogue = Dialogue(unreadSize: 3)
            for piece in generator.pieces(of: octets.count, 1...60) {
                dialogue.feed(Array(octets[piece]))
                for _ in 0..<Int.random(in: 0...4, using: &generator) {
                    let isLast = Int.random(in: 0..<40, using: &generator) == 0
                    let deeds = isLast ? Self.lastDeeds : Self.deeds
                    let deed = try #require(deeds.randomElement(using: &generator))
                    // Half a head may be answered then.
                    if case .giveUp = deed { reader.hearsOfHalfRequests = true }
                    dialogue.carryOut(deed)
                }
            }
            for line in dialogue.heard { try reader.heard(line) }
            answers += reader.answerCount
        }
        #expect(answers > Fuzzing.iterations(default: 1500) / 3)
    }
}

/// A client that reads what is sent to it, one answer behind the other.
private struct AnswerReader: ~Copyable {
    private enum State {
        case head
        case body(BodyDecoder)
        case tunnel
    }

    private var state = State.head
    private var heads = ResponseHeadDecoder()
    /// Of the requests that are not answered yet.
    private var methods: [String] = []
    private(set) var answerCount = 0
    var hearsOfHalfRequests = false
    private var isLast = false

    mutating func heard(_ line: String) throws {
        if line.hasPrefix("-> ") {
            try read([UInt8](line.dropFirst(3).replacing("|", with: "\r\n").utf8))
        } else if line.hasSuffix("none") || line.hasSuffix("chunked") || line.hasSuffix(")") {
            try #require(methods.isEmpty, "a request was read before the former was answered")
            methods.append(String(line.prefix { $0 != " " }))
        } else if line.hasPrefix("error "), methods.isEmpty {
            methods.append("ANY")
        }
    }

    private mutating func read(_ octets: [UInt8]) throws {
        var index = 0
        while index < octets.count {
            switch state {
            case .head:
                let head = try heads.decode(octets.span, at: &index)
                try begin(try #require(head, "a head is not whole"))
            case .body(var body):
                while let event = try body.decode(octets.span, at: &index) {
                    if case .end = event { break }
                }
                state = body.isComplete ? .head : .body(body)
            case .tunnel: return
            }
        }
    }

    private mutating func begin(_ head: ResponseHead) throws {
        try #require(!isLast, "something was said behind the last answer")
        if methods.isEmpty, hearsOfHalfRequests { methods.append("ANY") }
        let method = try #require(methods.first, "nobody asked")
        if head.status == 101 || method == "CONNECT" && (200...299).contains(head.status) {
            return state = .tunnel
        }
        if head.isInformational { return }
        answerCount += 1
        methods.removeFirst()
        isLast = !head.allowsKeepAlive
        let body = BodyDecoder(try head.bodyFraming(requestMethod: method == "HEAD" ? .head : .get))
        state = body.isComplete ? .head : .body(body)
    }
}
