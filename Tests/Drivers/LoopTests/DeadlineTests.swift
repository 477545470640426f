import Clock
import Testing

@testable import Loop

/// A loop that does not run shows one moment, before and after which deadlines lie.
@Suite struct DeadlineTests {
    private let loop: Loop
    private let token: UInt64 = 5
    private var past: Instant { loop.now + .seconds(-1) }
    private var future: Instant { loop.now + .seconds(3_600) }

    init() throws { loop = try Loop(wakeToken: 1) }

    private func set(_ deadline: inout Deadline, to instant: Instant) {
        if deadline.set(instant) { loop.schedule(token, at: instant) }
    }

    /// The wheel wakes the owner of the deadline.
    private func expect(
        _ deadline: inout Deadline, comes: Bool, at location: SourceLocation = #_sourceLocation
    ) {
        let hasCome = loop.isDue(&deadline, of: token)
        #expect(hasCome == comes, sourceLocation: location)
    }

    @Test func `one that was never set does not come`() {
        var deadline = Deadline()
        #expect(deadline.due == .never)
        expect(&deadline, comes: false)
    }

    @Test func `one that has come comes once`() {
        for instant in [past, loop.now] {
            var deadline = Deadline()
            set(&deadline, to: instant)
            #expect(deadline.due == instant)
            expect(&deadline, comes: true)
            #expect(deadline.due == .never)
            expect(&deadline, comes: false)
        }
    }

    @Test func `one that lies ahead does not come yet`() {
        var deadline = Deadline()
        set(&deadline, to: future)
        expect(&deadline, comes: false)
        #expect(deadline.due == future)
    }

    @Test func `one that was moved later does not come when the wheel wakes at the old time`() {
        var deadline = Deadline()
        set(&deadline, to: past)
        set(&deadline, to: future)
        expect(&deadline, comes: false)
        #expect(deadline.due == future)
        // It may be moved back again.
        set(&deadline, to: past)
        expect(&deadline, comes: true)
    }

    @Test func `one that was cleared does not come, and can be set again`() {
        var deadline = Deadline()
        set(&deadline, to: past)
        deadline.clear()
        #expect(deadline.due == .never)
        expect(&deadline, comes: false)
        set(&deadline, to: past)
        expect(&deadline, comes: true)
    }

    @Test func `never is later than anything`() {
        var deadline = Deadline()
        set(&deadline, to: .never)
        expect(&deadline, comes: false)
        #expect(Instant.never > future)
    }
}
