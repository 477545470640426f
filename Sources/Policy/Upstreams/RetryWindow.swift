import Clock
import Settings

/// How many further attempts a group has made in the last ten seconds, and whether another one is
/// within its budget: retries that pile up on servers in trouble keep them there.
///
/// Requests are counted by whoever makes them; this looks at the count once a second.
struct RetryWindow: Sendable {
    /// How far it looks back, in slices of one second.
    static let slices = 10

    private struct Slice: Sendable {
        let begin: Instant
        /// The count of requests when it began.
        let requests: Int
        var retries = 0
    }

    /// The eldest first; one a second in which something happened.
    private var past: [Slice] = []

    /// When the count of requests is to be looked at again.
    private(set) var nextLook = Instant(nanoseconds: .min)

    /// - Parameter requests: how many there were until now.
    mutating func look(at now: Instant, requests: Int) {
        guard now >= nextLook else { return }
        nextLook = now + .seconds(1)
        past.append(Slice(begin: now, requests: requests))
        // What a slice counts was within a second of its beginning: the next request would have
        // begun another one.
        past.removeAll { now - $0.begin > .seconds(Self.slices) }
    }

    /// A request is tried once more, if that is within the budget.
    mutating func take(_ budget: GroupBounds.RetryBudget, at now: Instant, requests: Int) -> Bool {
        look(at: now, requests: requests)
        let retries = past.reduce(0) { $0 + $1.retries }
        let recent = requests - (past.first?.requests ?? requests)
        // The request that asks counts, too, whenever the look was.
        guard retries < max(budget.floor, max(1, recent) * budget.percent / 100) else {
            return false
        }
        past[past.count - 1].retries += 1
        return true
    }
}
