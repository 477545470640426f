internal import Endings
internal import HTTP
internal import Identity
internal import Routing
internal import Sessions
internal import Settings

/// Step 8 of admission: a place among the devices of a store.
extension Admission {
    /// Takes a seat in the store of sessions, for a WebSocket or an event stream on a route that
    /// has a `sessions` block. Something to wait for, or nil.
    func admit(_ route: Generation.Route, in worker: Worker) throws(Refusal) -> Decision? {
        guard context.isWebSocket || context.isEventStream else { return nil }
        context.noteLanguages(of: head)
        guard let index = route.settings.sessions else { return nil }
        let found: Arrival?
        do throws(Refusal) {
            found = try arrival(on: route, generation.sessionBlocks[index], in: worker)
        } catch {
            guard route.settings.reportOnly.contains(.sessions) else { throw error }
            worker.noteReportOnly(.sessions, of: context, as: error)
            return nil
        }
        guard let arrival = found else { return nil }
        try checkSeatOrigin(route, arrival.device.origin)
        context.setCookie = arrival.device.setCookie(
            generation.sessionBlocks[index].settings, isSecure: context.isTLS)
        let outcome = SeatQuestion.ask(arrival, of: worker.shared.sessions.store, now: worker.now)
        worker.noteSessionDeadline()
        let store = arrival.store.store
        switch outcome {
        case .seated(let lease, let overruled):
            context.session = SessionSeat(lease, of: arrival, block: index)
            if let overruled {
                worker.noteReportOnly(
                    .sessions, of: context, as: overruled.refusal, overruled.words(store))
            }
        case .open(let question):
            context.session = SessionSeat(question.lease, of: arrival, block: index)
            return .awaitSeat(self, question)
        case .refused(let rejection):
            throw context.refuse(
                rejection, store: store, client: arrival.device.key.clientID, block: index)
        case .failed(let failure): throw failure.refusal
        }
        return nil
    }

    /// Takes a seat for an event stream that has only now turned out to be one. Its response is
    /// there, so it waits neither for holders who are asked whether they live nor for late answers:
    /// where it would have to, it is refused, and what it asked for is given back.
    func admitLate(in worker: Worker) throws(Refusal) {
        guard let index = context.route else { return }
        context.kind = .events
        guard try admit(generation.routes[index], in: worker) != nil else { return }
        throw Refusal(
            .overloaded, detail: "seat", message: "It is not known whether there is a place",
            retryAfterSeconds: 3)
    }

    /// Who comes, to which store; nil for a request that names no proper one and is not limited
    /// either.
    private func arrival(
        on route: Generation.Route, _ block: Generation.SessionBlock, in worker: Worker
    ) throws(Refusal) -> Arrival? {
        let facts = facts
        let roles = block.settings.role.map(facts.roles(of:)) ?? context.identity?.roles ?? []
        let role = block.rules.role(among: roles)
        let store = facts.text(of: block.settings.store) ?? ""
        guard (1...StoreKey.longestName).contains(store.utf8.count) else {
            // Nothing to count by: who is not counted may pass, who would be must say the store.
            if block.rules.group(of: role) == nil { return nil }
            throw Refusal(
                .protocolError, detail: "store",
                message: store.isEmpty
                    ? "The request names no store"
                    : "The name of a store has at most \(StoreKey.longestName) octets")
        }
        let userAgent = head.fields.text(of: .userAgent) ?? ""
        let owner = DeviceOwner(
            block.settings.deviceOwnership, rule: context.identity?.rule,
            user: context.identity?.user)
        let device = try DeviceIdentity(
            block.settings, owner: owner, address: context.client, role: role,
            userAgent: userAgent, fresh: worker.newSessionID, value: facts.text(of:))
        let claim = block.rules.claim(for: role).flatMap { facts.text(of: .claim($0)) }
        return Arrival(
            id: worker.newSessionID(),
            connection: ConnectionAddress(worker: UInt64(worker.index), connection: client.token),
            store: StoreKey(block: block.settings.name, store: store), device: device, role: role,
            user: context.identity?.user, claimedDevices: SessionRules.devices(claimed: claim),
            address: context.client, userAgent: DeviceIdentity.clipped(userAgent),
            transport: context.isWebSocket ? .webSocket : .eventStream, route: route.name,
            rules: block.rules, isReportOnly: route.settings.reportOnly.contains(.sessions))
    }
}

extension OverruledRule {
    /// How the request would have ended; nil where others would have.
    var refusal: Refusal? {
        guard case .refusal(let limit) = self else { return nil }
        return Refusal(
            .connectionRejected, detail: limit.policy.rawValue,
            message: "No more devices may be connected")
    }

    /// What it would have done, for the operator.
    func words(_ store: String) -> String {
        switch self {
        case .refusal(let limit):
            "would have refused a device of store \(store): \(limit.devices) may be there"
        case .ejection(let ended, let limit):
            "would have ended \(ended.count) of store \(store): \(limit.devices) may be there"
        }
    }
}
