import Clock
import Locks
import Sessions
import Settings
import Synchronization
import Testing

@Suite struct SessionTableTests {
    private let two = SessionRules.plain(2, .blockNew)

    private struct Unexpected: Error {}

    private func lease(_ outcome: SeatQuestion.Outcome) throws -> SessionLease {
        guard case .seated(let lease, _) = outcome else { throw Unexpected() }
        return lease
    }

    @Test func `a lease that is let go gives its place back`() throws {
        let desk = FrontDesk()
        var held: [SessionLease] = []
        for number in 1...2 {
            held.append(
                try lease(
                    desk.table.admit(
                        arrival(number, device: try .named("\(number)"), rules: two), now: .zero)))
        }
        #expect(desk.table.count == 2)
        held.removeLast()
        #expect(desk.table.count == 1)
        held[0].end()
        held[0].end(.abnormal, now: .zero)
        #expect(desk.table.count == 0)
        #expect(desk.table.storeCount == 0)
    }

    @Test func `an outcome nobody keeps holds no place`() throws {
        let desk = FrontDesk()
        _ = desk.table.admit(arrival(1, device: try .named("A"), rules: two), now: .zero)
        #expect(desk.table.count == 0)
        #expect(desk.table.storeCount == 0)
    }

    @Test func `the late end of an ejected session takes nothing from the newcomer`() throws {
        let desk = FrontDesk()
        let rules = SessionRules.plain(1, .ejectOld)
        let first = try lease(
            desk.table.admit(arrival(1, device: try .named("A"), rules: rules), now: .zero))
        let second = try lease(
            desk.table.admit(arrival(2, device: try .named("B"), rules: rules), now: .zero))
        #expect(desk.messages == ["end 1 eject_old"])
        #expect(desk.ids() == [2])
        first.end()
        #expect(desk.ids() == [2])
        second.end()
        #expect(desk.table.count == 0)
        #expect(desk.reports == ["1 eject_old", "2 left"])
    }

    @Test func `stores do not see each other, nor do blocks of the same store`() throws {
        let desk = FrontDesk()
        let rules = SessionRules.plain(1, .blockNew)
        var held: [SessionLease] = []
        for number in 1...200 {
            let newcomer = arrival(
                number, device: try .named("\(number)"), rules: rules, store: "\(number)")
            held.append(try lease(desk.table.admit(newcomer, now: .zero)))
        }
        var elsewhere = arrival(201, device: try .named("x"), rules: rules, store: "1")
        elsewhere.store = StoreKey(block: "boards", store: "1")
        held.append(try lease(desk.table.admit(elsewhere, now: .zero)))
        #expect(desk.table.storeCount == 201)
        held.removeAll()
        #expect(desk.table.storeCount == 0)
    }

    @Test func `a refusal leaves no empty store behind`() throws {
        let desk = FrontDesk()
        let closed = SessionRules.plain(0, .blockNew)
        let outcome = desk.table.admit(
            arrival(1, device: try .named("A"), rules: closed), now: .zero)
        guard case .refused(let rejection) = outcome else { throw Unexpected() }
        #expect(rejection == Rejection(.full(.init(devices: 0, policy: .blockNew))))
        #expect(desk.table.storeCount == 0)
    }

    // MARK: What is decided later

    @Test func `who waits is told when the one before it left, turned out a ghost, or lives`()
        throws
    {
        let desk = FrontDesk()
        let rules = SessionRules(
            .limiting(.of(max: 1, .blockNew), probe: .seconds(2)), generation: 1)
        let holder = try lease(
            desk.table.admit(arrival(1, device: try .named("A"), rules: rules), now: .zero))
        var held: [SessionLease] = []
        for number in 2...3 {
            let outcome = desk.table.admit(
                arrival(number, device: try .named("\(number)"), rules: rules), now: .seconds(60))
            guard case .open(let question) = outcome else { throw Unexpected() }
            held.append(question.lease)
        }
        #expect(desk.messages == ["probe 1"])
        #expect(desk.table.nextDeadline == .seconds(62))
        holder.end(.normal, now: .seconds(61))
        #expect(desk.messages == ["probe 1", "admitted 2", "refused 3"])
        #expect(desk.ids() == [2])
        held[1].end()
        #expect(desk.ids() == [2])
    }

    @Test func `a tick finds the ghost`() throws {
        let desk = FrontDesk()
        let rules = SessionRules(
            .limiting(.of(max: 1, .blockNew), probe: .seconds(2)), generation: 1)
        let ghost = try lease(
            desk.table.admit(arrival(1, device: try .named("A"), rules: rules), now: .zero))
        let outcome = desk.table.admit(
            arrival(2, device: try .named("B"), rules: rules), now: .seconds(60))
        guard case .open(let question) = outcome else { throw Unexpected() }
        desk.table.tell(.tick, now: .seconds(61.9))
        #expect(desk.messages == ["probe 1"])
        let due = try #require(desk.table.nextDeadline)
        desk.table.tell(.tick, now: due)
        #expect(desk.messages == ["probe 1", "end 1 silent", "admitted 2"])
        #expect(desk.table.tallies.ghosts == 1)
        #expect(desk.table.tallies.admitted == 2)
        ghost.end()
        question.lease.end()
        desk.table.tell(.tick, now: .seconds(70))
        #expect(desk.table.nextDeadline == nil)
        #expect(desk.table.storeCount == 0)
    }

