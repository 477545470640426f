import Clock
import Endings
import Identities
import Identity
import Randomness
import Sessions
import Testing

@testable import Entry

/// Requests to which anything is told in any order, late and unasked: what always holds.
@Suite struct RequestEntryHistoryTests {
    private static let rules = [
        "rate 1/s by address; auth app; sessions seats",
        "rate 1/s by address; auth talk; sessions seats; report_only sessions",
        "rate 1/s by address; auth app; report_only auth rate",
        "auth app; roles user; rate 1/s by user", "websocket; auth talk or app", "events",
    ]
    private static let heads = [
        "GET /?store=17&client=me\nwebsocket", "GET /?store=17&client=me",
        "GET /\nAccept: text/event-stream", "POST /.gateway/refresh\nContent-Length: 9",
    ]

    /// What was said, and whether it is over.
    private struct History {
        private(set) var words: [String] = []
        private(set) var ends = 0

        mutating func hear(_ said: [String]) {
            for word in said where word != "wait" {
                #expect(ends == 0, "\(word) behind the end of \(words)")
                words.append(word)
                if !word.hasSuffix("?"), !word.hasPrefix("(") { ends += 1 }
            }
        }

        var isWaiting: Bool {
            guard ends == 0, let last = words.last(where: { !$0.hasPrefix("(") }) else {
                return false
            }
            return ["keys", "message", "seat", "body", "refresh"].contains { last.hasPrefix($0) }
        }
    }

    @Test func `whatever is told in whichever order`() throws {
        for seed in 0..<1500 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var history = History()
            let rules = Self.rules[Int(seed) % Self.rules.count]
            var visit = try Visit(
                rules, try #require(Self.heads.randomElement(using: &random)),
                world: try Self.world(&random))
            history.hear(visit.go())
            for second in 1...12 as ClosedRange<Int64> {
                #expect((visit.deadline != nil) == history.isWaiting, "\(history.words)")
                history.hear(try Self.something(to: &visit, second * 2, &random))
            }
            history.hear(visit.at(1000))
            #expect(history.ends == 1, "seed \(seed): \(history.words)")
            let words = history.words
            #expect(
                !rules.hasPrefix("rate") || words.count { $0.hasPrefix("rate") } <= 1,
                "it pays once: \(words)")
            if let place = words.lastIndex(where: { $0.hasPrefix("place") }) {
                let seat = words.lastIndex { $0.hasPrefix("seat") }
                #expect(seat.map { $0 < place } ?? true, "\(words)")
            }
        }
    }

    private static func world(_ random: inout SeededGenerator) throws -> World {
        var world = World()
        let wait = KeyWait(
            refusal: .keysUnavailable, start: .zero, deadline: .zero + .seconds(9))
        world.tokens = [
            Bool.random(using: &random) ? .awaitKeys(wait) : .passed(nil),
            Bool.random(using: &random)
                ? .awaitKeys(wait) : .passed(try .of(#"{"sub":"7","role":"user"}"#)),
        ]
        world.seat =
            Bool.random(using: &random) ? .open(until: .zero + .seconds(3)) : .given(despite: nil)
        world.isEnding = Int.random(in: 0..<10, using: &random) == 0
        return world
    }

    private static func something(
        to visit: inout Visit, _ second: Int64, _ random: inout SeededGenerator
    ) throws -> [String] {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return visit.at(second)
        case 1: return visit.told(.keys(.read))
        case 2: return visit.told(.keys(.tooMany))
        case 3: return visit.told(.message(speaksSocketIO: false))
        case 4: return visit.told(.seat(.given(despite: nil)))
        case 5: return visit.told(.seat(.refused(Rejection(.flapping))))
        case 10: return visit.told(.seat(.open(until: .zero + .seconds(second + 45))))
        case 11: return visit.told(.seat(.failed(.unavailable)))
        case 6: return visit.told(.body(Array(#"{"session":"a","token":"x"}"#.utf8)))
        case 7: return visit.told(.refresh(.superseded))
        case 8:
            try visit.reload(
                try #require(rules[..<3].randomElement(using: &random)), heads[0])
            return []
        case _: return Int.random(in: 0..<4, using: &random) == 0 ? visit.drained() : visit.go()
        }
    }
}
