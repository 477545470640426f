import Clock
import FoundationEssentials
import Sessions
import Settings
import Testing

/// How many random histories are run: `FUZZ_ITERATIONS`, or a few thousand.
private let iterations =
    ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 2000

/// Where `FUZZ_SEED` starts another walk; every history has a seed of its own.
private let firstSeed =
    ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? 1

/// Random histories of one store, each step of which has to go as the plain rules say.
@Suite struct HistoryTests {
    @Test func `random histories go as the plain rules say`() throws {
        for offset in 0..<UInt64(iterations) {
            var history = History(seed: firstSeed &+ offset)
            do {
                try history.run()
            } catch let failure as History.Failure {
                Issue.record("seed \(firstSeed &+ offset): \(failure.message)")
                return
            }
        }
    }
}

/// One random configuration, and what happened to its store.
struct History {
    struct Failure: Error {
        var message: String
    }

    private var random: SeededGenerator
    private var engine: StoreEngine
    private var naive: NaiveStore
    private var rules: SessionRules
    /// Of an older generation: sessions may come that were born in it.
    private var oldRules: SessionRules
    private var now = 0
    private var lastTime = 0
    private var number = 0
    /// Sessions that may be in, or wait.
    private var known: [Int] = []
    private var newcomers: [Int: NaiveStore.Newcomer] = [:]
    private var asked: [Int] = []
    private var log: [String] = []
    /// No limit was ever another than the configuration's, nobody came in uncounted, and there is
    /// room for all who wait.
    private var isPlain: Bool
    /// Sessions may come that were born in an older generation than one that the store has met.
    private let hasStragglers: Bool
    /// All that happened, with what it led to.
    private(set) var steps: [Step] = []

    struct Step {
        var event: SessionEvent
        var now: Instant
        var words: [String]
    }

    init(seed: UInt64, hasStragglers: Bool = true, isCrowded: Bool = true) {
        self.hasStragglers = hasStragglers
        random = SeededGenerator(seed: seed)
        let settings = Self.settings(&random)
        rules = SessionRules(settings, generation: 1)
        oldRules = rules
        // So few that the line is crowded now and then.
        let mostWaiting =
            !isCrowded || Bool.random(using: &random)
            ? StoreEngine.mostWaiting : Int.random(in: 1...4, using: &random)
        isPlain = mostWaiting == StoreEngine.mostWaiting
        engine = StoreEngine(mostWaiting: mostWaiting)
        naive = NaiveStore(rules: Self.naive(settings), mostWaiting: mostWaiting)
        log.append("\(settings), \(mostWaiting) may wait")
    }

    // MARK: Configurations

    private static func settings(_ random: inout SeededGenerator) -> SessionSettings {
        func limit(_ random: inout SeededGenerator) -> SessionSettings.Limit {
            .init(
                devices: Int.random(in: 1...4, using: &random),
                policy: Int.random(in: 0..<3, using: &random) == 0 ? .ejectOld : .blockNew)
        }
        var limits: [SessionSettings.RoleLimit]
        switch Int.random(in: 0..<4, using: &random) {
        case 0: limits = [.init(limit: limit(&random))]
        case 1: limits = [.init(roles: ["admin", "manager"], limit: limit(&random))]
        case 2: limits = [.init(limit: limit(&random), claim: "devices")]
        case _:
            limits = [
                .init(roles: ["admin"], limit: limit(&random)),
                .init(roles: ["kiosk"], limit: limit(&random)),
            ]
        }
        var settings = SessionSettings(name: "b", store: .query("s"), limits: limits)
        settings.sameDevice = Int.random(in: 0..<4, using: &random) == 0 ? .share : .replace
        settings.grace = [nil, .seconds(1), .seconds(5)].randomElement(using: &random) ?? nil
        settings.probe =
            [nil, .seconds(2), .seconds(2), .milliseconds(700)].randomElement(using: &random) ?? nil
        return settings
    }

