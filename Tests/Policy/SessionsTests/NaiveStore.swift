import Sessions
import Settings

/// The rules once more, as plain as they can be written: lists that are searched from end to end,
/// milliseconds, and what happens as words. What `StoreEngine` does has to be this.
struct NaiveStore {
    private(set) var rules: Rules
    private(set) var devices: [Device] = []
    private(set) var waiters: [Waiter] = []
    private(set) var runtime: [RuntimeRule] = []
    private var now = 0
    private var turn = 0
    private var words: [String] = []

    private let mostWaiting: Int

    init(rules: Rules, mostWaiting: Int) {
        self.rules = rules
        self.mostWaiting = mostWaiting
    }

    // MARK: Events

    mutating func at(_ time: Int, _ event: (inout NaiveStore) -> Void) -> [String] {
        now = time
        words = []
        if letTimePass() { settle() }
        event(&self)
        settle()
        return words
    }

    mutating func arrive(_ arrival: Newcomer) {
        let group = group(of: arrival.role)
        let count = group.map { "limit \($0)" } ?? "free \(arrival.role)"
        if arrival.isReportOnly { return letIn(arrival, count, group) }
        if let index = find(arrival, count) { return comeAgain(arrival, index) }
        guard let group else { return open(arrival, count) }
        if let index = waiters.firstIndex(where: {
            self.group(of: $0.arrivals[0].role) == group && isSame($0.arrivals[0], arrival)
        }) {
            words.append("wait \(arrival.number)")
            if !rules.shares {
                for old in waiters[index].arrivals { words.append("no \(old.number) replaced") }
                waiters[index].arrivals = []
            }
            waiters[index].arrivals.append(arrival)
            return
        }
        let patience = rules.probe.map { $0 + 500 } ?? 0
        let waiter = Waiter(arrivals: [arrival], since: now, deadline: now + patience)
        if !review(waiter) { return }
        if waiters.count == mostWaiting, !makeRoomToWait(arrival) {
            ask(group, waiter)
            _ = refuse(waiter)
            return
        }
        waiters.append(waiter)
        words.append("wait \(arrival.number)")
        ask(group, waiter)
    }

    mutating func depart(_ number: Int, _ departure: Departure) {
        for index in devices.indices {
            guard let position = position(of: number, in: devices[index]) else { continue }
            words.append("out \(number) \(SessionEnd.Cause.departed(departure).word)")
            let session = devices[index].sessions[position]
            if devices[index].sessions.count > 1 {
                devices[index].sessions.remove(at: position)
                devices[index].silent.remove(number)
                return
            }
            let device = devices[index]
            let mayComeBack =
                switch departure {
                case .normal: false
                case .abnormal: true
                case .unserved: session.deviceSince < session.since
                }
            if mayComeBack, let grace = rules.grace, device.life == .heard,
                device.count.hasPrefix("limit")
            {
                turn += 1
                devices[index].turn = turn
                devices[index].life = .grace(until: now + grace)
            } else {
                devices.remove(at: index)
            }
            return
        }
        for index in waiters.indices { waiters[index].arrivals.removeAll { $0.number == number } }
        waiters.removeAll(where: \.arrivals.isEmpty)
    }

    mutating func answered(_ number: Int) {
        for index in devices.indices where position(of: number, in: devices[index]) != nil {
            hear(index)
        }
    }

    mutating func silent(_ number: Int) {
        for index in devices.indices where position(of: number, in: devices[index]) != nil {
            guard devices[index].count.hasPrefix("limit"), !devices[index].isGhost else { return }
            devices[index].silent.insert(number)
            if devices[index].sessions.allSatisfy({ devices[index].silent.contains($0.number) }) {
                haunt(index)
            }
        }
    }

    mutating func set(_ rule: RuntimeRule, endsExcess: Bool) {
        runtime.removeAll { $0.role == rule.role }
        if let expires = rule.expires, expires <= now { return }
        runtime.append(rule)
        guard endsExcess else { return }
        for group in groups(of: rule.role) {
            while counted(group).count > rule.limit.devices {
                giveUpOne(group) { "out \($0) limited" }
            }
        }
    }

    /// Other rules: devices keep their places, counted in another way if roles are. Two places of
    /// one device that are now in one count become one, with all sessions.
    mutating func reload(_ new: Rules) {
        let countsAlike = rules.limits.map(\.roles) == new.limits.map(\.roles)
        rules = new
        if countsAlike { return }
        waiters = waiters.flatMap { waiter in
            var parts: [Waiter] = []
            for arrival in waiter.arrivals {
                let own = group(of: arrival.role)
                if own != nil,
                    let place = parts.firstIndex(where: { group(of: $0.arrivals[0].role) == own })
                {
                    parts[place].arrivals.append(arrival)
                } else {
                    parts.append(
                        Waiter(
                            arrivals: [arrival], since: waiter.since, deadline: waiter.deadline))
                }
            }
            return parts
        }
        let all = devices
        devices = []
        for var device in all {
            let group = group(of: device.last.role)
            let isReported = device.count.hasPrefix("reported")
            device.count =
                group.map { "\(isReported ? "reported" : "limit") \($0)" }
                ?? "free \(device.last.role)"
            let isCounted = device.count.hasPrefix("limit")
            if !isCounted, !device.isInGrace { device.life = .heard }
            let host = find(device.last, device.count)
            if device.isInGrace, host != nil || !isCounted { continue }
            guard let host else {
                devices.append(device)
                continue
            }
            devices[host].sessions =
                (devices[host].isInGrace ? [] : devices[host].sessions) + device.sessions
            devices[host].last = device.last
            if isCounted { devices[host].life = .heard }
        }
    }

