internal import Clock
internal import HTTP1
internal import Rates
internal import Relays
internal import Settings
internal import Transport

/// The end of a connection behind its last answer (`LingeringClose`).
extension HTTP1Client {
    /// Nothing more is said: sends what waits, then FIN, then waits for the client to do the same.
    func finish(in worker: Worker) {
        http.hangUp()
        settle(in: worker)
    }

    /// As `finish`, for a client that takes its time: what it has not taken soon is lost.
    func finishSoon(in worker: Worker) {
        http.hangUp()
        linger(.hurried, in: worker)
    }

    /// The answer at hand is broken off, and the client shall see that it is.
    func cut(in worker: Worker) {
        http.cut()
        settle(in: worker)
    }

    /// The connection is over: it ends in the way that `ServerConnection` says.
    func settle(in worker: Worker) {
        let isDraining = worker.isDraining
        switch http.ending {
        case .finished: linger(.init(leavesRest: false, isDraining: isDraining), in: worker)
        case .leavingRest: linger(.init(leavesRest: true, isDraining: isDraining), in: worker)
        case .cut(let needsReset): close(reset: needsReset, in: worker)
        case nil: break
        }
    }

    private func linger(_ manner: LingeringClose.Manner, in worker: Worker) {
        if case .closed = phase { return }
        let limit = generation.settings.limits.lingering
        let close = LingeringClose(manner, limit: limit, at: worker.now)
        if close.readsOn { worker.shared.counters.noteLingering() }
        begin(close)
        stream.finishSending()
        linger(in: worker)
        updateInterest(in: worker)
    }

    /// Something was sent, or the client's input has ended.
    func linger(in worker: Worker) {
        guard case .lingering(var close) = phase else { return }
        let step = close.progressed(
            pending: stream.pendingCount, hasInputEnded: hasInputEnded, at: worker.now)
        go(on: close, step, in: worker)
    }

    private func go(
        on close: LingeringClose, _ step: LingeringClose.Step, in worker: Worker
    ) {
        switch step {
        case .stay: stay(close, in: worker)
        case .close: self.close(in: worker)
        }
    }

    /// What came is for nobody.
    func heardWhileLingering(_ count: Int, in worker: Worker) {
        guard case .lingering(var close) = phase else { return }
        if close.readsOn, count > 0 { worker.shared.counters.noteLingering(octets: count) }
        close.heard(count, at: worker.now)
        stay(close, in: worker)
    }

    func lingeringTimedOut(_ close: LingeringClose, in worker: Worker) {
        var close = close
        let step = close.judge(
            acknowledged: stream.acknowledgedCount, unsent: stream.unsentCount, at: worker.now)
        go(on: close, step, in: worker)
    }

    /// The process stops.
    func hurryLingering(in worker: Worker) {
        guard case .lingering(var close) = phase else { return }
        close.hurry(at: worker.now)
        stay(close, in: worker)
    }
}
