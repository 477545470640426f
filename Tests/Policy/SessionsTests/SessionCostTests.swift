import Clock
import FoundationEssentials
import Glibc
import Sessions
import Settings
import Testing

/// What the table costs. With `SESSION_COST=1` in the environment it is measured and said, best in
/// a release build; without, the same is done with fewer sessions and only what it does is checked.
@Suite(.serialized) struct SessionCostTests {
    private static let isMeasured =
        ProcessInfo.processInfo.environment["SESSION_COST"] != nil

    /// As long as what real ones are.
    private static func realistic(_ number: Int, stores: Int, _ rules: SessionRules) throws
        -> Arrival
    {
        var random = SeededGenerator(seed: UInt64(number))
        let id = SessionID(using: &random)
        let uuid = "550e8400-e29b-41d4-a716-" + String(id.description.prefix(12))
        return Arrival(
            id: id, connection: ConnectionAddress(worker: 0, connection: UInt64(number)),
            store: StoreKey(block: "dashboards", store: "store-\(number % stores)"),
            device: try .named(uuid), role: "manager",
            user: "user-\(number)-\(id.description.prefix(8))",
            address: "2001:db8::\(number)",
            userAgent: "Mozilla/5.0 (Linux; Android 14; SM-S918N) AppleWebKit/537.36 (KHTML, like"
                + " Gecko) Chrome/126.0.0.0 Mobile Safari/537.36 \(number)",
            transport: .webSocket, route: "/ws/admin/dashboard", rules: rules)
    }

    private struct Figures {
        var admit: Duration = .zero
        var refresh: Duration = .zero
        var eject: Duration = .zero
        var refuse: Duration = .zero
        var end: Duration = .zero
        var sessions = 0
        var memory = 0

        func line(_ name: String) -> String {
            let steps = [
                ("admit", admit), ("refresh", refresh), ("eject", eject), ("refuse", refuse),
                ("end", end),
            ]
            let costs = steps.map { "\($0.0) \($0.1.wholeNanoseconds) ns" }
            return "\(name): \(costs.joined(separator: ", "))"
                + (memory > 0 ? ", \(memory / sessions) octets a session" : "")
        }
    }

    /// Fills stores, measures single steps at some of them, and empties them.
    private func measure(sessions: Int, stores: Int, samples: Int) throws -> Figures {
        let most = (sessions + samples) / stores
        let rules = SessionRules(
            .limiting(
                .of("manager", max: most, .blockNew), grace: .seconds(5), probe: .seconds(2)),
            generation: 1)
        let table = SessionTable(deliver: { _ in })
        var held: [SessionLease] = []
        held.reserveCapacity(sessions + 4 * samples)
        func admit(_ arrival: Arrival) {
            let outcome = table.admit(arrival, now: .zero)
            if case .seated(let lease, _) = outcome { held.append(lease) }
        }
        let before = Self.residentOctets()
        for number in 0..<sessions {
            admit(try Self.realistic(number, stores: stores, rules))
        }
        var figures = Figures()
        figures.sessions = sessions
        figures.memory = Self.residentOctets() - before
        #expect(table.count == sessions && table.storeCount == stores)

        // So many more find their places; then every store is full.
        let more = try (0..<samples).map {
            try Self.realistic(sessions + $0, stores: stores, rules)
        }
        figures.admit = Self.time(more, admit)
        #expect(held.count == sessions + samples)
        figures.refuse = Self.time(try more.map { try Self.other($0, device: "B", rules) }, admit)
        #expect(table.tallies.refused == samples)
        figures.refresh = Self.time(try more.map { try Self.other($0, device: nil, rules) }, admit)
        #expect(table.tallies.replaced == samples)
        let ejecting = SessionRules(.limiting(.of("manager", max: most, .ejectOld)), generation: 2)
        figures.eject = Self.time(try more.map { try Self.other($0, device: "C", ejecting) }, admit)
        #expect(table.tallies.ejected == samples)
        #expect(table.count == sessions + samples)
        figures.end = Self.time(Array(held.suffix(samples))) { $0.end(.normal, now: .zero) }
        #expect(table.count == sessions)
        held = []
        #expect(table.storeCount == 0)
        return figures
    }

    /// Another session in the store of `arrival`, of the same device or of another.
    private static func other(
        _ arrival: Arrival, device: String?, _ rules: SessionRules
    ) throws -> Arrival {
        var other = arrival
        var random = SeededGenerator(seed: arrival.id.low &+ UInt64(device?.utf8.first ?? 0))
        other.id = SessionID(using: &random)
        if let device { other.device = try .named("\(device)-\(other.id)") }
        other.rules = rules
        return other
    }

    /// The processor's time that `step` takes, on average: of the whole process, so measured alone.
    private static func time<Input>(_ inputs: [Input], _ step: (Input) -> Void) -> Duration {
        let start = clock()
        for input in inputs { step(input) }
        return .microseconds(clock() - start) / max(1, inputs.count)
    }

    /// What the process holds in memory; 0 when nobody wants to know.
    private static func residentOctets() -> Int {
        guard isMeasured,
            let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        else { return 0 }
        return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
    }

    @Test func `a table of many stores does all that one of few does`() throws {
        let scale = Self.isMeasured ? 1 : 50
        // First, as long as no memory was given back that would not be seen to be taken again.
        let many = try measure(
            sessions: 50_000 / scale, stores: 5000 / scale, samples: 5000 / scale)
        let few = try measure(sessions: 500, stores: 50, samples: 50)
        let one = try measure(sessions: 50_000 / scale, stores: 1, samples: 5000 / scale)
        guard Self.isMeasured else { return }
        let lines = [
            few.line("500 sessions, 50 stores"), many.line("50000 sessions, 5000 stores"),
            one.line("50000 sessions, one store"),
        ]
        print(lines.joined(separator: "\n"))
    }
}
