internal import Endings
internal import Entry
internal import Origins
internal import Relays
internal import Transport

extension HTTP1Client {
    /// The time to finish is over. A request that has no answer gets one, so that its client knows
    /// what became of it; whoever hears something already is cut.
    func drainIsOver() {
        switch phase {
        case .held(let request): request.drainIsOver()
        case .exchange(let exchange): exchange.drainIsOver()
        case .webSocket(let relay): relay.giveUp(.draining, detail: nil)
        case .head, .closing: close()
        case .lingering, .closed: break
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
