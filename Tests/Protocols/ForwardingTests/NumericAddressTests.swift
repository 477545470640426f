import Forwarding
import Testing

@Suite struct NumericAddressTests {
    @Test(
        arguments: [
            ("192.0.2.1", "192.0.2.1", true), ("0.0.0.0", "0.0.0.0", true),
            ("255.255.255.255", "255.255.255.255", true),
            ("2001:db8::1", "2001:db8::1", false), ("::", "::", false), ("::1", "::1", false),
            ("1::", "1::", false), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1", false),
            ("2001:0db8:0000:0001:0:0:0:0", "2001:db8:0:1::", false),
            ("1:0:0:2:0:0:0:3", "1:0:0:2::3", false), ("1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0", false),
            ("1:0:0:2:0:0:3:4", "1::2:0:0:3:4", false),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", false),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", false),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8", false),
            ("::ffff:192.0.2.1", "192.0.2.1", false),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221", false),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304", false),
        ])
    func `an address is read, and written in one way`(
        text: String, written: String, isIPv4: Bool
    ) throws {
        let address = try #require(NumericAddress(text))
        #expect(address.text == written)
        #expect(address.isIPv4 == isIPv4)
        #expect(address.octets.count == 16)
        #expect(NumericAddress(networkOctets: Array(address.networkOctets)) == address)
    }

    @Test(
        arguments: [
            "", ".", ":", ":::", "::::", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3",
            "256.1.1.1", "01.2.3.4", "1.2.3.00", "1.2.3.4 ", " 1.2.3.4", "1.2.3.0004", "1.2.3.-4",
            "a.b.c.d", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
            "::1:2:3:4:5:6:7:8",
            "1::2::3", "12345::", "::12345", "::g", "1:", ":1", "1:2:3:4:5:6:7:", "::1.2.3",
            "::1.2.3.4:5", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "::256.1.1.1", "::01.1.1.1",
            "fe80::1%eth0", "[::1]", "::1]", "1.2.3.4\u{0}",
        ])
    func `anything else is no address`(text: String) {
        #expect(NumericAddress(text) == nil)
    }

    @Test func `an IPv4 address may be written as the IPv6 address it is mapped to`() {
        #expect(NumericAddress("192.0.2.1")?.text6 == "::ffff:192.0.2.1")
        #expect(NumericAddress("::ffff:192.0.2.1")?.unmapped == NumericAddress("192.0.2.1"))
        #expect(NumericAddress("::1")?.unmapped == NumericAddress("::1"))
        #expect(NumericAddress.unspecified4.text == "0.0.0.0")
        #expect(NumericAddress.unspecified6.text == "::")
        #expect(NumericAddress(networkOctets: [1, 2, 3]) == nil)
    }
}
