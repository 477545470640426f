/// What a live connection is used for. The raw value is the word in the console, the history and
/// labels of metrics.
package enum LiveTransport: String, Sendable, CaseIterable {
    case webSocket = "websocket"
    case eventStream = "event_stream"
    /// A download that goes on for as long as it likes, such as a completion of a language model.
    /// It never has a seat, and is finished whatever becomes of its token.
    case stream

    /// The transports that a `sessions` block may count.
    package static let counted: [LiveTransport] = [.webSocket, .eventStream]

    /// Ends with the token that let it in.
    package var endsWithToken: Bool { self != .stream }
}
