import Clock
import Settings
import Testing

@testable import Proxy

/// `send_queue 64k; slow cut 5s under 4k`: clients that take a full queue in every way.
@Suite struct SendQueueTests {
    private static let size = 64 * 1024

    private static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    private static func queue(_ slow: String) throws -> SendQueue {
        let route = try Generation.reading(
            """
            listen 127.0.0.1:1
            backend app { server 127.0.0.1:2 }
            route / { backend app; send_queue 64k; slow \(slow) }
            """
        ).routes[0].settings
        return SendQueue(route)
    }

    /// What the client acknowledges: so much every so many seconds, until then; from then on
    /// nothing.
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var slow = "cut 5s under 4k"
        var octets: Int64
        var every: Double
        var until: Double = 3600
        /// Between these seconds.
        let cut: ClosedRange<Double>?
    }

    private static let cases = [
        Case(testDescription: "stuck", octets: 0, every: 1, cut: 5...5),
        Case(
            testDescription: "what the kernel took when it was full buys no more than a look",
            octets: 4 << 20, every: 0.01, until: 0.01, cut: 5...5.7),
        Case(testDescription: "60 kB a second", octets: 6000, every: 0.1, cut: nil),
        Case(testDescription: "60 kB a second, in bursts", octets: 240_000, every: 4, cut: nil),
        Case(testDescription: "the least rate", octets: 4096, every: 1, cut: nil),
        Case(testDescription: "half of it", octets: 2048, every: 1, cut: 9...11),
        Case(testDescription: "an octet now and then", octets: 1, every: 0.1, cut: 5...5.2),
        Case(
            testDescription: "steady for a minute, then stuck", octets: 6000, every: 0.1,
            until: 60, cut: 64.9...65.7),
        Case(
            testDescription: "too slow for this one", slow: "cut 1s under 64k", octets: 1000,
            every: 0.1, cut: 1...1.3),
        Case(testDescription: "waited for", slow: "wait", octets: 0, every: 1, cut: nil),
    ]

    @Test(arguments: cases) func `is cut`(example: Case) throws {
        var queue = try Self.queue(example.slow)
        guard var next = queue.grew(to: Self.size, taken: 1000, now: Self.at(0)) else {
            return #expect(example.cut == nil)
        }
        while next < Self.at(300) {
            let now = Double(next.nanoseconds) / 1_000_000_000
            let steps = (min(now, example.until) / example.every + 1e-9).rounded(.down)
            let taken = 1000 + Int64(steps) * example.octets
            switch queue.judge(taken: taken, now: next) {
            case .inTime(let until): next = until
            case .tooSlow, nil:
                return #expect(example.cut?.contains(now) == true, "after \(now) s")
            }
        }
        #expect(example.cut == nil)
    }

    @Test func `the clock runs from full to half`() throws {
        var queue = try Self.queue("cut 5s")
        let roomy = queue.grew(to: Self.size - 1, taken: 0, now: Self.at(0))
        #expect(roomy == nil)
        #expect(queue.hasRoom(behind: Self.size - 1) && !queue.hasRoom(behind: Self.size))
        let full = queue.grew(to: Self.size, taken: 0, now: Self.at(1))
        #expect(full != nil)
        let fuller = queue.grew(to: Self.size + 1, taken: 0, now: Self.at(2))
        #expect(fuller == nil, "it runs already")
        let isRead = queue.shrank(to: Self.size / 2 + 1)
        #expect(!isRead)
        let running = queue.judge(taken: 0, now: Self.at(2))
        #expect(running != nil)
        _ = queue.shrank(to: Self.size / 2)
        let over = queue.judge(taken: 0, now: Self.at(100))
        #expect(over == nil)
        // All its time again.
        let again = queue.grew(to: Self.size, taken: 0, now: Self.at(101))
        #expect(again != nil)
        let early = queue.judge(taken: 0, now: Self.at(105.9))
        #expect(early != .tooSlow)
        let late = queue.judge(taken: 0, now: Self.at(106))
        #expect(late == .tooSlow)
    }
}
