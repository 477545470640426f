import Clock
import Sessions
import Settings
import Synchronization
import Testing

@Suite struct SessionTableTests {
    private let two = SessionSettings.Limit(devices: 2, policy: .blockNew)

    private func request(
        _ arrival: Arrival, _ limit: SessionSettings.Limit
    ) -> AdmissionRequest {
        AdmissionRequest(arrival: arrival, limit: limit)
    }

    private func lease(_ outcome: AdmissionOutcome) throws -> SessionLease {
        guard case .admitted(let lease, _) = outcome else { throw Unexpected() }
        return lease
    }

    private struct Unexpected: Error {}

    @Test func `a lease that is let go gives its place back`() throws {
        let table = SessionTable()
        var held: [SessionLease] = []
        for number in 1...2 {
            let outcome = table.admit(
                request(arrival(number, device: try .named("\(number)")), two), now: .zero)
            held.append(try lease(outcome))
        }
        #expect(table.count == 2)
        held.removeLast()
        #expect(table.count == 1)
        held[0].end()
        held[0].end()
        #expect(table.count == 0)
        #expect(table.storeCount == 0)
    }

    @Test func `an outcome nobody keeps holds no place`() throws {
        let table = SessionTable()
        _ = table.admit(request(arrival(1, device: try .named("A")), two), now: .zero)
        #expect(table.count == 0)
        #expect(table.storeCount == 0)
    }

    @Test func `the late end of an ejected session takes nothing from the newcomer`() throws {
        let table = SessionTable()
        let limit = SessionSettings.Limit(devices: 1, policy: .ejectOld)
        let first = try lease(
            table.admit(request(arrival(1, device: try .named("A")), limit), now: .zero))
        let outcome = table.admit(request(arrival(2, device: try .named("B")), limit), now: .zero)
        guard case .admitted(let second, let endings) = outcome else { throw Unexpected() }
        #expect(endings.map(\.session) == [first.id])
        #expect(table.list().map(\.id) == [second.id])
        first.end()
        #expect(table.list().map(\.id) == [second.id])
        second.end()
        #expect(table.count == 0)
    }

    @Test func `stores do not see each other, nor do blocks of the same store`() throws {
        let table = SessionTable()
        let limit = SessionSettings.Limit(devices: 1, policy: .blockNew)
        var held: [SessionLease] = []
        for number in 1...200 {
            let newcomer = arrival(number, device: try .named("\(number)"), store: "\(number)")
            held.append(try lease(table.admit(request(newcomer, limit), now: .zero)))
        }
        var elsewhere = arrival(201, device: try .named("x"), store: "1")
        elsewhere.store = StoreKey(block: "boards", store: "1")
        held.append(try lease(table.admit(request(elsewhere, limit), now: .zero)))
        #expect(table.storeCount == 201)
        held.removeAll()
        #expect(table.storeCount == 0)
    }

    @Test func `a refusal leaves no empty store behind`() throws {
        let table = SessionTable()
        let closed = SessionSettings.Limit(devices: 0, policy: .blockNew)
        let outcome = table.admit(
            request(arrival(1, device: try .named("A")), closed), now: .zero)
        guard case .refused(let limit) = outcome else { throw Unexpected() }
        #expect(limit == closed)
        #expect(table.storeCount == 0)
    }

    @Test func `a filter lists what it means`() throws {
        let table = SessionTable()
        let wide = SessionSettings.Limit(devices: 9, policy: .blockNew)
        let arrivals = [
            arrival(1, device: try .named("A"), user: "7"),
            arrival(2, device: try .named("B"), role: "manager", transport: .webSocket),
            arrival(3, device: try .named("A"), store: "18"),
        ]
        let held = try arrivals.map { try lease(table.admit(request($0, wide), now: .zero)) }
        let table17: [(SessionFilter, [UInt64])] = [
            (SessionFilter(), [1, 2, 3]),
            (SessionFilter(block: "dashboards", store: "17"), [1, 2]),
            (SessionFilter(store: "18"), [3]),
            (SessionFilter(block: "none"), []),
            (SessionFilter(role: "manager"), [2]),
            (SessionFilter(user: "7"), [1]),
            (SessionFilter(clientID: try ClientID("A")), [1, 3]),
            (SessionFilter(store: "17", clientID: try ClientID("A")), [1]),
            (SessionFilter(transport: .webSocket), [2]),
        ]
        for (filter, expected) in table17 {
            #expect(table.list(filter).map(\.id.low).sorted() == expected, "\(filter)")
        }
        #expect(held.count == 3)
    }

    @Test(arguments: [SessionSettings.Policy.blockNew, .ejectOld])
    func `a thousand newcomers at once never are more than two`(
        policy: SessionSettings.Policy
    ) async {
        let race = Race(limit: SessionSettings.Limit(devices: 2, policy: policy))
        await race.run { try .named("\($0)") }
        #expect(race.most.load(ordering: .relaxed) == 2)
        let admitted = race.leases.withLock(\.count)
        let ended = race.ended.withLock { $0 }
        #expect(admitted == (policy == .blockNew ? 2 : 1000))
        #expect(ended.count == admitted - 2)
        #expect(Set(ended).count == ended.count, "nobody is ended twice")
        race.leases.withLock { $0.removeAll() }
        #expect(race.table.storeCount == 0)
    }

    @Test func `racing refreshes of one device leave one session`() async {
        let race = Race(limit: SessionSettings.Limit(devices: 1, policy: .blockNew))
        await race.run { _ in try .named("A") }
        #expect(race.leases.withLock(\.count) == 1000)
        #expect(race.ended.withLock(\.count) == 999)
        #expect(race.table.count == 1)
        race.leases.withLock { $0.removeAll() }
        #expect(race.table.count == 0)
    }
}

/// A thousand arrivals at one store, from as many threads as there are.
private final class Race: Sendable {
    let table = SessionTable()
    let limit: SessionSettings.Limit
    /// The most sessions that anyone saw.
    let most = Atomic(0)
    let leases = Mutex<[SessionLease]>([])
    let ended = Mutex<[SessionID]>([])

    init(limit: SessionSettings.Limit) { self.limit = limit }

    func run(_ device: @escaping @Sendable (Int) throws -> DeviceKey) async {
        await withTaskGroup { group in
            for number in 1...1000 {
                group.addTask {
                    guard let key = try? device(number) else { return }
                    self.arrive(arrival(number, device: key))
                }
            }
        }
    }

    private func arrive(_ newcomer: Arrival) {
        let request = AdmissionRequest(arrival: newcomer, limit: limit)
        let outcome = table.admit(request, now: .zero)
        most.max(table.count, ordering: .relaxed)
        if case .admitted(let lease, let endings) = outcome {
            leases.withLock { $0.append(lease) }
            ended.withLock { $0 += endings.map(\.session) }
        }
    }
}
