import Clock
import Testing

@Suite struct TimersTests {
    private enum Purpose: Int, CaseIterable { case close, queue, ping }

    private var timers = Timers<Purpose>()

    private static func at(_ seconds: Int64) -> Instant {
        Instant(nanoseconds: seconds * 1_000_000_000)
    }

    @Test mutating func `none is due before any was set`() {
        #expect(timers.next == .never)
        #expect(timers.takeDue(at: Self.at(1_000_000)) == nil)
        #expect(timers[.ping] == .never)
    }

    @Test mutating func `setting one purpose does not move another`() {
        timers[.close] = Self.at(5)
        timers[.queue] = Self.at(300)
        timers[.ping] = Self.at(25)
        #expect(timers.next == Self.at(5))
        #expect(timers[.close] == Self.at(5))
        timers[.ping] = Self.at(2)
        #expect(timers.next == Self.at(2))
    }

    @Test mutating func `what is due comes out in the order of time, once each`() {
        timers[.close] = Self.at(3)
        timers[.queue] = Self.at(1)
        timers[.ping] = Self.at(9)
        var taken: [Purpose] = []
        while let purpose = timers.takeDue(at: Self.at(3)) { taken.append(purpose) }
        #expect(taken == [.queue, .close])
        #expect(timers.next == Self.at(9))
    }

    @Test mutating func `a purpose that was cleared does not come`() {
        timers[.close] = Self.at(1)
        timers[.queue] = Self.at(2)
        timers.clear(.close)
        #expect(timers.takeDue(at: Self.at(2)) == .queue)
        #expect(timers.takeDue(at: Self.at(2)) == nil)
    }

    @Test mutating func `the last setting of a purpose counts, earlier or later`() {
        timers[.close] = Self.at(1)
        timers[.close] = Self.at(4)
        #expect(timers.takeDue(at: Self.at(3)) == nil)
        #expect(timers.takeDue(at: Self.at(4)) == .close)
    }

    @Test mutating func `what is never due is not taken at the end of time`() {
        timers[.close] = .never
        #expect(timers.takeDue(at: .never) == nil)
    }
}
