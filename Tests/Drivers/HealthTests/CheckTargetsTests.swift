import Clock
import Configured
import Settings
import Testing

@testable import Health
@testable import Upstreams

@Suite struct CheckTargetsTests {
    private let registry = UpstreamRegistry()
    private var targets = CheckTargets()

    private func groups(_ servers: String, _ check: String) throws -> [BackendGroup] {
        let text =
            "listen 127.0.0.1:1\nbackend app { \(servers); \(check) }\nroute / { backend app }"
        return try Settings.reading(text).backends.map { BackendGroup($0, registry: registry) }
    }

    private static let two = "server 127.0.0.1:8001; server 127.0.0.1:8002"
    private static let check = "check tcp every 10s timeout 1s rise 2 fall 2"

    private mutating func follow(_ groups: [BackendGroup], at now: Instant = .zero) -> [ServerState]
    {
        targets.follow(groups, now: now, randomness: { 0 })
    }

    private mutating func beginDue(_ seconds: Int) -> [CheckTargets.Order] {
        targets.beginDue(at: .zero + .seconds(seconds), randomness: { 0 })
    }

    @Test mutating func `each server is asked once an interval, however often that is looked at`()
        throws
    {
        let groups = try groups(Self.two, Self.check)
        var asked: [Int] = []
        for second in 0..<40 {
            // A reload, or a look at the servers, puts nothing off and nothing forward.
            #expect(follow(groups, at: .zero + .seconds(second)).isEmpty)
            for order in beginDue(second) {
                asked.append(second)
                #expect(order.deadline == .zero + .seconds(second + 1))
                _ = targets.ended(order.target.server, nil, at: .zero + .seconds(second))
            }
        }
        #expect(asked == [0, 0, 10, 10, 20, 20, 30, 30])
        #expect(targets.nextDue == .zero + .seconds(40))
    }

    @Test mutating func `a group without a check has nobody who is asked`() throws {
        _ = follow(try groups(Self.two, "retries 1"))
        #expect(targets.count == 0 && targets.nextDue == nil)
    }

    @Test mutating func `a server that goes, or is not checked any more, counts as up`() throws {
        let groups = try groups(Self.two, Self.check)
        let (first, second) = (
            groups[0].members.servers[0].state, groups[0].members.servers[1].state
        )
        _ = follow(groups)
        for order in beginDue(0) { _ = targets.ended(order.target.server, .closed, at: .zero) }
        #expect(first.health.finding?.isUp == false && second.health.finding?.isUp == false)
        let one = try self.groups("server 127.0.0.1:8001", Self.check)
        #expect(follow(one).map(\.address) == [second.address])
        #expect(second.health.finding == nil && second.works(at: .zero))
        #expect(first.health.finding?.isUp == false)
        #expect(follow([]).map(\.address) == [first.address])
        #expect(first.works(at: .zero))
        #expect(
            targets.ended(first, .closed, at: .zero).isEmpty, "of a check that was under way")
    }

    @Test mutating func `what changes is told once, with its reason and its time`() throws {
        let groups = try groups("server 127.0.0.1:8001", Self.check)
        let server = groups[0].members.servers[0].state
        _ = follow(groups)
        var told: [String] = []
        let findings: [CheckFailure?] = [
            nil, .status(500), .timeout(.answer), .closed, nil, nil, nil,
        ]
        for (index, finding) in findings.enumerated() {
            let now = Instant.zero + .seconds(index * 10)
            #expect(beginDue(index * 10).count == 1)
            for report in targets.ended(server, finding, at: now) {
                switch report {
                case .down(_, let failures, let why, _):
                    told.append("\(index) \(failures) \(why.text)")
                case .up(_, let time): told.append("\(index) up \(time)")
                case .reached, .failed: told.append("\(index) \(report)")
                }
            }
            #expect(server.health.finding?.isUp == !(2...4).contains(index))
        }
        #expect(told == ["2 2 no answer in time", "5 up 30.0 seconds"])
    }

    @Test mutating func `a server that is up again gets its share little by little`() throws {
        let groups = try groups(Self.two, Self.check + "; slow_start 30s")
        func share(at now: Instant) -> Int {
            var count = 0
            for _ in 0..<1000 {
                if case .server(let lease) = groups[0].choose(for: ServerWish(), now: now),
                    lease.state === groups[0].members.servers[0].state
                {
                    count += 1
                }
            }
            return count
        }
        let first = groups[0].members.servers[0].state
        _ = follow(groups)
        let findings: [CheckFailure?] = [nil, .closed, .closed, nil, nil]
        for (index, finding) in findings.enumerated() {
            let now = Instant.zero + .seconds(index * 10)
            for order in beginDue(index * 10) {
                let server = order.target.server
                _ = targets.ended(server, server === first ? finding : nil, at: now)
            }
        }
        #expect((20..<250).contains(share(at: .zero + .seconds(40))))
        #expect(share(at: .zero + .seconds(70)) == 500)
    }

    @Test mutating func `a server that answers a check can be connected to`() throws {
        let groups = try groups("server 127.0.0.1:8001", Self.check)
        let server = groups[0].members.servers[0].state
        groups[0].reportFailure(server, now: .zero)
        #expect(!server.works(at: .zero))
        _ = follow(groups)
        _ = beginDue(0)
        let reports = targets.ended(server, nil, at: .zero + .seconds(3))
        #expect(server.works(at: .zero + .seconds(3)))
        guard case .reached(_, .back(let time, 1))? = reports.first else {
            Issue.record("\(reports)")
            return
        }
        #expect(time == .seconds(3))
    }

    @Test mutating func `a check that could not be made says nothing`() throws {
        let groups = try groups("server 127.0.0.1:8001", Self.check)
        let server = groups[0].members.servers[0].state
        _ = follow(groups)
        #expect(beginDue(0).count == 1)
        #expect(targets.nextDue == nil)
        targets.abandoned(server)
        #expect(targets.nextDue == .zero + .seconds(10))
        #expect(server.health.finding == nil && server.health.checks == .init())
    }
}
