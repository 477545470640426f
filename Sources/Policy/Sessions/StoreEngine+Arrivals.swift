import Clock
import Settings

/// Arrivals: sessions that want a seat.
extension StoreEngine {
    mutating func arrive(_ arrival: Arrival) {
        adopt(arrival.rules)
        assert(seats.slot(of: arrival.id) == nil, "a session id came twice")
        let group = rules?.group(of: arrival.role)
        let bucket: Seat.Bucket = group.map { .counted(Int32($0)) } ?? .free(role: arrival.role)
        if arrival.isReportOnly { return letIn(arrival, bucket) }
        if let slot = seats.find(arrival.device, bucket) { return comeAgain(arrival, slot) }
        guard let group else { return open(arrival, bucket) }
        if replaceWaiter(arrival) { return }
        if seats.groups[group].count < limit(for: arrival, group).devices {
            open(arrival, bucket)
        } else {
            wait(arrival)
        }
    }

    mutating func open(_ arrival: Arrival, _ bucket: Seat.Bucket) {
        decisions.append(.admitted(seats.open(arrival, bucket, at: now)))
    }

    /// A device that has a place comes again.
    private mutating func comeAgain(_ arrival: Arrival, _ slot: Int) {
        let old = seats[slot].sessions
        var leaving = old[...]
        if rules?.sameDevice == .share {
            leaving = old.prefix(max(0, old.count + 1 - Self.mostShared))
        } else if let last = old.last {
            switch seats.flapped(slot, at: now) {
            case .replace: break
            case .refuse(let retry, let isNew):
                if isNew { decisions.append(.noticed(.flapping(last))) }
                return refuse(arrival, Rejection(.flapping, retry: retry))
            }
        }
        let record = seats.enter(arrival, slot, at: now)
        for old in leaving where seats.leave(old.id) != nil {
            end(old, .replaced(by: arrival.id))
        }
        decisions.append(.admitted(record))
    }

    mutating func refuse(_ arrival: Arrival, _ rejection: Rejection) {
        decisions.append(.refused(arrival, rejection))
    }

    // MARK: Only reporting

    /// `report_only sessions`: in it comes. It takes a place if there is one, and is else in no
    /// count; whatever should have happened to others is only told.
    private mutating func letIn(_ arrival: Arrival, _ bucket: Seat.Bucket) {
        if let slot = seats.find(arrival.device, bucket) {
            decisions.append(.admitted(seats.enter(arrival, slot, at: now)))
            return
        }
        guard case .counted(let number) = bucket else { return open(arrival, bucket) }
        let group = Int(number)
        let limit = limit(for: arrival, group)
        let excess = seats.groups[group].count + 1 - limit.devices
        guard excess > 0 else { return open(arrival, bucket) }
        let record: SessionRecord
        if let slot = seats.find(arrival.device, .reported(number)) {
            record = seats.enter(arrival, slot, at: now)
        } else {
            record = seats.open(arrival, .reported(number), at: now)
        }
        decisions.append(.admitted(record))
        if limit.policy == .ejectOld, limit.devices > 0 {
            let ended = excessSessions(group, excess)
            if !ended.isEmpty {
                decisions.append(.overruled(record, .ejection(of: ended, limit)))
            }
        } else {
            decisions.append(.overruled(record, .refusal(limit)))
        }
    }

    // MARK: Generations

    /// The newest configuration that was told, or that any arrival was born in, is the store's.
    mutating func adopt(_ new: SessionRules) {
        guard let old = rules else {
            rules = new
            return seats.regroup(new.limits.count) { $0.bucket }
        }
        guard new.generation > old.generation else { return }
        rules = new
        if new.countsAlike(old) { return }
        regroupWaiters { new.group(of: $0.role) }
        seats.regroup(new.limits.count) { seat in
            guard let group = new.group(of: seat.newest.arrival.role) else {
                return .free(role: seat.newest.arrival.role)
            }
            if case .reported = seat.bucket { return .reported(Int32(group)) }
            return .counted(Int32(group))
        }
    }
}
