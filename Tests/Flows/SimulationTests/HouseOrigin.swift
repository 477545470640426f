import Clock
import HTTP1
import Relays
import Settings
import Upstreams

/// The gateway's end of a connection to a server: as `OriginConnection` joins the values.
final class HouseOrigin {
    enum Phase {
        case connecting(HouseExchange)
        case exchange(HouseExchange)
        case webSocket(HouseRelay)
        case idle
        case closed
    }

    unowned let house: House
    let number: UInt64
    let wire: Wire
    let address: SocketAddressSettings
    let server: ServerState
    var http = HTTP1.ClientConnection()
    private(set) var phase: Phase
    private(set) var due = Instant.never
    /// When it was chosen for the request at hand: made for it, or taken from those that rested.
    private(set) var begin: Instant
    private let made: Instant

    init(
        _ house: House, _ wire: Wire, to server: ServerState,
        for exchange: HouseExchange
    ) {
        self.house = house
        self.wire = wire
        self.server = server
        address = server.address
        number = house.newNumber()
        begin = house.now
        made = begin
        phase = .connecting(exchange)
    }

    var isClosed: Bool { if case .closed = phase { true } else { false } }

    var isConnected: Bool {
        switch phase {
        case .connecting, .closed: false
        case .exchange, .webSocket, .idle: true
        }
    }

    var isIdle: Bool { if case .idle = phase { true } else { false } }

    var exchange: HouseExchange? {
        switch phase {
        case .connecting(let exchange), .exchange(let exchange): exchange
        case .webSocket, .idle, .closed: nil
        }
    }

    func setDue(_ instant: Instant) { due = instant }

    // MARK: Phases

    func begin(_ exchange: HouseExchange) {
        due = .never
        begin = house.now
        phase = .exchange(exchange)
    }

    func begin(_ relay: HouseRelay) {
        due = .never
        phase = .webSocket(relay)
    }

    /// The response is whole: rests if it may, and is closed if not.
    func rest(of group: BackendGroup, clientStays: Bool) {
        let candidate = OriginPool.Candidate(
            number, to: server, rest: http.rest, clientStays: clientStays,
            isWanted: !house.isDraining, isSent: wire.pending.isEmpty, made: made)
        switch house.pool.put(candidate, of: group, at: house.now, turn: house.turn) {
        case .rests(let end):
            phase = .idle
            due = end
        case .ends: close()
        case .endsInDistrust:
            _ = server.saidTooMuch(at: house.now)
            close()
        }
    }

    func close() {
        switch phase {
        case .closed: return
        case .idle: house.pool.remove(number, to: server, owner: nil)
        case .connecting, .exchange, .webSocket: break
        }
        phase = .closed
        due = .never
        wire.close()
    }

    // MARK: Readiness

    /// Does one thing that the network brings. False when it brings nothing that is wanted.
    func advance() -> Bool {
        if case .connecting(let exchange) = phase { return connectionCame(for: exchange) }
        if isClosed { return false }
        if wire.takeDrained() {
            switch phase {
            case .exchange(let exchange): exchange.upstreamDrained()
            case .webSocket(let relay): relay.upstreamDrained()
            case .connecting, .idle, .closed: break
            }
            return true
        }
        guard wantsInput else { return false }
        if !wire.incoming.isEmpty {
            let octets = wire.incoming
            wire.incoming = []
            received(octets)
            return true
        }
        if wire.isEndHeard { return false }
        switch wire.incomingEnd {
        case .none: return false
        case .finished:
            wire.isEndHeard = true
            inputEnded()
        case .broken:
            wire.isEndHeard = true
            lost()
        }
        return true
    }

    private func connectionCame(for exchange: HouseExchange) -> Bool {
        switch house.truth.door(of: address) {
        case .open:
            due = .never
            phase = .exchange(exchange)
            house.truth.connected(self)
            exchange.upstreamConnected()
        case .refusing:
            close()
            exchange.notConnected(.unreachable)
        case .silent: return false
        case .full:
            close()
            exchange.notConnected(.busy)
        }
        return true
    }

    private func received(_ octets: [UInt8]) {
        switch phase {
        case .exchange(let exchange): exchange.upstreamSent(octets)
        case .webSocket(let relay): relay.upstreamSent(octets)
        case .idle:
            hearUnasked(octets)
            close()
        case .connecting, .closed: break
        }
    }

    func hearUnasked(_ octets: [UInt8]) {
        var index = 0
        do throws(ResponseError) {
            _ = try http.receive(octets.span, at: &index)
        } catch {
            if error == .unasked { _ = server.saidTooMuch(at: house.now) }
        }
    }

    private func inputEnded() {
        let end = http.inputEnded()
        switch phase {
        case .exchange(let exchange): exchange.upstreamEnded(end)
        case .webSocket(let relay): relay.upstreamLost()
        case .idle: close()
        case .connecting, .closed: break
        }
    }

    private func lost() {
        let before = phase
        let end = http.connectionBroke()
        close()
        switch before {
        case .exchange(let exchange): exchange.upstreamEnded(end)
        case .webSocket(let relay): relay.upstreamLost()
        case .connecting, .idle, .closed: break
        }
    }

    /// The time to finish is over, also for what is finished without its client.
    func drainIsOver() {
        if let exchange, exchange.isUnattended { exchange.drainIsOver() }
    }

    func timerFired() {
        due = .never
        switch phase {
        case .connecting(let exchange):
            close()
            exchange.notConnected(.unreachable)
        case .exchange(let exchange): exchange.upstreamTimedOut()
        case .idle: close()
        case .webSocket, .closed: break
        }
    }

    /// A server that has all of a request, and has said nothing, has a time for that.
    func check() {
        guard case .exchange(let exchange) = phase, exchange.response == .awaiting,
            http.isRequestWhole, wire.pending.isEmpty, due > house.now + .seconds(9)
        else { return }
        house.complain("stream \(exchange.entrant.stream) waits for its server for ever")
    }

    private var wantsInput: Bool {
        if http.hasInputEnded { return false }
        switch phase {
        case .exchange(let exchange): return exchange.wantsUpstreamInput
        case .webSocket(let relay): return relay.wantsUpstreamInput
        case .idle: return true
        case .connecting, .closed: return false
        }
    }
}

extension House {
    /// A connection to `server` that rested and may be used now.
    func takeResting(for server: ServerState, mayRepeat: Bool) -> HouseOrigin? {
        while let offer = pool.take(
            for: server, mayRepeat: mayRepeat, at: now, turn: turn)
        {
            switch offer {
            case .use(let number): return origin(number)
            case .look(let number):
                guard let found = origin(number) else { continue }
                if found.wire.incoming.isEmpty, found.wire.incomingEnd == .none { return found }
                if !found.wire.incoming.isEmpty { found.hearUnasked(found.wire.incoming) }
                found.close()
            case .close(let number): origin(number)?.close()
            }
        }
        return nil
    }
}
