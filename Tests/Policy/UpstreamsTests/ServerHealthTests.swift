import Clock
import Settings
import Testing

@testable import Upstreams

@Suite struct ServerHealthTests {
    private static func servers(
        _ count: Int, backups: Int = 0, after failures: Int? = 3, failsFast: Bool = false
    ) -> BackendGroup {
        var settings = BackendSettings(
            name: "app",
            servers: (0..<count).map { server(UInt16(8000 + $0)) }
                + (0..<backups).map { server(UInt16(9000 + $0), isBackup: true) })
        settings.health.failsFast = failsFast
        if let failures { settings.health.ejection = EjectionSettings(after: failures) }
        settings.health.ejection?.time = .seconds(10)
        return BackendGroup(settings, registry: UpstreamRegistry())
    }

    // MARK: Checks

    @Test func `a server that checks say is down is not chosen until they say it is up`() {
        let group = Self.servers(2, backups: 1)
        group.servers[0].state.health.checked(isUp: false, .status(500), at: .zero)
        #expect(group.shares(of: 6) == [0, 6, 0])
        group.servers[1].state.health.checked(isUp: false, .closed, at: .zero)
        #expect(group.shares(of: 6) == [0, 0, 6])
        #expect(group.isReachable, "the backup is there")
        group.servers[0].state.health.checked(isUp: true, nil, at: .seconds(1))
        #expect(group.shares(of: 6) == [6, 0, 0])
        group.servers[1].state.health.forgetChecks()
        #expect(group.shares(of: 6) == [3, 3, 0])
    }

