import Clock
import Locks
import Names
import Peers
import Settings
import Testing
import Transport
import Upstreams

/// A real name server on the other end (dnsmasq).
@Suite struct NameServiceTests {
    private let name = ServerName.host("app.test", port: 8000)

    /// A service, and what it reported.
    private final class Desk: Sendable {
        let reports = Guarded<[NameReport]>([])
        let service: NameService

        init() throws {
            let reports = reports
            service = try NameService { report in reports.withLock { $0.append(report) } }
        }

        deinit { service.stop() }

        var changes: Int { reports.withLock { $0.count { $0.isChanged } } }

        func wait(_ what: String, until isSo: () -> Bool) throws {
            let end = SystemClock.now() + .seconds(20)
            let poller = try Poller()
            while !isSo() {
                try #require(SystemClock.now() < end, "\(what)")
                _ = poller.wait(milliseconds: 2)
            }
        }
    }

    private func settings(
        _ server: NameServer, _ change: (inout ResolverSettings) -> Void = { _ in }
    ) -> ResolverSettings {
        var settings = ResolverSettings()
        settings.addresses = [.ip(address: "127.0.0.1", port: server.port)]
        settings.leastTTL = .milliseconds(100)
        settings.timeout = .milliseconds(200)
        settings.retries = 0
        change(&settings)
        return settings
    }

    private func addresses(_ service: NameService) -> [String] {
        (service.endpoints[name] ?? []).map(\.address.text)
    }

    @Test("A name is resolved, and again when its records are over") func change() throws {
        let server = try NameServer(hosts: [("app.test", "127.0.0.2", 0)])
        let desk = try Desk()
        try desk.service.use([name], settings(server))
        try desk.wait("the first answer") { addresses(desk.service) == ["127.0.0.2:8000"] }
        server.stop()
        try server.start(hosts: [("app.test", "127.0.0.3", 0), ("app.test", "::1", 0)])
        try desk.wait("the second answer") {
            addresses(desk.service) == ["127.0.0.3:8000", "[::1]:8000"]
        }
        #expect(desk.changes == 2)
    }

    @Test("What is found out elsewhere changes nothing that is in use, and can be taken over")
    func trial() throws {
        let server = try NameServer(hosts: [("app.test", "127.0.0.2", 600)])
        let desk = try Desk()
        let settings = settings(server)
        let found = try desk.service.resolve([name], settings, within: .seconds(10))
        #expect(found.map(\.name) == [name])
        #expect(found.first?.endpoints.map(\.address.text) == ["127.0.0.2:8000"])
        #expect(desk.service.records.isEmpty)
        try desk.service.use([name], settings, known: found)
        #expect(addresses(desk.service) == ["127.0.0.2:8000"])
        // What is known already need not be asked for.
        server.stop()
        let again = try desk.service.resolve([name], settings, within: .seconds(10))
        #expect(again.first?.endpoints.map(\.address.text) == ["127.0.0.2:8000"])
        try desk.service.use([], settings)
        #expect(desk.service.records.isEmpty)
    }

    @Test("Nobody waits for name servers for longer than the limit") func limit() throws {
        let server = try NameServer()
        server.pause()
        defer { server.goOn() }
        let desk = try Desk()
        let begin = SystemClock.now()
        let found = try desk.service.resolve(
            [name], settings(server) { $0.timeout = .seconds(15) }, within: .milliseconds(200))
        #expect(SystemClock.now() - begin < .seconds(10))
        #expect(found.first?.isSettled == false)
        #expect(found.first?.endpoints == [])
    }

    @Test("A service: its hosts are looked up, each once") func service() throws {
        let server = try NameServer(
            hosts: [("a.test", "127.0.0.2", 600), ("b.test", "127.0.0.3", 600)],
            services: ["_ws._tcp.test,a.test,1,10,3", "_ws._tcp.test,a.test,2,10,1"]
                + ["_ws._tcp.test,b.test,3,20,1", "_ws._tcp.test,c.test,4,20,1"], ttl: 600)
        let desk = try Desk()
        let service = ServerName.service("_ws._tcp.test")
        let found = try desk.service.resolve([service], settings(server), within: .seconds(10))
        let endpoints = try #require(found.first?.endpoints)
        #expect(
            endpoints.map { "\($0.address.text) \($0.host) \($0.weight) \($0.tier)" } == [
                "127.0.0.2:1 a.test 3 0", "127.0.0.2:2 a.test 1 0", "127.0.0.3:3 b.test 1 1",
            ])
        #expect(server.asked("A] a.test") == 1 && server.asked("A] c.test") == 1)
    }

    @Test("Other name servers are asked at once, and what is under way is forgotten")
    func otherServer() throws {
        let silent = try NameServer()
        silent.pause()
        defer { silent.goOn() }
        let server = try NameServer(hosts: [("app.test", "127.0.0.2", 600)])
        let desk = try Desk()
        try desk.service.use([name], settings(silent) { $0.timeout = .seconds(15) })
        try desk.service.use([name], settings(server))
        try desk.wait("the answer") { addresses(desk.service) == ["127.0.0.2:8000"] }
    }
}
