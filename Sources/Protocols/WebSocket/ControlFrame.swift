/// A whole ping, pong or close frame, unmasked.
package struct ControlFrame: Sendable, Equatable {
    package enum Kind: Sendable {
        case close
        case ping
        case pong

        package var opcode: Opcode {
            switch self {
            case .close: .close
            case .ping: .ping
            case .pong: .pong
            }
        }
    }

    package var kind: Kind
    /// At most 125 octets. Of a close frame: the code and the reason, checked, or nothing.
    package var payload: [UInt8]

    package init(_ kind: Kind, payload: [UInt8] = []) {
        self.kind = kind
        self.payload = payload
    }

    /// The code of a close frame; nil when it has none (1005 to those who must have one), and for
    /// pings and pongs.
    package var closeCode: UInt16? {
        guard kind == .close, payload.count >= 2 else { return nil }
        return UInt16(payload[0]) << 8 | UInt16(payload[1])
    }

    /// The payload of a close frame must be empty, or a legal code and a reason in UTF-8
    /// (RFC 6455 §5.5.1, §7.4).
    func validate() throws(WebSocketError) {
        guard kind == .close, !payload.isEmpty else { return }
        guard let closeCode else { throw .closeCodeCut }
        guard CloseCode.isLegal(closeCode) else { throw .closeCodeIllegal }
        guard payload.span.extracting(2..<payload.count).isUTF8 else { throw .closeReasonNotText }
    }
}

/// A control frame on its way in, for as many inputs as it takes; at most 125 octets, and no heap
/// while there is none.
struct ControlAssembly: Sendable {
    private var kind = ControlFrame.Kind.ping
    private var key: MaskingKey?
    private var length = 0
    private var payload: [UInt8] = []

    /// Starts with a header; false when it is that of a data frame.
    mutating func begin(_ header: FrameHeader) -> Bool {
        switch header.opcode {
        case .continuation, .text, .binary: return false
        case .close: kind = .close
        case .ping: kind = .ping
        case .pong: kind = .pong
        }
        key = header.maskingKey
        length = header.payloadLength
        return true
    }

    /// Takes what there is of the payload; the frame when it is whole.
    mutating func take(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(WebSocketError) -> ControlFrame? {
        let count = min(length - payload.count, input.count - index)
        let part = input.extracting(index..<(index + count))
        payload.append(part, maskedWith: key?.advanced(by: payload.count))
        index += count
        guard payload.count == length else { return nil }
        let frame = ControlFrame(kind, payload: payload)
        payload = []
        try frame.validate()
        return frame
    }
}

extension Span where Element == UInt8 {
    /// True when the octets are well-formed UTF-8.
    package var isUTF8: Bool { (try? UTF8Span(validating: self)) != nil }
}
