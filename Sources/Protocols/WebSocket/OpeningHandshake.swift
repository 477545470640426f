import Bytes
package import HTTP
import HTTP1

/// The opening handshake of a WebSocket (RFC 6455 §4): a request that asks for one properly, and
/// what answers it.
package struct OpeningHandshake: Sendable {
    /// What the value of `Sec-WebSocket-Accept` is made of: the key and the GUID of §1.3, whose
    /// SHA-1 `accept(digest:)` takes.
    package let acceptInput: [UInt8]

    /// - Parameter head: of a request that `upgradesToWebSocket`.
    /// - Throws: `unsupportedVersion` for any version but 13, and `malformedRequest` when there is
    ///   not exactly one key, when the key is not the Base64 of 16 octets, or when the request has
    ///   a body.
    package init(_ head: RequestHead) throws(HandshakeError) {
        let fields = head.fields
        let octets = fields.bytes.span
        guard fields.count(of: .secWebSocketVersion) == 1,
            let version = fields.range(of: .secWebSocketVersion),
            octets.extracting(version).matches("13")
        else { throw .unsupportedVersion }
        guard fields.count(of: .secWebSocketKey) == 1,
            let key = fields.range(of: .secWebSocketKey), key.count == Self.keySize,
            Base64.decode(octets.extracting(key))?.count == 16, Self.hasNoBody(head)
        else { throw .malformedRequest }
        var input: [UInt8] = []
        input.reserveCapacity(Self.keySize + Self.identifier.utf8.count)
        input.append(copying: octets.extracting(key))
        input.append(Self.identifier)
        acceptInput = input
    }

    /// Octets of Base64 for 16 octets.
    private static let keySize = 24
    private static let identifier = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    private static func hasNoBody(_ head: RequestHead) -> Bool {
        do throws(HeadError) {
            let framing = try head.bodyFraming()
            return framing == .none || framing == .length(0)
        } catch {
            return false
        }
    }

    /// The value of `Sec-WebSocket-Accept` (§4.2.2).
    ///
    /// - Parameter digest: the SHA-1 of `acceptInput`.
    package static func accept(digest: Span<UInt8>) -> [UInt8] { Base64.encode(digest) }

    /// Writes what a 101 says of the WebSocket, but for `Connection` and what was agreed on beside
    /// the subprotocol.
    package static func appendFields(
        accept: Span<UInt8>, subprotocol: String?, to output: inout [UInt8]
    ) {
        HeadEncoder.appendField(name: "Upgrade", value: "websocket", to: &output)
        HeadEncoder.appendField(name: "Sec-WebSocket-Accept", value: accept, to: &output)
        if let subprotocol {
            HeadEncoder.appendField(
                name: "Sec-WebSocket-Protocol", value: subprotocol, to: &output)
        }
    }

    /// What the client of a server asks of its 101 (§4.1); whether the subprotocol and extensions
    /// are among those that were offered, is not asked here.
    ///
    /// - Parameter accept: what the server has to say by the key that it was sent.
    package static func isCompleted(by head: ResponseHead, accept: Span<UInt8>) -> Bool {
        let fields = head.fields
        guard head.status == 101, fields.list(.upgrade, contains: "websocket"),
            fields.list(.connection, contains: "upgrade"),
            fields.count(of: .secWebSocketAccept) == 1,
            fields.count(of: .secWebSocketProtocol) <= 1,
            let answered = fields.range(of: .secWebSocketAccept)
        else { return false }
        return fields.bytes.span.extracting(answered).matches(accept)
    }
}

extension RequestHead {
    /// True when the request asks to become a WebSocket; whether it asks properly,
    /// `OpeningHandshake` tells. Any other request that names an upgrade is a plain one (RFC 9110
    /// §7.8).
    package var upgradesToWebSocket: Bool {
        method == .get && minorVersion == 1 && fields.contains(.upgrade)
            && fields.list(.connection, contains: "upgrade")
            && fields.list(.upgrade, contains: "websocket")
    }
}
