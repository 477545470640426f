internal import Bytes
package import HTTP
package import HTTP1
package import Transport

/// What happens to a client's connection.
package enum ClientEvent {
    /// A request's head is whole.
    case head(RequestHead, BodyFraming)
    /// What comes cannot be read as a request, and is to be answered.
    case unreadable(RequestError)
    /// Nothing, or a part of a head, has come in time, and an answer can say so.
    case headTimedOut
    /// Octets came that are for the request at hand (`ClientProgress`).
    case octets
    /// What waited to be sent was taken, or some of it.
    case drained
    /// The client finished sending, and all that came before was received.
    case inputEnded
    /// The client finished sending behind octets that are not read yet.
    case finishedUnread
    /// The client does not keep `body_rate`.
    case sendsTooSlowly
    /// The client does not keep `response_rate`.
    case takesTooSlowly
    /// What the request at hand has set a timer for is due.
    case due(ClientTimer)
    /// A trusted proxy has said whom it speaks for: `admitted` is to be told.
    case proxied(ConnectionOrigin)
    /// What a trusted proxy says first is no PROXY header, and the connection worth nothing.
    case withoutHeader(String)
    /// A client speaks HTTP where TLS is spoken.
    case plainHTTP
    /// The connection is broken.
    case lost
    /// The connection is over, and is to be closed.
    case over(reset: Bool)
}

/// The connection is over, and is to be closed.
package struct ClientEnd {
    /// The client shall see that something is missing.
    package let reset: Bool

    var event: ClientEvent { .over(reset: reset) }
}

/// What is due by itself, whatever else is.
package enum ClientTimer: Int, CaseIterable, Sendable {
    /// What the connection waits for, or the request at hand: a handshake, a head, the next
    /// request, keys, a server, a close.
    case phase
    /// A server whose queue was full is asked for a connection once more.
    case connect
    /// The client sends the body of its request fast enough.
    case sending
    /// A client that is not read from is asked whether it has left.
    case asking
    /// The client takes what waits for it fast enough.
    case taking
    /// Something is due for the WebSocket or event stream that the connection carries, or for
    /// the token of one that has still to begin.
    case flow
    /// A session of Engine.IO is kept alive that its app has still to open.
    case heartbeat
    /// The WebSocket, event stream or download has lasted as long as it may.
    case age
}

/// What is still to be looked after of what the poller said of a connection, and the octets that
/// came and were not used: they stand in the loop's buffer, or were held before.
package struct ClientProgress: ~Copyable {
    /// What the poller said, as far as it was not looked after.
    var readiness: Readiness
    /// Octets that were held; nil for those in the loop's buffer.
    package let held: [UInt8]?
    /// The first octet that was not used.
    package var index = 0
    var count = 0
    /// The end of the input came behind the octets.
    var hasEnd = false

    package init(_ readiness: Readiness) {
        self.readiness = readiness
        held = nil
    }

    /// Goes on with octets that were held.
    init(held octets: [UInt8]) {
        readiness = []
        count = octets.count
        held = octets
    }

    var hasInput: Bool { index < count }

    /// The octets stand in the loop's buffer.
    mutating func noteInput(_ count: Int) {
        index = 0
        self.count = count
    }

    /// The rest is thrown away.
    mutating func drop() { index = count }

    /// What was not used stands behind what is held already.
    mutating func rest(behind held: consuming [UInt8], from buffer: ReadBuffer) -> [UInt8] {
        var all = held
        if let octets = self.held {
            all.append(copying: octets.span.extracting(index..<octets.count))
        } else {
            all.append(copying: buffer.octets.extracting(index..<count))
        }
        drop()
        return all
    }

    mutating func takeEnd() -> Bool {
        defer { hasEnd = false }
        return hasEnd
    }

    mutating func takeWritable() -> Bool {
        guard readiness.isWritable else { return false }
        // Without the generic set algebra, which is not specialised across modules.
        readiness = Readiness(rawValue: readiness.rawValue & ~Readiness.writable.rawValue)
        return true
    }

    mutating func takeFinished() -> Bool {
        guard readiness.isFinished else { return false }
        readiness = Readiness(rawValue: readiness.rawValue & ~Readiness.finished.rawValue)
        return true
    }

    /// - Returns: whether the connection is broken; nil when there is nothing to be read.
    mutating func takeReadable() -> Bool? {
        guard readiness.isReadable || readiness.isBroken else { return nil }
        defer { readiness = Readiness(rawValue: readiness.rawValue & Readiness.finished.rawValue) }
        return readiness.isBroken
    }
}
