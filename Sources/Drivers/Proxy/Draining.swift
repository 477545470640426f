internal import Clients
internal import Endings
internal import Entry
internal import Origins

extension ClientLink {
    /// The process stops: what is idle ends now, what is busy after its answer, what lives later.
    func drain() {
        if let end = connection.stop() { return close(reset: end.reset) }
        switch use {
        case .nothing, .webSocket: break
        case .held(let request): request.drain()
        case .exchange(let exchange):
            exchange.drain()
            lookAhead()
        }
        updateInterest()
    }

    /// The time to finish is over. A request that has no answer gets one, so that its client knows
    /// what became of it; whoever hears something already is cut.
    ///
    /// - Parameter detail: what is noted of a WebSocket that is cut.
    func drainIsOver(_ detail: String?) {
        switch use {
        case .nothing: if let end = connection.stopIsOver() { close(reset: end.reset) }
        case .held(let request): request.drainIsOver()
        case .exchange(let exchange): exchange.drainIsOver()
        case .webSocket(let relay): relay.giveUp(.draining, detail: detail)
        }
        updateInterest()
    }
}

extension OriginLink {
    /// The time to finish is over, also for what is finished without its client.
    func drainIsOver() {
        if let exchange = unattended { exchange.drainIsOver() }
    }
}

extension Exchange {
    fileprivate func drainIsOver() {
        fail(upstream?.connection.isConnected == true ? .unfinished : .draining)
    }
}
