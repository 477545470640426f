import Clock
import Sessions
import Settings
import Testing

/// Random histories against a reference that is as plain as the rules are.
@Suite struct StoreSessionsHistoryTests {
    @Test(arguments: [SessionSettings.Policy.blockNew, .ejectOld], 1...4)
    func `random histories go as the plain rules say`(
        policy: SessionSettings.Policy, max: Int
    ) throws {
        var random = SeededGenerator(seed: UInt64(max) << 8 | (policy == .blockNew ? 1 : 2))
        for _ in 0..<300 { try run(SessionSettings.Limit(devices: max, policy: policy), &random) }
    }

    /// One history of 60 events over 7 devices, a third of the arrivals of unlimited roles.
    private func run(
        _ limit: SessionSettings.Limit, _ random: inout SeededGenerator
    ) throws {
        var store = StoreSessions()
        var reference = Reference(limit: limit)
        var now = Instant.zero
        for number in 1...60 {
            now = now + .milliseconds(Int.random(in: 0...3, using: &random))
            var isRight = true
            if Int.random(in: 0..<4, using: &random) == 0 {
                let id = SessionID(Int.random(in: 1...number, using: &random))
                isRight = store.ended(id) == reference.end(id)
            } else {
                let newcomer = try randomArrival(number, &random)
                let admission = store.arrived(newcomer, limit: limit, at: now)
                isRight = Outcome(admission) == reference.arrive(newcomer)
            }
            try #require(isRight, "event \(number)")
            try #require(store.limitedDeviceCount <= limit.devices)
            try #require(store.limitedDeviceCount == reference.limitedDevices.count)
            try #require(Set(store.records.map(\.id)) == Set(reference.live.map(\.id)))
        }
    }

    private func randomArrival(
        _ number: Int, _ random: inout SeededGenerator
    ) throws -> Arrival {
        let isLimited = Int.random(in: 0..<3, using: &random) > 0
        let isFirst = Bool.random(using: &random)
        let role =
            isLimited ? (isFirst ? "admin" : "manager") : (isFirst ? "board" : "reception")
        let device = "device-\(Int.random(in: 1...7, using: &random))"
        return arrival(number, device: try .named(device), role: role, isLimited: isLimited)
    }
}

/// An admission, with endings reduced to who and why.
private struct Outcome: Equatable {
    var isAdmitted: Bool
    var ended: [String] = []

    init(isAdmitted: Bool, ended: [String] = []) {
        self.isAdmitted = isAdmitted
        self.ended = ended
    }

    init(_ admission: Admission) {
        switch admission {
        case .refused: self.init(isAdmitted: false)
        case .admitted(let endings):
            self.init(
                isAdmitted: true, ended: endings.map { "\($0.session.low) \($0.cause.rawValue)" })
        }
    }
}

/// One list in order of seniority, searched from the front.
private struct Reference {
    let limit: SessionSettings.Limit
    var live: [Arrival] = []

    init(limit: SessionSettings.Limit) { self.limit = limit }

    var limitedDevices: [Arrival] { live.filter(\.isLimited) }

    mutating func end(_ id: SessionID) -> Bool {
        guard let index = live.firstIndex(where: { $0.id == id }) else { return false }
        live.remove(at: index)
        return true
    }

    mutating func arrive(_ newcomer: Arrival) -> Outcome {
        let old = live.firstIndex {
            $0.device == newcomer.device && $0.isLimited == newcomer.isLimited
                && ($0.isLimited || $0.role == newcomer.role)
        }
        if let old {
            let replaced = live[old].id
            live[old] = newcomer
            return Outcome(isAdmitted: true, ended: ["\(replaced.low) replaced"])
        }
        var ended: [String] = []
        while newcomer.isLimited, limitedDevices.count >= limit.devices {
            if limit.policy == .blockNew { return Outcome(isAdmitted: false) }
            guard let eldest = limitedDevices.first, end(eldest.id) else { break }
            ended.append("\(eldest.id.low) eject_old")
        }
        live.append(newcomer)
        return Outcome(isAdmitted: true, ended: ended)
    }
}
