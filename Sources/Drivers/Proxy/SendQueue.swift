internal import Clock
internal import Settings

/// How much may wait for a client that reads slower than its upstream writes, and how slowly it may
/// take a full queue: `send_queue` and `slow`, of WebSockets and event streams.
///
/// The stream itself holds the octets; this knows whether they are too many, and has a clock that
/// runs until they are down to half. What the client's system acknowledges moves the clock, not how
/// full the queue is: behind it the kernel holds megabytes, which a client that reads steadily may
/// take minutes for.
///
///     roomy --full--> full, clock runs --half--> roomy      full --too slow--> cut
struct SendQueue {
    /// Looks at what was acknowledged, within the patience.
    private static let looks = 8

    private let size: Int
    /// Nil for `slow wait`.
    private let rate: LeastRate?
    /// Runs while the queue is full.
    private var clock: ProgressClock?

    init(_ settings: RouteSettings) {
        size = settings.sendQueueSize
        rate = if case .cut(let rate) = settings.slowClient { rate } else { nil }
    }

    /// The upstream may be read from.
    func hasRoom(behind pending: Int) -> Bool { pending < size }

    /// More waits for the client now.
    ///
    /// - Parameter taken: octets that the client has acknowledged; asked for when that is too much.
    /// - Returns: when the queue is to be judged, if the clock starts by it.
    mutating func grew(
        to pending: Int, taken: @autoclosure () -> Int64, now: Instant
    ) -> Instant? {
        guard let rate, clock == nil, pending >= size else { return nil }
        var started = ProgressClock(
            octetsPerSecond: rate.octetsPerSecond, patience: rate.patience, count: taken(),
            looks: Self.looks)
        let next = started.resume(at: now)
        clock = started
        return next
    }

    /// The client took something. True when the upstream may be read from again.
    mutating func shrank(to pending: Int) -> Bool {
        guard pending <= size / 2 else { return false }
        clock = nil
        return true
    }

    /// Nil when the queue is not full any more.
    mutating func judge(
        taken: @autoclosure () -> Int64, now: Instant
    ) -> ProgressClock.Verdict? {
        clock?.judge(count: taken(), at: now)
    }
}