    private static func naive(_ settings: SessionSettings) -> NaiveStore.Rules {
        NaiveStore.Rules(
            limits: settings.limits.map {
                .init(roles: $0.roles, limit: $0.limit, takesClaim: $0.claim != nil)
            },
            shares: settings.sameDevice == .share,
            grace: settings.grace.map { Int($0.wholeMilliseconds) },
            probe: settings.probe.map { Int($0.wholeMilliseconds) })
    }

    // MARK: Events

    /// Mostly few, so that devices meet those of their own.
    private static let owners = ["anyone", "bearer", "user-1", "user-1", "user-1", "user-2"]

    mutating func run() throws {
        for _ in 0..<40 {
            now += [0, 0, 10, 300, 1000, 3000].randomElement(using: &random) ?? 0
            // Mostly somebody ticks in time.
            if Int.random(in: 0..<4, using: &random) > 0 { try step("time", .time) { _ in } }
            switch Int.random(in: 0..<100, using: &random) {
            case ..<50: try arrive()
            case ..<66: try depart()
            case ..<78: try answer()
            case ..<82: try fallSilent()
            case ..<86: try setLimit()
            case ..<88: try clearLimit()
            case ..<90: try kick()
            case ..<91: try reload()
            case _: try step("time", .time) { _ in }
            }
        }
        try emptyOut()
    }

    private mutating func arrive() throws {
        number += 1
        let role = ["admin", "admin", "manager", "kiosk", "board"].randomElement(using: &random)
        let owner = Self.owners.randomElement(using: &random) ?? "anyone"
        let address = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::"]
            .randomElement(using: &random)
        var newcomer = NaiveStore.Newcomer(
            number: number, owner: owner,
            key: "device-\(Int.random(in: 1...6, using: &random))", alias: nil,
            role: role ?? "", claimed: nil,
            isReportOnly: Int.random(in: 0..<30, using: &random) == 0,
            origin: owner.hasPrefix("user") ? owner : address ?? "")
        if rules.sameDevice == .replace, Int.random(in: 0..<5, using: &random) == 0 {
            newcomer.alias = "looks-\(Int.random(in: 1...2, using: &random))"
            newcomer.key = "issued-\(number)"
        } else if rules.sameDevice == .replace, Int.random(in: 0..<8, using: &random) == 0 {
            newcomer.key = "issued-\(Int.random(in: 1...number, using: &random))"
        }
        if Int.random(in: 0..<4, using: &random) == 0 {
            newcomer.claimed = Int.random(in: 1...5, using: &random)
        }
        if newcomer.isReportOnly || newcomer.claimed != nil { isPlain = false }
        known.append(number)
        newcomers[number] = newcomer
        let arriving = try arrival(newcomer)
        try step("time", .time) { _ in }
        let wasThere = naive.devices.contains { device in
            device.count.hasPrefix("limit") && !device.isInGrace
                && device.last.key == newcomer.key && device.last.owner == newcomer.owner
                && naive.group(of: newcomer.role).map { "limit \($0)" } == device.count
        }
        let words = try step("arrive \(newcomer)", .arrive(arriving)) { $0.arrive(newcomer) }
        let isIn = words.contains("in \(number)")
        let isFlapping = words.contains { $0.hasPrefix("no \(number) flapping") }
        try expect(!wasThere || isIn || isFlapping, "a refresh was not admitted")
    }

