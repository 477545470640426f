/// What of a request decides which server of a group it goes to.
package struct ServerWish: Sendable {
    /// What `balance hash` goes by; nil where the request has no such value: it is dealt in turns.
    package var balanceKey: UInt64?
    /// What `sticky SOURCE` goes by; nil where the request has no such value.
    package var stickyKey: UInt64?
    /// The value of the cookie of `sticky cookie`; nil without one.
    package var cookie: String?

    package init() {}

    /// A number for the text of a value: the same in every process and on every machine, so that
    /// all gateways in front of the same servers choose alike.
    package static func key(_ text: String) -> UInt64 { StableHash.of(text) }

    /// A number for a number.
    package static func key(_ number: UInt64) -> UInt64 { StableHash.mix(number) }
}

/// A hash that never changes, unlike the standard library's. Nobody is kept out by it: who looks
/// for values that meet on one server is stopped by that server's bound.
enum StableHash {
    /// FNV-1a, finished so that every bit depends on every octet.
    static func of(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for octet in text.utf8 { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3 }
        return mix(hash)
    }

    /// The finisher of SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
    /// Generators", 2014).
    static func mix(_ number: UInt64) -> UInt64 {
        var mixed = number &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
