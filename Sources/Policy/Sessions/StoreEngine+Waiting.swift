import Clock
import Settings

/// Newcomers that wait until it is known whether a seat is free.
extension StoreEngine {
    /// A device that found the store full, with the sessions that wait for its place: one, or more
    /// where devices share places.
    struct Waiter: Sendable {
        var arrivals: [Arrival]
        let since: Instant
        /// Decided by then.
        let deadline: Instant
    }

    /// What is to be done about a newcomer that finds the store full.
    enum Verdict {
        /// The newcomer is admitted when this many devices make way.
        case admit(excess: Int, SessionSettings.Limit)
        case wait
        case refuse(SessionSettings.Limit)
    }

    /// A device that found no place free: decided at once where that is possible.
    mutating func wait(_ arrival: Arrival) {
        let patience = rules?.probe.map { $0 + Self.patience } ?? .zero
        let waiter = Waiter(arrivals: [arrival], since: now, deadline: now + patience)
        guard review(waiter) else { return }
        guard let group = rules?.group(of: arrival.role) else {
            return refuse(waiter, limit(of: waiter))
        }
        guard waiters.count < mostWaiting || makeRoomToWait(for: arrival) else {
            // When it comes again, it is known who is a ghost.
            ask(group, for: waiter)
            return refuse(waiter, limit(of: waiter))
        }
        waiters.append(waiter)
        timers.push(.review, at: waiter.deadline)
        decisions.append(.waiting(arrival.id))
        ask(group, for: waiter)
    }

    /// Sends away one of those from where most wait, who came last, when fewer wait from where
    /// `arrival` comes even with it among them.
    private mutating func makeRoomToWait(for arrival: Arrival) -> Bool {
        let origins = waiters.map(\.arrivals[0].origin)
        let counts = origins.reduce(into: [Arrival.Origin: Int]()) { $0[$1, default: 0] += 1 }
        let own = counts[arrival.origin] ?? 0
        guard let most = counts.values.max(), own + 1 < most,
            let last = origins.lastIndex(where: { counts[$0] == most })
        else { return false }
        let leaving = waiters.remove(at: last)
        refuse(leaving, limit(of: leaving))
        return true
    }

    /// A device that waits comes again: its place in the queue is that of its newest session.
    mutating func replaceWaiter(_ arrival: Arrival) -> Bool {
        let position = waiters.firstIndex { $0.arrivals[0].isOfSameDevice(arrival, rules) }
        guard let position else { return false }
        decisions.append(.waiting(arrival.id))
        var leaving = waiters[position].arrivals[...]
        if rules?.sameDevice == .share {
            leaving = leaving.prefix(max(0, leaving.count + 1 - Self.mostShared))
        }
        waiters[position].arrivals.removeFirst(leaving.count)
        waiters[position].arrivals.append(arrival)
        for old in leaving { refuse(old, Rejection(.replaced)) }
        return true
    }

    /// Roles are counted in another way: sessions of one device that waited together wait each for
    /// the place in its own count.
    mutating func regroupWaiters(_ group: (Arrival) -> Int?) {
        waiters = waiters.flatMap { waiter in
            waiter.arrivals.reduce(into: [Waiter]()) { parts, arrival in
                let own = group(arrival)
                let place = parts.firstIndex { own != nil && group($0.arrivals[0]) == own }
                if let place { return parts[place].arrivals.append(arrival) }
                parts.append(
                    Waiter(arrivals: [arrival], since: waiter.since, deadline: waiter.deadline))
            }
        }
    }

    /// One that waited is gone.
    mutating func forget(_ id: SessionID) {
        for position in waiters.indices {
            waiters[position].arrivals.removeAll { $0.id == id }
        }
        waiters.removeAll(where: \.arrivals.isEmpty)
    }

    /// Looks at all newcomers that wait, in order of arrival; called after every change that may
    /// let one in.
    mutating func settle() {
        guard !waiters.isEmpty else { return }
        let all = waiters
        waiters = []
        for waiter in all where review(waiter) {
            waiters.append(waiter)
            if let group = rules?.group(of: waiter.arrivals[0].role) { ask(group, for: waiter) }
        }
    }

