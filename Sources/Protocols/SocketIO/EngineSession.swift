import Bytes
package import Clock

/// A session of Engine.IO that was opened for an app, because the client has to say first who it is
/// and says nothing before a session is open. When the app opens one of its own, that takes its
/// place: the client never hears of the second.
///
///     greeting --the client asks for a namespace--> waiting --the app opens a session--> joined
///
/// While it is not joined the client is pinged here. What a client answers to those pings the app
/// never asked for, and does not hear.
package struct EngineSession: Sendable {
    /// What a client says before it was let in.
    package enum Request: Sendable, Equatable {
        /// Nothing that has to be answered: it is there.
        case sign
        case goodbye
        case connect(ConnectPacket)
    }

    /// What becomes of the heartbeat when the app takes over.
    package struct Handover: Sendable, Equatable {
        /// What the app says itself.
        package let times: EngineTimes
        /// The client has to be pinged once more (`ping`): it might not hear the app's first ping
        /// in time.
        package let needsPing: Bool
        /// The app pings so seldom that the client will take the connection for dead.
        package let isTooSlow: Bool
    }

    private enum State {
        case greeting
        case waiting
        case joined
    }

    package let opening: OpenPacket
    private var state = State.greeting
    /// The namespace that the client asked for; the main one before.
    package private(set) var namespace = ConnectPacket.mainNamespace
    /// When the last ping was sent; at first, the open packet.
    private var lastPing: Instant
    private var unansweredPings = 0

    /// - Parameter now: when the client is sent `opening`.
    package init(_ opening: OpenPacket, now: Instant) {
        self.opening = opening
        lastPing = now
    }

    /// The client has asked for a namespace.
    package var hasAsked: Bool {
        switch state {
        case .greeting: false
        case .waiting, .joined: true
        }
    }

    /// The app has still to open a session.
    package var awaitsApp: Bool {
        switch state {
        case .greeting, .waiting: true
        case .joined: false
        }
    }

    /// When the client is to be pinged next; nil when the app does that.
    package var nextPing: Instant? { awaitsApp ? lastPing + opening.times.pingInterval : nil }

    /// The client is sent what this answers.
    package mutating func ping(at now: Instant) -> [UInt8] {
        lastPing = now
        unansweredPings += 1
        return EnginePacket.bare(.ping)
    }

    /// The client said something before it was let in.
    package mutating func clientSaid(
        _ message: Span<UInt8>, isText: Bool
    ) throws(PacketError) -> Request {
        let packet = try EnginePacket(message, isText: isText)
        switch packet.kind {
        case .pong:
            unansweredPings = max(0, unansweredPings - 1)
            return .sign
        case .noop: return .sign
        case .close: return .goodbye
        case .message:
            let connect = try ConnectPacket(packet, of: message)
            namespace = connect.namespace
            state = .waiting
            return .connect(connect)
        case .open, .ping, .upgrade: throw .engine
        }
    }

    /// True when a message of a client that was let in answers a ping from here: it is not the
    /// app's.
    package mutating func takesPong(_ message: Span<UInt8>) -> Bool {
        guard unansweredPings > 0, message.count == 1,
            message[0] == EnginePacket.Kind.pong.rawValue
        else { return false }
        unansweredPings -= 1
        return true
    }

    /// The first message of the app's, which has to be its open packet.
    package mutating func appSaid(
        _ message: Span<UInt8>, isText: Bool, now: Instant
    ) throws(PacketError) -> Handover {
        let times = try OpenPacket(message, isText: isText).times
        state = .joined
        let told = opening.times
        // Half of what the client allows for an answer is left for the way.
        let latest = lastPing + (told.patience - told.pingTimeout / 2)
        return Handover(
            times: times, needsPing: now + times.pingInterval > latest,
            isTooSlow: times.pingInterval >= told.patience)
    }
}
