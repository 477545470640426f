internal import Clock
internal import Transport

/// Whether a client is there that cannot answer: it has to take something, which its system
/// acknowledges.
struct AcknowledgementProbe {
    enum Outcome {
        case isThere
        /// For so long that it is not looked for any more.
        case isSilent
    }

    /// How often, and for how long, an acknowledgement is looked for.
    static let interval: Duration = .milliseconds(100)
    private static let timeout: Duration = .seconds(30)

    private let since: Instant
    private let acknowledgedCount: Int64

    /// Begins before anything is sent that is to be acknowledged.
    init(of stream: Stream, now: Instant) {
        since = now
        acknowledgedCount = stream.acknowledgedCount
    }

    /// nil while it is not known.
    func outcome(of stream: Stream, now: Instant) -> Outcome? {
        if stream.hasAcknowledged(since: acknowledgedCount) { return .isThere }
        return now - since > Self.timeout ? .isSilent : nil
    }
}
