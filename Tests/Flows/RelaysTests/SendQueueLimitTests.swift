import Clock
import Configured
import Settings
import Testing

@testable import Relays

/// `send_queue 64k; slow cut 5s under 4k`: clients that take a full queue in every way.
@Suite struct SendQueueLimitTests {
    private static let size = 64 * 1024

    private static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    private static func queue(_ slow: String) throws -> SendQueueLimit {
        let settings = try Settings.reading(
            """
            listen 127.0.0.1:1
            backend app { server 127.0.0.1:2 }
            route / { backend app; send_queue 64k; slow \(slow) }
            """)
        return SendQueueLimit(try #require(settings.routes.first))
    }

    /// What the client acknowledges: some before the queue is full, then so much every so many
    /// seconds, until then; from then on nothing.
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var slow = "cut 5s under 4k"
        var before: Int64 = 0
        var octets: Int64
        var every: Double
        var until: Double = 3600
        /// Between these seconds.
        let cut: ClosedRange<Double>?
    }

    private static let megabyte: Int64 = 1 << 20
    private static let cases = [
        Case(testDescription: "stuck", octets: 0, every: 1, cut: 5...5),
        Case(
            testDescription: "stuck behind a handshake", before: 4096, octets: 0, every: 1,
            cut: 5.9...6.1),
        Case(
            testDescription: "what it took before it is stuck buys six times as much, and a look",
            before: 4 << 20, octets: 0, every: 1, cut: 30...31.3),
        Case(
            testDescription: "so does what the kernel takes when it is full", octets: 4 << 20,
            every: 0.01, until: 0.01, cut: 30...31.3),
        Case(testDescription: "60 kB a second", octets: 6000, every: 0.1, cut: nil),
        Case(testDescription: "60 kB a second, in bursts", octets: 240_000, every: 4, cut: nil),
        Case(
            testDescription: "gulps of 1 MB with pauses of 8 s", before: megabyte,
            octets: megabyte, every: 8, cut: nil),
        Case(
            testDescription: "gulps of 1 MB with pauses of 29 s", before: megabyte,
            octets: megabyte, every: 29, cut: nil),
        Case(
            testDescription: "gulps with pauses that are too long", before: megabyte,
            octets: megabyte, every: 40, cut: 30...31.3),
        Case(
            testDescription: "the least rate in gulps", before: 32_768, octets: 32_768, every: 8,
            cut: nil),
        Case(
            testDescription: "half of it in gulps", before: 16_384, octets: 16_384, every: 8,
            cut: 9...17),
        Case(
            testDescription: "gulps until it is stuck", before: megabyte, octets: megabyte,
            every: 8, until: 80, cut: 110...111.3),
        Case(testDescription: "the least rate", octets: 4096, every: 1, cut: nil),
        Case(testDescription: "half of it", octets: 2048, every: 1, cut: 9...11),
        Case(testDescription: "an octet now and then", octets: 1, every: 0.1, cut: 5...5.2),
        Case(
            testDescription: "steady for a minute, then stuck", octets: 6000, every: 0.1,
            until: 60, cut: 89.9...91.3),
        Case(
            testDescription: "too slow for this one", slow: "cut 1s under 64k", octets: 1000,
            every: 0.1, cut: 1...1.3),
        Case(testDescription: "waited for", slow: "wait", octets: 0, every: 1, cut: nil),
    ]

    @Test(arguments: cases) func `is cut`(example: Case) throws {
        var queue = try Self.queue(example.slow)
        guard var next = queue.grew(to: Self.size, now: Self.at(0)) else {
            return #expect(example.cut == nil)
        }
        while next < Self.at(300) {
            let now = Double(next.nanoseconds) / 1_000_000_000
            let steps = (min(now, example.until) / example.every + 1e-9).rounded(.down)
            let taken = example.before + Int64(steps) * example.octets
            switch queue.judge(taken: taken, now: next) {
            case .inTime(let until): next = until
            case .tooSlow, nil:
                return #expect(example.cut?.contains(now) == true, "after \(now) s")
            }
        }
        #expect(example.cut == nil)
    }

    /// A queue that is empty after every gulp and full at once again: what was saved is still
    /// there.
    @Test(arguments: [(8.0, nil), (29.0, nil), (32.0, 4)] as [(Double, Int?)])
    func `gulps that empty the queue buy time for the pauses`(
        pause: Double, cutInRound: Int?
    ) throws {
        var queue = try Self.queue("cut 5s under 4k")
        var now = 0.0
        for round in 1...40 {
            let taken = Int64(round) * Self.megabyte
            guard var next = queue.grew(to: Self.size, now: Self.at(now)) else {
                return #expect(cutInRound == nil)
            }
            while next < Self.at(now + pause) {
                switch queue.judge(taken: taken, now: next) {
                case .inTime(let until): next = until
                case .tooSlow: return #expect(cutInRound.map { round <= $0 } == true)
                case nil: Issue.record("it is full")
                }
            }
            now += pause
            let isRead = queue.shrank(to: 0, now: Self.at(now))
            #expect(isRead)
        }
        #expect(cutInRound == nil)
    }

    @Test func `the clock runs from full to half`() throws {
        var queue = try Self.queue("cut 5s")
        let roomy = queue.grew(to: Self.size - 1, now: Self.at(0))
        #expect(roomy == nil)
        #expect(queue.hasRoom(behind: Self.size - 1) && !queue.hasRoom(behind: Self.size))
        let full = queue.grew(to: Self.size, now: Self.at(1))
        #expect(full != nil)
        let fuller = queue.grew(to: Self.size + 1, now: Self.at(2))
        #expect(fuller == nil, "it runs already")
        let isRead = queue.shrank(to: Self.size / 2 + 1, now: Self.at(2))
        #expect(!isRead)
        let running = queue.judge(taken: 0, now: Self.at(2))
        #expect(running != nil)
        _ = queue.shrank(to: Self.size / 2, now: Self.at(3))
        let over = queue.judge(taken: 0, now: Self.at(100))
        #expect(over == nil)
        // All its time again.
        let again = queue.grew(to: Self.size, now: Self.at(101))
        #expect(again != nil)
        let early = queue.judge(taken: 0, now: Self.at(105.9))
        #expect(early != .tooSlow)
        let late = queue.judge(taken: 0, now: Self.at(106))
        #expect(late == .tooSlow)
    }
}
