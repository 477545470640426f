import Clock
import Relays
import Settings
import Testing

/// `lingering_time 30s; lingering_timeout 5s; lingering_rate 1m`.
@Suite struct LingeringCloseTests {
    private static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    private static var limit: LingeringLimit {
        var limit = LingeringLimit()
        (limit.time, limit.timeout, limit.octetsPerSecond) = (.seconds(30), .seconds(5), 1 << 20)
        return limit
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var manner = LingeringClose.Manner.readsOn
        var time: Duration? = .seconds(30)
        /// When everything is sent; nil for never.
        var sent: Double? = 0
        /// Something comes every so many seconds, until then.
        var hears: (every: Double, until: Double)?
        /// The client's system takes some of what the kernel has, until then.
        var takes: Double = 0
        /// The process stops.
        var drain: Double?
        let closes: Double?
    }

    private static let cases = [
        Case(testDescription: "silent, and nothing more expected", manner: .usual, closes: 2),
        Case(
            testDescription: "says what it should not", manner: .usual, hears: (0.5, 60),
            closes: 2),
        Case(
            testDescription: "the answer waits to be taken", manner: .usual, sent: nil,
            closes: nil),
        Case(
            testDescription: "has had its time, and takes nothing", manner: .hurried, sent: nil,
            closes: 5),
        Case(
            testDescription: "has had its time, and has taken it", manner: .hurried, sent: 1,
            takes: 40, closes: 3),
        Case(testDescription: "stops sending", closes: 5),
        Case(testDescription: "stops after a while", hears: (1, 7), closes: 12),
        Case(testDescription: "sends and sends", hears: (1, 100), closes: 30),
        Case(
            testDescription: "sends while it takes its answer", sent: 10, hears: (1, 99),
            closes: 40),
        Case(testDescription: "a word every six seconds", hears: (6, 100), closes: 5),
        Case(testDescription: "off", time: nil, hears: (1, 100), closes: 2),
        Case(testDescription: "the process stops", hears: (1, 100), drain: 10.5, closes: 12.5),
        Case(
            testDescription: "the process stops before the answer is sent", sent: 11,
            hears: (1, 100), drain: 10.5, closes: 13),
        Case(
            testDescription: "takes what the kernel has", manner: .usual, takes: 20.5, closes: 24),
        Case(testDescription: "takes it for ever", manner: .usual, takes: 200, closes: 60),
    ]

    @Test(arguments: cases) func `closes`(example: Case) {
        var limit = Self.limit
        limit.time = example.time
        var close = LingeringClose(example.manner, limit: limit, at: Self.at(0))
        // A twentieth of a second is a step, in which everything may happen.
        for step in 0..<4000 {
            let second = Double(step) / 20
            let now = Self.at(second)
            let pending = example.sent.map { second >= $0 ? 0 : 1 } ?? 1
            _ = close.progressed(pending: pending, hasInputEnded: false, at: now)
            if example.drain == second { close.hurry(at: now) }
            if let hears = example.hears, second <= hears.until, second > 0,
                second.truncatingRemainder(dividingBy: hears.every) == 0
            {
                close.heard(100, at: now)
            }
            guard now >= close.next else { continue }
            let taken = Int64(min(second, example.takes) * 1000)
            if case .close = close.judge(acknowledged: taken, unsent: 1, at: now) {
                #expect(second == example.closes)
                return
            }
        }
        #expect(example.closes == nil)
    }

    @Test(arguments: [16 << 10, 1 << 20, 64 << 20])
    func `reads no faster than it may, and as fast as that`(rate: Int) {
        var limit = Self.limit
        limit.octetsPerSecond = rate
        var close = LingeringClose(.readsOn, limit: limit, at: Self.at(0))
        _ = close.progressed(pending: 0, hasInputEnded: false, at: Self.at(0))
        let most = rate * 20 + rate / 4 + 2 * 65_536
        var total = 0
        var now = Self.at(0)
        while now < Self.at(20) {
            // The wheel turns ten times a second, the client has whatever is read.
            while close.isReading, total <= most {
                close.heard(65_536, at: now)
                total += 65_536
            }
            now = now + .milliseconds(100)
            if now >= close.next {
                let step = close.judge(acknowledged: 0, unsent: 0, at: now)
                #expect(step != .close)
            }
        }
        #expect(total <= most)
        #expect(total >= rate * 17 - 65_536)
    }

    @Test func `who was not read from is not silent`() {
        var limit = Self.limit
        limit.octetsPerSecond = 16 << 10
        var close = LingeringClose(.readsOn, limit: limit, at: Self.at(0))
        _ = close.progressed(pending: 0, hasInputEnded: false, at: Self.at(0))
        // Ten seconds' worth at once.
        close.heard(160 << 10, at: Self.at(4))
        #expect(!close.isReading)
        let early = close.judge(acknowledged: 0, unsent: 0, at: Self.at(7))
        #expect(early != .close && !close.isReading)
        let late = close.judge(acknowledged: 0, unsent: 0, at: Self.at(13))
        #expect(late == .stay(until: Self.at(18)) && close.isReading)
    }

    @Test func `who has taken all of the answer is not waited for`() {
        var close = LingeringClose(.usual, limit: Self.limit, at: Self.at(0))
        _ = close.progressed(pending: 0, hasInputEnded: false, at: Self.at(0))
        let step = close.judge(acknowledged: 1000, unsent: 0, at: Self.at(2))
        #expect(step == .close)
    }

    @Test func `octets that are not whole are a sign`() {
        var close = LingeringClose(.readsOn, limit: Self.limit, at: Self.at(0))
        _ = close.progressed(pending: 0, hasInputEnded: false, at: Self.at(0))
        close.heard(0, at: Self.at(4))
        #expect(close.next == Self.at(9))
    }

    @Test func `whose side is closed is let go when everything is sent, and not before`() {
        for manner in [LingeringClose.Manner.usual, .readsOn, .hurried] {
            var close = LingeringClose(manner, limit: Self.limit, at: Self.at(0))
            let waiting = close.progressed(pending: 1, hasInputEnded: true, at: Self.at(1))
            #expect(waiting != .close)
            let sent = close.progressed(pending: 0, hasInputEnded: true, at: Self.at(2))
            #expect(sent == .close)
        }
    }

    @Test func `only who may have more to send is read on from, and not while the process stops`() {
        for (leavesRest, isDraining, readsOn) in [
            (true, false, true), (true, true, false), (false, false, false), (false, true, false),
        ] {
            let manner = LingeringClose.Manner(leavesRest: leavesRest, isDraining: isDraining)
            let close = LingeringClose(manner, limit: Self.limit, at: Self.at(0))
            #expect(close.readsOn == readsOn)
        }
    }
}
