import Clock
import Endings
import Randomness
import Testing

@testable import Relays

/// Random histories of event streams, held against what must never be otherwise.
@Suite struct EventFlowHistoryTests {
    /// One app and one client, and everybody who meddles.
    private struct History {
        private let stream: EventDialogue
        private var random: SeededGenerator
        /// Everything the app has said, without a byte order mark.
        private var said: [UInt8] = []
        /// What it has still to say of what it has begun.
        private var unsaid: [UInt8] = []
        /// What of that the client has heard, and of the gateway's own: each piece.
        private var heard: [UInt8] = []
        private var own: [[UInt8]] = []
        /// What the gateway has said and was not dropped for the sake of others.
        private var expected: [String] = []
        private var count = 0
        private var seconds = 0.0
        private var lastSent = 0.0
        private var ends: [String] = []
        private var endWords: [String] = []

        init(seed: UInt64) throws {
            random = SeededGenerator(seed: seed)
            stream = try EventDialogue("comment 5s; send_queue 64k; slow cut 5s")
        }

        mutating func run(_ steps: Int) throws {
            if chance(3) { unsaid = [0xEF, 0xBB, 0xBF] }
            for _ in 0..<steps {
                try step()
                if !ends.isEmpty, chance(2) { break }
            }
            try check()
        }

        private mutating func step() throws {
            switch Int.random(in: 0..<16, using: &random) {
            case 0..<7: speak()
            case 7: passTime(0.3)
            case 8: passTime(7)
            case 9, 10: say()
            case 11: note(stream.probe())
            case 12: note(stream.ask())
            case 13: wait()
            case 14 where chance(4): endByRule()
            case 15 where chance(10): endByApp()
            case _: break
            }
        }

        // MARK: What happens

        private mutating func chance(_ count: Int) -> Bool {
            Int.random(in: 0..<count, using: &random) == 0
        }

        /// The app goes on, with some of what it has begun and perhaps with more.
        private mutating func speak() {
            guard ends.isEmpty else { return note(stream.app(randomEvent())) }
            if unsaid.isEmpty || chance(2) { unsaid += randomEvent() }
            let count = chance(2) ? unsaid.count : Int.random(in: 1...unsaid.count, using: &random)
            let piece = Array(unsaid[..<count])
            unsaid.removeFirst(count)
            said += piece
            note(stream.app(piece), isApps: true)
        }

        private mutating func randomEvent() -> [UInt8] {
            let end = ["\n", "\r\n", "\r"][Int.random(in: 0..<3, using: &random)]
            count += 1
            switch Int.random(in: 0..<24, using: &random) {
            case 2..<8: return Array(": app\(end)\(end)".utf8)
            case 0: return Array("retry: 1\(end)".utf8)
            case 1:
                let size = WholeEvents.heldSize + Int.random(in: -20...20, using: &random)
                return Array("data: ".utf8) + [UInt8](repeating: 0x78, count: size)
                    + Array("\(end)\(end)".utf8)
            case _: return Array("event: app\(end)data: \(count)\(end)\(end)".utf8)
            }
        }

        private mutating func say() {
            count += 1
            let isOpen = ends.isEmpty && endWords.isEmpty
            let word = "\(count)"
            note(stream.say(word))
            if isOpen { expected.append(word) }
        }

        private mutating func passTime(_ most: Double) {
            seconds += Double.random(in: 0...most, using: &random)
            if chance(2) { stream.acknowledged += 1 }
            stream.outstanding = chance(2) ? 0 : 1
            note(stream.at(seconds))
        }

        private mutating func wait() {
            if chance(2) {
                stream.queueGrew(to: Int.random(in: 0...100_000, using: &random))
            } else {
                _ = stream.queueShrank(to: Int.random(in: 0...100_000, using: &random))
            }
            if chance(2) { stream.expires(at: seconds + 1) }
        }

        private mutating func endByRule() {
            if endWords.isEmpty { endWords.append("x") }
            note(stream.end(.forceDisconnect, "{}"))
        }

        private mutating func endByApp() {
            if chance(2) {
                note(stream.appEnds(), isApps: true)
                if ends.isEmpty { ends.append("app") }
            } else if ends.isEmpty, stream.appBreaks() != [] {
                ends.append("cut")
            }
        }

        /// Sorts what came of an event; each piece is the app's or the gateway's.
        private mutating func note(_ words: [String], isApps: Bool = false) {
            for word in words {
                switch word {
                case "token", "is there": continue
                case "too slow", "cut: force_disconnect": ends.append(word)
                case _ where word.hasPrefix("force_disconnect: "):
                    ends.append(word)
                    own.append(Array(word.dropFirst("force_disconnect: ".count).utf8))
                case _:
                    lastSent = seconds
                    let octets = Array(word.utf8)
                    if !isApps || word.hasPrefix("event: said") {
                        own.append(octets)
                    } else {
                        heard += octets
                    }
                }
            }
        }

        // MARK: What must hold

        private func check() throws {
            #expect(ends.count <= 1, "one end: \(ends)")
            let app = said.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(said.dropFirst(3)) : said
            #expect(app.starts(with: heard), "in order, and unchanged")
            if ends.isEmpty {
                #expect(stream.nextDue != .never, "a comment is always due")
                let waiting = app.count - heard.count
                #expect(waiting <= WholeEvents.heldSize)
                #expect(stream.isClosed ? waiting == 0 : stream.heldCount >= waiting)
            } else {
                #expect(stream.nextDue == .never && stream.heldCount == 0)
            }
            try checkOwn()
        }

        /// Ours are whole, in order, between the app's, and none is lost while the stream goes on.
        private func checkOwn() throws {
            let events = try naiveEvents(stream.heard)
            let words = events.filter { $0.contains("event: said") }
            let rest = events.filter { !$0.contains("event: said") }
            #expect(words.allSatisfy { $0.count == 2 }, "nothing of the app's is in them")
            let numbers = words.compactMap { $0.last?.dropFirst("data: ".count) }.map(String.init)
            var left = expected[...]
            for number in numbers {
                while let first = left.first, first != number { left = left.dropFirst() }
                #expect(left.popFirst() == number, "in order, and once")
            }
            for event in rest {
                let isOwn = event.contains("event: force_disconnect")
                #expect(!isOwn || event == ["event: force_disconnect", "data: {}"])
            }
            if ends.isEmpty, !stream.isClosed, expected.count <= EventFlow.waitingLimit {
                #expect(numbers == expected)
            }
        }
    }

    @Test func `of no history anything is lost, torn or late`() throws {
        let first = Fuzzing.seed()
        for seed in first..<first + UInt64(Fuzzing.iterations(default: 200)) {
            var history = try History(seed: seed)
            try history.run(60)
        }
    }

    /// How silent a stream may be for its client.
    @Test func `nobody waits longer for a sign than the interval says`() throws {
        let first = Fuzzing.seed()
        for seed in first..<first + 100 {
            var random = SeededGenerator(seed: seed)
            let stream = try EventDialogue("comment 5s")
            var (lastHeard, second) = (0.0, 0.0)
            while second < 100 {
                second += Double.random(in: 0...1, using: &random)
                if !stream.at(second).isEmpty { lastHeard = second }
                let isWhole = Int.random(in: 0..<8, using: &random) == 0
                if !stream.app(isWhole ? "x\n\n" : "x").isEmpty { lastHeard = second }
                #expect(second - lastHeard <= 6)
            }
        }
    }
}
