import Clock
import Testing
import Transport

@testable import Loop

/// What a loop answers to whoever runs it.
@Suite struct LoopTests {
    private let loop: Loop

    init() throws { loop = try Loop(wakeToken: 7) }

    @Test func `what is left to be done begins a turn at once`() {
        let before = loop.turn
        #expect(loop.next(hasBacklog: true) == 0)
        #expect(loop.turn == before + 1)
        loop.allowance.resumeLater(1, isLight: true)
        #expect(loop.next(hasBacklog: false) == 0)
    }

    @Test func `timers that have come are looked after some at a time`() {
        for token in 1...100 as ClosedRange<UInt64> {
            loop.schedule(token, at: loop.now + .milliseconds(-1))
        }
        var due: [UInt64] = []
        while due.count < 100 {
            _ = loop.next(hasBacklog: false)
            let some = loop.takeDue()
            #expect(some.count <= Loop.turnCount)
            due += some
        }
        #expect(Set(due) == Set(1...100))
        #expect(loop.takeDue().isEmpty)
    }

    @Test func `a turn nobody else asked for belongs to the wake token`() {
        loop.wake(at: loop.now + .milliseconds(-1))
        var due: [UInt64] = []
        while due.isEmpty {
            _ = loop.next(hasBacklog: false)
            due += loop.takeDue()
        }
        #expect(due == [7])
    }

    @Test func `a buffer that has grown beyond reason is not kept`() {
        var buffer = loop.takeScratch()
        buffer.append(contentsOf: repeatElement(0, count: 4 * TurnShare.size))
        loop.giveBack(scratch: &buffer)
        #expect(loop.scratch.isEmpty)
        #expect(loop.scratch.capacity < TurnShare.size)
        var small = loop.takeInflated()
        small.append(1)
        loop.giveBack(inflated: &small)
        let kept = loop.takeInflated()
        #expect(kept.isEmpty)
        #expect(kept.capacity > 0)
    }

    @Test func `identifiers and times are spread`() {
        let names = Set((0..<100).map { _ in loop.newIdentifier() })
        #expect(names.count == 100)
        for _ in 0..<100 {
            #expect((1000..<5000).contains(loop.reconnectDelayMilliseconds()))
            let time = loop.randomTime(within: .milliseconds(20))
            #expect(time >= .zero && time <= .milliseconds(20))
        }
        #expect(loop.randomTime(within: .zero) == .zero)
    }

    @Test func `what a member holds is told when it has changed`() {
        var held = loop.hold(100, insteadOf: 0)
        held = loop.hold(100, insteadOf: held)
        #expect(loop.memory.held == 100)
        held = loop.hold(30, insteadOf: held)
        #expect(held == 30)
        #expect(loop.memory.held == 30)
        #expect(loop.hold(0, insteadOf: held) == 0)
        #expect(loop.memory.held == 0)
    }

    @Test func `what was written and not sent is cleared`() {
        loop.scratch.append(contentsOf: [1, 2, 3])
        loop.clearScratch()
        #expect(loop.scratch.isEmpty)
        loop.eventEnded()
    }
}
