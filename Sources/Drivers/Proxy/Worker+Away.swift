internal import Clock
internal import Settings
internal import Transport
internal import Upstreams

/// Servers that cannot be reached: what the log says of them, and who waits for them.
extension Worker {
    // MARK: Going and coming

    /// An attempt to connect to a server failed.
    func noteUnreachable(_ index: Int, of group: BackendGroup, _ error: SystemError) {
        let name = group.settings.name
        guard group.reportFailure(index, now: now) == .away else { return }
        shared.log.warning(
            "backend \(name): \(group.servers[index].address.text) cannot be reached:"
                + " \(error.reason)")
    }

    /// A connection to a server was made.
    func noteReached(_ index: Int, of group: BackendGroup) {
        if case .back(let time, let attempts) = group.reportSuccess(index, now: now) {
            shared.log.warning(
                "backend \(group.settings.name): \(group.servers[index].address.text) is back"
                    + " after \(time.wholeMilliseconds) ms; \(attempts) attempts failed")
        }
        guard !waitingRooms.isEmpty, waitingRooms[group.settings.name] != nil else { return }
        waitingRooms[group.settings.name]?.reached(now: now)
        wakeForWaitingRooms()
    }

    // MARK: Waiting

    /// Requests wait for the group, and none of its servers is known to be back.
    func isAway(_ group: BackendGroup) -> Bool {
        guard let room = waitingRooms[group.settings.name], !room.isOpening else { return false }
        return group.isAway(at: now)
    }

    /// The newest group of that name, when one of its servers is back and who waits is being let
    /// go.
    func openingGroup(_ group: BackendGroup) -> BackendGroup? {
        guard waitingRooms[group.settings.name]?.isOpening == true else { return nil }
        return newest(group)
    }

    /// The attempt of this client's request was in vain.
    func noteAway(_ group: BackendGroup, for client: UInt64) {
        waitingRooms[group.settings.name]?.failed(client, now: now, jitter: jitter)
    }

    /// The request of this client waits for a server of the group (`Exchange.tryServer`).
    ///
    /// - Returns: false when too many wait already.
    func awaitServer(
        of group: BackendGroup, for client: UInt64, _ context: RequestContext
    ) -> Bool {
        guard serverWaiters.insert(client, from: context.clientAddress) else { return false }
        waitingRooms[group.settings.name, default: WaitingRoom(now: now, jitter: jitter)]
            .enter(client)
        publishWaiters()
        wakeForWaitingRooms()
        return true
    }

    func stopAwaitingServer(of group: BackendGroup, for client: UInt64) {
        serverWaiters.remove(client)
        waitingRooms[group.settings.name]?.leave(client, now: now)
        publishWaiters()
        wakeForWaitingRooms()
    }

    /// Lets those try whose turn has come.
    func openWaitingRooms() {
        for name in waitingRooms.keys {
            guard let due = waitingRooms[name]?.nextDue, due <= now else { continue }
            let group = generation.groups.first { $0.settings.name == name }
            let clients = waitingRooms[name]?.timePassed(
                to: now, isReachable: group?.isReachable ?? false)
            for token in clients ?? [] { client(token)?.tryServer(of: group, in: self) }
            if waitingRooms[name]?.isIdle == true { waitingRooms[name] = nil }
        }
        wakeForWaitingRooms()
    }

    /// Another generation is served: its servers are tried at once.
    func serversChanged() {
        for name in waitingRooms.keys { waitingRooms[name]?.serversChanged(now: now) }
        wakeForWaitingRooms()
    }

    /// The group of that name that is served now; the same where there is none any more.
    private func newest(_ group: BackendGroup) -> BackendGroup {
        generation.groups.first { $0.settings.name == group.settings.name } ?? group
    }

    private var jitter: Double {
        Double(randomTime(within: .seconds(1)).wholeMilliseconds) / 1000
    }

    private func publishWaiters() {
        shared.counters.noteHeld(serverWaiters.count, by: index)
    }

    private func wakeForWaitingRooms() {
        guard let next = waitingRooms.values.compactMap(\.nextDue).min() else { return }
        if next < waitingRoomWake || waitingRoomWake <= now {
            waitingRoomWake = next
            wake(at: next)
        }
    }
}

extension HTTP1Client {
    /// - Parameter group: nil for the one that the request began with.
    func tryServer(of group: BackendGroup?, in worker: Worker) {
        guard case .exchange(let exchange) = phase else { return }
        exchange.tryServer(of: group ?? exchange.plan.group, in: worker)
        resume(in: worker)
    }
}
