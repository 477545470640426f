package import Clock
package import Settings

/// The sessions of one store under one `sessions` block, and the rules of who may come in.
///
/// A *device* (`DeviceKey`) holds a place while it has a session. Sessions of limited roles share
/// one count of places, whatever their role; every unlimited role is for itself, so that a board
/// and a reception desk in two tabs of one browser do not replace each other, nor do they replace
/// a dashboard.
///
/// - The same device again is a refresh: always admitted, its old session ends with `replaced`, and
///   its seniority stays what it was. A device is as old as the first session of an unbroken chain
///   of refreshes: to reload the page neither saves from being ejected nor makes it more likely.
/// - Unlimited roles are always admitted.
/// - Another device finds the store full: `block_new` refuses it; `eject_old` ends the devices that
///   have been connected longest, as many as needed, and admits it.
///
/// A limit comes with every arrival and is not kept: a lower one ends nobody by itself, it is met
/// by the next device that `eject_old` admits.
///
/// Grows with the live connections of the process, which the workers bound.
package struct StoreSessions: Sendable {
    private var sessions: [SessionID: SessionRecord] = [:]
    private var holders: [Place: Holder] = [:]
    private var limitedCount = 0
    private var nextOrder: UInt64 = 0

    package init() {}

    package var isEmpty: Bool { sessions.isEmpty }
    package var count: Int { sessions.count }
    package var records: some Collection<SessionRecord> { sessions.values }
    /// Distinct devices that count towards the limit.
    package var limitedDeviceCount: Int { limitedCount }

    /// Decides about `arrival` and, when it is admitted, records it. Whatever the decision says has
    /// ended is already gone from here: its later `ended(_:)` changes nothing.
    package mutating func arrived(
        _ arrival: Arrival, limit: SessionSettings.Limit, at now: Instant
    ) -> Admission {
        assert(sessions[arrival.id] == nil, "a session id came twice")
        let place = Place(of: arrival)
        if let holder = holders[place] {
            let endings = end(holder, cause: .replaced, limit: nil)
            enter(arrival, at: now, place, since: holder.since, order: holder.order)
            return .admitted(endings: endings)
        }
        var endings: [Ending] = []
        if arrival.isLimited, limitedCount >= limit.devices {
            switch limit.policy {
            case .blockNew:
                return .refused(limit: limit)
            case .ejectOld:
                endings = eject(limitedCount + 1 - limit.devices, limit: limit)
            }
        }
        enter(arrival, at: now, place, since: now, order: nextOrder)
        nextOrder += 1
        return .admitted(endings: endings)
    }

    /// The connection of a session is gone. False when the session was not here any more.
    @discardableResult
    package mutating func ended(_ id: SessionID) -> Bool {
        guard let record = sessions.removeValue(forKey: id) else { return false }
        let place = Place(of: record.arrival)
        holders[place]?.sessions.removeAll { $0 == id }
        if holders[place]?.sessions.isEmpty == true {
            holders[place] = nil
            if place.isLimited { limitedCount -= 1 }
        }
        return true
    }

    /// What a device holds: one place in the count, or one apart from it.
    private struct Place: Hashable {
        var device: DeviceKey
        var isLimited: Bool
        /// Nil for limited roles: they share their places.
        var unlimitedRole: String?

        init(of arrival: Arrival) {
            device = arrival.device
            isLimited = arrival.isLimited
            unlimitedRole = arrival.isLimited ? nil : arrival.role
        }
    }

    private struct Holder {
        /// Seniority: by time, then by the order of arrival.
        var since: Instant
        var order: UInt64
        /// Never empty. More than one only where a device may share its place.
        var sessions: [SessionID]

        func isOlder(than other: Holder) -> Bool {
            (since, order) < (other.since, other.order)
        }
    }

    private mutating func enter(
        _ arrival: Arrival, at now: Instant, _ place: Place, since: Instant, order: UInt64
    ) {
        sessions[arrival.id] = SessionRecord(
            arrival: arrival, connectedSince: now, deviceSince: since)
        holders[place] = Holder(since: since, order: order, sessions: [arrival.id])
        if place.isLimited { limitedCount += 1 }
    }

    private mutating func eject(_ excess: Int, limit: SessionSettings.Limit) -> [Ending] {
        let eldest = holders.filter(\.key.isLimited).values
            .sorted { $0.isOlder(than: $1) }
            .prefix(excess)
        return eldest.flatMap { end($0, cause: .ejectOld, limit: limit) }
    }

    private mutating func end(
        _ holder: Holder, cause: DisconnectCause, limit: SessionSettings.Limit?
    ) -> [Ending] {
        holder.sessions.compactMap { id in
            guard let connection = sessions[id]?.arrival.connection, ended(id) else { return nil }
            return Ending(session: id, connection: connection, cause: cause, limit: limit)
        }
    }
}