    private mutating func arrival(_ newcomer: NaiveStore.Newcomer) throws -> Arrival {
        let looks = newcomer.alias.map {
            DeviceKey.fallback(address: "", role: nil, userAgent: $0)
        }
        let user = newcomer.owner.hasPrefix("user") ? newcomer.owner : nil
        let device = DeviceIdentity(
            owner: DeviceOwner(
                .user, rule: newcomer.owner == "anyone" ? nil : "app", user: user),
            key: .client(try ClientID(newcomer.key)),
            origin: looks.map { .issued(like: $0) } ?? .given(.query("client_id")))
        var address = user == nil ? newcomer.origin : "192.0.2.1"
        if address.contains(":") {
            address += ["", "7", "1:0:0:9"].randomElement(using: &random) ?? ""
        }
        let isStraggler = Bool.random(using: &random) && hasStragglers
        return SessionsTests.arrival(
            newcomer.number, device: device, role: newcomer.role,
            rules: isStraggler ? oldRules : rules, user: user,
            claimed: newcomer.claimed, isReportOnly: newcomer.isReportOnly, address: address)
    }

    private mutating func reload() throws {
        isPlain = false
        let settings = Self.settings(&random)
        oldRules = rules
        rules = SessionRules(settings, generation: rules.generation + 1)
        let naiveRules = Self.naive(settings)
        try step("reload \(settings)", .adopt(rules)) { $0.reload(naiveRules) }
    }

    private mutating func depart() throws {
        guard let number = known.randomElement(using: &random) else { return }
        let departure =
            [Departure.normal, .abnormal, .abnormal, .unserved].randomElement(using: &random)
            ?? .normal
        known.removeAll { $0 == number }
        try step(
            "depart \(number) \(departure)", .depart(SessionID(number), departure)
        ) { $0.depart(number, departure) }
    }

    private mutating func answer() throws {
        guard let number = asked.popLast() ?? known.randomElement(using: &random) else { return }
        try step("answer \(number)", .answered(SessionID(number))) { $0.answered(number) }
    }

    private mutating func fallSilent() throws {
        guard let number = known.randomElement(using: &random) else { return }
        try step("silent \(number)", .silent(SessionID(number))) { $0.silent(number) }
    }

    private mutating func setLimit() throws {
        isPlain = false
        let role = [nil, "admin", "kiosk"].randomElement(using: &random) ?? nil
        let limit = SessionSettings.Limit(
            devices: Int.random(in: 0...4, using: &random),
            policy: Bool.random(using: &random) ? .blockNew : .ejectOld)
        let expires = Bool.random(using: &random) ? now + 4000 : nil
        let endsExcess = Bool.random(using: &random)
        let change = RuntimeLimit(
            role: role, limit: limit, expires: expires.map { .zero + .milliseconds($0) })
        try step("time", .time) { _ in }
        let would = engine.excess(under: change).map(\.id.low)
        let words = try step(
            "limit \(change) \(endsExcess)", .setLimit(change, endsExcess: endsExcess)
        ) {
            $0.set(.init(role: role, limit: limit, expires: expires), endsExcess: endsExcess)
        }
        if endsExcess {
            let did = words.filter { $0.hasSuffix(" limited") }
            try expect(did == would.map { "out \($0) limited" }, "the dry run said \(would)")
        }
    }

    private mutating func clearLimit() throws {
        let role = [nil, "admin", "kiosk"].randomElement(using: &random) ?? nil
        try step("clear \(role ?? "-")", .clearLimit(role: role)) { $0.clear(role: role) }
    }

    private mutating func kick() throws {
        let key = "device-\(Int.random(in: 1...6, using: &random))"
        let user = Bool.random(using: &random) ? "user-1" : nil
        let filter = SessionFilter(user: user, clientID: try ClientID(key))
        try step("kick \(key) \(user ?? "-")", .kick(filter, Kick()), inOrder: false) {
            $0.kick(key: key, of: user)
        }
    }

    /// Everybody leaves, and time passes: nothing may stay.
    private mutating func emptyOut() throws {
        for number in known {
            try step("leave \(number)", .depart(SessionID(number), .normal)) {
                $0.depart(number, .normal)
            }
        }
        for role in [nil, "admin", "kiosk"] {
            try step("clear", .clearLimit(role: role)) { $0.clear(role: role) }
        }
        now += 10_000
        try step("time", .time) { _ in }
        try expect(engine.isUnused, "a place was lost")
    }

