internal import Bookkeeping
internal import Clock
internal import Generations
internal import Identity
internal import Loop
internal import Settings
internal import Transport
internal import Upstreams

/// Servers that cannot be reached, as one thread knows of them.
struct AwayServers {
    /// Requests that wait for servers that are away, by the name of the group.
    var rooms: [String: WaitingRoom] = [:]
    /// When the loop will look after them at the latest.
    var wake = Instant.never
    /// Their places, over all groups.
    var waiters = Waiters()
}

/// Servers that cannot be reached: what the log says of them, and who waits for them.
extension ThreadState {
    // MARK: Going and coming

    /// An attempt to connect to a server failed.
    func noteUnreachable(_ server: ServerState, of group: BackendGroup, _ reason: String) {
        let name = group.settings.name
        guard group.reportFailure(server, now: loop.now) == .away else { return }
        shared.log.warning(
            "backend \(name): \(server.address.text) cannot be reached: \(reason)")
    }

    /// A connection to a server was made.
    func noteReached(_ server: ServerState, of group: BackendGroup) {
        if case .back(let time, let attempts) = group.reportSuccess(server, now: loop.now) {
            shared.log.warning(
                "backend \(group.settings.name): \(server.address.text) is back"
                    + " after \(time.wholeMilliseconds) ms; \(attempts) attempts failed")
        }
        guard !awayServers.rooms.isEmpty, awayServers.rooms[group.settings.name] != nil else {
            return
        }
        awayServers.rooms[group.settings.name]?.reached(now: loop.now)
        wakeForWaitingRooms()
    }

    // MARK: Waiting

    /// Requests wait for the group, and none of its servers is known to be back.
    func isAway(_ group: BackendGroup) -> Bool {
        guard let room = awayServers.rooms[group.settings.name], !room.isOpening else {
            return false
        }
        return group.isAway(at: loop.now)
    }

    /// The newest group of that name, when one of its servers is back and who waits is being let
    /// go.
    func openingGroup(_ group: BackendGroup) -> BackendGroup? {
        guard awayServers.rooms[group.settings.name]?.isOpening == true else { return nil }
        return newest(group)
    }

    /// The attempt of this client's request was in vain.
    func noteAway(_ group: BackendGroup, for client: UInt64) {
        awayServers.rooms[group.settings.name]?.failed(client, now: loop.now, jitter: jitter)
    }

    /// The request of this client waits for a server of the group (`Exchange.tryServer`).
    ///
    /// - Returns: false when too many wait already.
    func awaitServer(
        of group: BackendGroup, for client: UInt64, from address: ClientAddress?
    ) -> Bool {
        guard awayServers.waiters.insert(client, from: address) else { return false }
        awayServers.rooms[group.settings.name, default: WaitingRoom(now: loop.now, jitter: jitter)]
            .enter(client)
        publishWaiters()
        wakeForWaitingRooms()
        return true
    }

    func stopAwaitingServer(of group: BackendGroup, for client: UInt64) {
        awayServers.waiters.remove(client)
        awayServers.rooms[group.settings.name]?.leave(client, now: loop.now)
        publishWaiters()
        wakeForWaitingRooms()
    }

    /// The group of that name that is served now, and those who wait for it whose turn has come.
    func nextToTry(in name: String) -> (group: BackendGroup?, clients: [UInt64]) {
        let group = generation.groups.first { $0.settings.name == name }
        guard let due = awayServers.rooms[name]?.nextDue, due <= loop.now else {
            return (group, [])
        }
        let clients = awayServers.rooms[name]?.timePassed(
            to: loop.now, isReachable: group?.isReachable ?? false)
        return (group, clients ?? [])
    }

    /// Behind those who have tried: rooms that nobody waits in are closed.
    func closeIdleRooms() {
        for name in awayServers.rooms.keys where awayServers.rooms[name]?.isIdle == true {
            awayServers.rooms[name] = nil
        }
        wakeForWaitingRooms()
    }

    /// Groups have other servers, which are tried at once.
    ///
    /// - Parameter groups: their names; nil for all, when another generation is served.
    func serversChanged(in groups: Set<String>?) {
        for name in awayServers.rooms.keys where groups?.contains(name) ?? true {
            awayServers.rooms[name]?.serversChanged(now: loop.now)
        }
        wakeForWaitingRooms()
    }

    /// The group of that name that is served now; the same where there is none any more.
    func newest(_ group: BackendGroup) -> BackendGroup {
        generation.groups.first { $0.settings.name == group.settings.name } ?? group
    }

    private var jitter: Double {
        Double(loop.randomTime(within: .seconds(1)).wholeMilliseconds) / 1000
    }

    private func publishWaiters() {
        shared.counters.noteHeld(awayServers.waiters.count, by: index)
    }

    private func wakeForWaitingRooms() {
        guard let next = awayServers.rooms.values.compactMap(\.nextDue).min() else { return }
        if next < awayServers.wake || awayServers.wake <= loop.now {
            awayServers.wake = next
            loop.wake(at: next)
        }
    }
}
