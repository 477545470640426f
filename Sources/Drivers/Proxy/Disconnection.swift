internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import Sessions
internal import Settings

/// How a live connection is ended by rule.
struct Disconnection {
    var cause: DisconnectCause
    /// A finer word than the cause.
    var detail: String?
    var limit: SessionSettings.Limit?
    /// What the person is told instead of the usual text.
    var message: String?
    var reconnect = Reconnect.no

    fileprivate static let standardMessages = SessionMessages()

    init(_ cause: DisconnectCause, detail: String? = nil) {
        self.cause = cause
        self.detail = detail
        // With a new token, in a cookie perhaps, it may come back.
        if cause == .tokenExpired { reconnect = .yes }
    }

    /// - Parameter milliseconds: when one that may come back shall.
    init(_ ending: Ending, comingBackIn milliseconds: Int) {
        cause = ending.cause
        limit = ending.limit
        message = ending.message
        reconnect = ending.reconnect
        // The close code says not to come back: only the message can say that it is welcome.
        if cause == .kicked, reconnect == .yes {
            reconnect = .after(.milliseconds(milliseconds))
        }
    }

    /// For the log and the close reason.
    var word: String { detail ?? cause.rawValue }

    /// What the client of a download is told when nothing of it was sent yet. Libraries repeat what
    /// is answered with 503, and not what is answered with 403.
    var refusal: Refusal {
        let message = message ?? "The request was ended by an operator"
        let seconds: Int?
        switch reconnect {
        case .no: seconds = nil
        case .yes: seconds = 1
        case .after(let delay): seconds = Int(clamping: delay.components.seconds)
        }
        return Refusal(
            cause.reason, status: seconds == nil ? 403 : 503, detail: word, message: message,
            retryAfterSeconds: seconds)
    }

    /// What an EventSource is told to wait.
    func comingBack(in milliseconds: Int) -> StreamEnding.Return {
        switch reconnect {
        case .no: .never
        case .yes: .after(milliseconds: milliseconds)
        case .after(let delay): .after(milliseconds: Int(clamping: delay.wholeMilliseconds))
        }
    }
}

extension Reconnect {
    fileprivate var delay: Duration? { if case .after(let delay) = self { delay } else { nil } }
}

extension RequestContext {
    /// The object that says why a live connection ends, in the client's language.
    func disconnection(_ end: Disconnection) -> [UInt8] {
        let messages =
            session.map { generation.rules.sessionBlocks[$0.block].messages }
            ?? Disconnection.standardMessages
        return messages.forceDisconnect(
            end.cause,
            SessionMessages.Values(
                limit: end.limit, store: session?.store, device: session?.client?.text),
            message: end.message, retry: end.reconnect.delay, for: found.languages)
    }

    /// As `disconnection`, for an end by `draining`; only those with a session are told.
    func drainMessage(comingBackIn milliseconds: Int) -> [UInt8]? {
        if session == nil { return nil }
        var end = Disconnection(.draining)
        end.reconnect = .after(.milliseconds(milliseconds))
        return disconnection(end)
    }
}
