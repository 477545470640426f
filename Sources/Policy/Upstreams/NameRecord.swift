package import Clock
package import Settings

/// What is known of one name, when it is asked for again, and what an answer changes.
///
///     due --timePassed--> asked --answered--> due again, after the time of its records
///                                          --> due again soon, when nobody could say
///
/// An answer that has addresses replaces the one before at once. When no name server answers, or
/// none knows, the addresses that are known stay, however long. When the answer is that
/// there are none, they stay for `hold`, counted from the last answer that had some, and go then:
/// as HAProxy has it, whose `hold nx` is 30 seconds, too.
package struct NameRecord: Sendable {
    /// For the log: once when something changes.
    package enum Notice: Sendable, Hashable {
        case warning(String)
        case info(String)
    }

    package struct Outcome: Sendable, Hashable {
        /// `endpoints` are others than before.
        package var isChanged: Bool
        package var notice: Notice?

        package init(isChanged: Bool, notice: Notice?) {
            self.isChanged = isChanged
            self.notice = notice
        }
    }

    package struct Counters: Sendable, Hashable {
        /// Answers that had addresses.
        package var resolved = 0
        /// Answers that had none.
        package var absent = 0
        /// Times that no name server answered, or none knew.
        package var failed = 0

        package init(resolved: Int = 0, absent: Int = 0, failed: Int = 0) {
            self.resolved = resolved
            self.absent = absent
            self.failed = failed
        }
    }

    /// Why there was no address the last time.
    package enum Trouble: Sendable, Hashable {
        case absent
        case failure(String)

        package var reason: String {
            switch self {
            case .absent: "no such name, or no address of it"
            case .failure(let reason): reason
            }
        }
    }

    /// After a time without an answer that said anything, a name is asked for again.
    package static let retryPause: Duration = .seconds(1)
    package static let longestRetryPause: Duration = .seconds(10)
    /// Servers of one name that are used; more are a mistake.
    package static let mostEndpoints = 256

    package let name: ServerName
    private let settings: ResolverSettings
    /// In the order of their addresses, so that the order of an answer is no change.
    package private(set) var endpoints: [ServerEndpoint] = []
    /// When it is asked for; nil while that is under way.
    package private(set) var due: Instant?
    package private(set) var counters = Counters()
    /// Nil when the last answer had addresses, and before the first.
    package private(set) var trouble: Trouble?
    /// An answer came, or none will.
    package private(set) var isSettled = false
    private var lastGood: Instant?
    private var pause = Self.retryPause

    package init(_ name: ServerName, _ settings: ResolverSettings, now: Instant) {
        self.name = name
        self.settings = settings
        due = now
    }

    /// What came of a question that is under way nobody will say.
    package mutating func askAnew(at now: Instant) { due = now }

    /// - Returns: true when it is to be asked for now; `answered` follows.
    package mutating func timePassed(to now: Instant) -> Bool {
        guard let due, now >= due else { return false }
        self.due = nil
        return true
    }

    /// - Parameter chance: 0 to 1, so that many names are not asked for at once.
    package mutating func answered(
        _ answer: NameAnswer, at now: Instant, chance: Double
    ) -> Outcome {
        isSettled = true
        switch answer {
        case .endpoints(let found, let ttl): return gained(found, ttl, now)
        case .absent: return lost(at: now)
        case .failure(let reason): return failed(reason, at: now, chance)
        }
    }

    private mutating func gained(
        _ found: [ServerEndpoint], _ ttl: Duration, _ now: Instant
    ) -> Outcome {
        counters.resolved += 1
        lastGood = now
        pause = Self.retryPause
        due = now + min(max(ttl, settings.leastTTL), settings.mostTTL)
        let wasTrouble = trouble != nil
        trouble = nil
        let next = Array(
            found.sorted { ($0.address.text, $0.host) < ($1.address.text, $1.host) }
                .prefix(Self.mostEndpoints))
        guard next != endpoints else {
            return Outcome(
                isChanged: false,
                notice: wasTrouble ? .info("name \(name.text) resolves again: no change") : nil)
        }
        endpoints = next
        return Outcome(
            isChanged: true, notice: .info("name \(name.text) resolves to \(Self.list(next))"))
    }

    private mutating func lost(at now: Instant) -> Outcome {
        counters.absent += 1
        pause = Self.retryPause
        due = now + settings.leastTTL
        let isNew = trouble != .absent
        trouble = .absent
        guard !endpoints.isEmpty else {
            return Outcome(isChanged: false, notice: isNew ? .warning(Self.words(name)) : nil)
        }
        let end = (lastGood ?? now) + settings.hold
        if now < end {
            due = min(now + settings.leastTTL, end)
            return Outcome(
                isChanged: false,
                notice: isNew
                    ? .warning("\(Self.words(name)); its last addresses stay for a while") : nil)
        }
        endpoints = []
        return Outcome(
            isChanged: true,
            notice: .warning("\(Self.words(name)): its last addresses are not used any more"))
    }

    private static func words(_ name: ServerName) -> String {
        "name \(name.text) does not resolve: \(Trouble.absent.reason)"
    }

    private mutating func failed(_ reason: String, at now: Instant, _ chance: Double) -> Outcome {
        counters.failed += 1
        due = now + pause * (0.75 + chance / 2)
        pause = min(pause * 2, Self.longestRetryPause)
        let isNew = trouble == nil || trouble == .absent
        trouble = .failure(reason)
        let stay = endpoints.isEmpty ? "" : "; its last addresses stay in use"
        return Outcome(
            isChanged: false,
            notice: isNew ? .warning("name \(name.text) cannot be resolved: \(reason)\(stay)") : nil
        )
    }

    /// `10.0.0.1:8000, 10.0.0.2:8000 (backup)`, a few of them.
    package static func list(_ endpoints: [ServerEndpoint]) -> String {
        let shown = endpoints.prefix(8).map { $0.address.text + ($0.tier > 0 ? " (backup)" : "") }
        let more = endpoints.count - shown.count
        return shown.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}

/// What was found out about a name.
package enum NameAnswer: Sendable, Hashable {
    case endpoints([ServerEndpoint], ttl: Duration)
    case absent
    case failure(String)
}
