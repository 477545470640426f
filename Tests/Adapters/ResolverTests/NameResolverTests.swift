import Clock
import Peers
import Resolver
import Testing
import Transport

/// A real name server on the other end (dnsmasq).
@Suite struct NameResolverTests {
    /// A resolver, and the thread that it lives on.
    private final class Asker {
        let poller: Poller
        let resolver: NameResolver

        init(
            _ servers: [SocketAddress], timeoutMilliseconds: Int32 = 5000, tries: Int32 = 1
        ) throws {
            poller = try Poller()
            resolver = try NameResolver(
                .init(servers: servers, timeoutMilliseconds: timeoutMilliseconds, tries: tries),
                poller: poller)
        }

        /// What is answered to these questions, in their order.
        func answers(_ questions: NameResolver.Question...) throws -> [NameResolver.Answer] {
            for (index, question) in questions.enumerated() {
                resolver.ask(question, id: UInt64(index))
            }
            var answers: [UInt64: NameResolver.Answer] = [:]
            let end = SystemClock.now() + .seconds(20)
            while true {
                for (id, answer) in resolver.takeAnswers() {
                    #expect(answers[id] == nil, "answered twice")
                    answers[id] = answer
                }
                if answers.count == questions.count { break }
                try #require(SystemClock.now() < end)
                turn()
            }
            #expect(resolver.nextTimeout == nil)
            return questions.indices.compactMap { answers[UInt64($0)] }
        }

        /// Waits for whatever is next.
        func turn() {
            let count = poller.wait(milliseconds: Int32(clamping: resolver.nextTimeout ?? 10))
            for index in 0..<count {
                let (token, readiness) = poller.event(index)
                #expect(NameResolver.owns(token))
                resolver.ready(token, readiness)
            }
            resolver.timePassed()
        }
    }

    @Test func `addresses of both kinds, with their time to live`() throws {
        let server = try NameServer(hosts: [
            ("app.test", "127.0.0.2", 60), ("app.test", "127.0.0.3", 60), ("app.test", "::1", 60),
            ("four.test", "127.0.0.4", 7),
        ])
        let asker = try Asker([server.address])
        let answers = try asker.answers(
            .ip4(host: "app.test"), .ip6(host: "app.test"), .ip4(host: "four.test"),
            .ip6(host: "four.test"), .ip4(host: "nowhere.test"))
        guard case .addresses(let addresses, 60) = answers[0] else {
            return #expect(Bool(false), "\(answers[0])")
        }
        #expect(addresses.sorted() == ["127.0.0.2", "127.0.0.3"])
        #expect(answers[1] == .addresses(["::1"], ttlSeconds: 60))
        #expect(answers[2] == .addresses(["127.0.0.4"], ttlSeconds: 7))
        #expect(answers[3] == .none)
        #expect(answers[4] == .none)
    }

    @Test func `service records, with ports, priorities, weights and their time to live`() throws {
        let server = try NameServer(
            hosts: [("a.test", "127.0.0.2", 60)],
            services: ["_ws._tcp.app.test,a.test,8001,10,5", "_ws._tcp.app.test,b.test,8002,20,0"],
            ttl: 9)
        let asker = try Asker([server.address])
        let answers = try asker.answers(
            .services(name: "_ws._tcp.app.test"), .services(name: "_no._tcp.app.test"))
        guard case .services(let services, 9) = answers[0] else {
            return #expect(Bool(false), "\(answers[0])")
        }
        #expect(
            services.sorted { $0.port < $1.port }.map {
                "\($0.host) \($0.port) \($0.priority) \($0.weight)"
            } == ["a.test 8001 10 5", "b.test 8002 20 0"])
        #expect(answers[1] == .none)
    }

    @Test func `a name server that is silent is asked again, and then given up`() throws {
        let server = try NameServer(hosts: [("app.test", "127.0.0.2", 60)])
        server.pause()
        defer { server.goOn() }
        let asker = try Asker([server.address], timeoutMilliseconds: 100, tries: 2)
        let begin = SystemClock.now()
        let answers = try asker.answers(.ip4(host: "app.test"))
        // 100 ms, then 200.
        #expect(SystemClock.now() - begin >= .milliseconds(290))
        #expect(answers == [.failure("Timeout while contacting DNS servers")])
    }

    @Test func `where nobody listens another name server is asked`() throws {
        let server = try NameServer(hosts: [("app.test", "127.0.0.2", 60)])
        let other = try NameServer()
        other.stop()
        let asker = try Asker([other.address, server.address], tries: 2)
        #expect(
            try asker.answers(.ip4(host: "app.test"))
                == [.addresses(["127.0.0.2"], ttlSeconds: 60)])
        let alone = try Asker([other.address])
        let answer = try #require(try alone.answers(.ip4(host: "app.test")).first)
        guard case .failure(let reason) = answer else { return #expect(Bool(false), "\(answer)") }
        #expect(!reason.isEmpty)
    }

    @Test func `what is under way ends with the resolver, without an answer`() throws {
        let server = try NameServer(hosts: [("app.test", "127.0.0.2", 60)])
        server.pause()
        defer { server.goOn() }
        for _ in 0..<20 {
            let asker = try Asker([server.address])
            asker.resolver.ask(.ip4(host: "app.test"), id: 1)
            asker.resolver.ask(.services(name: "app.test"), id: 2)
            #expect(asker.resolver.takeAnswers().isEmpty && asker.resolver.nextTimeout != nil)
        }
    }

    @Test func `a name that is none is no crash`() throws {
        let asker = try Asker([.ip4(octets: [127, 0, 0, 1], port: 1)], timeoutMilliseconds: 50)
        for name in ["", ".", "a..b", String(repeating: "a", count: 300), "a\0b"] {
            let answers = try asker.answers(.ip4(host: name), .services(name: name))
            #expect(!answers.contains { if case .addresses = $0 { true } else { false } })
        }
    }
}
