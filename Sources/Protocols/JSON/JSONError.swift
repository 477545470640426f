/// Why octets are not a JSON text this reader accepts, and where.
package struct JSONError: Error, Sendable, Hashable {
    package enum Reason: Sendable, Hashable {
        case tooLarge
        case tooDeep
        case tooManyValues
        case notUTF8
        case unexpectedEnd
        case unexpectedOctet
        case trailingOctets
        case duplicateMember
        case invalidNumber
        case invalidEscape
        case loneSurrogate
        case controlCharacter
    }

    package var reason: Reason
    /// Octets from the start of the text.
    package var offset: Int

    init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

/// What a JSON text may cost. The defaults fit tokens and protocol messages.
package struct JSONLimits: Sendable, Hashable {
    /// Octets of the whole text.
    package var octets = 1024 * 1024
    /// Arrays and objects inside one another; the reader recurses this deep at most.
    package var depth = 32
    /// Values of all kinds together: a value in memory is far larger than its shortest text.
    package var values = 64 * 1024

    package init() {}
}