    /// Decides about one who waits; true when it waits on.
    private mutating func review(_ waiter: Waiter) -> Bool {
        guard let group = rules?.group(of: waiter.arrivals[0].role) else {
            // A reload made its role unlimited.
            admit(waiter, .free(role: waiter.arrivals[0].role))
            return false
        }
        switch verdict(waiter, group) {
        case .wait: return true
        case .refuse(let limit): refuse(waiter, limit)
        case .admit(let excess, let limit):
            makeRoom(excess, in: group, for: waiter.arrivals[0].id, limit)
            admit(waiter, .counted(Int32(group)))
        }
        return false
    }

    private func verdict(_ waiter: Waiter, _ group: Int) -> Verdict {
        let limit = limit(for: waiter.arrivals[0], group)
        let count = seats.groups[group].count
        let excess = count + 1 - limit.devices
        if excess <= 0 { return .admit(excess: 0, limit) }
        // No place at all: nobody can make way.
        guard limit.devices > 0 else { return .refuse(limit) }
        switch limit.policy {
        case .ejectOld: return .admit(excess: excess, limit)
        case .blockNew:
            if seats.groups[group].ghosts >= excess { return .admit(excess: excess, limit) }
            guard now < waiter.deadline, rules?.probe != nil else { return .refuse(limit) }
            let mayFree = seats.mayFree(
                excess, in: group, unheardSince: waiter.since + (.zero - Self.freshness),
                by: waiter.deadline)
            return mayFree ? .wait : .refuse(limit)
        }
    }

    private mutating func makeRoom(
        _ excess: Int, in group: Int, for newcomer: SessionID, _ limit: SessionSettings.Limit
    ) {
        for _ in 0..<max(0, excess) {
            switch limit.policy {
            case .blockNew:
                guard let slot = seats.firstGhost(group) else { return }
                vacate(slot, .silent(for: newcomer))
            case .ejectOld:
                if let slot = seats.firstGrace(group) {
                    seats.close(slot)
                } else if let slot = seats.eldest(group) {
                    vacate(slot, .ejected(for: newcomer, limit))
                }
            }
        }
    }

    private mutating func admit(_ waiter: Waiter, _ bucket: Seat.Bucket) {
        for arrival in waiter.arrivals {
            if let slot = seats.find(arrival.device, bucket) {
                decisions.append(.admitted(seats.enter(arrival, slot, at: now)))
            } else {
                open(arrival, bucket)
            }
        }
    }

    private mutating func refuse(_ waiter: Waiter, _ limit: SessionSettings.Limit) {
        for arrival in waiter.arrivals { refuse(arrival, Rejection(.full(limit))) }
    }

    private func limit(of waiter: Waiter) -> SessionSettings.Limit {
        let arrival = waiter.arrivals[0]
        guard let group = rules?.group(of: arrival.role) else {
            return .init(devices: 0, policy: .blockNew)
        }
        return limit(for: arrival, group)
    }

    /// Asks those who were not heard lately, the longest silent first.
    private mutating func ask(_ group: Int, for waiter: Waiter) {
        guard let probe = rules?.probe else { return }
        while seats.groups[group].asked < Self.mostAsked,
            let slot = seats.firstUnheard(group, since: waiter.since + (.zero - Self.freshness))
        {
            let stamp = seats.ask(slot, until: now + probe)
            timers.push(.seat(Int32(slot), stamp: stamp), at: now + probe)
            for record in seats[slot].sessions { decisions.append(.probe(record)) }
        }
    }
}

extension Arrival {
    /// True when both are sessions of one device in one count.
    fileprivate func isOfSameDevice(_ other: Arrival, _ rules: SessionRules?) -> Bool {
        guard device.owner == other.device.owner,
            rules?.group(of: role) == rules?.group(of: other.role)
        else { return false }
        let mine = [device.key, device.alias]
        return mine.contains(other.device.key)
            || (other.device.alias.map { mine.contains($0) } ?? false)
    }
}
