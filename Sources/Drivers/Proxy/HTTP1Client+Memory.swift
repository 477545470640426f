internal import Endings
internal import Entry
internal import HTTP1
internal import Loop
internal import Origins
internal import Relays
internal import Transport

/// What a client's connection holds in memory that its client, or its upstream, could make it hold.
extension HTTP1Client {
    /// Connections that hold less are not worth being ended.
    static let leastShed = 4 * 1024

    func countMemory() { counted = loop.hold(heldCount, insteadOf: counted) }

    /// Octets in buffers that are this connection's.
    private var heldCount: Int {
        let common = stream.heldCount + held.count
        switch phase {
        case .head: return common + http.keptCount
        case .held(let request): return common + http.keptCount + request.heldCount
        case .exchange(let exchange):
            return common + http.keptCount + exchange.heldCount + exchange.context.liveCount
        case .webSocket(let relay):
            let opened = relay.context.opened?.heldCount ?? 0
            return common + opened + relay.input.heldCount + relay.context.liveCount
        case .closing(let socket): return common + socket.heldCount
        case .lingering, .closed: return common
        }
    }

    /// What would be free without it: its upstream's connection goes with it.
    var shedCount: Int {
        switch phase {
        case .exchange(let exchange): counted + (exchange.upstream?.connection.counted ?? 0)
        case .webSocket(let relay): counted + (relay.upstream?.connection.counted ?? 0)
        case .head, .held, .closing, .lingering, .closed: counted
        }
    }

    /// Ends it for the memory it holds. Who takes what it is sent hears why.
    func shed() {
        switch phase {
        case .exchange(let exchange):
            exchange.giveUp(.overloaded, detail: Refusal.memory.detail)
        case .webSocket(let relay):
            relay.giveUp(.overloaded, detail: Refusal.memory.detail)
        case .held(let request): request.shed()
        case .head, .closing, .lingering, .closed: return close(reset: true)
        }
        if stream.pendingCount > 0 { close(reset: true) }
        updateInterest()
    }
}

extension RequestContext {
    /// Octets of the head that is kept of a live connection.
    fileprivate var liveCount: Int { live?.request.heldCount ?? 0 }
}

extension Refusal {
    /// All connections together hold more than `memory` says.
    static let memory = Refusal(
        .overloaded, detail: "memory", message: "The gateway has no memory to spare",
        retryAfterSeconds: 5)
}
