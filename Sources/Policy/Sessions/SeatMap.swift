import Clock

/// The places of one store: who holds them, in which order they came, and which of them have been
/// silent longest. Every question and every change costs the same however many places there are.
struct SeatMap: Sendable {
    private struct Place: Hashable {
        var device: DeviceKey
        var owner: DeviceOwner
        var bucket: Seat.Bucket

        /// What a device goes by: its id, and its looks where the id was only just issued.
        static func names(_ device: DeviceIdentity, _ bucket: Seat.Bucket) -> [Place] {
            [device.key, device.alias].compactMap(\.self).map {
                Place(device: $0, owner: device.owner, bucket: bucket)
            }
        }
    }

    /// The places of one count.
    struct Group: Sendable {
        /// All of them, also ghosts and those in grace.
        fileprivate(set) var count = 0
        fileprivate(set) var asked = 0
        fileprivate(set) var ghosts = 0
        fileprivate(set) var graces = 0
        fileprivate var seniority = SeatQueue(by: .order)
        /// The seats that are `heard`, the longest silent first.
        fileprivate var silence = SeatQueue(by: .stamp)
        fileprivate var ghostly = SeatQueue(by: .stamp)
        fileprivate var grace = SeatQueue(by: .stamp)
    }

    private(set) var slots: [Seat?] = []
    private var vacant: [Int32] = []
    private var index: [Place: Int32] = [:]
    private var sessions: [SessionID: Int32] = [:]
    private(set) var groups: [Group] = []
    /// The counts of devices that replaced themselves, by slot.
    private var fights: [Int32: Flapping] = [:]
    private var nextStamp: UInt64 = 1

    var isEmpty: Bool { index.isEmpty }
    var sessionCount: Int { sessions.count }
    /// In the order of the slots, which depends on nothing but what happened.
    var records: some Sequence<SessionRecord> {
        slots.lazy.compactMap { $0 }.flatMap(\.sessions)
    }

    subscript(slot: Int) -> Seat {
        guard let seat = slots[slot] else { preconditionFailure("the slot has no seat") }
        return seat
    }

    /// The place of a device: by its id, or by its looks.
    func find(_ device: DeviceIdentity, _ bucket: Seat.Bucket) -> Int? {
        for name in Place.names(device, bucket) {
            if let slot = index[name] { return Int(slot) }
        }
        return nil
    }

    func slot(of session: SessionID) -> Int? { sessions[session].map(Int.init) }

    /// True when the timer or entry that carries `stamp` is still about this place.
    func isCurrent(_ slot: Int, _ stamp: UInt64) -> Bool {
        slots.indices.contains(slot) && slots[slot]?.stamp == stamp
    }

    // MARK: Coming and going

    /// A new place.
    @discardableResult
    mutating func open(
        _ arrival: Arrival, _ bucket: Seat.Bucket, at now: Instant
    ) -> SessionRecord {
        let record = SessionRecord(arrival, connectedSince: now, deviceSince: now)
        let seat = Seat(record, bucket, stamp: nextStamp)
        nextStamp += 1
        let slot: Int
        if let free = vacant.popLast() {
            slot = Int(free)
            slots[slot] = seat
        } else {
            slot = slots.count
            slots.appendSparingly(seat)
        }
        sessions[record.id] = Int32(slot)
        register(arrival.device, bucket, slot)
        if let group = seat.group {
            groups[group].count += 1
            groups[group].seniority.push(seat, slot, slots, live: groups[group].count)
            groups[group].silence.push(seat, slot, slots, live: groups[group].count)
        }
        return record
    }

    /// One more session of a place, which is thereby heard. Those that are there stay.
    mutating func enter(_ arrival: Arrival, _ slot: Int, at now: Instant) -> SessionRecord {
        let seat = self[slot]
        let record = SessionRecord(
            arrival, connectedSince: now, deviceSince: seat.newest.deviceSince)
        unregister(seat.newest.arrival.device, seat.bucket, slot)
        register(arrival.device, seat.bucket, slot)
        if seat.isNewestIn { slots[slot]?.others.append(seat.newest) }
        slots[slot]?.newest = record
        slots[slot]?.isNewestIn = true
        sessions[record.id] = Int32(slot)
        heard(slot, at: now)
        return record
    }

