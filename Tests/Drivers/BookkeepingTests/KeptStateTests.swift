import Clock
import Identity
import Records
import Sessions
import Settings
import State
import Testing
import Transport

@testable import Bookkeeping

/// What an operator decided, in force.
@Suite struct KeptStateTests {
    private let sessions = SessionTable(deliver: { _ in })
    private let kept: KeptState

    init() throws {
        let log = EventLog()
        log.set(level: .error)
        kept = KeptState(
            sessions: AskedStore(sessions, PendingQuestions {}), revocations: RevocationStore(),
            journal: SessionJournal(log: log), log: log)
        var settings = Settings()
        settings.sessions = [
            SessionSettings(
                name: "boards", store: .query("store"), limit: .init(devices: 2, policy: .blockNew))
        ]
        try kept.open(settings, 1)
    }

    private let key = StorePolicyKey(block: "boards", store: "17")

    /// The answer of the store.
    private func ask<Value: Sendable>(
        _ question: (StateStore, @escaping StateStore.Completion<Value>) -> Void
    ) throws -> Value {
        let store = try #require(kept.store)
        let handover = try Handover<Result<Value, StateError>>()
        question(store) { handover.give($0) }
        return try handover.wait().get()
    }

    /// One device, until an hour has gone by.
    private func setPolicy(_ clock: ClockReading) throws {
        let end = clock.wallTime.advanced(by: .seconds(1 * 3600))
        let change = StorePolicyChange(
            key: key, devices: 1, policy: "block_new", expires: end, changedBy: "test")
        let policy = try ask { $0.setPolicy(change, now: clock.wallTime, $1) }
        kept.putInForce(policy, endsExcess: false, clock) { _ in }
    }

    /// When the policy ends; nil when it has.
    private func end(_ clock: ClockReading) throws -> Instant? {
        // Whatever was asked of the store before is done when this is answered.
        _ = try ask { $0.policies(now: clock.wallTime, $1) }
        let request = StoreQuestion.stores(SessionFilter(), after: nil, most: 10)
        guard case .stores(let stores, _) = sessions.ask(request, number: 0, now: clock.now) else {
            return nil
        }
        return stores.first?.limits.first?.expires
    }

    /// So much later, after the clock was set by so much.
    private func later(
        _ clock: ClockReading, _ time: Duration, set: Duration = .zero
    ) -> ClockReading {
        ClockReading(now: clock.now + time, wallTime: clock.wallTime.advanced(by: time + set))
    }

    @Test func `a policy ends when the clock says so, also after it was set`() throws {
        let clock = SystemClock.reading()
        try setPolicy(clock)
        let first = try #require(try end(clock))

        let corrected = later(clock, .seconds(1 * 60), set: .milliseconds(300))
        kept.timePassed(to: corrected)
        #expect(try end(corrected) == first)

        let back = later(clock, .seconds(2 * 60), set: .seconds(-30 * 60))
        kept.timePassed(to: back)
        let second = try #require(try end(back))
        #expect(abs((second - first - .seconds(30 * 60)).wholeMilliseconds) < 2)

        let forward = later(clock, .seconds(3 * 60), set: .seconds(2 * 3600))
        kept.timePassed(to: forward)
        #expect(try end(forward) == nil)
        #expect(try ask { $0.policy(key, now: forward.wallTime, $1) } == nil)
    }
}
