import Bytes

/// Frames of our own, appended to what is to be sent. Towards a server every frame needs a fresh
/// masking key, towards a client none (RFC 6455 §5.1).
package enum FrameEncoder {
    /// Appends one frame of a message; by default the message is this one frame.
    package static func appendFrame(
        _ opcode: Opcode, _ payload: Span<UInt8>, isFinal: Bool = true,
        isCompressed: Bool = false, maskingKey: MaskingKey? = nil, to output: inout [UInt8]
    ) {
        let header = FrameHeader(
            opcode: opcode, payloadLength: payload.count, isFinal: isFinal,
            isCompressed: isCompressed, maskingKey: maskingKey)
        output.append(header.octets)
        output.append(payload, maskedWith: maskingKey)
    }

    /// Appends a whole message as one frame.
    package static func appendMessage(
        _ kind: MessageKind, _ payload: Span<UInt8>, isCompressed: Bool = false,
        maskingKey: MaskingKey? = nil, to output: inout [UInt8]
    ) {
        appendFrame(
            kind.opcode, payload, isCompressed: isCompressed, maskingKey: maskingKey,
            to: &output)
    }

    /// Appends one piece of a message that goes on in pieces, as `MessageAssembler` gives them out.
    package static func appendFragment(
        _ kind: MessageKind, _ payload: Span<UInt8>, isFirst: Bool, isLast: Bool,
        maskingKey: MaskingKey? = nil, to output: inout [UInt8]
    ) {
        appendFrame(
            isFirst ? kind.opcode : .continuation, payload, isFinal: isLast,
            maskingKey: maskingKey, to: &output)
    }

    /// Appends a control frame; its payload is at most 125 octets, as that of every frame a
    /// decoder made.
    package static func appendControl(
        _ frame: ControlFrame, maskingKey: MaskingKey? = nil, to output: inout [UInt8]
    ) {
        precondition(frame.payload.count <= 125, "control frame longer than 125 octets")
        appendFrame(frame.kind.opcode, frame.payload.span, maskingKey: maskingKey, to: &output)
    }

    /// Appends a close frame with a legal code and as much of the reason as fits into 123 octets
    /// without cutting a character.
    package static func appendClose(
        code: UInt16, reason: String = "", maskingKey: MaskingKey? = nil,
        to output: inout [UInt8]
    ) {
        precondition(CloseCode.isLegal(code), "close code that must not be sent")
        var payload = [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)]
        for character in reason {
            guard payload.count + character.utf8.count <= 125 else { break }
            payload.append(contentsOf: character.utf8)
        }
        appendFrame(.close, payload.span, maskingKey: maskingKey, to: &output)
    }
}
