import Randomness
import Testing

/// Requests from their first octet to the log, by everything that decides about them together:
/// connections of HTTP/1, entry, seats, attempts at servers, relays. Whatever happens in whichever
/// order, the rules hold that are named where they are watched (`House`, `Truth`, `Visitor`,
/// `ServerEnd`).
@Suite struct SimulationTests {
    private static let eventCount = 160

    private let rules: [Rules]

    init() throws { rules = try Rules.all() }

    private func complaint(_ events: [Happening], seed: UInt64) -> String? {
        let story = Story(rules, seed: seed)
        story.run(events)
        return story.complaint
    }

    /// The history with as few events as still break the rule.
    private func shortened(_ events: [Happening], seed: UInt64) -> [Happening] {
        var events = events
        var size = events.count / 2
        while size > 0 {
            var start = 0
            while start < events.count {
                var fewer = events
                fewer.removeSubrange(start..<min(events.count, start + size))
                if complaint(fewer, seed: seed) != nil { events = fewer } else { start += size }
            }
            size /= 2
        }
        return events
    }

    @Test(arguments: KeptHistory.all)
    func `what has broken a rule once breaks none any more`(history: KeptHistory) throws {
        let events = try #require(Happening.list(history.events))
        #expect(complaint(events, seed: history.seed) == nil)
    }

    @Test func `whatever happens, the rules hold`() {
        let first = Fuzzing.seed()
        var failures = 0
        for seed in first..<first + UInt64(Fuzzing.iterations(default: 150)) {
            let events = Story.events(Self.eventCount, seed: seed)
            guard let complaint = complaint(events, seed: seed) else { continue }
            let shorter = shortened(events, seed: seed)
            let last = self.complaint(shorter, seed: seed) ?? complaint
            Issue.record(
                "FUZZ_SEED=\(seed): \(complaint)\nshortened: \(last)\n\(shorter)")
            failures += 1
            if failures == 3 { return }
        }
    }
}
