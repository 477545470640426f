import Clients
import Forwarding
import HTTP
import Settings
import Testing
import Transport

@testable import Proxy

@Suite struct ProvenanceTests {
    /// 10.0.0.0/8, 127.0.0.1 and 2001:db8::/32.
    static let trust = [
        range("10.0.0.0", 96 + 8), range("127.0.0.1", 128), range("2001:db8::", 32),
    ]

    private static func range(_ address: String, _ length: Int) -> AddressRange {
        AddressRange(
            octets: SocketAddress(numeric: address, port: 0)?.mappedOctets ?? [],
            prefixLength: length)
    }

    private func provenance(
        _ fields: [(String, String)], from socket: String = "10.1.2.3", isSecure: Bool = false,
        trust: [AddressRange] = trust, _ trusted: TrustedFields = .any
    ) throws -> Provenance {
        let socket = try #require(SocketAddress(numeric: socket, port: 50_000))
        let connection = ConnectionOrigin(address: socket, isSecure: isSecure)
        return Provenance(
            Fields(fields.map { (name: $0.0, value: $0.1) }), Authority("own.example"), connection,
            trust,
            trusted)
    }

    // MARK: Whose address

    @Test(
        arguments: [
            // Nothing is said.
            ("10.1.2.3", [], "10.1.2.3"),
            // A proxy of ours says it.
            ("10.1.2.3", ["203.0.113.9"], "203.0.113.9"),
            ("10.1.2.3", ["  203.0.113.9\t"], "203.0.113.9"),
            ("2001:db8::7", ["2001:4860::1"], "2001:4860::1"),
            ("::ffff:10.1.2.3", ["203.0.113.9"], "203.0.113.9"),
            // With its port, or in brackets.
            ("10.1.2.3", ["203.0.113.9:51008"], "203.0.113.9"),
            ("10.1.2.3", ["[2001:4860::1]:4711"], "2001:4860::1"),
            ("10.1.2.3", ["[2001:4860::1]"], "2001:4860::1"),
            ("10.1.2.3", ["203.0.113.9:51008, 10.9.9.9:80"], "203.0.113.9"),
            ("10.1.2.3", ["203.0.113.9, [2001:db8::9]:80"], "203.0.113.9"),
            // The last one that is no proxy of ours, whatever stands before it.
            ("10.1.2.3", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            ("10.1.2.3", ["203.0.113.9, 10.9.9.9"], "203.0.113.9"),
            ("10.1.2.3", ["1.1.1.1", "203.0.113.9, 10.9.9.9", "127.0.0.1"], "203.0.113.9"),
            // All are ours: the first of them.
            ("10.1.2.3", ["10.7.7.7, 10.9.9.9"], "10.7.7.7"),
            // What is no address ends the search; what was found by then counts.
            ("10.1.2.3", ["203.0.113.9, unknown"], "10.1.2.3"),
            ("10.1.2.3", ["unknown, 10.9.9.9"], "10.9.9.9"),
            ("10.1.2.3", ["203.0.113.9:99999"], "10.1.2.3"),
            ("10.1.2.3", ["203.0.113.9, localhost"], "10.1.2.3"),
            ("10.1.2.3", [""], "10.1.2.3"), ("10.1.2.3", [",,"], "10.1.2.3"),
            // Anybody else may say what he likes.
            ("203.0.113.1", ["1.1.1.1"], "203.0.113.1"),
            ("11.0.0.1", ["1.1.1.1"], "11.0.0.1"),
        ] as [(String, [String], String)])
    func `proxies of ours are believed, nobody else is`(
        socket: String, said: [String], client: String
    ) throws {
        let plain = try provenance(said.map { ("X-Forwarded-For", $0) }, from: socket)
        #expect(plain.addressText == client)
        // `Forwarded` says the same in its own grammar.
        let elements = said.map { line in
            line.split(separator: ",", omittingEmptySubsequences: false).map { node in
                let node = node.filter { $0 != " " && $0 != "\t" }
                return node.isEmpty ? "" : "for=\"\(node)\""
            }.joined(separator: ", ")
        }
        let standard = try provenance(elements.map { ("Forwarded", $0) }, from: socket)
        #expect(standard.addressText == client)
    }

    @Test func `without trust the socket's address counts`() throws {
        for name in ["X-Forwarded-For", "Forwarded"] {
            let value = name == "Forwarded" ? "for=1.1.1.1;proto=https;host=x" : "1.1.1.1"
            let found = try provenance(
                [(name, value), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "x")],
                from: "127.0.0.1", trust: [])
            #expect(found.addressText == "127.0.0.1")
            #expect(found.scheme == "http")
            #expect(found.authority?.text == "own.example")
        }
    }

