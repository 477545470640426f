/// Octets for tests.
package enum Octets {
    /// So many, without a period that any buffer's size is a multiple of.
    package static func pattern(_ count: Int) -> [UInt8] {
        let period = (0..<65_521).map { index -> UInt8 in
            let mixed = index &* 31 &+ index >> 8
            return UInt8(truncatingIfNeeded: mixed)
        }
        var octets: [UInt8] = []
        octets.reserveCapacity(count)
        while octets.count < count { octets += period.prefix(count - octets.count) }
        return octets
    }
}
