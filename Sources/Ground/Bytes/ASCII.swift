/// Octet classes of the protocols (RFC 9110 §5.6.2, RFC 5234 B.1) and case folding, for ASCII only.
@usableFromInline
package enum ASCII {
    @usableFromInline package static let tab: UInt8 = 0x09
    @usableFromInline package static let lineFeed: UInt8 = 0x0A
    @usableFromInline package static let carriageReturn: UInt8 = 0x0D
    @usableFromInline package static let space: UInt8 = 0x20

    /// The lower-case form of A-Z; every other octet as it is.
    @inlinable
    package static func lowercased(_ octet: UInt8) -> UInt8 {
        isUppercase(octet) ? octet | 0x20 : octet
    }

    @inlinable
    package static func isUppercase(_ octet: UInt8) -> Bool { octet &- 0x41 < 26 }

    @inlinable
    package static func isDigit(_ octet: UInt8) -> Bool { octet &- 0x30 < 10 }

    @inlinable
    package static func isAlpha(_ octet: UInt8) -> Bool { (octet | 0x20) &- 0x61 < 26 }

    /// Visible ASCII: 0x21 to 0x7E (VCHAR, RFC 5234).
    @inlinable
    package static func isVisible(_ octet: UInt8) -> Bool { octet &- 0x21 < 94 }

    /// The value of a hexadecimal digit, or nil.
    @inlinable
    package static func hexValue(_ octet: UInt8) -> UInt8? {
        if isDigit(octet) { return octet &- 0x30 }
        let letter = (octet | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    /// `tchar` of RFC 9110 §5.6.2: what field names, methods and protocol names are made of.
    @inlinable
    package static func isToken(_ octet: UInt8) -> Bool {
        if octet < 64 { return tokenLow >> UInt64(octet) & 1 == 1 }
        if octet < 128 { return tokenHigh >> UInt64(octet - 64) & 1 == 1 }
        return false
    }

    /// Bit n is set when octet n is a `tchar`: `!#$%&'*+-.` and the digits. Written out, because a
    /// computed global would be initialised lazily and cost a check for every octet.
    @usableFromInline package static let tokenLow: UInt64 = 0x03FF_6CFA_0000_0000
    /// Bit n is set when octet 64 + n is a `tchar`: the letters and `^_`, backtick, `|~`.
    @usableFromInline package static let tokenHigh: UInt64 = 0x57FF_FFFF_C7FF_FFFE
}
