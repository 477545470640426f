internal import Bookkeeping
internal import Clock
internal import Generations
internal import HTTP1
internal import Loop
internal import Rates
internal import Relays
internal import Settings
internal import Transport

/// The end of a connection behind its last answer (`LingeringClose`).
extension HTTP1Client {
    /// Nothing more is said: sends what waits, then FIN, then waits for the client to do the same.
    func finish() {
        http.hangUp()
        settle()
    }

    /// As `finish`, for a client that takes its time: what it has not taken soon is lost.
    func finishSoon() {
        http.hangUp()
        linger(.hurried)
    }

    /// The answer at hand is broken off, and the client shall see that it is.
    func cut() {
        http.cut()
        settle()
    }

    /// The connection is over: it ends in the way that `ServerConnection` says.
    func settle() {
        let isDraining = thread.isDraining
        switch http.ending {
        case .finished: linger(.init(leavesRest: false, isDraining: isDraining))
        case .leavingRest: linger(.init(leavesRest: true, isDraining: isDraining))
        case .cut(let needsReset): close(reset: needsReset)
        case nil: break
        }
    }

    private func linger(_ manner: LingeringClose.Manner) {
        if case .closed = phase { return }
        let limit = generation.settings.limits.lingering
        let close = LingeringClose(manner, limit: limit, at: loop.now)
        if close.readsOn { thread.shared.counters.noteLingering() }
        begin(close)
        stream.finishSending()
        linger()
        updateInterest()
    }

    /// Something was sent, or the client's input has ended.
    func linger() {
        guard case .lingering(var close) = phase else { return }
        let step = close.progressed(
            pending: stream.pendingCount, hasInputEnded: hasInputEnded, at: loop.now)
        go(on: close, step)
    }

    private func go(on close: LingeringClose, _ step: LingeringClose.Step) {
        switch step {
        case .stay: stay(close)
        // A client that has not taken all of an answer shall not take it for whole.
        case .close: self.close(reset: stream.pendingCount > 0)
        }
    }

    /// What came is for nobody.
    func heardWhileLingering(_ count: Int) {
        guard case .lingering(var close) = phase else { return }
        if close.readsOn, count > 0 { thread.shared.counters.noteLingering(octets: count) }
        close.heard(count, at: loop.now)
        stay(close)
    }

    func lingeringTimedOut(_ close: LingeringClose) {
        var close = close
        let step = close.judge(
            acknowledged: stream.acknowledgedCount, unsent: stream.unsentCount, at: loop.now)
        go(on: close, step)
    }

    /// The process stops.
    func hurryLingering() {
        guard case .lingering(var close) = phase else { return }
        close.hurry(at: loop.now)
        stay(close)
    }
}
