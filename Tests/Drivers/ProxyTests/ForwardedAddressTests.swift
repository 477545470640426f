import HTTP
import Settings
import Testing
import Transport

@testable import Proxy

@Suite struct ClientAddressTests {
    /// 10.0.0.0/8, 127.0.0.1 and 2001:db8::/32.
    private static let trust = [
        range("10.0.0.0", 96 + 8), range("127.0.0.1", 128), range("2001:db8::", 32),
    ]

    private static func range(_ address: String, _ length: Int) -> AddressRange {
        AddressRange(
            octets: SocketAddress(numeric: address, port: 0)?.mappedOctets ?? [],
            prefixLength: length)
    }

    private func address(
        _ socket: String, _ forwarded: [String], trust: [AddressRange] = trust
    ) throws -> String {
        let socket = try #require(SocketAddress(numeric: socket, port: 50_000))
        let fields = Fields(forwarded.map { ("X-Forwarded-For", $0) })
        return ForwardedAddress.of(socket, fields, trust: trust).host
    }

    @Test(
        arguments: [
            // Nothing is said.
            ("10.1.2.3", [], "10.1.2.3"),
            // A proxy of ours says it.
            ("10.1.2.3", ["203.0.113.9"], "203.0.113.9"),
            ("10.1.2.3", ["  203.0.113.9\t"], "203.0.113.9"),
            ("2001:db8::7", ["2001:4860::1"], "2001:4860::1"),
            ("::ffff:10.1.2.3", ["203.0.113.9"], "203.0.113.9"),
            // The last one that is no proxy of ours, whatever stands before it.
            ("10.1.2.3", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            ("10.1.2.3", ["203.0.113.9, 10.9.9.9"], "203.0.113.9"),
            ("10.1.2.3", ["1.1.1.1", "203.0.113.9, 10.9.9.9", "127.0.0.1"], "203.0.113.9"),
            // All are ours: the first of them.
            ("10.1.2.3", ["10.7.7.7, 10.9.9.9"], "10.7.7.7"),
            // What is no address ends the search; what was found by then counts.
            ("10.1.2.3", ["203.0.113.9, unknown"], "10.1.2.3"),
            ("10.1.2.3", ["unknown, 10.9.9.9"], "10.9.9.9"),
            ("10.1.2.3", ["203.0.113.9:4711"], "10.1.2.3"),
            ("10.1.2.3", [""], "10.1.2.3"), ("10.1.2.3", [",,"], "10.1.2.3"),
            // Anybody else may say what he likes.
            ("203.0.113.1", ["1.1.1.1"], "203.0.113.1"),
            ("11.0.0.1", ["1.1.1.1"], "11.0.0.1"),
        ] as [(String, [String], String)])
    func `proxies of ours are believed, nobody else is`(
        socket: String, forwarded: [String], client: String
    ) throws {
        #expect(try address(socket, forwarded) == client)
    }

    @Test func `without trust the socket's address counts`() throws {
        #expect(try address("127.0.0.1", ["1.1.1.1"], trust: []) == "127.0.0.1")
    }

    @Test func `whoever comes over a path has no address to be trusted`() {
        let fields = Fields([("X-Forwarded-For", "1.1.1.1")])
        let client = ForwardedAddress.of(.unix(path: ""), fields, trust: Self.trust)
        #expect(client.host == "unix")
    }

    @Test(
        arguments: [
            (.ip(address: "127.0.0.1", port: 80), "127.0.0.1:80", true),
            (.ip(address: "::1", port: 80), "[::1]:80", true),
            (.ip(address: "localhost", port: 80), "localhost:80", false),
            (.unix(path: "/run/a.sock"), "unix:/run/a.sock", true),
        ] as [(SocketAddressSettings, String, Bool)])
    func `a configured address is written as it was, and is a socket's if it is numeric`(
        settings: SocketAddressSettings, text: String, isAddress: Bool
    ) {
        #expect(settings.text == text)
        #expect(SocketAddress(settings)?.text == (isAddress ? text : nil))
    }
}
