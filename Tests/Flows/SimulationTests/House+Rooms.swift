import Clock
import Endings
import Entry
import HTTP1
import LateStores
import Rates
import Sessions
import Settings
import Upstreams

/// What connections have to do with each other: seats, servers that are away, and who is told what.
extension House {
    /// A client connects, if its address may have one more connection.
    func accept(_ wire: Wire) -> HouseClient? {
        guard !isDraining, let lease = connections.enter(1, most: Self.connectionLimit) else {
            wire.close(reset: true)
            return nil
        }
        let client = HouseClient(self, wire, lease)
        clients.append(client)
        return client
    }

    func forget(_ client: HouseClient) {
        keyWaiters.removeAll { $0 == client.number }
        for number in pool.release(client: client.number) { origin(number)?.close() }
    }

    // MARK: Messages

    func hear(_ message: SessionMessage) {
        let client = client(message.connection.connection)
        let lease = client?.entrant?.session
        if let fact = message.stray(beside: lease) { return store.tell(fact, now: now) }
        guard let client else { return }
        if let request = client.request { return request.told(message) }
        switch message {
        case .end(let ending) where client.liveEntrant?.listedID == ending.session:
            client.disconnect(
                StreamEnding(
                    ending.cause.reason, detail: ending.cause.rawValue,
                    message: Array("{}".utf8), awaitsBoundary: ending.cause != .silent))
        case .probe(let session, _): client.probe(session)
        case .answer, .end: break
        }
    }

    /// Orders between connections, which another turn brings.
    func deliverOrders() -> Bool {
        if renewals.isEmpty, replies.isEmpty { return false }
        let (orders, answers) = (renewals, replies)
        renewals = []
        replies = []
        for (number, order) in orders {
            if let client = client(number) {
                client.refresh(order)
            } else if let asker = order.asker {
                replies.append((asker, order.session, .unknownSession))
            }
        }
        for (number, session, outcome) in answers {
            client(number)?.request?.replied(outcome, session)
        }
        return true
    }

    // MARK: Servers that are away

    var jitter: Double { Double.random(in: 0...1, using: &random) }

    /// The waiting room of a group, as far as it has one.
    private func place(of group: BackendGroup) -> Int? {
        rooms.firstIndex { $0.name == group.settings.name }
    }

    func isOpening(_ group: BackendGroup) -> Bool {
        place(of: group).map { rooms[$0].room.isOpening } ?? false
    }

    /// Others wait for the same servers, none of which is known to be back.
    func isAway(_ group: BackendGroup) -> Bool {
        guard let place = place(of: group), !rooms[place].room.isOpening else { return false }
        return group.isAway(at: now)
    }

    func noteAway(_ group: BackendGroup, for client: UInt64) {
        guard let place = place(of: group) else { return }
        rooms[place].room.failed(client, now: now, jitter: jitter)
    }

    func awaitServer(of group: BackendGroup, for client: UInt64) {
        if !serverWaiters.contains(client) { serverWaiters.append(client) }
        if place(of: group) == nil {
            rooms.append((group.settings.name, WaitingRoom(now: now, jitter: jitter)))
        }
        if let place = place(of: group) { rooms[place].room.enter(client) }
    }

    func stopAwaitingServer(of group: BackendGroup, for client: UInt64) {
        serverWaiters.removeAll { $0 == client }
        if let place = place(of: group) { rooms[place].room.leave(client, now: now) }
    }

    func noteReached(_ server: ServerState, of group: BackendGroup) {
        group.reportSuccess(server, now: now)
        if let place = place(of: group) { rooms[place].room.reached(now: now) }
    }

    /// Lets those try whose turn has come.
    func openRooms() {
        for name in rooms.map(\.name) {
            guard let place = rooms.firstIndex(where: { $0.name == name }),
                let due = rooms[place].room.nextDue, due <= now
            else { continue }
            let group = generation.groups.first { $0.settings.name == name }
            let chosen = rooms[place].room.timePassed(
                to: now, isReachable: group?.isReachable ?? false)
            for number in chosen {
                guard let client = client(number), let exchange = client.exchange else {
                    continue
                }
                exchange.tryServer(of: group ?? exchange.plan.group)
                client.resume()
            }
        }
        rooms.removeAll(where: \.room.isIdle)
    }
}

extension HouseClient {
    /// Is the client there? Whoever was heard just now need not be asked.
    fileprivate func probe(_ session: SessionID) {
        guard let seat = liveEntrant?.session, seat.id == session else { return }
        if house.now - lastHeard < .seconds(1), exchange == nil {
            return seat.answered(now: house.now)
        }
        exchange?.probe()
        relay?.probe()
    }
}

extension House {
    /// An operator ends sessions: all of them, or one connection without a seat and another with.
    func kick(_ isAll: Bool) {
        let filter = SessionFilter(id: isAll ? nil : clients.compactMap(\.entrant?.listedID).first)
        _ = store.ask(.kick(filter, Kick()), number: newNumber(), now: now)
        for ending in live.kick(filter, Kick()) { mailbox.post(.end(ending)) }
    }

    /// What the store of sessions has.
    var sessionCounts: StoreCounts {
        if let late { return late.counts }
        guard case .counts(let counts) = store.ask(.counts, number: 0, now: now) else {
            return StoreCounts()
        }
        return counts
    }
}
