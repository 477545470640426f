import Peers
import Testing
import Transport

@Suite struct NameLookupTests {
    @Test func `this machine has an address`() throws {
        let found = try NameLookup.addresses(of: "localhost", port: 443)
        let loopback: Set<SocketAddress> = [
            .ip4(octets: [127, 0, 0, 1], port: 443),
            .ip6(octets: [UInt8](repeating: 0, count: 15) + [1], port: 443),
        ]
        #expect(!found.isEmpty)
        #expect(loopback.isSuperset(of: found))
        #expect(Set(found).count == found.count)
    }

    @Test(arguments: ["127.0.0.1", "::1", "2001:db8::5"])
    func `an address is its own`(text: String) throws {
        #expect(
            try NameLookup.addresses(of: text, port: 8443)
                == [SocketAddress(numeric: text, port: 8443)].compactMap { $0 })
    }

    @Test(arguments: ["", "a\0b", "no such name", "-"])
    func `what is no name has none`(text: String) {
        #expect(throws: NameLookup.Failure.self) {
            try NameLookup.addresses(of: text, port: 443)
        }
    }
}
