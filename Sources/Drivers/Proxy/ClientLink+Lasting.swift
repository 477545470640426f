internal import Clients
internal import Clock
internal import Endings
internal import Entry
internal import Loop
internal import Relays
internal import Settings
internal import Upstreams

/// A connection as far as it carries what lasts, a WebSocket, an event stream or a download, and
/// how that ends for no fault of its client's: with a hint when to come back.
struct LastingUse {
    let client: ClientLink

    /// A WebSocket or an event stream: what can be told when to come back.
    var isLive: Bool {
        switch client.use {
        case .nothing, .held: false
        case .exchange(let exchange): exchange.events != nil
        case .webSocket: true
        }
    }

    /// The server of a WebSocket or an event stream.
    var server: ServerState? {
        switch client.use {
        case .nothing, .held: nil
        case .exchange(let exchange): exchange.events == nil ? nil : exchange.lease?.state
        case .webSocket(let relay): relay.lease?.state
        }
    }

    private var route: RouteSettings? {
        switch client.use {
        case .nothing, .held: nil
        case .exchange(let exchange): exchange.plan.route.settings
        case .webSocket(let relay): relay.route.settings
        }
    }

    // MARK: The beginning

    /// It begins: its age is counted.
    func begin() {
        let loop = client.loop
        guard let age = route?.lasting.maxAge else { return }
        let lifetime = age.limit - loop.randomTime(within: age.jitter)
        client.request.set(.age, at: loop.now + lifetime)
    }

    /// What begins so late that all others were told to end already ends at once, behind the head
    /// of its response.
    func endIfLate() {
        let isDraining = client.thread.isDraining
        guard isLive, isDraining || server?.order.endsLive == true else { return }
        end(
            isDraining ? nil : Self.serverDrain,
            comingBackIn: client.loop.reconnectDelayMilliseconds())
    }

    // MARK: Ends

    /// Its turn has come, unless it is not meant any more.
    func end(for cause: LiveEnds.Cause, comingBackIn milliseconds: Int) {
        switch cause {
        case .stop where isLive: end(nil, comingBackIn: milliseconds)
        case .server(let server) where self.server === server && server.order.endsLive:
            end(Self.serverDrain, comingBackIn: milliseconds)
        case .down(let server)
        where self.server === server && server.health.finding?.isUp == false:
            end(Self.serverDown, comingBackIn: milliseconds)
        case .stop, .server, .down: break
        }
    }

    /// It has lasted as long as it may. A download, which nobody can be told anything in, is broken
    /// off.
    func isOfAge() {
        let wait = client.loop.reconnectDelayMilliseconds()
        if isLive { return end(Self.age, comingBackIn: wait) }
        guard case .exchange(let exchange) = client.use else { return }
        exchange.fail(
            Refusal(.draining, detail: Self.age, message: "The download has lasted too long"))
        client.updateInterest()
    }

    /// The words of the log: on a server that an operator drains, on one that is down, and at
    /// `max_age`.
    private static let serverDrain = "server_drain"
    private static let serverDown = "server_down"
    private static let age = "max_age"

    private func end(_ detail: String?, comingBackIn milliseconds: Int) {
        switch client.use {
        case .nothing, .held: break
        case .exchange(let exchange):
            exchange.end(.draining(exchange.context, detail, comingBackIn: milliseconds))
        case .webSocket(let relay):
            var ending = StreamEnding.draining(relay.context, detail, comingBackIn: milliseconds)
            ending.message = ending.message ?? relay.explanation(.draining)
            relay.end(ending)
        }
        client.updateInterest()
    }
}

extension Refusal {
    /// Of who asks whether the gateway is ready.
    static let stopping = Refusal(.draining, message: "The gateway is stopping")
}
