import Endings
import Testing

@testable import Sessions

/// Whose place is kept a little when his connection has ended.
@Suite struct DepartureTests {
    @Test func `a device may be back where nobody wanted its connection to end`() {
        let kept = EndReason.allCases.filter { $0.departure == .abnormal }
        #expect(
            Set(kept) == [
                .clientGone, .upstreamClosed, .upstreamUnavailable, .internalError, .slowConsumer,
                .overloaded,
            ])
        // A gateway that stops has the clients come back elsewhere: no place waits here for them.
        #expect(EndReason.draining.departure == .normal)
    }
}