    /// Takes a session out; nil when it is not here. Its place stays, perhaps without a session.
    mutating func leave(_ id: SessionID) -> (record: SessionRecord, slot: Int, isLast: Bool)? {
        guard let number = sessions.removeValue(forKey: id) else { return nil }
        let slot = Int(number)
        let seat = self[slot]
        slots[slot]?.silent.removeAll { $0 == id }
        if seat.newest.id == id {
            slots[slot]?.isNewestIn = false
            return (seat.newest, slot, seat.others.isEmpty)
        }
        guard let position = seat.others.firstIndex(where: { $0.id == id }) else { return nil }
        slots[slot]?.others.remove(at: position)
        return (seat.others[position], slot, seat.others.count == 1 && !seat.isNewestIn)
    }

    /// Gives a place up, with the sessions that are still in it.
    mutating func close(_ slot: Int) {
        let seat = self[slot]
        for record in seat.sessions { sessions[record.id] = nil }
        unregister(seat.newest.arrival.device, seat.bucket, slot)
        if let group = seat.group {
            groups[group].count -= 1
            count(seat.state, by: -1, in: group)
        }
        slots[slot] = nil
        fights[Int32(slot)] = nil
        vacant.append(Int32(slot))
    }

    /// A device that has a name keeps it.
    private mutating func register(_ device: DeviceIdentity, _ bucket: Seat.Bucket, _ slot: Int) {
        for name in Place.names(device, bucket) where index[name] == nil {
            index[name] = Int32(slot)
        }
    }

    private mutating func unregister(
        _ device: DeviceIdentity, _ bucket: Seat.Bucket, _ slot: Int
    ) {
        for name in Place.names(device, bucket) where index[name] == Int32(slot) {
            index[name] = nil
        }
    }

    // MARK: States

    mutating func heard(_ slot: Int, at now: Instant) {
        slots[slot]?.lastHeard = now
        slots[slot]?.silent = []
        change(slot, to: .heard)
    }

    /// The stamp is for the timer.
    mutating func ask(_ slot: Int, until: Instant) -> UInt64 {
        change(slot, to: .asked(until: until))
    }

    mutating func giveUpOn(_ slot: Int) { change(slot, to: .ghost) }

    mutating func startGrace(_ slot: Int, until: Instant) -> UInt64 {
        change(slot, to: .grace(until: until))
    }

    /// A session of the place is silent; the place is, when all of its sessions are.
    mutating func silent(_ id: SessionID, _ slot: Int) {
        let seat = self[slot]
        guard seat.group != nil, seat.state != .ghost, !seat.isInGrace else { return }
        if !seat.silent.contains(id) { slots[slot]?.silent.append(id) }
        if self[slot].silent.count == seat.sessions.count { giveUpOn(slot) }
    }

    @discardableResult
    private mutating func change(_ slot: Int, to state: Seat.State) -> UInt64 {
        let old = self[slot]
        guard let group = old.group else { return old.stamp }
        let stamp = nextStamp
        nextStamp += 1
        slots[slot]?.stamp = stamp
        slots[slot]?.state = state
        count(old.state, by: -1, in: group)
        count(state, by: 1, in: group)
        let (seat, live) = (self[slot], groups[group].count)
        switch state {
        case .heard: groups[group].silence.push(seat, slot, slots, live: live)
        case .ghost: groups[group].ghostly.push(seat, slot, slots, live: live)
        case .grace: groups[group].grace.push(seat, slot, slots, live: live)
        case .asked: break
        }
        return stamp
    }

    private mutating func count(_ state: Seat.State, by change: Int, in group: Int) {
        switch state {
        case .heard: break
        case .asked: groups[group].asked += change
        case .ghost: groups[group].ghosts += change
        case .grace: groups[group].graces += change
        }
    }

    mutating func flapped(_ slot: Int, at now: Instant) -> Flapping.Verdict {
        fights[Int32(slot), default: Flapping()].cameAgain(at: now)
    }

    // MARK: Who is first

    mutating func eldest(_ group: Int) -> Int? { groups[group].seniority.first(slots) }

    mutating func firstGhost(_ group: Int) -> Int? { groups[group].ghostly.first(slots) }