    mutating func clear(role: String?) { runtime.removeAll { $0.role == role } }

    /// Ends every session of devices that go by this key.
    /// The device of this name of everybody, or of one owner.
    mutating func kick(key: String, of owner: String?) {
        func isMeant(_ session: Newcomer) -> Bool {
            session.key == key && (owner == nil || session.owner == owner)
        }
        for index in devices.indices.reversed() {
            if devices[index].isInGrace {
                if isMeant(devices[index].last) { devices.remove(at: index) }
                continue
            }
            for session in devices[index].sessions where isMeant(session) {
                words.append("out \(session.number) kicked")
            }
            devices[index].sessions.removeAll(where: isMeant)
            if devices[index].sessions.isEmpty { devices.remove(at: index) }
        }
    }

    // MARK: Coming in

    private mutating func open(_ arrival: Newcomer, _ count: String) {
        turn += 1
        var session = arrival
        (session.since, session.deviceSince) = (now, now)
        devices.append(
            Device(
                count: count, order: turn, sessions: [session], last: session, heard: now,
                turn: turn))
        words.append("in \(arrival.number)")
    }

    /// One more session of a device.
    private mutating func enter(_ arrival: Newcomer, _ index: Int) {
        var session = arrival
        (session.since, session.deviceSince) = (now, devices[index].last.deviceSince)
        devices[index].sessions.append(session)
        devices[index].last = session
    }

    private mutating func comeAgain(_ arrival: Newcomer, _ index: Int) {
        let old = devices[index].isInGrace ? [] : devices[index].sessions
        if rules.shares {
            devices[index].sessions = old
        } else {
            if let last = old.last, let retry = fight(index) {
                if devices[index].refusals == 1 { words.append("flaps \(last.number)") }
                words.append("no \(arrival.number) flapping \(retry)")
                return
            }
            for session in old { words.append("out \(session.number) replaced") }
            devices[index].sessions = []
        }
        enter(arrival, index)
        hear(index)
        words.append("in \(arrival.number)")
    }

    /// For how long a window of a fight is sent away; nil for no fight.
    private mutating func fight(_ index: Int) -> Int? {
        if let quiet = devices[index].quietUntil, now - quiet >= 60_000 {
            devices[index].replacements = []
            devices[index].quietUntil = nil
            devices[index].refusals = 0
        }
        let recent = devices[index].replacements.filter { now - $0 < 10_000 }
        devices[index].replacements = recent
        if recent.count < 5, now >= devices[index].quietUntil ?? now {
            devices[index].replacements.append(now)
            return nil
        }
        let retries = [1, 2, 4, 8, 16, 32, 60]
        let retry = retries[min(devices[index].refusals, 6)]
        devices[index].refusals += 1
        devices[index].quietUntil = now + retry * 1000
        return retry
    }

    private mutating func letIn(_ arrival: Newcomer, _ count: String, _ group: Int?) {
        if let index = find(arrival, count) {
            if devices[index].isInGrace { devices[index].sessions = [] }
            enter(arrival, index)
            hear(index)
            words.append("in \(arrival.number)")
            return
        }
        guard let group else { return open(arrival, count) }
        let limit = limit(group, arrival)
        let excess = counted(group).count + 1 - limit.devices
        if excess <= 0 { return open(arrival, count) }
        if let index = find(arrival, "reported \(group)") {
            enter(arrival, index)
            words.append("in \(arrival.number)")
        } else {
            open(arrival, "reported \(group)")
        }
        if limit.policy == .blockNew || limit.devices == 0 {
            words.append("note \(arrival.number) refuse")
            return
        }
        let live = counted(group).filter { !$0.isInGrace }.sorted { $0.order < $1.order }
        let graces = counted(group).count - live.count
        let ended = live.prefix(max(0, excess - graces)).flatMap(\.sessions)
        if !ended.isEmpty {
            words.append("note \(arrival.number) eject \(ended.map(\.number))")
        }
    }

    // MARK: Waiting

    private mutating func settle() {
        let all = waiters
        waiters = []
        for waiter in all where review(waiter) {
            waiters.append(waiter)
            if let group = group(of: waiter.arrivals[0].role) { ask(group, waiter) }
        }
    }

