package import HTTP

extension ExtensionList {
    /// All lines of `Sec-WebSocket-Extensions`, which make one list.
    package init(_ fields: Fields) throws(HandshakeError) {
        self.init()
        for line in fields.lines where line.known == .secWebSocketExtensions {
            try read(fields.bytes.span.extracting(line.value))
        }
    }
}
