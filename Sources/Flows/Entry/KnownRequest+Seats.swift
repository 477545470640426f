import Clock
import Endings
import HTTP
import Identity
import Rates
package import Sessions
import Settings

/// What a request is counted by: rates, and the places among the devices of a store.
extension KnownRequest {
    /// The buckets that a request draws from; those that it has nothing to be counted by leave it
    /// alone.
    func draws(_ rules: [RateRule]) -> [RateDraw] {
        var draws: [RateDraw] = []
        for rule in rules { if let draw = draw(rule) { draws.append(draw) } }
        return draws
    }

    private func draw(_ rule: RateRule) -> RateDraw? {
        switch rule.limit.subject {
        case .address: request.addressKey.map { rule.draw(addressKey: $0) }
        case .user:
            found.identity.flatMap { identity in
                identity.user.map { rule.draw(user: $0, of: identity.rule) }
            }
        case .source(let source): facts.text(of: source).map { rule.draw(value: $0) }
        }
    }

    // MARK: Seats

    /// The device that comes, and the store; nil for a request that names no proper store and is
    /// not limited either.
    ///
    /// - Parameters:
    ///   - id: for the session, never used before.
    ///   - device: for a device that has none, never used before.
    func arrival(id: SessionID, device: SessionID, _ block: SessionBlock) throws(Refusal)
        -> Arrival?
    {
        let facts = facts
        let roles = block.settings.role.map(facts.roles(of:)) ?? found.identity?.roles ?? []
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
            block.settings.deviceOwnership, rule: found.identity?.rule,
            user: found.identity?.user)
        let device = try DeviceIdentity(
            block.settings, owner: owner, address: request.addressText, role: role,
            userAgent: userAgent, fresh: { device }, value: facts.text(of:))
        let claim = block.rules.claim(for: role).flatMap { facts.text(of: .claim($0)) }
        return Arrival(
            id: id, connection: request.connection,
            store: StoreKey(block: block.settings.name, store: store), device: device, role: role,
            user: found.identity?.user, claimedDevices: SessionRules.devices(claimed: claim),
            address: request.addressText, userAgent: DeviceIdentity.clipped(userAgent),
            transport: request.isWebSocket ? .webSocket : .eventStream, route: route?.name ?? "",
            rules: block.rules, isReportOnly: isReportOnly(.sessions))
    }

    func isReportOnly(_ rule: RouteSettings.Rule) -> Bool {
        route?.settings.reportOnly.contains(rule) ?? false
    }

    /// How the request ends that is given no seat, in the client's language.
    func refusal(_ rejection: Rejection, _ seat: SeatWish) -> Refusal {
        let messages = rules.sessionBlocks[seat.block].messages
        let values = SessionMessages.Values(
            limit: rejection.limit, store: seat.store, device: seat.client?.text)
        let languages = found.languages
        let text: String
        let object: [UInt8]
        if let limit = rejection.limit {
            text = messages.rejection(values, for: languages)
            object = messages.connectionRejected(
                limit: limit, store: seat.store, device: seat.client?.text, for: languages)
        } else {
            text = messages.disconnection(.replaced, values, for: languages)
            object = messages.forceDisconnect(
                .replaced, values, retry: rejection.retry, for: languages)
        }
        var refusal = rejection.refusal(message: text)
        refusal.notice = Refusal.Notice(
            event: rejection.limit == nil ? "force_disconnect" : "connection_rejected",
            object: object, retryMilliseconds: rejection.retry.map { Int($0.wholeMilliseconds) })
        return refusal
    }
}

/// The device that a seat was asked for, and the store.
package struct SeatWish: Sendable {
    package let store: String
    package let client: ClientID?
    /// An index into `Rulebook.sessionBlocks`.
    package let block: Int

    init(_ arrival: Arrival, block: Int) {
        store = arrival.store.store
        client = arrival.device.key.clientID
        self.block = block
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