    /// True when it waits on.
    private mutating func review(_ waiter: Waiter) -> Bool {
        guard let group = group(of: waiter.arrivals[0].role) else {
            admit(waiter, "free \(waiter.arrivals[0].role)")
            return false
        }
        let limit = limit(group, waiter.arrivals[0])
        let excess = counted(group).count + 1 - limit.devices
        if excess > 0 {
            let ghosts = counted(group).filter(\.isGhost).count
            if limit.devices == 0 { return refuse(waiter) }
            if limit.policy == .blockNew, ghosts < excess {
                guard rules.probe != nil, now < waiter.deadline else { return refuse(waiter) }
                let hopes = counted(group).filter { device in
                    switch device.life {
                    case .asked, .ghost: true
                    case .heard: device.heard < waiter.since - 3000
                    case .grace(let until): until <= waiter.deadline
                    }
                }
                return hopes.count >= excess ? true : refuse(waiter)
            }
            for _ in 0..<excess {
                if limit.policy == .ejectOld {
                    giveUpOne(group) { "out \($0) eject_old" }
                } else {
                    endGhost(group)
                }
            }
        }
        admit(waiter, "limit \(group)")
        return false
    }

    private mutating func admit(_ waiter: Waiter, _ count: String) {
        for arrival in waiter.arrivals {
            if let index = find(arrival, count) {
                enter(arrival, index)
                hear(index)
                words.append("in \(arrival.number)")
            } else {
                open(arrival, count)
            }
        }
    }

    private mutating func refuse(_ waiter: Waiter) -> Bool {
        for arrival in waiter.arrivals { words.append("no \(arrival.number) full") }
        return false
    }

    /// Of those from where most wait the last one goes, if they are two more than from here.
    private mutating func makeRoomToWait(_ arrival: Newcomer) -> Bool {
        func count(_ origin: String) -> Int {
            waiters.filter { $0.arrivals[0].origin == origin }.count
        }
        let counts = waiters.map { count($0.arrivals[0].origin) }
        guard let most = counts.max(), most >= count(arrival.origin) + 2,
            let index = counts.lastIndex(of: most)
        else { return false }
        _ = refuse(waiters.remove(at: index))
        return true
    }

    private mutating func ask(_ group: Int, _ waiter: Waiter) {
        guard let probe = rules.probe else { return }
        let unheard = devices.indices.filter { index in
            devices[index].count == "limit \(group)" && devices[index].life == .heard
                && devices[index].heard < waiter.since - 3000
        }
        for index in unheard.sorted(by: {
            (devices[$0].heard, devices[$0].turn) < (devices[$1].heard, devices[$1].turn)
        }) {
            turn += 1
            devices[index].turn = turn
            devices[index].life = .asked(until: now + probe)
            for session in devices[index].sessions { words.append("ask \(session.number)") }
        }
    }

    // MARK: Making room

    /// A place in grace, that of whose grace began first; else that of the eldest.
    private mutating func giveUpOne(_ group: Int, _ word: (Int) -> String) {
        let all = devices.indices.filter { devices[$0].count == "limit \(group)" }
        if let first = all.filter({ devices[$0].isInGrace }).min(by: {
            devices[$0].turn < devices[$1].turn
        }) {
            devices.remove(at: first)
        } else if let eldest = all.min(by: { devices[$0].order < devices[$1].order }) {
            for session in devices[eldest].sessions { words.append(word(session.number)) }
            devices.remove(at: eldest)
        }
    }

    private mutating func endGhost(_ group: Int) {
        let ghosts = devices.indices.filter {
            devices[$0].count == "limit \(group)" && devices[$0].isGhost
        }
        guard let first = ghosts.min(by: { devices[$0].turn < devices[$1].turn }) else { return }
        for session in devices[first].sessions { words.append("out \(session.number) silent") }
        devices.remove(at: first)
    }

    // MARK: Time and life

    private mutating func letTimePass() -> Bool {
        var hasPassed = waiters.contains { $0.deadline <= now }
        let over = runtime.filter { $0.expires.map { $0 <= now } ?? false }
        if !over.isEmpty { hasPassed = true }
        runtime.removeAll { $0.expires.map { $0 <= now } ?? false }
        devices.removeAll { device in
            guard case .grace(let until) = device.life, until <= now else { return false }
            hasPassed = true
            return true
        }
        let unanswered = devices.indices.filter { index in
            if case .asked(let until) = devices[index].life { until <= now } else { false }
        }
        func due(_ index: Int) -> (Int, Int) {
            guard case .asked(let until) = devices[index].life else { return (0, 0) }
            return (until, devices[index].turn)
        }
        for index in unanswered.sorted(by: { due($0) < due($1) }) {
            hasPassed = true
            haunt(index)
        }
        return hasPassed
    }

    private mutating func hear(_ index: Int) {
        if devices[index].count.hasPrefix("limit") {
            turn += 1
            devices[index].turn = turn
        }
        devices[index].heard = now
        devices[index].life = .heard
        devices[index].silent = []
    }

    private mutating func haunt(_ index: Int) {
        turn += 1
        devices[index].turn = turn
        devices[index].life = .ghost
    }
}
