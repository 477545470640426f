package import Clock
import Settings

/// All that is known of one source: its document, how its fetches or readings went, and when the
/// next one is due. Without clock, chance or network, as the schedule in it.
package struct KeySetRecord: Sendable {
    /// For the log of an operator.
    package enum Notice: Sendable, Hashable {
        case warning(String)
        case info(String)
    }

    /// What an attempt came to.
    package struct Outcome: Sendable, Hashable {
        /// The document is another one than before.
        package var isChanged: Bool
        package var notice: Notice?
    }

    /// For metrics; they only grow.
    package struct Counters: Sendable, Hashable {
        /// Attempts that ended, failures included.
        package var attempts: UInt64 = 0
        package var failures: UInt64 = 0
        /// How often the keys became others.
        package var changes: UInt64 = 0
    }

    /// A file is looked at so often.
    package static let filePeriod: Duration = .seconds(2)
    /// How often a file is looked at while clients ask for a key that is not there.
    package static let fileQuietTime: Duration = .milliseconds(200)

    package let source: KeySetSource
    /// The last good one; nil before there was any.
    package private(set) var document: KeySetDocument?
    package private(set) var counters = Counters()
    /// When the last good answer came.
    package private(set) var lastSuccess: Instant?
    /// When the last attempt began that has ended, well or not: a request that came earlier knows
    /// the newest keys.
    package private(set) var settledFrom: Instant?
    /// The source gives nothing good at present, and the log was told.
    package private(set) var isFailing = false
    private var schedule: Schedule

    private enum Schedule: Sendable {
        case fetched(KeySetSchedule)
        case watched(due: Instant, lastLook: Instant)
    }

    /// The first attempt is due at once.
    package init(_ source: KeySetSource, now: Instant) {
        self.source = source
        switch source {
        case .remote(let set):
            schedule = .fetched(
                KeySetSchedule(
                    usualLifetime: set.refresh, lifetimes: RemoteKeySet.lifetimes, now: now))
        case .keySet, .key, .publicKey, .revocations:
            schedule = .watched(due: now, lastLook: now)
        }
    }

    /// When `timePassed` has something to say next; nil while a fetch is running.
    package var due: Instant? {
        switch schedule {
        case .fetched(let schedule): schedule.due
        case .watched(let due, _): due
        }
    }

    /// True when the keys are older than they should be, because the source gives no new ones; what
    /// there is stays in use.
    package func isStale(at now: Instant) -> Bool {
        switch schedule {
        case .fetched(let schedule): schedule.freshness(at: now) == .stale
        case .watched: isFailing && document != nil
        }
    }

    /// True when it is time to fetch the set or to look at the file.
    package mutating func timePassed(to now: Instant) -> Bool {
        switch schedule {
        case .fetched(var fetches):
            let isDue = fetches.timePassed(to: now)
            schedule = .fetched(fetches)
            return isDue
        case .watched(let due, let lastLook):
            let isDue = due <= now
            schedule = .watched(
                due: isDue ? now + Self.filePeriod : due, lastLook: isDue ? now : lastLook)
            return isDue
        }
    }

    /// A client has a token whose key is not there. A look at a file costs little and comes soon.
    package mutating func unknownKeyAsked(at now: Instant) -> KeySetSchedule.Expectation {
        switch schedule {
        case .fetched(var fetches):
            defer { schedule = .fetched(fetches) }
            return fetches.unknownKeyAsked(at: now)
        case .watched(let due, let lastLook):
            let sooner = min(due, max(now, lastLook + Self.fileQuietTime))
            schedule = .watched(due: sooner, lastLook: lastLook)
            return .due(sooner)
        }
    }

    /// A good answer came.
    package mutating func received(
        _ new: KeySetDocument, lifetime: Duration?, at now: Instant, chance: Double
    ) -> Outcome {
        if case .fetched(var fetches) = schedule {
            fetches.fetched(lifetime: lifetime, at: now, chance: chance)
            schedule = .fetched(fetches)
        }
        counters.attempts += 1
        lastSuccess = now
        settledFrom = lastBegin
        let isChanged = document?.octets != new.octets
        if isChanged {
            document = new
            counters.changes += 1
        }
        defer { isFailing = false }
        guard isFailing else { return Outcome(isChanged: isChanged, notice: nil) }
        return Outcome(
            isChanged: isChanged, notice: .info("keys: '\(source.name)' can be read again"))
    }

    /// The file is the one that was read before.
    package mutating func foundUnchanged() { settledFrom = lastBegin }

    private var lastBegin: Instant? {
        switch schedule {
        case .fetched(let fetches): fetches.lastBegin
        case .watched(_, let lastLook): lastLook
        }
    }

    /// Nothing good came: whatever was there stays.
    ///
    /// - Parameter reason: the end of a sentence.
    package mutating func failed(_ reason: String, at now: Instant, chance: Double) -> Outcome {
        if case .fetched(var fetches) = schedule {
            fetches.failed(at: now, chance: chance)
            schedule = .fetched(fetches)
        }
        counters.attempts += 1
        counters.failures += 1
        settledFrom = lastBegin
        defer { isFailing = true }
        if isFailing { return Outcome(isChanged: false, notice: nil) }
        let consequence =
            document == nil ? "there are no keys from it" : "the current keys stay in use"
        return Outcome(
            isChanged: false,
            notice: .warning("keys: cannot read '\(source.name)': \(reason); \(consequence)"))
    }
}
