/// Random octets drawn in advance, so that an identifier a request costs no trip to the generator.
/// One owner, one thread; it cannot be copied, because a copy would give the same octets again.
package struct RandomPool: ~Copyable {
    private var octets: [UInt8]
    private var used: Int
    private static let capacity = 1024
    private static let identifierSize = 26
    private static let alphabet = [UInt8]("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// Draws nothing until the first use.
    package init() {
        octets = [UInt8](repeating: 0, count: Self.capacity)
        used = Self.capacity
    }

    /// 128 random bits as 26 characters of base32 (digits and lower-case letters without i, l, o
    /// and u): safe in URLs, header fields and file names, and easy to read aloud.
    package mutating func identifier() throws(CryptoError) -> String {
        var (high, low) = (try integer(), try integer())
        let alphabet = Self.alphabet.span
        // Every octet that is said to be written is.
        return unsafe String(unsafeUninitializedCapacity: Self.identifierSize) { memory in
            for index in 0..<Self.identifierSize {
                unsafe memory[index] = alphabet[Int(high >> 59)]
                high = high << 5 | low >> 59
                low <<= 5
            }
            return Self.identifierSize
        }
    }

    /// 64 random bits.
    package mutating func integer() throws(CryptoError) -> UInt64 {
        if used + 8 > octets.count {
            try Random.fill(&octets)
            used = 0
        }
        var integer: UInt64 = 0
        for index in used..<used + 8 {
            integer = integer << 8 | UInt64(octets[index])
            octets[index] = 0
        }
        used += 8
        return integer
    }
}
