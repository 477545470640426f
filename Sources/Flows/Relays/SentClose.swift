import WebSocket

/// The close frame of one side of a WebSocket that went on to the other side.
struct SentClose {
    enum Sender {
        case client
        case upstream
        /// The gateway, to the upstream, in place of a client that broke a rule.
        case gateway
    }

    let sender: Sender
    /// What was sent; nil for the gateway's own.
    let frame: ControlFrame?

    /// The code, for the log.
    var word: String? { frame.map { String($0.closeCode ?? 1005) } }
}
