package import Clock

/// When the keys of an issuer are fetched: a machine without clock, chance or network.
///
/// ```
///            due                   fetched / failed
///   waiting ─────▶ fetching ──────────────────────▶ waiting
///      ▲ │            │ unknownKeyAsked: it is on its way
///      └─┘            ▼
///   unknownKeyAsked: due sooner
/// ```
///
/// - What was fetched is good for as long as its `Cache-Control` says, within `lifetimes`, and
///   fetched again up to a tenth earlier, so that not all gateways come at once.
/// - A failure is tried again after 1 s, 2 s, 4 s … 5 min, each up to a tenth earlier; keys that
///   were fetched before stay as good as they were.
/// - A request for a key that is not there makes the next fetch due, but no two fetches begin
/// within `quietTime`, except to repeat one that failed.
package struct KeySetSchedule: Sendable {
    package enum State: Sendable, Hashable {
        case waiting(due: Instant)
        case fetching
    }

    /// How good the current keys are.
    package enum Freshness: Sendable, Hashable {
        case empty, fresh, stale
    }

    /// What comes of asking for a key that is not there.
    package enum Expectation: Sendable, Hashable {
        /// A fetch is running.
        case running
        /// One will begin then, which may be now.
        case due(Instant)
    }

    /// From the begin of one fetch to the begin of the next.
    package static let quietTime: Duration = .seconds(30)
    package static let firstRetry: Duration = .seconds(1)
    package static let lastRetry: Duration = .seconds(300)

    package private(set) var state: State
    private let lifetimes: ClosedRange<Duration>
    /// How long keys are good when nobody says.
    private let usualLifetime: Duration
    /// When the last fetch began; nil before the first.
    package private(set) var lastBegin: Instant?
    /// Until when the current keys are fresh; nil when there are none.
    private var freshUntil: Instant?
    /// Failures since the last success.
    package private(set) var failureCount = 0

    /// The first fetch is due at once.
    package init(
        usualLifetime: Duration, lifetimes: ClosedRange<Duration>, now: Instant
    ) {
        self.usualLifetime = usualLifetime
        self.lifetimes = lifetimes
        state = .waiting(due: now)
    }

    package func freshness(at now: Instant) -> Freshness {
        guard let freshUntil else { return .empty }
        return now < freshUntil ? .fresh : .stale
    }

    /// When `timePassed` has something to say next; nil while a fetch is running.
    package var due: Instant? {
        switch state {
        case .waiting(let due): due
        case .fetching: nil
        }
    }

    /// True when a fetch is to begin now; it has begun then, and `fetched` or `failed` must follow.
    package mutating func timePassed(to now: Instant) -> Bool {
        switch state {
        case .waiting(let due) where due <= now:
            state = .fetching
            lastBegin = now
            return true
        case .waiting, .fetching: return false
        }
    }

    /// The running fetch brought good keys.
    ///
    /// - Parameters:
    ///   - lifetime: what the answer says it is; nil when it does not say.
    ///   - chance: between 0 and 1, another one every time.
    package mutating func fetched(lifetime: Duration?, at now: Instant, chance: Double) {
        let lifetime = min(
            max(lifetime ?? usualLifetime, lifetimes.lowerBound), lifetimes.upperBound)
        failureCount = 0
        freshUntil = now + lifetime
        let early = now + Self.shortened(lifetime, by: chance)
        state = .waiting(due: max(early, quietUntil ?? now))
    }

    /// The running fetch brought no keys, or no usable ones.
    package mutating func failed(at now: Instant, chance: Double) {
        let doublings = min(failureCount, 16)
        failureCount += 1
        let pause = min(Self.firstRetry * (1 << doublings), Self.lastRetry)
        state = .waiting(due: now + Self.shortened(pause, by: chance))
    }

    /// A client has a token with a `kid` that is in none of the keys.
    package mutating func unknownKeyAsked(at now: Instant) -> Expectation {
        switch state {
        case .fetching: return .running
        case .waiting(let due):
            let sooner = min(due, max(now, quietUntil ?? now))
            state = .waiting(due: sooner)
            return .due(sooner)
        }
    }

    private var quietUntil: Instant? { lastBegin.map { $0 + Self.quietTime } }

    private static func shortened(_ duration: Duration, by chance: Double) -> Duration {
        duration * (1 - 0.1 * min(max(chance, 0), 1))
    }
}
