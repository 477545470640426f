import Clock
import Settings
import Testing

@testable import Relays

/// `body_rate 500 30s` and `response_rate 500 60s`: whose turn it is, and for how long.
@Suite struct ClientPaceTests {
    private static let rate = LeastRate(octetsPerSecond: 500, patience: .seconds(30))

    private static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    /// The pace of one client, with what it has sent and taken.
    private struct Client {
        var pace = ClientPace()
        var count: Int64 = 0

        mutating func turn(_ turn: ClientPace.BodyTurn, at seconds: Double) -> TimerChange {
            let count = count
            return pace.watchSending(
                turn, rate: ClientPaceTests.rate, count: count, at: ClientPaceTests.at(seconds))
        }

        mutating func judge(at seconds: Double) -> ProgressClock.Verdict? {
            let count = count
            return pace.judgeSending(count: count, at: ClientPaceTests.at(seconds))
        }

        mutating func waits(
            _ pending: Int, at seconds: Double, rate: LeastRate? = ClientPaceTests.rate
        ) -> TimerChange {
            let count = count
            return pace.watchTaking(
                pending: pending, rate: rate, taken: count, at: ClientPaceTests.at(seconds))
        }

        mutating func judgeTaking(at seconds: Double) -> ProgressClock.Verdict? {
            let count = count
            return pace.judgeTaking(taken: count, at: ClientPaceTests.at(seconds))
        }
    }

    // MARK: Bodies

    @Test func `who sends nothing of a body is out of time`() {
        var client = Client()
        #expect(client.turn(.client, at: 0) == .set(at: Self.at(30)))
        #expect(client.turn(.client, at: 10) == .none, "it runs already")
        #expect(client.judge(at: 30) == .tooSlow)
    }

    @Test func `who sends at the least rate is not`() {
        var client = Client()
        _ = client.turn(.client, at: 0)
        var seconds = 30.0
        for _ in 0..<100 {
            client.count = Int64(seconds * 500)
            guard case .inTime(let next) = client.judge(at: seconds) else {
                Issue.record("after \(seconds) s")
                return
            }
            seconds = Double(next.nanoseconds) / 1e9
        }
    }

    @Test func `what was sent before its turn buys no time`() {
        var client = Client()
        client.count = 1_000_000
        #expect(client.turn(.client, at: 0) == .set(at: Self.at(30)))
        #expect(client.judge(at: 30) == .tooSlow)
    }

    @Test func `the clock stands while it is others' turn`() {
        var client = Client()
        #expect(client.turn(.others, at: 0) == .none, "nothing runs")
        _ = client.turn(.client, at: 0)
        #expect(client.turn(.others, at: 20) == .clear)
        #expect(client.turn(.others, at: 25) == .none)
        #expect(client.judge(at: 60) == nil)
        #expect(client.turn(.client, at: 100) == .set(at: Self.at(110)), "ten seconds are left")
        #expect(client.judge(at: 110) == .tooSlow)
    }

    @Test func `the end of the body ends the clock, the next has all its time`() {
        var client = Client()
        #expect(client.turn(.nobody, at: 0) == .none)
        _ = client.turn(.client, at: 0)
        #expect(client.turn(.nobody, at: 20) == .clear)
        #expect(client.turn(.nobody, at: 21) == .none)
        #expect(client.turn(.client, at: 50) == .set(at: Self.at(80)))
        _ = client.turn(.others, at: 70)
        client.pace.forgetSending()
        #expect(client.turn(.client, at: 100) == .set(at: Self.at(130)))
    }

    // MARK: Responses

    @Test func `who takes nothing of what waits is out of time`() {
        var client = Client()
        #expect(client.waits(0, at: 0) == .none)
        #expect(client.waits(1, at: 10) == .set(at: Self.at(40)))
        #expect(client.waits(100, at: 20) == .none)
        client.count = 15_000
        #expect(client.judgeTaking(at: 40) == .inTime(until: Self.at(70)))
        #expect(client.judgeTaking(at: 70) == .tooSlow)
    }

    @Test func `nobody has to take what is not there`() {
        var client = Client()
        _ = client.waits(1, at: 0)
        #expect(client.waits(0, at: 20) == .clear)
        #expect(client.judgeTaking(at: 60) == nil)
        #expect(client.waits(0, at: 60) == .none)
        #expect(client.waits(1, at: 100) == .set(at: Self.at(110)), "the time that was left")
        client.pace.forgetTaking()
        #expect(client.waits(1, at: 100) == .set(at: Self.at(130)))
    }

    @Test func `who may take its time has no clock`() {
        var client = Client()
        #expect(client.waits(1, at: 0, rate: nil) == .none)
        #expect(client.judgeTaking(at: 1000) == nil)
        #expect(client.waits(0, at: 1000, rate: nil) == .none)
    }

    @Test func `sending and taking are two clocks`() {
        var client = Client()
        _ = client.turn(.client, at: 0)
        _ = client.waits(1, at: 10)
        #expect(client.turn(.nobody, at: 15) == .clear)
        #expect(client.judgeTaking(at: 40) == .tooSlow)
    }

    @Test func `streams have the time that slow says, and responses what response_rate says`() {
        let rate = Self.rate
        #expect(rate.ofResponses(nil) == rate)
        #expect(rate.ofResponses(.wait) == nil)
        let short = LeastRate(octetsPerSecond: 4096, patience: .seconds(1))
        #expect(rate.ofResponses(.cut(short)) == rate)
        let long = LeastRate(octetsPerSecond: 4096, patience: .seconds(20))
        #expect(rate.ofResponses(.cut(long))?.patience == .seconds(120))
        #expect(rate.ofResponses(.cut(long))?.octetsPerSecond == 500)
    }
}
