import Bytes
import Testing

@Suite struct ASCIITests {
    private static let octets = UInt8.min...UInt8.max

    /// The octets that `isMember` is true for, as text.
    private func members(_ isMember: (UInt8) -> Bool) -> String {
        String(decoding: Self.octets.filter(isMember), as: UTF8.self)
    }

    private static let digits = "0123456789"
    private static let upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    private static let lower = "abcdefghijklmnopqrstuvwxyz"

    @Test func `digits and letters are those of ASCII and no others`() {
        #expect(members(ASCII.isDigit) == Self.digits)
        #expect(members(ASCII.isAlpha) == Self.upper + Self.lower)
    }

    @Test func `visible is 0x21 to 0x7E`() {
        #expect(Self.octets.filter(ASCII.isVisible) == Array(0x21...0x7E))
    }

    @Test func `token characters are those of RFC 9110`() {
        let marks = "!#$%&'*+-.^_`|~"
        let expected = Set((marks + Self.digits + Self.upper + Self.lower).utf8)
        #expect(Set(Self.octets.filter(ASCII.isToken)) == expected)
    }

    @Test func `only A to Z have another lower case`() {
        for octet in Self.octets {
            let isUpper = Self.upper.utf8.contains(octet)
            #expect(ASCII.lowercased(octet) == (isUpper ? octet + 32 : octet))
        }
    }

    @Test func `hexadecimal digits have their value, everything else has none`() {
        let values = [UInt8: UInt8](
            uniqueKeysWithValues: zip((Self.digits + "abcdef").utf8, 0...)
        ).merging(zip("ABCDEF".utf8, 10...)) { first, _ in first }
        for octet in Self.octets { #expect(ASCII.hexValue(octet) == values[octet]) }
    }

    @Test func `controls have their octets`() {
        let controls = [ASCII.tab, ASCII.lineFeed, ASCII.carriageReturn, ASCII.space]
        #expect(controls == Array("\t\n\r ".utf8))
    }
}
