internal import Bytes
package import Clock
internal import Crypto
package import TLS
package import Transport

/// One thread's time and readiness: the poller, the timers, the turns, and the buffers that
/// whatever lives on the thread uses between two events. It knows members by their tokens alone:
/// whoever runs it asks what has happened to whom.
package final class Loop {
    /// What is due for members, from timers or because somebody else said so, is done for so many
    /// in a turn: when thousands end in the same second, nobody else waits for it.
    package static let turnCount = 64

    private let poller: Poller
    private var timers: DueMembers
    /// The member that a turn belongs to which nobody else asked for (`wake`).
    package let wakeToken: UInt64
    package let buffer = ReadBuffer()
    package let engine = TLSEngine()
    private var current: Turn
    /// Reused for whatever is put together to be sent at once; empty between two events.
    package var scratch: [UInt8] = []
    /// As `scratch`, for messages as they come.
    package var message: [UInt8] = []
    /// As `scratch`, for messages that were inflated.
    private var inflated: [UInt8] = []
    /// Members whose input waits for a later turn, and how much may be read in this one.
    package var allowance = TurnShare()
    /// What the members hold in buffers.
    package var memory = MemoryShare()
    private let fresh = Fresh()

    /// - Parameter wakeToken: what the timers answer for `wake`.
    package init(wakeToken: UInt64) throws(SystemError) {
        poller = try Poller()
        current = Turn(begin: SystemClock.now())
        timers = DueMembers(wheel: TimerWheel(now: current.begin))
        self.wakeToken = wakeToken
    }

    // MARK: Turns

    /// When this turn began. Called, and not looked at from other rooms, because a look from there
    /// is checked for exclusive access each time.
    package var now: Instant {
        @inline(never) get { current.begin }
    }

    /// How often the loop went round: within one turn nothing is reported twice.
    package var turn: UInt64 {
        @inline(never) get { current.number }
    }

    /// Waits for events until something is due, and begins the next turn.
    ///
    /// - Parameter hasBacklog: something is left to be done at once.
    /// - Returns: how many `event`s there are.
    package func next(hasBacklog: Bool) -> Int {
        let isBusy = hasBacklog || !timers.due.isEmpty || allowance.hasHeld
        let timeout = timers.wheel.millisecondsToNextTick(from: current.begin) ?? -1
        let count = poller.wait(milliseconds: isBusy ? 0 : timeout)
        current = Turn(begin: SystemClock.now(), number: current.number &+ 1)
        allowance.begin()
        return count
    }

    /// An event of this turn.
    package func event(_ index: Int) -> (token: UInt64, readiness: Readiness) {
        poller.event(index)
    }

    /// Members whose timers have come, as many as may be looked after in this turn.
    package func takeDue() -> ArraySlice<UInt64> {
        timers.next(at: current.begin, Self.turnCount)
    }

    // MARK: Readiness

    package func watch(
        _ descriptor: Int32, token: UInt64, interest: Readiness
    ) throws(SystemError) {
        try poller.add(descriptor, token: token, interest: interest)
    }

    package func change(_ descriptor: Int32, token: UInt64, interest: Readiness) {
        poller.change(descriptor, token: token, interest: interest)
    }

    package func unwatch(_ descriptor: Int32) { poller.remove(descriptor) }

    // MARK: Timers

    /// The member is due at or soon after `instant`.
    package func schedule(_ token: UInt64, at instant: Instant) {
        timers.wheel.schedule(token, at: instant)
    }

    /// There is a turn at or soon after `instant`, whatever else happens.
    package func wake(at instant: Instant) { timers.wheel.schedule(wakeToken, at: instant) }

    /// The member that has this deadline was due: true when the deadline has come.
    package func isDue(_ deadline: inout Deadline, of token: UInt64) -> Bool {
        switch deadline.fired(at: current.begin) {
        case .due: return true
        case .moved(let instant): schedule(token, at: instant)
        case .early: break
        }
        return false
    }

    /// A member holds `count` octets in buffers now.
    ///
    /// - Parameter before: what it held when it said so last.
    /// - Returns: `count`, to be said the next time.
    package func hold(_ count: Int, insteadOf before: Int) -> Int {
        if count != before { memory.count(count, insteadOf: before) }
        return count
    }

    // MARK: Buffers

    /// Sends what stands in the scratch; it is empty then.
    package func sendScratch(on stream: Stream) { Self.send(&scratch, on: stream) }

    private static func send(_ octets: inout [UInt8], on stream: Stream) {
        if octets.isEmpty { return }
        stream.send(octets.span)
        octets.removeAll(keepingCapacity: true)
    }

    /// Whatever stands in the scratch is nobody's.
    package func clearScratch() {
        if !scratch.isEmpty { scratch.removeAll(keepingCapacity: true) }
    }

    /// What was to be done for one member is done. What it has written and not sent would go to
    /// whoever writes next: nobody hears it, whoever has forgotten it.
    package func eventEnded() {
        assert(scratch.isEmpty, "octets of one connection are left for another")
        clearScratch()
    }

    /// The scratch buffer, to be given back.
    package func takeScratch() -> [UInt8] { Self.take(&scratch) }

    package func giveBack(scratch buffer: inout [UInt8]) { Self.giveBack(&buffer, to: &scratch) }

    /// The buffer for an inflated message, to be given back.
    package func takeInflated() -> [UInt8] { Self.take(&inflated) }

    package func giveBack(inflated buffer: inout [UInt8]) { Self.giveBack(&buffer, to: &inflated) }

    private static func take(_ place: inout [UInt8]) -> [UInt8] {
        var buffer: [UInt8] = []
        swap(&buffer, &place)
        buffer.removeAll(keepingCapacity: true)
        return buffer
    }

    /// One that has grown beyond reason is not kept.
    private static func giveBack(_ buffer: inout [UInt8], to place: inout [UInt8]) {
        buffer.removeAll(keepingCapacity: buffer.capacity <= TurnShare.size)
        swap(&buffer, &place)
    }

    // MARK: What is new

    /// For an answer that is made now, or that came without its own.
    package var date: [UInt8] { fresh.date(at: SystemClock.wallTime()) }

    /// 22 or so characters that are safe anywhere, never used before.
    package func newIdentifier() -> String { fresh.identifier() }

    /// 64 bits that nobody can guess.
    package func newInteger() -> UInt64 { fresh.integer() }

    /// Some time from none at all to `limit`.
    package func randomTime(within limit: Duration) -> Duration {
        .milliseconds(Int64(newInteger() % (UInt64(max(0, limit.wholeMilliseconds)) + 1)))
    }

    /// When a client that is sent away for a restart shall come back: spread, so that not all come
    /// at once.
    package func reconnectDelayMilliseconds() -> Int { 1000 + Int(newInteger() % 4000) }
}

/// One round of a loop.
private struct Turn {
    let begin: Instant
    /// How many have begun before.
    var number: UInt64 = 0
}

/// The timers of a loop, and the members that are due by them and have not had their turn.
private struct DueMembers {
    var wheel: TimerWheel
    var due = Backlog<UInt64>()

    mutating func next(at now: Instant, _ count: Int) -> ArraySlice<UInt64> {
        due.extend { wheel.advance(to: now, into: &$0) }
        return due.isEmpty ? [] : due.next(count)
    }
}
