import Clock
import Testing

@testable import Relays

/// Clients that are not read from, and may have left.
@Suite struct UnreadEndTests {
    private let now = Instant.zero + .seconds(1000)

    @Test func `who is silent is asked, and again later`() {
        var end = UnreadEnd()
        #expect(end.watch(isSilent: false, isSet: false, at: now) == .none)
        #expect(end.watch(isSilent: true, isSet: false, at: now) == .set(at: now + .seconds(5)))
        #expect(end.watch(isSilent: true, isSet: true, at: now) == .none, "that is settled")
        end.asked(true)
        #expect(end.watch(isSilent: true, isSet: false, at: now) == .set(at: now + .seconds(10)))
    }

    @Test func `who is read from again is not asked`() {
        let end = UnreadEnd()
        #expect(end.watch(isSilent: false, isSet: true, at: now) == .clear)
    }

    @Test func `who cannot be asked is asked no more, until the next request`() {
        var end = UnreadEnd()
        end.asked(false)
        #expect(end.watch(isSilent: true, isSet: false, at: now) == .none)
        end.forgetRequest()
        #expect(end.watch(isSilent: true, isSet: false, at: now) == .set(at: now + .seconds(5)))
    }

    @Test func `an end stays one, reading ahead is for one request`() {
        var end = UnreadEnd()
        #expect(!end.hasCome && !end.isLookedFor)
        end.came()
        end.lookFor()
        #expect(end.hasCome && end.isLookedFor)
        end.forgetRequest()
        #expect(end.hasCome && !end.isLookedFor)
    }
}
