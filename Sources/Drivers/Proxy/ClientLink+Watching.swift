internal import Clients
internal import Endings
internal import Entry
internal import Origins
internal import Relays
internal import Settings
internal import Upstreams

/// What the connection has to know of what it is used for, and what it holds in memory.
extension ClientLink {
    /// Watches for what is wanted now, and who is too slow for it.
    func updateInterest() {
        if connection.watch(for: wanted) { connection.lookAfter(duty) }
        countMemory()
    }

    private var wanted: ClientUse {
        switch use {
        case .nothing: .nothing
        case .held: .waiting
        case .exchange(let exchange):
            exchange.wait.isActive ? .waiting : .request(wantsInput: exchange.wantsClientInput)
        case .webSocket(let relay): .frames(wantsInput: relay.wantsClientInput)
        }
    }

    /// What is expected of the client.
    var duty: ClientDuty {
        var duty = ClientDuty()
        switch use {
        case .nothing, .held: break
        case .exchange(let exchange):
            if exchange.events != nil { duty.slow = exchange.plan.route.settings.slowClient }
            if exchange.isReadingBody {
                duty.body = exchange.wantsClientInput ? .wanted : .heldBack
            }
            duty.mayBeAsked = exchange.mayAsk
        case .webSocket(let relay): duty.slow = relay.route.settings.slowClient
        }
        return duty
    }

    // MARK: Memory

    /// Connections that hold less are not worth being ended.
    static let leastShed = 4 * 1024

    func countMemory() { connection.countMemory(beside: heldCount) }

    /// Octets in buffers of what it is used for.
    private var heldCount: Int {
        switch use {
        case .nothing: 0
        case .held(let request): request.heldCount
        case .exchange(let exchange): exchange.heldCount + exchange.context.liveCount
        case .webSocket(let relay):
            (relay.context.opened?.heldCount ?? 0) + relay.input.heldCount + relay.context.liveCount
        }
    }

    /// What would be free without it: its upstream's connection goes with it.
    var shedCount: Int {
        switch use {
        case .exchange(let exchange):
            connection.counted + (exchange.upstream?.connection.counted ?? 0)
        case .webSocket(let relay):
            connection.counted + (relay.upstream?.connection.counted ?? 0)
        case .nothing, .held: connection.counted
        }
    }

    /// Ends it for the memory it holds. Who takes what it is sent hears why.
    func shed() {
        switch use {
        case .exchange(let exchange):
            exchange.giveUp(.overloaded, detail: Refusal.memory.detail)
        case .webSocket(let relay):
            relay.giveUp(.overloaded, detail: Refusal.memory.detail)
        case .held(let request): request.shed()
        case .nothing: return close(reset: true)
        }
        if request.waiting > 0 { close(reset: true) }
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
