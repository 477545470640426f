import Bytes

/// The packet with which a client asks for a namespace of Socket.IO, and in which it brings what is
/// in its `auth`: `40{"token":"…"}`, `40/admin,{"token":"…"}` (socket.io-protocol 5, "Connection to
/// a namespace").
///
/// Strict where readers differ: no acknowledgement id, which means nothing here, and nothing but a
/// JSON object behind the namespace.
package struct ConnectPacket: Sendable, Equatable {
    /// Octets of a namespace at most.
    package static let namespaceLimit = 256
    package static let mainNamespace = "/"

    package let namespace: String
    /// Octets of the message that are the JSON object; empty when there is none. The object itself
    /// was not looked at.
    package let payload: Range<Int>

    /// - Parameter message: the whole message, whose first packet is `packet`.
    package init(_ packet: EnginePacket, of message: Span<UInt8>) throws(PacketError) {
        var index = packet.payload.lowerBound
        let end = packet.payload.upperBound
        guard packet.kind == .message, index < end, message[index] == SocketPacket.Kind.connect
        else { throw .connect }
        index += 1
        var namespace = Self.mainNamespace
        if index < end, message[index] == UInt8(ascii: "/") {
            let comma = message.firstIndex(of: UInt8(ascii: ","), from: index)
            let name = message.extracting(index..<(comma ?? end))
            guard name.count <= Self.namespaceLimit else { throw .connect }
            namespace = name.text
            index = comma.map { $0 + 1 } ?? end
        }
        guard index == end || message[index] == UInt8(ascii: "{") else { throw .connect }
        self.namespace = namespace
        payload = index..<end
    }
}
