/// The header of a frame (RFC 6455 §5.2).
///
///      0               1               2 … 9                  then 4 octets
///     +-+-+-+-+-------+-+-------------+----------------------+---------------+
///     |F|R|R|R| opcode|M| length      | length, if 126 (16)  | masking key,  |
///     |I|S|S|S|  (4)  |A|  (7)        | or 127 (64 bits)     | if MASK       |
///     |N|V|V|V|       |S|             |                      |               |
///     | |1|2|3|       |K|             |                      |               |
///     +-+-+-+-+-------+-+-------------+----------------------+---------------+
package struct FrameHeader: Sendable, Equatable {
    /// The last fragment of its message, or the only one.
    package var isFinal: Bool
    /// RSV1: the message is compressed (RFC 7692 §6); on its first frame only.
    package var isCompressed: Bool
    package var opcode: Opcode
    /// Nil when the payload is not masked.
    package var maskingKey: MaskingKey?
    /// In octets, not negative.
    package var payloadLength: Int

    @inline(__always)
    package init(
        opcode: Opcode, payloadLength: Int, isFinal: Bool = true, isCompressed: Bool = false,
        maskingKey: MaskingKey? = nil
    ) {
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.opcode = opcode
        self.maskingKey = maskingKey
        self.payloadLength = payloadLength
    }

    /// What the header must keep to, whatever came before it.
    package struct Rules: Sendable, Equatable {
        package var sender: Endpoint
        /// Compression was negotiated: RSV1 may be set on the first frame of a message.
        package var allowsCompression: Bool

        package init(from sender: Endpoint, allowsCompression: Bool = false) {
            self.sender = sender
            self.allowsCompression = allowsCompression
        }
    }

    /// Reads the header at `index` and moves `index` behind it; nil, with `index` where it was,
    /// when the input ends before the header does. What the first two octets break is thrown as
    /// soon as they are there.
    @inline(__always)
    package static func decode(
        _ input: Span<UInt8>, at index: inout Int, by rules: Rules
    ) throws(WebSocketError) -> FrameHeader? {
        let available = input.count - index
        guard available >= 2 else { return nil }
        let first = input[index]
        let second = input[index + 1]
        let opcode = try opcode(first, second, by: rules)
        let short = Int(second & 0x7F)
        let lengthCount = short < 126 ? 0 : (short == 126 ? 2 : 8)
        let isMasked = second & 0x80 != 0
        let count = 2 &+ lengthCount &+ (isMasked ? 4 : 0)
        guard available >= count else { return nil }
        let length = lengthCount == 0 ? short : try longLength(input, at: index + 2, lengthCount)
        var header = FrameHeader(
            opcode: opcode, payloadLength: length, isFinal: first & 0x80 != 0,
            isCompressed: first & 0x40 != 0)
        index += count
        if isMasked {
            header.maskingKey = MaskingKey(
                input[index - 4], input[index - 3], input[index - 2], input[index - 1])
        }
        return header
    }

    /// The header as it goes on the wire.
    package var octets: HeaderOctets {
        var octets = HeaderOctets()
        octets.append((isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue)
        let mask: UInt8 = maskingKey == nil ? 0 : 0x80
        if payloadLength < 126 {
            octets.append(mask | UInt8(payloadLength))
        } else {
            let isShort = payloadLength <= 0xFFFF
            octets.append(mask | (isShort ? 126 : 127))
            var shift = isShort ? 8 : 56
            while shift >= 0 {
                octets.append(UInt8(truncatingIfNeeded: payloadLength >> shift))
                shift -= 8
            }
        }
        if let maskingKey {
            for index in 0..<4 { octets.append(maskingKey[index]) }
        }
        return octets
    }

    /// The opcode, when the first two octets keep every rule that needs no more than them.
    @inline(__always)
    private static func opcode(
        _ first: UInt8, _ second: UInt8, by rules: Rules
    ) throws(WebSocketError) -> Opcode {
        guard first & 0x30 == 0 else { throw .reservedBitSet }
        guard let opcode = Opcode(rawValue: first & 0x0F) else { throw .unknownOpcode }
        if first & 0x40 != 0 {
            guard rules.allowsCompression, opcode == .text || opcode == .binary else {
                throw .unexpectedCompression
            }
        }
        if opcode.isControl {
            guard first & 0x80 != 0 else { throw .fragmentedControl }
            guard second & 0x7F <= 125 else { throw .controlTooLong }
        }
        switch rules.sender {
        case .client: guard second & 0x80 != 0 else { throw .maskMissing }
        case .server: guard second & 0x80 == 0 else { throw .maskForbidden }
        }
        return opcode
    }

    /// The length in the two or eight octets at `start`.
    private static func longLength(
        _ input: Span<UInt8>, at start: Int, _ count: Int
    ) throws(WebSocketError) -> Int {
        var length: UInt64 = 0
        for index in start..<(start + count) { length = length << 8 | UInt64(input[index]) }
        guard length > (count == 2 ? 125 : 0xFFFF) else { throw .lengthNotMinimal }
        guard let length = Int(exactly: length) else { throw .lengthNegative }
        return length
    }
}

/// The octets of one header, kept inline: never more than 14.
package struct HeaderOctets: Sendable {
    private var storage = InlineArray<14, UInt8>(repeating: 0)
    package private(set) var count = 0

    @inline(__always)
    package init() {}

    mutating func append(_ octet: UInt8) {
        storage[count] = octet
        count += 1
    }

    /// For tests and slow paths; `Array.append(_:)` copies them without making an array.
    package var array: [UInt8] {
        var array: [UInt8] = []
        array.append(self)
        return array
    }

    /// Octet `index`, below `count`.
    package subscript(index: Int) -> UInt8 { storage[index] }

    /// Reads these octets as a header; nil when they are not yet a whole one.
    func header(by rules: FrameHeader.Rules) throws(WebSocketError) -> FrameHeader? {
        var index = 0
        return try FrameHeader.decode(
            storage.span.extracting(0..<count), at: &index, by: rules)
    }
}

extension Array where Element == UInt8 {
    /// Appends the octets of a header.
    package mutating func append(_ header: HeaderOctets) {
        append(addingCapacity: header.count) { output in
            for index in 0..<header.count { output.append(header[index]) }
        }
    }
}
