import Forwarding
import Settings
import Testing
import Transport

@testable import Clients

/// Addresses of sockets as configurations and proxies speak of them.
@Suite struct AddressesTests {
    private static func address(_ text: String, _ port: UInt16 = 0) throws -> SocketAddress {
        try #require(SocketAddress(numeric: text, port: port))
    }

    private static func range(_ text: String, _ length: Int) throws -> AddressRange {
        AddressRange(octets: try address(text).mappedOctets, prefixLength: length)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"),
        // As a socket of both kinds shows it.
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ])
    func `what a PROXY header says of a socket is its plain address`(
        socket: String, told: String
    ) throws {
        let endpoint = try #require(try Self.address(socket, 81).endpoint)
        #expect(endpoint.port == 81)
        let back = SocketAddress(endpoint.address, port: endpoint.port)
        #expect(back == (try Self.address(told, 81)))
    }

    @Test func `a path has no address that could be told`() {
        #expect(SocketAddress.unix(path: "/run/app.sock").endpoint == nil)
    }

    @Test(arguments: [
        ("10.1.2.3", true), ("11.1.2.3", false), ("::ffff:10.1.2.3", true), ("::1", false),
        ("2001:db8::7", true), ("2001:db9::7", false),
    ])
    func `ranges are of addresses, however a socket shows them`(
        text: String, isIn: Bool
    ) throws {
        let ranges = [try Self.range("10.0.0.0", 96 + 8), try Self.range("2001:db8::", 32)]
        let address = try Self.address(text)
        #expect(ranges.contains(address) == isIn)
        #expect(![AddressRange]().contains(address))
    }

    @Test func `a path is in no range, not even in that of all addresses`() throws {
        let all = [try Self.range("0.0.0.0", 96), try Self.range("::", 0)]
        #expect(all.contains(try Self.address("192.0.2.1")))
        #expect(all.contains(try Self.address("2001:db8::7")))
        #expect(!all.contains(SocketAddress.unix(path: "/run/app.sock")))
    }
}
