package import Clock

/// Requests of one worker that wait for a server of one group, none of which can be reached. It has
/// no clock and no socket: its owner reports what becomes of attempts, asks `timePassed` when
/// `nextDue` has come, and makes an attempt for every request that is handed out.
///
///     away --probe is handed out--> probed --it failed--> away, for longer
/// away, probed --a server was reached, by any request--> opening --all are handed out--> empty
///     opening --an attempt failed--> away
///
/// While the servers are away one request at a time tries, so that a server that is about to come
/// back is not kept busy by refusing; when it is back the others follow in growing groups.
package struct WaitingRoom: Sendable {
    /// The pause in front of the first probe; each is twice the one before.
    package static let firstPause: Duration = .milliseconds(100)
    package static let longestPause: Duration = .seconds(1)
    /// How often a group is let go while the room opens, and how large the first and the largest
    /// are.
    package static let step: Duration = .milliseconds(100)
    package static let firstGroup = 4
    package static let largestGroup = 256

    private enum State: Sendable {
        /// The next probe is due at `next`; `pause` is the one in front of it.
        case away(next: Instant, pause: Duration)
        /// One request tries.
        case probed(UInt64, pause: Duration)
        /// The next group, of so many at most, is due at `next`.
        case opening(next: Instant, size: Int)
    }

    private var state: State
    /// In the order they came, those who have left included.
    private var order: [(waiter: UInt64, ticket: UInt64)] = []
    private var first = 0
    /// The tickets of the requests that wait, in order.
    private var tickets: [UInt64: UInt64] = [:]
    private var lastTicket: UInt64 = 0

    /// An attempt has failed just now.
    ///
    /// - Parameter jitter: 0 to 1, so that workers do not all probe at once.
    package init(now: Instant, jitter: Double) {
        state = .away(next: now + Self.firstPause * (0.5 + jitter), pause: Self.firstPause)
    }

    /// How many wait, without those who were handed out.
    package var count: Int { tickets.count }

    /// True when no request waits and none probes: there is nothing left to decide.
    package var isIdle: Bool {
        if case .probed = state { return false }
        return tickets.isEmpty
    }

    /// A server was reached: who waits still is only let go little by little.
    package var isOpening: Bool { if case .opening = state { true } else { false } }

    /// When `timePassed` has something to hand out; nil while a probe is under way.
    package var nextDue: Instant? {
        switch state {
        case .away(let next, _): next
        case .probed: nil
        case .opening(let next, _): next
        }
    }

    // MARK: Who waits

    /// The request waits from now on. To be called behind `failed` when it was handed out before.
    package mutating func enter(_ waiter: UInt64) {
        lastTicket += 1
        tickets[waiter] = lastTicket
        order.append((waiter, lastTicket))
    }

    /// The request does not wait any more, or will not say what came of its attempt.
    package mutating func leave(_ waiter: UInt64, now: Instant) {
        tickets[waiter] = nil
        if case .probed(waiter, let pause) = state {
            // The next request may try at once: nothing is known yet.
            state = .away(next: now, pause: pause)
        }
    }

    /// Hands out the next `count` requests, the eldest first.
    private mutating func take(_ count: Int) -> [UInt64] {
        var taken: [UInt64] = []
        while taken.count < count, first < order.count {
            let (waiter, ticket) = order[first]
            first += 1
            guard tickets[waiter] == ticket else { continue }
            tickets[waiter] = nil
            taken.append(waiter)
        }
        // What is behind is let go of now and then, so that this costs nothing a request.
        if first > 64, first * 2 > order.count {
            order.removeFirst(first)
            first = 0
        }
        return taken
    }

    // MARK: What is found out

    /// A server of the group was reached.
    package mutating func reached(now: Instant) {
        if case .opening = state { return }
        state = .opening(next: now, size: Self.firstGroup)
    }

    /// The attempt of this request failed, at every server that it may try.
    package mutating func failed(_ waiter: UInt64, now: Instant, jitter: Double) {
        switch state {
        case .probed(waiter, let pause):
            let next = min(pause * 2, Self.longestPause)
            state = .away(next: now + next * (0.5 + jitter / 2), pause: next)
        case .opening:
            state = .away(
                next: now + Self.firstPause * (0.5 + jitter), pause: Self.firstPause)
        // The turn was given before the servers went away once more.
        case .away, .probed: break
        }
    }

    /// The group has other servers from now on: nothing is known of them.
    package mutating func serversChanged(now: Instant) {
        switch state {
        case .away, .probed: state = .away(next: now, pause: Self.firstPause)
        case .opening: break
        }
    }

    /// The requests that are to try now: a probe, or a group of those who follow.
    ///
    /// - Parameter isReachable: some server of the group works as far as is known, be it that
    ///   another worker reached it.
    package mutating func timePassed(to now: Instant, isReachable: Bool) -> [UInt64] {
        guard let nextDue, now >= nextDue else { return [] }
        // What another worker has found out need not be tried here.
        if isReachable { reached(now: now) }
        switch state {
        case .away(_, let pause):
            guard let probe = take(1).first else { return [] }
            state = .probed(probe, pause: pause)
            return [probe]
        case .probed: return []
        case .opening(_, let size):
            let group = take(size)
            state = .opening(next: now + Self.step, size: min(size * 2, Self.largestGroup))
            return group
        }
    }
}
