package import Routing
package import Sessions

/// What kinds of requests are to operators.
extension RequestKind {
    /// As what it lives from the moment it was let in; nil where its response has yet to say
    /// whether it is anything that lasts.
    package var transport: LiveTransport? {
        switch self {
        case .webSocket: .webSocket
        case .events: .eventStream
        case .stream: .stream
        case .undeclared, .plain: nil
        }
    }

    /// The response is a download, of whatever type it is: never written into.
    package var isDownload: Bool {
        switch self {
        case .stream, .plain: true
        case .webSocket, .events, .undeclared: false
        }
    }
}
