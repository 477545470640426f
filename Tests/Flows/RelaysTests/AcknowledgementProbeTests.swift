import Clock
import Testing

@testable import Relays

@Suite struct AcknowledgementProbeTests {
    private let now = Instant.zero + .seconds(1000)

    private func outcome(
        _ count: Int64, _ outstanding: Int, after seconds: Int64 = 1
    ) -> AcknowledgementProbe.Outcome? {
        AcknowledgementProbe(at: now, acknowledged: 100).outcome(
            Acknowledgements(count: count, outstanding: outstanding), now: now + .seconds(seconds))
    }

    @Test func `who takes something, or has nothing more to take, is there`() {
        #expect(outcome(101, 50) == .isThere)
        #expect(outcome(100, 0) == .isThere)
        #expect(outcome(100, 50) == nil)
        #expect(outcome(100, 1) == nil)
    }

    @Test func `who cannot be asked is taken to be there`() {
        #expect(outcome(-1, -1) == .isThere)
        #expect(outcome(-1, 50) == .isThere)
        #expect(outcome(100, -1) == nil)
    }

    @Test func `it is not looked for longer than half a minute`() {
        #expect(outcome(100, 1, after: 30) == nil)
        #expect(outcome(100, 1, after: 31) == .isSilent)
        #expect(outcome(101, 1, after: 31) == .isThere)
    }
}
