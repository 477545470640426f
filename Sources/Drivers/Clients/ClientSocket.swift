internal import Bookkeeping
internal import Clock
internal import Generations
internal import Loop
internal import Rates
internal import Relays
internal import Settings
internal import Transport

/// What of a client's connection is the same whatever is spoken on it: its stream, who it is from,
/// through which door it came in, what is due and watched for, how fast the client is, how its end
/// is waited for, and what it holds in memory.
final class ClientSocket {
    private struct Admission {
        let origin: ConnectionOrigin
        /// The place in the count of the address; nil for one that is in no count.
        let lease: ConnectionLease?
    }

    let token: UInt64
    let loop: Loop
    let stream: Stream
    private let counters: Counters
    private var admission: Admission
    private(set) var doorway: Doorway
    /// When octets last came.
    var lastHeard: Instant
    /// What is known of the end of the input while the client is not read from.
    private(set) var unreadEnd = UnreadEnd()
    private var schedule = Schedule()
    private var watched = Watched()
    /// How fast the client sends the body of the request at hand, and takes what waits for it.
    private var pace = ClientPace()
    /// How long the client is waited for behind the last answer; nil while more is said.
    private var lingering: LingeringClose?

    init(
        token: UInt64, stream: Stream, address: SocketAddress, lease: ConnectionLease?,
        doorway: Doorway, on loop: Loop, counters: Counters
    ) {
        self.token = token
        self.loop = loop
        self.stream = stream
        self.counters = counters
        admission = Admission(
            origin: ConnectionOrigin(address: address, isSecure: doorway.isTLS), lease: lease)
        self.doorway = doorway
        lastHeard = loop.now
    }

    /// The poller finds the connection from then on.
    func watch() throws(SystemError) {
        try loop.watch(stream.descriptor.number, token: token, interest: .readable)
    }

    var origin: ConnectionOrigin { admission.origin }

    var limits: LimitSettings { doorway.generation.settings.limits }

    /// Goes over to the newest generation. What others define is changed beside what is stored:
    /// so it is seen that no two look at it at once, and need not be checked at each look.
    ///
    /// - Returns: false when that is the one at hand.
    func follow(_ newest: Generation) -> Bool {
        if doorway.generation === newest { return false }
        var next = doorway
        defer { doorway = next }
        return next.follow(newest)
    }

    /// The process stops: nobody comes in any more.
    func closeDoorway() {
        var next = doorway
        next.close()
        doorway = next
    }

    /// What a PROXY header says of the client counts from then on.
    func admitted(_ origin: ConnectionOrigin, _ lease: ConnectionLease?) {
        admission = Admission(origin: origin, lease: lease)
    }

    func close(reset: Bool) {
        schedule = Schedule()
        lingering = nil
        watched.counted = loop.hold(0, insteadOf: watched.counted)
        loop.unwatch(stream.descriptor.number)
        stream.close(reset: reset)
        admission.lease?.end()
    }

    // MARK: The end of the input

    /// Another request begins, or none.
    func forgetRequest() {
        var end = unreadEnd
        end.forgetRequest()
        unreadEnd = end
    }

    /// The client finished sending behind octets that are not read yet.
    func noteUnreadEnd() {
        var end = unreadEnd
        end.came()
        unreadEnd = end
    }

    /// The client is read ahead from: its end may follow what it has sent.
    func lookAhead() {
        var end = unreadEnd
        end.lookFor()
        unreadEnd = end
    }

    /// Asks the client whether it is still there.
    func ask() {
        var end = unreadEnd
        end.asked(stream.ask())
        unreadEnd = end
    }

    // MARK: Timers

    private struct Schedule {
        /// What is due, each purpose by itself.
        var timers = Timers<ClientTimer>()
        /// When the wheel wakes the connection.
        var deadline = Deadline()
    }

    /// When that is due; `.never` while it is not set.
    func due(_ timer: ClientTimer) -> Instant { schedule.timers[timer] }

    func set(_ timer: ClientTimer, at instant: Instant) {
        schedule.timers[timer] = instant
        watchTimers()
    }

    func clear(_ timer: ClientTimer) { schedule.timers.clear(timer) }

    /// Another stage begins, or another part of one. How fast the client takes what waits for it
    /// is asked over all of them.
    func clearTimers() { schedule.timers.clearAll(but: .taking) }

    func change(_ timer: ClientTimer, _ change: TimerChange) {
        switch change {
        case .none: break
        case .set(let instant): set(timer, at: instant)
        case .clear: clear(timer)
        }
    }

    func isDue() -> Bool { loop.isDue(&schedule.deadline, of: token) }

    /// The purpose that was due first; nil when none is due, and the loop knows when one will be.
    func takeDue() -> ClientTimer? {
        if let timer = schedule.timers.takeDue(at: loop.now) { return timer }
        watchTimers()
        return nil
    }

    private func watchTimers() {
        let next = schedule.timers.next
        if schedule.deadline.set(next) { loop.schedule(token, at: next) }
    }

    // MARK: Interest

    private struct Watched {
        var interest: Readiness = .readable
        /// Nothing was expected of the client when its interest was last looked at.
        var wasCalm = false
        /// Octets that the loop counts as held by the connection.
        var counted = 0
    }

