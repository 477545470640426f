internal import Routing
internal import Sessions

/// What kinds of requests are to operators.
extension RequestKind {
    /// As what it lives from the moment it was let in; nil where its response has yet to say
    /// whether it is anything that lasts.
    var transport: LiveTransport? {
        switch self {
        case .webSocket: .webSocket
        case .events: .eventStream
        case .stream: .stream
        case .undeclared, .plain: nil
        }
    }

    /// Its response is a download, of whatever type it is: never written into.
    var isDownload: Bool {
        switch self {
        case .stream, .plain: true
        case .webSocket, .events, .undeclared: false
        }
    }
}
