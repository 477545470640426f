internal import Clock
internal import Settings

/// How much may wait for a client that reads slower than its upstream writes, and for how long it
/// may leave a full queue as it is: `send_queue` and `slow`, of WebSockets and event streams.
///
/// The stream itself holds the octets; this knows since when they have been too many.
struct SendQueue {
    private let size: Int
    /// Nil for `slow wait`.
    private let patience: Duration?
    private var fullSince: Instant?

    init(_ settings: RouteSettings) {
        size = settings.sendQueueSize
        patience = if case .cut(let patience) = settings.slowClient { patience } else { nil }
    }

    /// The upstream may be read from.
    func hasRoom(behind pending: Int) -> Bool { pending < size }

    /// More waits for the client now. True when that is too much, and the clock starts.
    mutating func grew(to pending: Int, now: Instant) -> Bool {
        guard patience != nil, fullSince == nil, pending >= size else { return false }
        fullSince = now
        return true
    }

    /// The client took something. True when the upstream may be read from again.
    mutating func shrank(to pending: Int) -> Bool {
        guard pending <= size / 2 else { return false }
        fullSince = nil
        return pending <= Flow.lowWater
    }

    /// When the client is cut unless it has taken half of it by then.
    var deadline: Instant {
        guard let fullSince, let patience else { return .never }
        return fullSince + patience
    }
}
