import Clock
import Sessions
import Settings
import Testing

/// One store, its sessions by the name of their device (`A`, and `A2` for its second), and what
/// each event led to; reads like the scenarios do.
struct Scenario {
    var engine = StoreEngine()
    var rules: SessionRules
    private var number = 0
    private var names: [SessionID: String] = [:]
    private var counts: [String: Int] = [:]
    private var now = 0.0

    init(_ policy: SessionSettings.Policy, max: Int) {
        rules = .plain(max, policy)
    }

    init(_ settings: SessionSettings) {
        rules = SessionRules(settings, generation: 1)
    }

    /// `A in`, `A out: eject_old`, `C refused`, `C waits`, `A?`.
    mutating func connect(
        _ device: String, as identity: DeviceIdentity? = nil, role: String? = "admin",
        claimed: Int? = nil, isReportOnly: Bool = false, user: String? = nil,
        from address: String = "192.168.0.100", at second: Double? = nil
    ) throws -> [String] {
        number += 1
        counts[device, default: 0] += 1
        let count = counts[device] ?? 1
        names[SessionID(number)] = count == 1 ? device : "\(device)\(count)"
        return handle(
            .arrive(
                arrival(
                    number, device: try identity ?? .named(device), role: role, rules: rules,
                    user: user, claimed: claimed, isReportOnly: isReportOnly, address: address)),
            at: second)
    }

    mutating func disconnect(
        _ session: String, _ departure: Departure = .normal, at second: Double? = nil
    ) throws -> [String] {
        handle(.depart(try id(session), departure), at: second)
    }

    mutating func answer(_ session: String, at second: Double? = nil) throws -> [String] {
        handle(.answered(try id(session)), at: second)
    }

    mutating func fallSilent(_ session: String, at second: Double? = nil) throws -> [String] {
        handle(.silent(try id(session)), at: second)
    }

    mutating func wait(until second: Double) -> [String] { handle(.time, at: second) }

    mutating func handle(_ event: SessionEvent, at second: Double? = nil) -> [String] {
        now = second ?? now
        return engine.handle(event, at: .seconds(now)).map(describe)
    }

    func excess(under limit: RuntimeLimit) -> [String] {
        engine.excess(under: limit).map { name($0.id) }
    }

    /// The sessions that are in, by name.
    var connected: [String] { engine.records.map { name($0.id) }.sorted() }

    func id(_ session: String) throws -> SessionID {
        try #require(names.first { $0.value == session }?.key)
    }

    private func name(_ id: SessionID) -> String { names[id] ?? "?" }

    private func describe(_ decision: SessionDecision) -> String {
        switch decision {
        case .admitted(let record): "\(name(record.id)) in"
        case .waiting(let id): "\(name(id)) waits"
        case .refused(let arrival, let rejection): "\(name(arrival.id)) \(rejection.word)"
        case .ended(let end): "\(name(end.record.id)) out: \(end.cause.word)"
        case .probe(let record): "\(name(record.id))?"
        case .noticed(.flapping(let record)): "\(name(record.id)) flaps"
        case .overruled(let record, .refusal): "\(name(record.id)) would be refused"
        case .overruled(let newcomer, .ejection(let records, _)):
            "\(name(newcomer.id)) would eject \(records.map { name($0.id) }.joined(separator: " "))"
        }
    }
}

extension Rejection {
    /// `refused`, or why and for how long.
    var word: String {
        switch reason {
        case .full: "refused"
        case .flapping: "sent away for \(retry?.components.seconds ?? -1)"
        case .replaced: "refused: replaced"
        }
    }
}

extension SessionEnd.Cause {
    var word: String {
        switch self {
        case .departed(.normal): "left"
        case .departed(.abnormal): "broke"
        case .departed(.unserved): "found nobody"
        case .replaced: "replaced"
        case .ejected: "eject_old"
        case .silent: "silent"
        case .limited: "limited"
        case .kicked: "kicked"
        }
    }
}
