import Bytes

/// A packet of Engine.IO version 4, as a text message of a WebSocket carries it: its first
/// character says of which kind it is (engine.io-protocol, "Packet encoding").
package struct EnginePacket: Sendable, Equatable {
    package enum Kind: UInt8, Sendable, CaseIterable {
        case open = 0x30
        case close
        case ping
        case pong
        case message
        case upgrade
        case noop
    }

    package let kind: Kind
    /// Octets of the message behind the kind.
    package let payload: Range<Int>

    /// Throws `engine` for what is no packet. Binary messages are none before a session is open.
    package init(_ message: Span<UInt8>, isText: Bool) throws(PacketError) {
        guard isText, !message.isEmpty, let kind = Kind(rawValue: message[0]) else {
            throw .engine
        }
        self.kind = kind
        payload = 1..<message.count
    }

    /// The whole text message of a packet that says nothing but its kind.
    package static func bare(_ kind: Kind) -> [UInt8] { [kind.rawValue] }
}

/// What cannot be understood. The raw value is its word in logs and close frames.
package enum PacketError: String, Error, Sendable, CaseIterable {
    /// No packet of Engine.IO, or one that has no business here.
    case engine = "engineio_packet"
    /// No `open` packet of Engine.IO, or not what has to be in it.
    case open = "engineio_open"
    /// No packet of Socket.IO that asks for a namespace.
    case connect = "socketio_connect"
}
