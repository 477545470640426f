import Clock
import Settings
import Testing
import Upstreams

/// `response_timeout 8s; response_pause 4s`, with what happens and when the server is out of time.
@Suite struct ServerPatienceTests {
    private static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    /// At a moment the turn is this, or the server has moved; `taken` is what it has acknowledged
    /// by then.
    struct Event: Sendable {
        var second: Double
        var turn: ServerTurn?
        var hasMoved = false
        var taken: Int64 = 0

        init(_ second: Double, _ turn: ServerTurn?, moved: Bool = false, taken: Int64 = 0) {
            self.second = second
            self.turn = turn
            hasMoved = moved
            self.taken = taken
        }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var pause: Duration? = .seconds(4)
        /// The server's system holds parts of the request.
        var isLarge = false
        let events: [Event]
        /// In seconds; nil for never.
        let outOfTime: (second: Double, turn: ServerTurn)?
    }

    private static let cases = [
        Case(
            testDescription: "a head that does not come", events: [.init(1, .answer)],
            outOfTime: (9, .answer)),
        Case(
            testDescription: "the client sends for long: that is not its time",
            events: [.init(1, nil), .init(100, nil), .init(200, .answer)],
            outOfTime: (208, .answer)),
        Case(
            testDescription: "it is asked whether it wants the body",
            events: [.init(0, .answer), .init(5, .answer)], outOfTime: (8, .answer)),
        Case(
            testDescription: "informational responses are steps",
            events: [
                .init(0, .answer), .init(7, .answer, moved: true), .init(14, .answer, moved: true),
            ], outOfTime: (22, .answer)),
        Case(
            testDescription: "it takes nothing",
            events: [.init(0, nil), .init(2, .take), .init(4, .take), .init(6, .take)],
            outOfTime: (10, .take)),
        Case(
            testDescription: "it takes some, then nothing",
            events: [.init(2, .take), .init(8, .take, moved: true), .init(15, .take)],
            outOfTime: (16, .take)),
        Case(
            testDescription: "from the last octet it took to the head",
            events: [.init(0, .take), .init(7, .answer, moved: true)], outOfTime: (15, .answer)),
        Case(
            testDescription: "a pause within the body",
            events: [
                .init(0, .answer), .init(3, .goOn, moved: true), .init(6, .goOn, moved: true),
            ], outOfTime: (10, .goOn)),
        Case(
            testDescription: "a pause within the body, and none is too long", pause: nil,
            events: [.init(0, .answer), .init(3, .goOn, moved: true)], outOfTime: nil),
        Case(
            testDescription: "the client takes its time: that is not the server's",
            events: [.init(0, .goOn), .init(3, nil), .init(50, .goOn)], outOfTime: (54, .goOn)),
        Case(testDescription: "the client's turn alone", events: [.init(0, nil)], outOfTime: nil),
        Case(
            testDescription: "its system has megabytes that it takes little by little",
            isLarge: true,
            events: [.init(0, .answer)] + (1...30).map { .init(Double($0), .answer, taken: $0) },
            outOfTime: (38, .answer)),
        Case(
            testDescription: "its system has megabytes that it does not take", isLarge: true,
            events: [.init(0, .take)], outOfTime: (8, .take)),
    ]

    @Test(arguments: cases) func `is out of time`(example: Case) throws {
        var patience = ServerPatience(response: .seconds(8), pause: example.pause)
        var taken: Int64 = 0
        var next = Instant.never
        let last = Event(1000, nil)
        for event in example.events + [last] {
            while next < Self.at(event.second) {
                switch patience.judge(taken: taken, at: next) {
                case .inTime(let until):
                    try #require(until > next, "who looks again looks later")
                    next = until
                case .outOfTime(let turn):
                    let second = Double(next.nanoseconds) / 1_000_000_000
                    #expect(turn == example.outOfTime?.turn)
                    // What it has acknowledged is seen at the next look.
                    let slack = example.isLarge ? 1.01 : 0
                    #expect(abs(second - (example.outOfTime?.second ?? -1)) <= slack)
                    return
                }
            }
            taken = event.taken
            if event.second == last.second { break }
            next = patience.now(
                event.turn, hasMoved: event.hasMoved, taken: example.isLarge ? taken : nil,
                at: Self.at(event.second))
        }
        #expect(example.outOfTime == nil)
    }

    @Test func `nobody who is not waited for is judged`() {
        var patience = ServerPatience(response: .seconds(8), pause: nil)
        let before = patience.judge(taken: 0, at: Self.at(100))
        #expect(before == .inTime(until: .never))
        let clients = patience.now(nil, hasMoved: true, taken: nil, at: Self.at(0))
        #expect(clients == .never)
        let endless = patience.now(.goOn, hasMoved: true, taken: nil, at: Self.at(0))
        #expect(endless == .never)
        let after = patience.judge(taken: 0, at: Self.at(100))
        #expect(after == .inTime(until: .never))
    }

    @Test(arguments: [(true, 1.0), (false, 2.0)])
    func `a WebSocket has the time for its handshake`(isWebSocket: Bool, second: Double) {
        var settings = BackendSettings(name: "b", servers: [])
        settings.responseTimeout = .seconds(2)
        settings.webSocketHandshakeTimeout = .seconds(1)
        var patience = ServerPatience(settings, isWebSocket: isWebSocket)
        let due = patience.now(.answer, hasMoved: false, taken: nil, at: Self.at(0))
        #expect(due == Self.at(second))
    }

    @Test func `what is not large is not looked at`() {
        var patience = ServerPatience(response: .seconds(8), pause: nil)
        func look() -> Int64 {
            Issue.record("it was looked at")
            return 0
        }
        let due = patience.now(.answer, hasMoved: true, taken: nil, at: Self.at(0))
        #expect(due == Self.at(8))
        let early = patience.judge(taken: look(), at: Self.at(7))
        #expect(early == .inTime(until: Self.at(8)))
        let late = patience.judge(taken: look(), at: Self.at(8))
        #expect(late == .outOfTime(.answer))
    }
}
