import Configured
import Locks
import Prepared
import Settings
import Testing
import Transport
import Upstreams

@testable import Health

/// The thread of the checks, with sockets.
@Suite struct HealthServiceTests {
    /// The first report that somebody waits for.
    private static func firstReport(
        of text: String
    ) throws -> (report: HealthReport?, group: BackendGroup) {
        let settings = try Settings.reading(
            "listen 127.0.0.1:1\nbackend app { \(text) }\nroute / { backend app }")
        let group = BackendGroup(settings.backends[0], registry: UpstreamRegistry())
        let reports = Guarded<[HealthReport]>([])
        let service = try HealthService { report in reports.withLock { $0.append(report) } }
        service.use([group])
        try wait { !reports.withLock { $0.isEmpty } }
        service.stop()
        return (reports.withLock { $0.first }, group)
    }

    @Test func `a server that nobody listens at is down`() throws {
        let (report, group) = try Self.firstReport(
            of: "server unix:/nowhere/app.sock; check tcp every 100ms")
        guard case .down(let server, failures: 1, .unreachable(let reason), _)? = report else {
            Issue.record("\(String(describing: report))")
            return
        }
        #expect(server === group.members.servers[0].state)
        #expect(!reason.isEmpty)
        #expect(group.isReachable == false)
    }

    /// The system accepts for a program that does not: only an answer tells.
    @Test func `a server that hangs is down by its silence, unless only a connection is wanted`()
        throws
    {
        let app = try Listener(.ip4(octets: [127, 0, 0, 1], port: 0))
        guard case .ip4(_, let port) = app.address else {
            Issue.record("\(app.address)")
            return
        }
        let address = "server 127.0.0.1:\(port)"
        let (report, group) = try Self.firstReport(
            of: "\(address); check GET / every 200ms timeout 100ms")
        guard case .down(let server, failures: 1, .timeout(.answer), _)? = report else {
            Issue.record("\(String(describing: report))")
            return
        }
        #expect(server === group.members.servers[0].state)
        #expect(server.health.finding?.why == .timeout(.answer), "a stop forgets nothing")

        let settings = try Settings.reading(
            "listen 127.0.0.1:1\nbackend app { \(address); check tcp every 100ms }\n"
                + "route / { backend app }")
        let other = BackendGroup(settings.backends[0], registry: UpstreamRegistry())
        let service = try HealthService { Issue.record("\($0)") }
        service.use([other])
        let health = other.members.servers[0].state.health
        try wait { health.checks.passed >= 2 }
        service.stop()
        #expect(health.checks.passed >= 2 && health.checks.failed == 0)
        #expect(health.finding?.isUp == true)
    }
}
