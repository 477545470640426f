package import Clock
package import Settings

/// How long a connection stays behind its last answer, and how fast it is read on from: a client
/// that is still sending would lose that answer to a reset (RFC 9112 §9.6).
///
/// As long as the answer itself waits to be taken the connection stays; how long that may last the
/// least rate of clients says. Then there are
///
/// - for a client that sent all it had to: two seconds to close its side;
/// - for one that may have more to send: `lingering_time` in all, and `lingering_timeout` from one
///   octet to the next, in which it is read from at `lingering_rate` at most;
/// - for one that has had its time before: two seconds, and five if the answer is not taken.
///
/// What the kernel holds of the answer may be megabytes: while the client takes some of that, the
/// connection stays, for a minute at most.
package struct LingeringClose: Sendable {
    package enum Manner: Sendable {
        case usual
        /// The client may have more to send.
        case readsOn
        /// The client has had its time.
        case hurried

        /// - Parameters:
        ///   - leavesRest: the client may have more to send.
        ///   - isDraining: the process stops, and waits for nobody longer than it has to.
        package init(leavesRest: Bool, isDraining: Bool) {
            self = leavesRest && !isDraining ? .readsOn : .usual
        }
    }

    package enum Step: Sendable, Equatable {
        /// To be asked again then; `.never` for not before something happens.
        case stay(until: Instant)
        case close
    }

    private static let usual: Duration = .seconds(2)
    private static let hurry: Duration = .seconds(5)
    private static let longest: Duration = .seconds(60)

    private let limit: LingeringLimit
    private var manner: Manner
    private let began: Instant
    /// The client sends: its next octets have so much time.
    private var quietEnd = Instant.never
    /// Whatever it sends.
    private var end = Instant.never
    private var isSent = false
    /// What the client's system had taken when that was last looked at.
    private var acknowledgedCount: Int64 = 0
    private var allowance: ReadingAllowance

    package init(_ manner: Manner, limit: LingeringLimit, at now: Instant) {
        self.limit = limit
        self.manner = manner == .readsOn && limit.time == nil ? .usual : manner
        began = now
        allowance = ReadingAllowance(octetsPerSecond: limit.octetsPerSecond, at: now)
        if manner == .hurried { end = now + Self.hurry }
    }

    /// The client is read from; else it has sent enough for the moment.
    package var isReading: Bool { allowance.isReading }

    /// The client may have more to send.
    package var readsOn: Bool { manner == .readsOn }

    /// When it is to be asked.
    package var next: Instant { min(quietEnd, end, allowance.resumption) }

    /// Something of the answer was sent, or the client's input has ended.
    ///
    /// - Parameters:
    ///   - pending: octets of the answer that the kernel has not taken.
    ///   - hasInputEnded: the client has closed its side.
    package mutating func progressed(
        pending: Int, hasInputEnded: Bool, at now: Instant
    ) -> Step {
        guard pending == 0 else { return .stay(until: next) }
        if hasInputEnded { return .close }
        sent(at: now)
        return .stay(until: next)
    }

    /// Everything is sent, as far as the kernel goes. Told once or more often.
    private mutating func sent(at now: Instant) {
        guard !isSent else { return }
        isSent = true
        switch manner {
        case .usual, .hurried: end = min(end, now + Self.usual)
        case .readsOn:
            end = now + (limit.time ?? Self.usual)
            quietEnd = now + limit.timeout
        }
    }

    /// This many octets came and were dropped; 0 when they are not whole yet for TLS.
    package mutating func heard(_ count: Int, at now: Instant) {
        allowance.take(count, at: now)
        guard isSent, manner == .readsOn else { return }
        // While it is not read from it cannot be heard.
        quietEnd = isReading ? now + limit.timeout : .never
    }

    /// The process stops: the client's side is waited for no longer than usual.
    package mutating func hurry(at now: Instant) {
        if manner == .readsOn { manner = .usual }
        if isSent { end = min(end, now + Self.usual) }
    }

    /// - Parameter acknowledged: octets that the client's system has taken.
    /// - Parameter unsent: octets of the answer that the kernel has not been able to send.
    package mutating func judge(
        acknowledged: @autoclosure () -> Int64, unsent: @autoclosure () -> Int, at now: Instant
    ) -> Step {
        if allowance.resume(at: now), isSent, manner == .readsOn {
            quietEnd = now + limit.timeout
        }
        guard now >= min(quietEnd, end) else { return .stay(until: next) }
        guard manner != .hurried, now < began + Self.longest else { return .close }
        let count = acknowledged()
        guard count > acknowledgedCount, unsent() > 0 else { return .close }
        acknowledgedCount = count
        (quietEnd, end) = (.never, now + Self.usual)
        return .stay(until: next)
    }
}

/// How much may be read that nobody wants: so much a second, a quarter of that at once.
private struct ReadingAllowance {
    /// Read in one go.
    private static let least = 64 * 1024

    private let octetsPerSecond: Int
    private let capacity: Int
    private var left: Int
    private var filled: Instant
    /// Nothing is read before; `.never` while something is.
    private(set) var resumption = Instant.never

    init(octetsPerSecond: Int, at now: Instant) {
        self.octetsPerSecond = max(1, octetsPerSecond)
        capacity = max(Self.least, octetsPerSecond / 4)
        left = capacity
        filled = now
    }

    var isReading: Bool { resumption == .never }

    mutating func take(_ count: Int, at now: Instant) {
        fill(at: now)
        left -= count
        guard left <= 0, isReading else { return }
        let nanoseconds = Int64(capacity / 2 - left) * 1_000_000_000 / Int64(octetsPerSecond)
        resumption = now + .nanoseconds(nanoseconds)
    }

    /// True when reading goes on by it.
    mutating func resume(at now: Instant) -> Bool {
        guard !isReading, now >= resumption else { return false }
        fill(at: now)
        resumption = .never
        return true
    }

    private mutating func fill(at now: Instant) {
        // More than a second's is never of use.
        let passed = Int(clamping: min(1_000_000_000, max(0, (now - filled).wholeNanoseconds)))
        filled = now
        left = min(capacity, left + passed * octetsPerSecond / 1_000_000_000)
    }
}