    /// As with `allow` and `deny`.
    @Test(arguments: [
        ("::", 0, "127.0.0.1", false), ("::", 64, "127.0.0.1", false),
        ("::", 80, "10.9.9.9", false),
        ("::", 64, "::1", true), ("::", 0, "2001:db8::7", true),
        ("::ffff:127.0.0.0", 104, "127.0.0.1", true), ("127.0.0.0", 104, "::ffff:127.0.0.1", true),
    ])
    func `a network of IPv6 has no proxies of IPv4`(
        network: String, length: Int, socket: String, isTrusted: Bool
    ) throws {
        let found = try provenance(
            [("X-Forwarded-For", "1.1.1.1")], from: socket, trust: [Self.range(network, length)])
        #expect(found.addressText == (isTrusted ? "1.1.1.1" : socket))
    }

    @Test func `whoever comes over a path has no address to be trusted`() {
        let connection = ConnectionOrigin(address: .unix(path: ""), isSecure: false)
        let everybody = [AddressRange(octets: [UInt8](repeating: 0, count: 16), prefixLength: 0)]
        let client = Provenance(
            Fields([("X-Forwarded-For", "1.1.1.1")]), nil, connection, everybody, .any)
        #expect(client.addressText == "unix")
    }

    @Test(arguments: [64, 65, 10_000])
    func `of a chain that is too long the nearest proxies count`(count: Int) throws {
        let made = (0..<count - 2).map { _ in "6.6.6.6" } + ["203.0.113.9", "10.1.1.1"]
        let schemes = (0..<count - 2).map { _ in "http" } + ["https", "http"]
        let found = try provenance([
            ("X-Forwarded-For", made.joined(separator: ",")),
            ("X-Forwarded-Proto", schemes.joined(separator: ",")),
        ])
        #expect(found.addressText == "203.0.113.9")
        #expect(found.scheme == "https", "beside the client, wherever that is")
        #expect(found.chain.nodes.count == ForwardedList.elementLimit)
    }

    // MARK: Which scheme and host

    @Test(
        arguments: [
            ([("Proto", "https")], "https", "own.example"),
            ([("Proto", "HTTPS"), ("Host", "app.kr")], "https", "app.kr"),
            ([("Proto", "wss"), ("Host", "app.kr:8443")], "https", "app.kr:8443"),
            ([("Proto", "ws")], "http", "own.example"),
            ([("Host", "[::1]:80")], "http", "[::1]:80"),
            // Words that are none.
            ([("Proto", "ftp"), ("Host", "a b")], "http", "own.example"),
            ([("Proto", ""), ("Host", "")], "http", "own.example"),
            ([("Proto", "https://")], "http", "own.example"),
            ([("Host", "evil.example/path")], "http", "own.example"),
            ([("Host", "user@evil.example")], "http", "own.example"),
            // Several words: the nearest proxy's, unless each has a client beside it.
            ([("Proto", "https, http")], "http", "own.example"),
            ([("Proto", "http"), ("Proto", "https")], "https", "own.example"),
            ([("For", "1.1.1.1"), ("Proto", "https, http")], "http", "own.example"),
            ([("For", "1.1.1.1, 10.1.1.1"), ("Proto", "https, http")], "https", "own.example"),
            ([("For", "6.6.6.6, 1.1.1.1"), ("Proto", "https, http")], "http", "own.example"),
            ([("For", "1.1.1.1, 10.1.1.1"), ("Proto", "http")], "http", "own.example"),
            ([("For", "1.1.1.1, 10.1.1.1"), ("Host", "a.kr, b.kr")], "http", "a.kr"),
            ([("For", "1.1.1.1"), ("Host", "evil.kr, a.kr")], "http", "a.kr"),
            ([("For", "_hidden, 10.1.1.1"), ("Proto", "https, http")], "https", "own.example"),
        ] as [([(String, String)], String, String)])
    func `scheme and host are what the nearest believed proxy says`(
        said: [(String, String)], scheme: String, host: String
    ) throws {
        let fields = said.map { ("X-Forwarded-" + $0.0, $0.1) }
        let found = try provenance(fields)
        #expect(found.scheme == scheme)
        #expect(found.authority?.text == host)
        let stranger = try provenance(fields, from: "203.0.113.1", isSecure: true)
        #expect(stranger.scheme == "https")
        #expect(stranger.authority?.text == "own.example")
    }

