/// Why a direction of a connection is over: what its sender did wrong. After one of these the
/// decoder stays dead; the driver sends a close frame with `closeCode` and ends the connection. The
/// raw value is the word in logs and close reasons.
package enum WebSocketError: String, Error, Sendable, CaseIterable {
    case reservedBitSet = "reserved_bit_set"
    /// RSV1 without negotiated compression, on a continuation or on a control frame.
    case unexpectedCompression = "unexpected_compression"
    case unknownOpcode = "unknown_opcode"
    case fragmentedControl = "fragmented_control"
    case controlTooLong = "control_too_long"
    /// The payload length is not in its shortest form (RFC 6455 §5.2).
    case lengthNotMinimal = "length_not_minimal"
    /// The first bit of the 64-bit payload length is set.
    case lengthNegative = "length_negative"
    case maskMissing = "mask_missing"
    case maskForbidden = "mask_forbidden"
    case continuationWithoutMessage = "continuation_without_message"
    case messageWithinMessage = "message_within_message"
    /// A close frame with a payload of one octet.
    case closeCodeCut = "close_code_cut"
    case closeCodeIllegal = "close_code_illegal"
    case closeReasonNotText = "close_reason_not_text"
    case textNotUTF8 = "text_not_utf8"
    case frameTooBig = "frame_too_big"
    case messageTooBig = "message_too_big"
    case tooManyFragments = "too_many_fragments"

    /// RFC 6455 §7.4.1: 1002 protocol error, 1007 invalid payload, 1009 too big.
    package var closeCode: UInt16 {
        switch self {
        case .reservedBitSet, .unexpectedCompression, .unknownOpcode, .fragmentedControl,
            .controlTooLong, .lengthNotMinimal, .lengthNegative, .maskMissing, .maskForbidden,
            .continuationWithoutMessage, .messageWithinMessage, .closeCodeCut, .closeCodeIllegal:
            1002
        case .closeReasonNotText, .textNotUTF8: 1007
        case .frameTooBig, .messageTooBig, .tooManyFragments: 1009
        }
    }
}

extension WebSocketError: CustomStringConvertible {
    /// A sentence for people; nothing in it comes from the connection.
    package var description: String {
        switch self {
        case .reservedBitSet: "reserved bit set"
        case .unexpectedCompression: "unexpected compression bit"
        case .unknownOpcode: "unknown opcode"
        case .fragmentedControl: "fragmented control frame"
        case .controlTooLong: "control frame longer than 125 octets"
        case .lengthNotMinimal: "payload length not in its shortest form"
        case .lengthNegative: "payload length with its first bit set"
        case .maskMissing: "client frame without a mask"
        case .maskForbidden: "server frame with a mask"
        case .continuationWithoutMessage: "continuation without a message"
        case .messageWithinMessage: "new message within a fragmented one"
        case .closeCodeCut: "close code of one octet"
        case .closeCodeIllegal: "illegal close code"
        case .closeReasonNotText: "close reason is not UTF-8"
        case .textNotUTF8: "text is not UTF-8"
        case .frameTooBig: "frame too big"
        case .messageTooBig: "message too big"
        case .tooManyFragments: "message in too many fragments"
        }
    }
}
