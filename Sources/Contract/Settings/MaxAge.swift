/// `max_age DURATION [jitter PERCENT]`: how long a WebSocket, an event stream or a download lasts.
/// Those that began together do not end together: each ends earlier by a part of its own.
package struct MaxAge: Sendable, Hashable {
    /// Nothing lasts longer.
    package var limit: Duration
    /// By how much one may end earlier, at most: 0 to 100.
    package var jitterPercent: Int

    package static let usualJitter = 10

    package init(limit: Duration, jitterPercent: Int = usualJitter) {
        self.limit = limit
        self.jitterPercent = jitterPercent
    }

    /// By how much one may end earlier.
    package var jitter: Duration { limit / 100 * jitterPercent }
}
