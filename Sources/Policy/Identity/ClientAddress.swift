/// Where a client comes from, as far as limits and tickets care: 16 octets, IPv4 mapped (RFC 4291
/// §2.5.5.2).
package struct ClientAddress: Sendable, Hashable {
    private let high: UInt64
    private let low: UInt64

    /// Nil unless there are 16 octets, and for zeros, which stand for a client that has no address
    /// (a Unix domain socket).
    package init?(mappedOctets octets: [UInt8]) {
        guard octets.count == 16 else { return nil }
        high = octets[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = octets[8...].reduce(0) { $0 << 8 | UInt64($1) }
        if high | low == 0 { return nil }
    }

    package var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// The number by which limits count a client: its IPv4 address, or the /64 that every network
    /// of IPv6 has at least. No network has the prefix ::/8 (RFC 4291 §2.4), so that the two never
    /// meet.
    package var key: UInt64 { isIPv4 ? low : high }

    /// What a client keeps while it moves about in its network: the /24 of an IPv4 address, the /64
    /// of an IPv6 address.
    var neighbourhood: UInt64 { isIPv4 ? low & ~0xFF : high }
}
