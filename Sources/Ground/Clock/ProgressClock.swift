/// Whether the other side of a connection moves octets at a least rate while it is its turn to.
///
/// The clock begins with time for `patience`. It runs while the other side is waited for, and every
/// octet buys the time that it may take at the least rate, until `most` is there: usually no more
/// than the patience. So who never moves is out of time after `patience`; who stops, when what it
/// has bought is used up, and one part of the patience later at the latest, since octets are
/// counted when the clock is asked; who is slower than the rate, the later the closer it comes to
/// it; and who keeps the rate over any span as long as `most`, never, however unevenly.
///
///     paused --resume--> running --pause--> paused
///     running --judge--> running | out of time
package struct ProgressClock: Sendable {
    package enum Verdict: Sendable, Equatable {
        case inTime(until: Instant)
        case tooSlow
    }

    private let octetsPerSecond: Int64
    /// In nanoseconds, as all times here.
    private let patience: Int64
    private let most: Int64
    /// Between two looks at what has moved.
    private let interval: Int64
    private var left: Int64
    /// The octets that had moved when that was last looked at.
    private var count: Int64
    private var since: Instant?

    /// A clock that is paused, with time for `patience`.
    ///
    /// - Parameter octetsPerSecond: the least rate; with 0 every octet gives back all the time, so
    ///   that only who stands still is too slow.
    /// - Parameter count: the octets that have moved by now.
    /// - Parameter most: what can be saved up; nil for as much as there is at the beginning.
    /// - Parameter looks: how often it wants to be asked within the patience: each part of it is
    ///   time that who stops may have more, and a look at the connection less.
    package init(
        octetsPerSecond: Int, patience: Duration, most: Duration? = nil, count: Int64,
        looks: Int = 1
    ) {
        self.octetsPerSecond = Int64(max(0, octetsPerSecond))
        self.patience = max(1, patience.wholeNanoseconds)
        left = self.patience
        self.most = max(left, most?.wholeNanoseconds ?? 0)
        interval = max(1, left / Int64(max(1, looks)))
        self.count = count
    }

    package var isRunning: Bool { since != nil }

    /// Starts the time of the other side: it is its turn now.
    /// - Returns: when the clock is to be asked, at the latest.
    package mutating func resume(at now: Instant) -> Instant {
        let start = since ?? now
        since = start
        return start + .nanoseconds(min(left, interval))
    }

    /// Stops the time of the other side: it is not waited for now.
    package mutating func pause(at now: Instant) {
        guard let start = since else { return }
        left -= max(0, (now - start).wholeNanoseconds)
        since = nil
    }

    /// What was waited for is done: there is time for the whole patience again, or what was saved.
    package mutating func restore(at now: Instant) {
        pause(at: now)
        left = max(left, patience)
    }

    /// Asks a clock that runs.
    /// - Parameter count: the octets that have moved since they are counted.
    package mutating func judge(count: Int64, at now: Instant) -> Verdict {
        if isRunning { pause(at: now) }
        left = min(most, left + time(of: count - self.count))
        self.count = max(count, self.count)
        guard left > 0 else { return .tooSlow }
        return .inTime(until: resume(at: now))
    }

    /// The time that so many octets give back, no more than is of use.
    private func time(of octets: Int64) -> Int64 {
        guard octets > 0 else { return 0 }
        let useful = most - min(0, left)
        guard octetsPerSecond > 0 else { return useful }
        let (product, overflow) = octets.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? useful : min(useful, product / octetsPerSecond)
    }
}
