package import Clock
import Settings

/// The sessions of one store under one `sessions` block, and the rules of who may come in. A value:
/// it knows no clock, no socket and no chance, so the same history always ends the same way.
///
/// A *device* (`DeviceIdentity`) holds a place (`Seat`) while it has a session. Sessions of limited
/// roles count by the groups that the block's `limit` lines make.
///
/// - The same device again is a refresh: always admitted, and the old session ends with `replaced`
///   (with `same_device share` both stay and count once). Only a device that replaces itself again
///   and again is sent away for a while (`Flapping`).
/// - Unlimited roles are always admitted.
/// - Another device finds the store full. Under `eject_old` places in grace are given up, then the
///   devices that have been connected longest, as many as needed, and it is admitted. Under
///   `block_new` a ghost makes way; else whoever was not heard lately is asked, and the newcomer
///   waits until a place is free or none can become free.
/// - A place that is freed goes to who waits longest of those it is enough for.
///
/// A limit is checked when a session arrives: a lower limit ends none by itself.
///
/// Time is the largest that was ever told, so an event may come with an instant of another clock
/// that lags a little.
package struct StoreEngine: Sendable {
    /// Devices that wait at once; each holds a connection open that has not been answered. Whoever
    /// comes beyond takes the place of one from where more wait than from where it comes, so that
    /// nobody is kept out by one who crowds the line; else it is refused.
    package static let mostWaiting = 64
    /// Holders that are being asked at once. One more is asked as soon as one answers.
    package static let mostAsked = 64
    /// Sessions of a device that shares its place; one more ends its eldest.
    package static let mostShared = 32
    /// Limits that operators set for one store; one more ends the oldest.
    package static let mostRuntimeLimits = 64
    /// A session that was heard within this time before a newcomer came is not probed.
    package static let freshness: Duration = .seconds(3)
    /// A newcomer waits for the probes that its coming causes, and this much longer.
    package static let patience: Duration = .milliseconds(500)

    /// What a deadline is about.
    enum Timer {
        /// A probe or a grace, by the stamp of the place.
        case seat(Int32, stamp: UInt64)
        /// A newcomer has waited long enough, or a limit has ended.
        case review
    }

    var seats = SeatMap()
    /// The rules of the newest generation that was met; nil before the first arrival or reload.
    var rules: SessionRules?
    var waiters: [Waiter] = []
    /// How many there may be.
    let mostWaiting: Int
    var runtimeLimits: [RuntimeLimit] = []
    var timers = DeadlineHeap<Timer>()
    var now = Instant(nanoseconds: .min)
    /// What the event under way has led to.
    var decisions: [SessionDecision] = []

    package init(mostWaiting: Int = mostWaiting) { self.mostWaiting = mostWaiting }

    /// Nothing is in here that anybody would miss.
    package var isUnused: Bool {
        seats.isEmpty && waiters.isEmpty && runtimeLimits.isEmpty
    }

    /// When to say `time` at the latest. It may be earlier than anything happens.
    package var nextDeadline: Instant? { timers.first }

    /// What follows from `event`. A session that a decision ends is already gone from here: its
    /// later `depart` changes nothing.
    package mutating func handle(
        _ event: SessionEvent, at instant: Instant
    ) -> [SessionDecision] {
        now = max(now, instant)
        letTimePass()
        switch event {
        case .arrive(let arrival): arrive(arrival)
        case .depart(let id, let departure): depart(id, departure)
        case .answered(let id): answered(id)
        case .silent(let id): silent(id)
        case .setLimit(let limit, let endsExcess): set(limit, endsExcess: endsExcess)
        case .clearLimit(let role): runtimeLimits.removeAll { $0.role == role }
        case .kick(let filter, let kick): self.kick(filter, kick)
        case .adopt(let rules): adopt(rules)
        case .time: break
        }
        settle()
        defer { decisions = [] }
        return decisions
    }

    // MARK: Time

    private mutating func letTimePass() {
        var isOver = false
        while let (_, timer) = timers.popDue(now) {
            isOver = true
            guard case .seat(let slot, let stamp) = timer, seats.isCurrent(Int(slot), stamp) else {
                continue
            }
            switch seats[Int(slot)].state {
            case .asked(let until) where until <= now: seats.giveUpOn(Int(slot))
            case .grace(let until) where until <= now: seats.close(Int(slot))
            case .asked, .grace, .heard, .ghost: break
            }
        }
        guard isOver else { return }
        runtimeLimits.removeAll { limit in limit.expires.map { $0 <= now } ?? false }
        settle()
    }

    // MARK: Signs of life

    private mutating func answered(_ id: SessionID) {
        guard let slot = seats.slot(of: id) else { return }
        seats.heard(slot, at: now)
    }

    private mutating func silent(_ id: SessionID) {
        guard let slot = seats.slot(of: id) else { return }
        seats.silent(id, slot)
    }

    // MARK: Ends

    private mutating func depart(_ id: SessionID, _ departure: Departure) {
        guard let (record, slot, isLast) = seats.leave(id) else { return forget(id) }
        end(record, .departed(departure))
        guard isLast else { return }
        let seat = seats[slot]
        if mayComeBack(record, departure), seat.group != nil, seat.state == .heard,
            let grace = rules?.grace
        {
            // One that is being asked or is taken for a ghost showed that it was none too soon.
            let stamp = seats.startGrace(slot, until: now + grace)
            timers.push(.seat(Int32(slot), stamp: stamp), at: now + grace)
        } else {
            seats.close(slot)
        }
    }

    private func mayComeBack(_ record: SessionRecord, _ departure: Departure) -> Bool {
        switch departure {
        case .normal: false
        case .abnormal: true
        case .unserved: record.deviceSince < record.connectedSince
        }
    }

    private mutating func kick(_ filter: SessionFilter, _ kick: Kick) {
        for slot in seats.slots.indices {
            guard let seat = seats.slots[slot] else { continue }
            if seat.isInGrace {
                if filter.matches(seat.newest) { seats.close(slot) }
                continue
            }
            for record in seat.sessions where filter.matches(record) {
                guard let (_, _, isLast) = seats.leave(record.id) else { continue }
                end(record, .kicked(kick))
                if isLast { seats.close(slot) }
            }
        }
    }

    /// Ends all sessions of a place, and gives it up.
    mutating func vacate(_ slot: Int, _ cause: SessionEnd.Cause) {
        for record in seats[slot].sessions { end(record, cause) }
        seats.close(slot)
    }

    mutating func end(_ record: SessionRecord, _ cause: SessionEnd.Cause) {
        decisions.append(.ended(SessionEnd(record: record, ended: now, cause: cause)))
    }
}
