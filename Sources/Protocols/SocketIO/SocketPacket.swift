import Bytes
package import JSON

/// Packets that a server says, each as the whole text message of a WebSocket: Engine.IO's `4`
/// stands in front (socket.io-protocol 5, "Packet encoding").
package enum SocketPacket {
    /// The first character of a packet.
    enum Kind {
        static let connect = UInt8(ascii: "0")
        static let disconnect = UInt8(ascii: "1")
        static let event = UInt8(ascii: "2")
        static let connectError = UInt8(ascii: "4")
    }

    /// `44{"message":"…","data":{…}}`: a client is not let into a namespace, and does not come back
    /// by itself.
    package static func connectError(
        _ namespace: String, message: String, data: JSONObject
    ) -> [UInt8] {
        var packet = begin(Kind.connectError, namespace)
        packet.append("{\"message\":")
        packet.appendJSON(message)
        packet.append(",\"data\":")
        packet.appendJSON(data)
        packet.append("}")
        return packet
    }

    /// `41`, `41/admin,`: a client leaves a namespace, and does not come back by itself.
    package static func disconnect(_ namespace: String) -> [UInt8] {
        begin(Kind.disconnect, namespace)
    }

    /// `42["name",{…}]`.
    ///
    /// - Parameter argument: a JSON text.
    package static func event(
        _ namespace: String, _ name: String, argument: Span<UInt8>
    ) -> [UInt8] {
        var packet = begin(Kind.event, namespace)
        packet.append("[")
        packet.appendJSON(name)
        packet.append(",")
        packet.append(copying: argument)
        packet.append("]")
        return packet
    }

    private static func begin(_ kind: UInt8, _ namespace: String) -> [UInt8] {
        var packet = [EnginePacket.Kind.message.rawValue, kind]
        if namespace != ConnectPacket.mainNamespace {
            packet.append(namespace)
            packet.append(",")
        }
        return packet
    }
}