    @Test(
        arguments: [
            ("for=1.1.1.1;proto=https;host=app.kr", "1.1.1.1", "https", "app.kr"),
            ("for=1.1.1.1;proto=https;host=\"app.kr:81\"", "1.1.1.1", "https", "app.kr:81"),
            ("for=1.1.1.1;proto=https, for=10.1.1.1;proto=http", "1.1.1.1", "https", "own.example"),
            ("for=6.6.6.6;proto=https, for=1.1.1.1;proto=http", "1.1.1.1", "http", "own.example"),
            // What the client's element leaves out, the next proxy knows best.
            ("for=1.1.1.1, for=10.1.1.1;proto=https;host=a.kr", "1.1.1.1", "https", "a.kr"),
            ("for=6.6.6.6;proto=https, for=1.1.1.1", "1.1.1.1", "http", "own.example"),
            ("for=unknown;proto=https;host=a.kr", "10.1.2.3", "https", "a.kr"),
            ("proto=https", "10.1.2.3", "https", "own.example"),
            ("for=1.1.1.1;proto=gopher;host=\"a/b\"", "1.1.1.1", "http", "own.example"),
        ])
    func `an element of Forwarded says all three`(
        said: String, client: String, scheme: String, host: String
    ) throws {
        let found = try provenance([("Forwarded", said)])
        #expect(found.addressText == client)
        #expect(found.scheme == scheme)
        #expect(found.authority?.text == host)
    }

    @Test(
        "one family of fields is read",
        arguments: [
            (.any, "1.1.1.1", "http"), (.xForwarded, "1.1.1.1", "http"),
            (.forwarded, "2.2.2.2", "https"),
        ] as [(TrustedFields, String, String)])
    func families(trusted: TrustedFields, client: String, scheme: String) throws {
        let both = [("Forwarded", "for=2.2.2.2;proto=https"), ("X-Forwarded-For", "1.1.1.1")]
        let found = try provenance(both, trusted)
        #expect(found.addressText == client)
        #expect(found.scheme == scheme)
        // One alone counts unless only the other is asked for.
        let alone = try provenance([both[0]], trusted)
        #expect(alone.addressText == (trusted == .xForwarded ? "10.1.2.3" : "2.2.2.2"))
    }

    @Test func `a proxy that says nothing has the connection's scheme`() throws {
        #expect(try provenance([], isSecure: true).scheme == "https")
        #expect(try provenance([("X-Forwarded-Proto", "http")], isSecure: true).scheme == "http")
    }

    // MARK: Onwards

    @Test(
        arguments: [
            ([], "10.1.2.3", "http", "own.example", "for=10.1.2.3;host=own.example;proto=http"),
            (
                [("X-Forwarded-For", "1.1.1.1:80,2001:db8::1"), ("X-Forwarded-Proto", "https")],
                "1.1.1.1:80, 2001:db8::1, 10.1.2.3", "https", "own.example",
                "for=1.1.1.1;host=own.example;proto=https, for=\"[2001:db8::1]\","
                    + " for=10.1.2.3;host=own.example;proto=http"
            ),
            (
                [("Forwarded", "for=_a;by=x;proto=\"a b\", for=\"1.1.1.1:80\";host=\"a.kr:1\"")],
                "_a, 1.1.1.1, 10.1.2.3", "http", "a.kr:1",
                "for=_a, for=1.1.1.1;host=\"a.kr:1\";proto=http,"
                    + " for=10.1.2.3;host=own.example;proto=http"
            ),
            (
                [("Forwarded", "for=\"")], "10.1.2.3", "http", "own.example",
                "for=10.1.2.3;host=own.example;proto=http"
            ),
        ] as [([(String, String)], String, String, String, String)])
    func `upstreams are told what is believed`(
        said: [(String, String)], nodes: String, scheme: String, host: String, forwarded: String
    ) throws {
        let all = said + [("Host", "own.example")]
        let connection = ConnectionOrigin(
            address: try #require(SocketAddress(numeric: "10.1.2.3", port: 1)), isSecure: false)
        let told = try provenance(all)
        #expect(told.scheme == scheme)
        #expect(told.authority?.text == host)
        var (first, second): ([UInt8], [UInt8]) = ([], [])
        let fields = Fields(all.map { (name: $0.0, value: $0.1) })
        told.appendXForwardedFor(fields, connection, to: &first)
        told.appendForwarded(connection, to: &second)
        #expect(String(decoding: first, as: UTF8.self) == "X-Forwarded-For: \(nodes)\r\n")
        #expect(String(decoding: second, as: UTF8.self) == "Forwarded: \(forwarded)\r\n")
    }
}