    var interest: Readiness { watched.interest }

    /// Watches for what is wanted now; asks the kernel only when that changed.
    ///
    /// - Parameters:
    ///   - isRead: the client may be read from.
    ///   - watchesForEnd: also while it is not, the end of its input is to be seen.
    ///   - lacksBody: the client has more of a body to send.
    /// - Returns: false while nothing is expected of the client: it is read from, has taken
    ///   everything, and has no body to send.
    func watch(isRead: Bool, watchesForEnd: Bool, lacksBody: Bool) -> Bool {
        let isWaiting = stream.pendingCount > 0
        var wanted = isRead ? Readiness.readable.rawValue : 0
        if isWaiting { wanted |= Readiness.writable.rawValue }
        if !isRead, watchesForEnd { wanted |= Readiness.finished.rawValue }
        if wanted != watched.interest.rawValue {
            watched.interest = Readiness(rawValue: wanted)
            loop.change(stream.descriptor.number, token: token, interest: watched.interest)
        }
        let isCalm = isRead && !isWaiting && !lacksBody
        defer { watched.wasCalm = isCalm }
        return !isCalm || !watched.wasCalm
    }

    /// The client has to be looked after the next time that its interest is, whatever it was.
    func forgetCalm() { watched.wasCalm = false }

    // MARK: Pace

    /// The client's turn to take what waits for it, or to send a body, begins or ends.
    ///
    /// - Parameters:
    ///   - slow: what is said of the WebSocket or event stream that the connection carries.
    ///   - count: octets of bodies that the client has sent so far.
    func watchPace(
        _ slow: RouteSettings.SlowClient?, _ turn: ClientPace.BodyTurn,
        count: @autoclosure () -> Int64
    ) {
        let (stream, limits) = (stream, limits)
        change(
            .taking,
            pace.watchTaking(
                pending: stream.pendingCount, rate: limits.responseRate.ofResponses(slow),
                taken: stream.takenCount, at: loop.now))
        change(
            .sending,
            pace.watchSending(turn, rate: limits.bodyRate, count: count(), at: loop.now))
    }

    /// Another body is read: its clock is another one.
    func forgetSending() { pace.forgetSending() }

    /// A full queue is another matter from here on, and the clock begins anew.
    func forgetTaking() { pace.forgetTaking() }

    /// - Returns: true when the client does not keep `body_rate`.
    func sendsTooSlowly(count: @autoclosure () -> Int64) -> Bool {
        isTooSlow(.sending, pace.judgeSending(count: count(), at: loop.now))
    }

    /// - Returns: true when the client does not keep `response_rate`.
    func takesTooSlowly() -> Bool {
        isTooSlow(.taking, pace.judgeTaking(taken: stream.takenCount, at: loop.now))
    }

    private func isTooSlow(_ timer: ClientTimer, _ verdict: ProgressClock.Verdict?) -> Bool {
        switch verdict {
        case .inTime(let next): set(timer, at: next)
        case .tooSlow: return true
        case nil: break
        }
        return false
    }

    // MARK: Memory

    /// Octets that the loop counts as held by the connection.
    var counted: Int { watched.counted }

    /// - Parameter count: octets that are held besides those of the stream.
    func countMemory(beside count: Int) {
        watched.counted = loop.hold(stream.heldCount + count, insteadOf: watched.counted)
    }

    // MARK: Lingering

    /// Nothing more is said: the client's end is waited for.
    ///
    /// - Returns: false when the connection is over.
    func linger(_ manner: LingeringClose.Manner, hasInputEnded: Bool) -> Bool {
        let close = LingeringClose(manner, limit: limits.lingering, at: loop.now)
        if close.readsOn { counters.noteLingering() }
        lingering = close
        stream.finishSending()
        return lingers(hasInputEnded: hasInputEnded)
    }

    /// While the client's end is waited for, it may be read from.
    var readsWhileLingering: Bool { lingering?.isReading ?? false }

    /// Something was sent, or the client's input has ended.
    ///
    /// - Returns: false when the connection is over.
    func lingers(hasInputEnded: Bool) -> Bool {
        guard var close = lingering else { return true }
        let step = close.progressed(
            pending: stream.pendingCount, hasInputEnded: hasInputEnded, at: loop.now)
        lingering = close
        return goOn(step)
    }

    /// - Returns: false when the connection is over.
    func lingersOn() -> Bool {
        guard var close = lingering else { return true }
        let step = close.judge(
            acknowledged: stream.acknowledgedCount, unsent: stream.unsentCount, at: loop.now)
        lingering = close
        return goOn(step)
    }

    private func goOn(_ step: LingeringClose.Step?) -> Bool {
        switch step {
        case .stay(let next): set(.phase, at: next)
        case .close: return false
        case nil: break
        }
        return true
    }

    /// Octets came that are for nobody.
    func heardWhileLingering(_ count: Int) {
        guard var close = lingering else { return }
        if close.readsOn, count > 0 { counters.noteLingering(octets: count) }
        close.heard(count, at: loop.now)
        lingering = close
        set(.phase, at: close.next)
    }

    /// The process stops.
    func hurryLingering() {
        guard var close = lingering else { return }
        close.hurry(at: loop.now)
        lingering = close
        set(.phase, at: close.next)
    }
}
