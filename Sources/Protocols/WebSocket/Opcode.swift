/// What a frame carries (RFC 6455 §5.2, §11.8). Everything else is reserved and refused.
package enum Opcode: UInt8, Sendable, CaseIterable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Control frames are never fragmented and may stand between the fragments of a message.
    @inline(__always)
    package var isControl: Bool { rawValue & 0x8 != 0 }
}

/// What a whole message is.
package enum MessageKind: Sendable {
    case text
    case binary

    package var opcode: Opcode {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }
}

/// The two ends of a WebSocket connection. The client masks every frame, the server none
/// (RFC 6455 §5.1).
package enum Endpoint: Sendable {
    case client
    case server
}

/// How much one direction may send; sizes are payload octets as they are on the wire.
package struct FrameLimits: Sendable, Equatable {
    /// The most octets of one frame's payload.
    package var frameSize: Int
    /// The most octets of one message, all its frames together.
    package var messageSize: Int
    /// Data frames of one message, empty ones too: an empty frame adds nothing to a size, and a
    /// message of nothing else would never end.
    package var fragmentCount: Int

    /// 1 MiB in 16384 frames unless the caller knows better; a frame may be as large as a message.
    package init(
        messageSize: Int = 1024 * 1024, frameSize: Int? = nil, fragmentCount: Int = 16 * 1024
    ) {
        precondition(fragmentCount > 0, "a message has at least one frame")
        self.messageSize = messageSize
        self.frameSize = frameSize ?? messageSize
        self.fragmentCount = fragmentCount
    }
}