    mutating func firstGrace(_ group: Int) -> Int? { groups[group].grace.first(slots) }

    /// The place that has been silent longest, if nothing was heard of it since `instant`.
    mutating func firstUnheard(_ group: Int, since instant: Instant) -> Int? {
        guard let slot = groups[group].silence.first(slots), self[slot].lastHeard < instant else {
            return nil
        }
        return slot
    }

    /// True when `wanted` places of the group may yet become free by `deadline`: those of ghosts,
    /// of whoever has been asked or can be because nothing was heard since `instant`, and those
    /// whose grace is over by then.
    func mayFree(_ wanted: Int, in group: Int, unheardSince instant: Instant, by deadline: Instant)
        -> Bool
    {
        let group = groups[group]
        var found = group.ghosts + group.asked
        if found >= wanted { return true }
        for slot in group.silence.all(slots) {
            guard let seat = slots[slot], seat.lastHeard < instant else { break }
            found += 1
            if found >= wanted { return true }
        }
        for slot in group.grace.all(slots) {
            guard case .grace(let until)? = slots[slot]?.state, until <= deadline else { continue }
            found += 1
            if found >= wanted { return true }
        }
        return false
    }

    /// In order of seniority.
    func bySeniority(_ group: Int) -> some Sequence<Seat> {
        groups[group].seniority.all(slots).lazy.compactMap { slots[$0] }
    }

    // MARK: Other counts

    /// Counts anew, by groups that are put together in another way. Slots and stamps stay, so that
    /// timers still find what they are about.
    mutating func regroup(_ count: Int, _ bucket: (Seat) -> Seat.Bucket) {
        groups = Array(repeating: Group(), count: count)
        index = [:]
        let taken = slots.indices.filter { slots[$0] != nil }
        for slot in taken.sorted(by: { self[$0].order < self[$1].order }) {
            let moved = bucket(self[slot])
            slots[slot]?.bucket = moved
            settle(slot)
        }
        // Where a place was not counted it was heard without a new stamp.
        func entry(_ slot: Int) -> (Instant, UInt64) {
            let seat = self[slot]
            return (seat.state == .heard ? seat.lastHeard : .zero, seat.stamp)
        }
        for slot in slots.indices.filter({ slots[$0] != nil }).sorted(by: {
            entry($0) < entry($1)
        }) {
            let seat = self[slot]
            guard let group = seat.group else { continue }
            let live = groups[group].count
            switch seat.state {
            case .heard: groups[group].silence.push(seat, slot, slots, live: live)
            case .ghost: groups[group].ghostly.push(seat, slot, slots, live: live)
            case .grace: groups[group].grace.push(seat, slot, slots, live: live)
            case .asked: break
            }
        }
    }

    /// A place finds itself in another count, perhaps together with one that its device has there.
    private mutating func settle(_ slot: Int) {
        let seat = self[slot]
        let first = find(seat.newest.arrival.device, seat.bucket)
        guard let group = seat.group else {
            if seat.isInGrace { return vacate(slot) }
            slots[slot]?.state = .heard
            if let first { return merge(slot, into: first) }
            return register(seat.newest.arrival.device, seat.bucket, slot)
        }
        if let first { return merge(slot, into: first) }
        register(seat.newest.arrival.device, seat.bucket, slot)
        groups[group].count += 1
        count(seat.state, by: 1, in: group)
        groups[group].seniority.push(seat, slot, slots, live: groups[group].count)
    }

    private mutating func merge(_ slot: Int, into first: Int) {
        let (seat, host) = (self[slot], self[first])
        vacate(slot)
        guard !seat.isInGrace else { return }
        unregister(host.newest.arrival.device, host.bucket, first)
        slots[first]?.others = host.sessions + seat.others
        slots[first]?.newest = seat.newest
        slots[first]?.isNewestIn = seat.isNewestIn
        register(seat.newest.arrival.device, host.bucket, first)
        for record in seat.sessions { sessions[record.id] = Int32(first) }
        if let group = host.group {
            count(host.state, by: -1, in: group)
            slots[first]?.state = .heard
        }
    }

    private mutating func vacate(_ slot: Int) {
        slots[slot] = nil
        fights[Int32(slot)] = nil
        vacant.append(Int32(slot))
    }
}
