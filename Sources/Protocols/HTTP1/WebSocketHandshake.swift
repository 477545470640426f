import Bytes
package import HTTP

/// What RFC 6455 §4.2.1 asks of the request that opens a WebSocket.
extension RequestHead {
    /// True when the request asks to become a WebSocket; whether it asks properly, `webSocketKey()`
    /// tells. Any other request that names an upgrade is a plain one (RFC 9110 §7.8).
    package var upgradesToWebSocket: Bool {
        method == .get && minorVersion == 1 && fields.contains(.upgrade)
            && fields.list(.connection, contains: "upgrade")
            && fields.list(.upgrade, contains: "websocket")
    }

    /// Where `Sec-WebSocket-Key` is in `fields.bytes`, for a request that `upgradesToWebSocket`.
    ///
    /// Throws `unsupportedWebSocketVersion` for any version but 13, and
    /// `malformedWebSocketHandshake` when there is not exactly one key, when the key is not the
    /// Base64 of 16 octets, or when the request has a body.
    package func webSocketKey() throws(HeadError) -> Range<Int> {
        let span = fields.bytes.span
        guard fields.count(of: .secWebSocketVersion) == 1,
            let version = fields.range(of: .secWebSocketVersion),
            span.extracting(version).matches("13")
        else { throw .unsupportedWebSocketVersion }
        guard fields.count(of: .secWebSocketKey) == 1,
            let key = fields.range(of: .secWebSocketKey), key.count == 24,
            Base64.decode(span.extracting(key))?.count == 16
        else { throw .malformedWebSocketHandshake }
        switch try bodyFraming() {
        case .none, .length(0): return key
        case .length, .chunked, .untilClose: throw .malformedWebSocketHandshake
        }
    }
}
