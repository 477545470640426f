internal import Clock
internal import Endings
internal import Entry
internal import HTTP
internal import Identity
internal import JSON
internal import Settings
internal import SocketIO
internal import Transport

/// The text messages in front of a close frame of ours, which say to the client's program, and to
/// its person, what the code means: a JSON object where that is read, packets of Socket.IO where
/// that is spoken, whose clients would take anything else for broken.
struct LastWords {
    let context: RequestContext

    /// To a WebSocket that was refused.
    ///
    /// - Parameter session: the name of a session of Engine.IO that is opened for that.
    func messages(
        of refusal: Refusal, to head: RequestHead, session: @autoclosure () -> String
    ) -> [[UInt8]] {
        let object = refusal.notice?.object
        if context.speaksSocketIO {
            guard refusal.reason.isFinal else { return [] }
            return connectError(
                refusal.message, refusal.detail, refusal.reason, object: object,
                session: session)
        }
        guard context.explains(refusal.reason, to: head) else { return [] }
        return [object ?? ControlReply.error(refusal, at: SystemClock.wallTime()).octets]
    }

    /// To a WebSocket that ends by rule before its app has heard of it; `session` as above.
    func messages(of end: StreamEnding, session: @autoclosure () -> String) -> [[UInt8]] {
        if context.speaksSocketIO {
            guard end.comingBack == .never else { return [] }
            let text = end.message.flatMap(Self.members)?["message"]?.string
            return connectError(
                text ?? end.reason.rawValue, end.detail, end.reason, object: end.message,
                session: session)
        }
        guard let message = end.message, context.explains(end.reason) else { return [] }
        return [message]
    }

    /// Where the session of Engine.IO is not open yet, it is opened first. A client that has asked
    /// for nothing in a session that is cannot be refused it.
    ///
    /// - Parameter object: what others are told in JSON.
    private func connectError(
        _ message: String, _ detail: String?, _ reason: EndReason, object: [UInt8]?,
        session: () -> String
    ) -> [[UInt8]] {
        var data = object.flatMap(Self.members) ?? JSONObject()
        data["reason"] = .string(detail ?? reason.rawValue)
        data["code"] = .number(JSONNumber(Int64(reason.closeCode)))
        var packets: [[UInt8]] = []
        var namespace = ConnectPacket.mainNamespace
        if let opened = context.opened {
            guard let engine = opened.engine, engine.hasAsked else { return [] }
            namespace = engine.namespace
        } else if let settings = context.routeSettings, let spoken = settings.socketIO {
            let opening = OpenPacket(spoken, session: session())
            packets.append(opening.message(maxPayload: settings.messageSize))
        }
        packets.append(SocketPacket.connectError(namespace, message: message, data: data))
        return packets
    }

    private static func members(_ object: [UInt8]) -> JSONObject? {
        (try? JSONValue.decode(object.span))?.object
    }
}

extension EndReason {
    /// Whoever comes again unchanged meets the same: a client of Socket.IO is told not to. All
    /// others come back by themselves when their connection ends.
    var isFinal: Bool {
        switch self {
        case .protocolError, .invalidPayload, .policy, .tooBig: true
        case .normal, .clientGone, .upstreamClosed, .internalError, .upstreamUnavailable,
            .draining, .overloaded, .rateLimited, .slowConsumer, .unauthenticated, .forbidden,
            .connectionRejected, .forceDisconnect, .replaced, .timeout:
            isAboutClient
        }
    }
}

extension EngineHandshake {
    /// By the target of a request, as its client wrote it.
    init(_ head: RequestHead) {
        let query = head.targetText.split(separator: "?", maxSplits: 1).dropFirst().first
        self.init(QueryString(query.map { String($0.prefix { $0 != "#" }) } ?? ""))
    }
}
