import JSON
import Locks
import Testing
import Upstreams

@testable import Console

/// Servers, and the status of the process, asked over the wire.
@Suite struct ServerEndpointsTests {
    private let backend = TestBackend()
    private let console: TestConsole
    private let server = "/servers/app/127.0.0.1:8001/drain"

    init() throws { console = try TestConsole(backend.endpoints) }

    private func ask(_ method: String, _ target: String) throws -> JSONObject {
        let reply = try console.ask(method, target)
        #expect(reply.status == 200, "\(reply.text)")
        return try #require(try JSONValue.decode(Array(reply.text.utf8).span).object)
    }

    private func states(_ answer: JSONObject) -> [String] {
        (answer["servers"]?.array ?? []).map { value in
            let server = value.object ?? JSONObject()
            let words = ["backend", "address", "state", "why"].map {
                server[$0]?.comparableText ?? "-"
            }
            return words.joined(separator: " ")
        }
    }

    @Test func `servers are listed, all or those of one backend`() throws {
        let all = [
            "app 127.0.0.1:8001 up -", "app 127.0.0.1:8002 up -", "spare 127.0.0.1:9001 up -",
        ]
        #expect(states(try ask("GET", "/servers")) == all)
        #expect(states(try ask("GET", "/servers?backend=spare")) == [all[2]])
        #expect(states(try ask("GET", "/servers?backend=nobody")) == [])
    }

    @Test(arguments: ["", "?keep=true", "?keep=false"])
    func `a server is drained, and used again`(query: String) throws {
        let drained = try ask("PUT", server + query)
        #expect(states(drained) == ["app 127.0.0.1:8001 drained ordered"])
        #expect(drained["left"]?.number?.int64 == 1)
        let order = backend.fleet.groups[0].members.servers[0].state.order
        #expect(order.isDraining && order.endsLive == (query != "?keep=true"))
        #expect(
            states(try ask("GET", "/servers?backend=app"))
                == ["app 127.0.0.1:8001 drained ordered", "app 127.0.0.1:8002 up -"])
        let used = try ask("DELETE", server)
        #expect(states(used) == ["app 127.0.0.1:8001 up -"] && used["left"]?.number?.int64 == 2)
        #expect(!order.isDraining)
    }

    @Test(
        arguments: [
            ("PUT", "/servers/app/127.0.0.1:8009/drain", 404),
            ("DELETE", "/servers/app/127.0.0.1:8009/drain", 404),
            ("PUT", "/servers/nobody/127.0.0.1:8001/drain", 404),
            ("PUT", "/servers/app/127.0.0.1:8001/drain?keep=maybe", 400),
            ("GET", "/servers/app/127.0.0.1:8001/drain", 405), ("DELETE", "/servers", 405),
            ("GET", "/servers?group=app", 400),
        ])
    func `what makes no sense orders nothing`(method: String, target: String, status: Int) throws {
        #expect(try console.ask(method, target).status == status)
        #expect(backend.servers().allSatisfy { $0.standing.state == .up })
    }

    @Test func `the status says all there is`() throws {
        let status = try ask("GET", "/status")
        #expect(
            status["version"]?.string == "1.2.3" && status["uptime_seconds"]?.number?.int64 == 60)
        let generation = status["generation"]?.object
        #expect(generation?["number"]?.number?.int64 == 7)
        #expect(generation?["refused"]?.object == nil)
        let certificates = status["listeners"]?.array?.first?.object?["certificates"]?.array ?? []
        let days = certificates.map { $0.object?["days_left"]?.number?.int64 }
        #expect(days == [3, -1, nil])
        #expect(status["groups"]?.array?.count == 2)
        #expect(status["sessions"]?.object == nil, "the store says nothing")
        #expect(status["drains"]?.object?["gateway"]?.object == nil)
    }

    @Test func `the status says what was refused, what is drained, and that it stops`() throws {
        backend.fleet.refused.withLock { $0 = true }
        backend.fleet.isReady.withLock { $0 = false }
        _ = try ask("PUT", server)
        let status = try ask("GET", "/status")
        let refused = status["generation"]?.object?["refused"]?.object
        #expect(refused?["reason"]?.string == "line 3: no")
        let drains = try #require(status["drains"]?.object)
        #expect(states(drains) == ["app 127.0.0.1:8001 drained ordered"])
        #expect(drains["gateway"]?.object != nil)
    }

    // MARK: Without a token

    @Test func `load balancers need no token, and hear when it stops`() throws {
        for target in ["/healthz", "/readyz"] {
            let reply = try console.ask("GET", target, token: nil)
            #expect(reply.status == 200 && reply.field("Connection") == "close")
        }
        backend.fleet.isReady.withLock { $0 = false }
        #expect(try console.ask("GET", "/healthz", token: nil).status == 200)
        let reply = try console.ask("GET", "/readyz", token: nil)
        #expect(reply.status == 503 && reply.text.contains(#""reason":"draining""#))
        #expect(try console.ask("GET", "/readyz").status == 503)
    }

    @Test(
        arguments: [
            ("GET", "/readyz/"), ("GET", "/readyz?x"), ("POST", "/readyz"), ("GET", "/Readyz"),
            ("GET", "/%72eadyz"), ("GET", "/readyz/../status"), ("GET", "http://console/readyz"),
            ("GET", "/status"), ("GET", "/servers"),
        ])
    func `nothing else is open`(method: String, target: String) throws {
        #expect(try console.ask(method, target, token: nil).status == 401)
    }
}
