internal import Clock
internal import Endings
internal import Entry
internal import Settings
internal import Transport

/// The end of a worker: SIGTERM.
extension Worker {
    var isDraining: Bool { drain.isRunning }

    func startDraining() {
        let timeout = generation.settings.limits.drainTimeout
        guard let end = drain.begin(at: now, timeout: timeout) else { return }
        for listener in listeners { remove(listener) }
        for case .client(let client) in members.elements { client.drain(in: self) }
        // Wakes the loop once the time is over, whatever the connections do.
        wake(at: end)
    }

    func continueDraining() {
        switch drain.judge(isEmpty: clientCount + unattended.value == 0, at: now) {
        case .wait: break
        case .sayLast(let end):
            for case .client(let client) in members.elements { client.drainIsOver(in: self) }
            wake(at: end)
        case .stop:
            hasStopped = true
            accessLog.flush()
            shared.workerStopped(index)
        }
    }
}

extension HTTP1Client {
    /// The time to finish is over. A request that has no answer gets one, so that its client knows
    /// what became of it; whoever hears something already is cut.
    func drainIsOver(in worker: Worker) {
        switch phase {
        case .held(let request): request.drainIsOver(from: self, in: worker)
        case .exchange(let exchange): exchange.drainIsOver(in: worker)
        case .webSocket(let relay): relay.giveUp(.draining, detail: nil, in: worker)
        case .head, .closing: close(in: worker)
        case .lingering, .closed: break
        }
        updateInterest(in: worker)
    }
}

extension Exchange {
    fileprivate func drainIsOver(in worker: Worker) {
        fail(upstream?.isConnected == true ? .unfinished : .draining, in: worker)
    }
}
