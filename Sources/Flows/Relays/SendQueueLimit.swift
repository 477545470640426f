package import Clock
package import Settings

/// How much may wait for a client that reads slower than its upstream writes, and how slowly it may
/// take a full queue: `send_queue` and `slow`, of WebSockets and event streams.
///
/// The stream itself holds the octets; this knows whether they are too many, and has a clock that
/// runs until they are down to half. What the client's system acknowledges moves the clock, not how
/// full the queue is: behind it the kernel holds megabytes, which a client that reads steadily may
/// take minutes for. The clock is one for as long as the connection lives: a client that takes a
/// lot at once has saved up time for the pause behind that.
///
///     roomy --full--> full, clock runs --half--> roomy      full --too slow--> cut
package struct SendQueueLimit: Sendable {
    /// Looks at what was acknowledged, within the patience.
    private static let looks = 8

    let size: SendQueueSize
    /// Nil for `slow wait`; runs while the queue is full.
    private var clock: ProgressClock?

    package init(_ settings: RouteSettings) {
        size = SendQueueSize(octets: settings.sendQueueSize)
        guard case .cut(let rate) = settings.slowClient else { return }
        clock = ProgressClock(
            octetsPerSecond: rate.octetsPerSecond, patience: rate.patience,
            most: rate.savedPatience, count: 0, looks: Self.looks)
    }

    /// The upstream may be read from.
    package func hasRoom(behind pending: Int) -> Bool { size.hasRoom(behind: pending) }

    /// More waits for the client now.
    ///
    /// - Returns: when the queue is to be judged, if the clock starts by it.
    package mutating func grew(to pending: Int, now: Instant) -> Instant? {
        guard clock?.isRunning == false, !hasRoom(behind: pending) else { return nil }
        return clock?.resume(at: now)
    }

    /// The client took something. True when the upstream may be read from again.
    package mutating func shrank(to pending: Int, now: Instant) -> Bool {
        guard pending <= size.octets / 2 else { return false }
        clock?.restore(at: now)
        return true
    }

    /// - Parameter taken: octets that the client has acknowledged since its connection was opened.
    /// - Returns: nil when the queue is not full any more.
    package mutating func judge(
        taken: @autoclosure () -> Int64, now: Instant
    ) -> ProgressClock.Verdict? {
        guard clock?.isRunning == true else { return nil }
        return clock?.judge(count: taken(), at: now)
    }
}

/// How much may wait for a client.
struct SendQueueSize: Sendable {
    let octets: Int

    func hasRoom(behind pending: Int) -> Bool { pending < octets }
}

extension LeastRate {
    /// What a client that took a lot at once may pause for at most: a multiple of the patience.
    private static let savings = 6

    /// How long a client may pause that has taken enough before.
    package var savedPatience: Duration { patience * Self.savings }
}
