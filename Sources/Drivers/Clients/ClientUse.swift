package import Settings

/// What goes on for a client, as far as its connection has to know.
package enum ClientUse {
    /// No request is at hand.
    case nothing
    /// What comes is kept, so that a client that leaves is noticed: something is waited for.
    case waiting
    /// A request and its response.
    ///
    /// - Parameter wantsInput: its body is read.
    case request(wantsInput: Bool)
    /// A WebSocket.
    case frames(wantsInput: Bool)

    /// A request has a body; a WebSocket has none.
    var mayHaveBody: Bool { if case .frames = self { false } else { true } }
}

/// What is expected of a client besides.
package struct ClientDuty {
    /// What is said of the WebSocket or event stream that the connection carries.
    package var slow: RouteSettings.SlowClient?
    /// A body is read, and the one who takes it has room.
    package var body: BodyPart?
    /// The client may be asked whether it is there.
    package var mayBeAsked = false

    package enum BodyPart {
        case wanted
        /// The upstream has no room for it, or is not there yet.
        case heldBack
    }

    package init() {}
}
