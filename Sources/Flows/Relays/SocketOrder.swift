package import Endings
package import Identity
package import Settings
package import SocketIO

/// What a `WebSocketFlow` wants done, in this order and behind everything that it has answered
/// before.
package enum SocketOrder: Sendable, Equatable {
    case toClient(OwnFrame)
    /// With a fresh masking key.
    case toUpstream(OwnFrame)
    /// The upstream's connection is of no more use; the socket lives on until its client closes.
    case closeUpstream
    /// The client broke the rules and is not listened to any more; it may go on sending.
    case ignoreClient
    /// Input is held; ask `takeHeld` in a later turn. Light input cannot inflate to much.
    case resumeLater(isLight: Bool)
    /// The client brings a new token.
    case refresh(Secret)
    /// The client said something to the gateway that is no request: it is told why (`say`).
    case refuse(ControlError)
    /// The end of the token, or what leads up to it, is due: judge it, and tell when the next is.
    case judgeToken
    /// The client was asked whether it is there, and is.
    case clientIsThere
    /// The client that was asked has acknowledged nothing for so long that nothing will come.
    case clientIsSilent
    /// The app has a session of Engine.IO: it hears the client's first message.
    case sendFirstMessage(EngineSession.Handover)
    /// A full queue was not taken fast enough, which ends the socket.
    case countSlowClient
    /// Everything is over; the last order.
    case end(SocketEnd)
}

/// How a WebSocket was ended.
package struct SocketEnd: Sendable, Equatable {
    /// What becomes of the client's connection. The upstream's is closed always.
    package enum Client: Sendable {
        /// The client is gone, or has finished sending.
        case close
        /// The client is sent what waits for it, and then the end.
        case finish
        /// As `finish`, but it has had time enough to take what waits.
        case finishSoon
        /// The client was sent a close frame, and its own is waited for (`ClosingSocket`).
        case awaitClose
    }

    package let reason: EndReason
    /// A finer word for the log.
    package let detail: String?
    package let client: Client
}

/// Orders in the order they were given. Holds no memory while there are none.
struct SocketOrders {
    private var waiting: [SocketOrder] = []
    private var taken = 0

    var isEmpty: Bool { waiting.isEmpty }

    mutating func give(_ order: SocketOrder) { waiting.append(order) }

    mutating func take() -> SocketOrder? {
        if waiting.isEmpty { return nil }
        let order = waiting[taken]
        taken += 1
        if taken == waiting.count {
            waiting = []
            taken = 0
        }
        return order
    }
}