    @Test func `what checks say is known with its time and its reason`() {
        let health = ServerHealth()
        #expect(health.finding == nil)
        health.checked(isUp: true, nil, at: .seconds(1))
        health.checked(isUp: true, .closed, at: .seconds(2))
        #expect(health.finding == .init(isUp: true, since: .seconds(1), why: nil))
        health.checked(isUp: false, .status(503), at: .seconds(3))
        health.checked(isUp: false, .timeout(.answer), at: .seconds(4))
        #expect(
            health.finding == .init(isUp: false, since: .seconds(3), why: .timeout(.answer)))
        #expect(health.checks == .init(passed: 1, failed: 3))
    }

    @Test func `when all are down the one that is only skipped is tried, or any`() {
        let group = Self.servers(3)
        for index in 0..<3 {
            group.servers[index].state.health.checked(isUp: false, .closed, at: .zero)
        }
        #expect(group.isAway(at: .zero) && !group.isReachable)
        #expect(group.turn() == 0)
        #expect(group.turn(tried: [0]) == 1)
        #expect(group.turn(tried: [0, 1, 2]) == nil)
        group.servers[2].state.health.checked(isUp: true, nil, at: .zero)
        group.reportFailure(2, now: .zero)
        #expect(group.turn() == 2, "checks say that it works")
    }

    @Test func `with fail_fast no server is tried that may not be chosen`() {
        let group = Self.servers(2, failsFast: true)
        #expect(group.turn() != nil)
        group.servers[0].state.health.checked(isUp: false, .closed, at: .zero)
        #expect(group.turn() == 1)
        group.reportFailure(1, now: .zero)
        #expect(group.turn() == nil)
        #expect(group.turn(at: .seconds(10)) == 1, "its trial")
    }

    @Test func `with fail_fast a server that works and is full is waited for`() {
        var limited = server(8000)
        limited.connectionLimit = 1
        let group = group(of: [limited]) { $0.health.failsFast = true }
        group.place(ServerWish()) { _ in
            guard case .full = group.choose(for: ServerWish(), now: .zero) else {
                Issue.record("it is not waited for")
                return
            }
        }
    }

    @Test func `a reload keeps what is known`() {
        let registry = UpstreamRegistry()
        let old = group([1, 1], registry: registry)
        old.servers[0].state.health.checked(isUp: false, .closed, at: .zero)
        let new = group([1, 1], registry: registry)
        #expect(new.shares(of: 4) == [0, 4])
    }

    // MARK: Ejection

    private static func fail(
        _ group: BackendGroup, _ index: Int, times: Int, at now: Instant = .zero
    ) -> [ServerHealth.Notice?] {
        (0..<times).map { _ in
            group.reportAnswer(group.servers[index].state, failed: true, now: now)
        }
    }

    private static func succeed(
        _ group: BackendGroup, _ index: Int, at now: Instant = .zero
    ) -> ServerHealth.Notice? {
        group.reportAnswer(group.servers[index].state, failed: false, now: now)
    }

    @Test func `a server whose answers fail in a row is left out for a time`() {
        let group = Self.servers(2)
        #expect(Self.fail(group, 0, times: 2) == [nil, nil])
        #expect(Self.succeed(group, 0) == nil, "a good answer begins the count anew")
        #expect(
            Self.fail(group, 0, times: 3) == [nil, nil, .ejected(for: .seconds(10), failures: 3)])
        #expect(group.shares(of: 4) == [0, 4])
        #expect(Self.succeed(group, 0, at: .seconds(9)) == nil, "begun before")
        #expect(group.shares(of: 4, at: .seconds(10) + .nanoseconds(-1)) == [0, 4])
        #expect(group.shares(of: 4, at: .seconds(10)) == [2, 2])
        #expect(Self.succeed(group, 0, at: .seconds(10)) == .readmitted)
        #expect(Self.succeed(group, 0, at: .seconds(11)) == nil, "said once")
        #expect(group.servers[0].state.health.ejectionCount == 1)
    }

    @Test func `nobody is left out where nothing is said of it`() {
        let group = Self.servers(2, after: nil)
        #expect(Self.fail(group, 0, times: 100).allSatisfy { $0 == nil })
        #expect(group.shares(of: 4) == [2, 2])
    }

    @Test(arguments: [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3)])
    func `never more than half of a group is out`(count: Int, most: Int) {
        let group = Self.servers(count)
        for index in 0..<count { _ = Self.fail(group, index, times: 10) }
        #expect(group.servers.count { !$0.state.isAvailable(at: .zero) } == most)
    }

    @Test func `servers that are out for another reason count`() {
        let group = Self.servers(4)
        group.reportFailure(0, now: .zero)
        group.servers[1].state.health.checked(isUp: false, .closed, at: .zero)
        #expect(Self.fail(group, 2, times: 10).allSatisfy { $0 == nil })
        group.reportSuccess(0, now: .zero)
        #expect(Self.fail(group, 2, times: 1) == [.ejected(for: .seconds(10), failures: 11)])
    }

    @Test func `racing workers leave out no more than half`() async {
        for _ in 0..<50 {
            let group = Self.servers(4)
            await withTaskGroup { tasks in
                for index in 0..<4 {
                    tasks.addTask { _ = Self.fail(group, index, times: 10) }
                }
            }
            #expect(group.servers.count { !$0.state.isAvailable(at: .zero) } == 2)
        }
    }

    /// When it happens, and how many bases it lasts.
    @Test func `each time takes longer, and good times take that back`() {
        var ejection = Ejection()
        let table: [(at: Int, bases: Int)] = [
            (0, 1), (10, 2), (30, 3), (60, 4),
            // Out until 100; 20 s later two are forgiven.
            (120, 3),
            // Out until 150; an hour later all are.
            (3600, 1),
        ]
        for row in table {
            let time = ejection.begin(at: .seconds(row.at), base: .seconds(10))
            #expect(time == .seconds(row.bases * 10), "at \(row.at) s")
        }
        for _ in 0..<20 { _ = ejection.begin(at: ejection.until ?? .zero, base: .seconds(10)) }
        #expect(ejection.begin(at: ejection.until ?? .zero, base: .seconds(10)) == .seconds(100))
    }

    @Test(arguments: [
        (200, false), (404, false), (499, false), (500, true), (501, false), (502, true),
        (503, true), (504, true), (505, false), (599, true),
    ])
    func `a status by which a server says that it does not work`(status: Int, fails: Bool) {
        #expect(BackendGroup.isFailure(status: status) == fails)
    }
}