    // MARK: Comparing

    @discardableResult
    private mutating func step(
        _ name: String, _ event: SessionEvent, inOrder: Bool = true,
        _ plain: (inout NaiveStore) -> Void
    ) throws -> [String] {
        let before = naive
        let hasTimePassed = lastTime != now && name != "time"
        lastTime = now
        var expected = naive.at(now, plain)
        let decisions = engine.handle(event, at: .zero + .milliseconds(now))
        var words = decisions.map(Self.word)
        steps.append(Step(event: event, now: .zero + .milliseconds(now), words: words))
        log.append("\(now) \(name): \(words.joined(separator: ", "))")
        for case .probe(let record) in decisions { asked.append(Int(record.id.low)) }
        if !inOrder {
            expected.sort()
            words.sort()
        }
        try expect(words == expected, "expected \(expected.joined(separator: ", "))")
        try expect(
            engine.sessionCount
                == naive.devices.reduce(0) { $0 + ($1.isInGrace ? 0 : $1.sessions.count) },
            "sessions were lost")
        try expect(engine.waitingCount == naive.waiters.count, "who waits was lost")
        if isPlain { try checkLimits(words, before, hasTimePassed) }
        return words
    }

    /// What must hold whatever the rules in detail: said of the configuration's own limits.
    private func checkLimits(
        _ words: [String], _ before: NaiveStore, _ hasTimePassed: Bool
    ) throws {
        var counts: [Int: Set<String>] = [:]
        for record in engine.records {
            guard let group = rules.group(of: record.arrival.role) else { continue }
            counts[group, default: []].insert("\(record.arrival.device.key)")
        }
        for (group, devices) in counts {
            let most = rules.limits[group].limit.devices
            try expect(devices.count <= most, "\(devices.count) devices, at most \(most)")
        }
        if hasTimePassed { return }
        for word in words where word.hasSuffix(" full") {
            guard let number = Int(word.split(separator: " ")[1]),
                let refused = newcomers[number], let group = naive.group(of: refused.role)
            else { continue }
            let held = naive.counted(group)
            let since =
                before.waiters.first { $0.arrivals.contains { $0.number == number } }?.since ?? now
            try expect(
                held.count >= rules.limits[group].limit.devices, "refused, and a place is free")
            guard let probe = rules.probe else { continue }
            let patience = Int(probe.wholeMilliseconds) + 500
            let areAlive = held.allSatisfy { device in
                switch device.life {
                case .heard: device.heard >= since - 3000
                case .grace(let until): until > since + patience
                case .asked, .ghost: false
                }
            }
            try expect(areAlive, "refused because of the dead")
        }
    }

    private func expect(_ isRight: Bool, _ message: @autoclosure () -> String) throws {
        if isRight { return }
        throw Failure(message: "\(message())\n" + log.joined(separator: "\n"))
    }

    static func word(_ decision: SessionDecision) -> String {
        switch decision {
        case .admitted(let record): return "in \(record.id.low)"
        case .waiting(let id): return "wait \(id.low)"
        case .refused(let arrival, let rejection): return word(rejection, arrival.id)
        case .ended(let end): return "out \(end.record.id.low) \(end.cause.word)"
        case .probe(let record): return "ask \(record.id.low)"
        case .noticed(.flapping(let record)): return "flaps \(record.id.low)"
        case .overruled(let record, .refusal): return "note \(record.id.low) refuse"
        case .overruled(let newcomer, .ejection(let records, _)):
            return "note \(newcomer.id.low) eject \(records.map { Int($0.id.low) })"
        }
    }

    static func word(_ rejection: Rejection, _ id: SessionID) -> String {
        switch rejection.reason {
        case .full: "no \(id.low) full"
        case .replaced: "no \(id.low) replaced"
        case .flapping: "no \(id.low) flapping \(rejection.retry?.components.seconds ?? 0)"
        }
    }
}