    @Test func `a grace keeps the store until it is over`() throws {
        let desk = FrontDesk()
        let rules = SessionRules(
            .limiting(.of(max: 1, .blockNew), grace: .seconds(5)), generation: 1)
        let first = try lease(
            desk.table.admit(arrival(1, device: try .named("A"), rules: rules), now: .zero))
        first.end(.abnormal, now: .seconds(1))
        #expect(desk.table.count == 0)
        #expect(desk.table.storeCount == 1)
        desk.table.tell(.tick, now: .seconds(5.9))
        #expect(desk.table.storeCount == 1)
        desk.table.tell(.tick, now: .seconds(6))
        #expect(desk.table.storeCount == 0)
        #expect(desk.table.nextDeadline == nil)
    }

    // MARK: Races

    @Test(arguments: [SessionSettings.Policy.blockNew, .ejectOld])
    func `a thousand newcomers at once never are more than two`(
        policy: SessionSettings.Policy
    ) async {
        let race = Race(rules: .plain(2, policy))
        await race.run { try .named("\($0)") }
        #expect(race.most.load(ordering: .relaxed) == 2)
        let admitted = race.leases.withLock(\.count)
        let ended = race.desk.messages
        #expect(admitted == (policy == .blockNew ? 2 : 1000))
        #expect(ended.count == admitted - 2)
        #expect(Set(ended).count == ended.count, "nobody is ended twice")
        race.leases.withLock { $0.removeAll() }
        #expect(race.desk.table.storeCount == 0)
    }

    @Test func `racing refreshes of one device leave one session`() async {
        // Two windows that fight are sent away after a while, so the device shares its place.
        let race = Race(
            rules: SessionRules(
                .limiting(.of(max: 1, .blockNew), sameDevice: .share), generation: 1))
        await race.run { _ in try .named("A") }
        #expect(race.leases.withLock(\.count) == 1000)
        #expect(race.desk.table.count == StoreEngine.mostShared)
        #expect(race.desk.messages.count == 1000 - StoreEngine.mostShared)
        race.leases.withLock { $0.removeAll() }
        #expect(race.desk.table.count == 0)
    }
}

/// A table, and what it told whom.
final class FrontDesk: Sendable {
    let table: SessionTable
    private let told: Told

    private final class Told: Sendable {
        let messages = Guarded<[String]>([])
        let reports = Guarded<[String]>([])
    }

    init() {
        let told = Told()
        self.told = told
        table = SessionTable(
            deliver: { message in told.messages.withLock { $0.append(Self.describe(message)) } },
            report: { report in
                if case .ended(let end) = report {
                    told.reports.withLock { $0.append("\(end.record.id.low) \(end.cause.word)") }
                }
            })
    }

    var messages: [String] { told.messages.withLock { $0 } }
    var reports: [String] { told.reports.withLock { $0 } }

    /// The sessions of a list, in its order.
    func ids(_ filter: SessionFilter = SessionFilter()) -> [UInt64] {
        guard
            case .page(let entries, _) = table.ask(
                .list(filter, after: nil, most: 1000), now: .zero)
        else { return [] }
        return entries.map(\.id.low)
    }

    private static func describe(_ message: SessionMessage) -> String {
        switch message {
        case .answer(let answer, let id, let connection) where connection.connection == id.low:
            switch answer {
            case .admitted(let record, _): record.id == id ? "admitted \(id.low)" : "astray"
            case .refused: "refused \(id.low)"
            case .waiting, .unavailable: "astray"
            }
        case .end(let ending) where ending.connection.connection == ending.session.low:
            "end \(ending.session.low) \(ending.cause.rawValue)"
        case .probe(let id, let connection) where connection.connection == id.low:
            "probe \(id.low)"
        case .end, .probe, .answer: "astray"
        }
    }
}

/// A thousand arrivals at one store, from as many threads as there are.
private final class Race: Sendable {
    let desk = FrontDesk()
    let rules: SessionRules
    /// The most sessions that anyone saw.
    let most = Atomic(0)
    let leases = Guarded<[SessionLease]>([])

    init(rules: SessionRules) { self.rules = rules }

    func run(_ device: @escaping @Sendable (Int) throws -> DeviceIdentity) async {
        await withTaskGroup { group in
            for number in 1...1000 {
                group.addTask {
                    guard let device = try? device(number) else { return }
                    self.arrive(arrival(number, device: device, rules: self.rules))
                }
            }
        }
    }

    private func arrive(_ newcomer: Arrival) {
        let outcome = desk.table.admit(newcomer, now: .zero)
        most.max(desk.table.count, ordering: .relaxed)
        if case .seated(let lease, _) = outcome { leases.withLock { $0.append(lease) } }
    }
}
