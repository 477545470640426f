package import Clock

/// Which of many connections ends when, and when its client shall come back, so that neither all
/// end nor all return at once: what one worker has of them, in their order. Every worker spreads
/// its own over the same time, each a little behind the one before.
///
/// ends:     1 of worker 1, 1 of worker 2, 2 of worker 1, …: as far from one another as the time
///               allows, no farther than `largestPause`
///     returns:  each behind its end by a part of `returns` of its own
///
/// Its owner asks `takeDue` when `nextDue` has come, and ends whom it answers.
package struct SpreadEnds: Sendable {
    /// Which of the workers spreads, of how many.
    package struct Share: Sendable, Hashable {
        package var index: Int
        package var count: Int

        package init(index: Int, count: Int) {
            self.index = index
            self.count = max(1, count)
        }
    }

    package struct Due: Sendable, Hashable {
        package var client: UInt64
        /// How long its client shall wait before it comes back.
        package var returnMilliseconds: Int

        package init(client: UInt64, returnMilliseconds: Int) {
            self.client = client
            self.returnMilliseconds = returnMilliseconds
        }
    }

    /// Between two ends of the process at most: so many ends are a crowd for nobody, and a gateway
    /// with few clients need not take all its time.
    package static let largestPause: Duration = .milliseconds(50)
    /// Before that no client shall come back, and within so long behind it all of a small crowd.
    package static let firstReturn: Duration = .seconds(1)
    package static let shortestReturns: Duration = .seconds(4)
    /// As many returns a second are a crowd for nobody, or what is to come back takes
    /// `longestReturns`.
    package static let returnsPerSecond = 500
    package static let longestReturns: Duration = .seconds(120)
    /// What is left of a drain for the last close handshakes; never more than a quarter of it.
    private static let lastHandshakes: Duration = .seconds(5)

    private let clients: [UInt64]
    private let share: Share
    private let begin: Instant
    private let pause: Duration
    private let returns: Duration
    private var next = 0

    /// - Parameters:
    ///   - clients: of this worker, in the order in which they end.
    ///   - time: the ends are spread over; from `window(of:)`.
    package init(_ clients: [UInt64], of share: Share, from now: Instant, over time: Duration) {
        self.clients = clients
        self.share = share
        begin = now
        let all = clients.count * share.count
        pause = all == 0 ? .zero : min(time / all, Self.largestPause)
        let needed = Duration.milliseconds(all * 1000 / Self.returnsPerSecond)
        returns = min(max(Self.shortestReturns, needed - time), Self.longestReturns)
    }

    /// Over how much of the time of a drain ends are spread, so that the last ones can still close.
    package static func window(of time: Duration) -> Duration {
        max(.zero, time - min(time / 4, lastHandshakes))
    }

    /// How many have not ended.
    package var count: Int { clients.count - next }

    /// When the next one ends; nil when all have.
    package var nextDue: Instant? { next < clients.count ? moment(next) : nil }

    /// The clients that end by now, `most` of them at most.
    package mutating func takeDue(at now: Instant, most: Int) -> [Due] {
        var due: [Due] = []
        while next < clients.count, due.count < most, moment(next) <= now {
            due.append(Due(client: clients[next], returnMilliseconds: returnMilliseconds(next)))
            next += 1
        }
        return due
    }

    /// The place of one of this worker's among all of the process's.
    private func place(_ index: Int) -> Int { index * share.count + share.index }

    private func moment(_ index: Int) -> Instant { begin + pause * place(index) }

    /// Multiples of the golden ratio, without their whole parts: however many there are, they lie
    /// evenly, and those of neighbours far from one another.
    private func returnMilliseconds(_ index: Int) -> Int {
        let golden = 0.618_033_988_749_895 * Double(place(index))
        let part = golden - golden.rounded(.down)
        return Int(Self.firstReturn.wholeMilliseconds)
            + Int(part * Double(returns.wholeMilliseconds))
    }
}
