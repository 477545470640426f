package import Clock

/// What a client's system has acknowledged, as far as it can be told.
package struct Acknowledgements: Sendable, Hashable {
    /// Octets since the connection was opened; -1 when they cannot be asked for.
    package var count: Int64
    /// Octets that were handed to our system and are not acknowledged; -1 when that cannot be told.
    package var outstanding: Int

    package init(count: Int64, outstanding: Int) {
        self.count = count
        self.outstanding = outstanding
    }

    /// The client's system has taken something since `before`, or has nothing more to take; also
    /// true when it cannot be asked.
    ///
    /// That it answers is not enough: with no room left, the system of a process that was stopped
    /// goes on acknowledging what it has, whenever it is asked whether there is room (RFC 9293
    /// §3.8.6.1).
    package func showTaking(since before: Int64) -> Bool {
        outstanding == 0 || count < 0 || count > before
    }
}

/// Whether a client is there that cannot answer: it has to take something, which its system
/// acknowledges.
package struct AcknowledgementProbe: Sendable {
    package enum Outcome: Sendable, Hashable {
        case isThere
        /// For so long that it is not looked for any more.
        case isSilent
    }

    /// How often an acknowledgement is looked for.
    package static let interval: Duration = .milliseconds(100)
    /// For how long.
    private static let timeout: Duration = .seconds(30)

    private let since: Instant
    private let count: Int64

    /// Begins before anything is sent that is to be acknowledged.
    ///
    /// - Parameter count: octets that the client's system had acknowledged by then.
    package init(at now: Instant, acknowledged count: Int64) {
        since = now
        self.count = count
    }

    /// Nil while it is not known.
    package func outcome(_ acknowledgements: Acknowledgements, now: Instant) -> Outcome? {
        if acknowledgements.showTaking(since: count) { return .isThere }
        return now - since > Self.timeout ? .isSilent : nil
    }
}
