import Clock

/// What a device holds in a store: a place in the count of its roles, or one apart from any count.
///
/// Of a place that counts, the state says whether somebody else may have it:
///
///     heard ──ask──▶ asked ──no answer──▶ ghost
///       ▲  ◀─answer─┘                      │ answer
///       ├──────────────────────────────────┘
///       └─ back again ─ grace ◀─ connection broke ─ heard
///
/// A ghost keeps its place until somebody needs it; a grace ends by itself.
struct Seat: Sendable {
    enum Bucket: Sendable, Hashable {
        /// An index of `SessionRules.limits`: limited roles of a group share their places.
        case counted(Int32)
        /// Every unlimited role is for itself, so that a board and a reception desk in two tabs of
        /// one browser do not replace each other, nor do they replace a dashboard. Kept elsewhere,
        /// so that the others are short.
        indirect case free(role: String?)
        /// Came in over the limit, because refusals are only reported.
        case reported(Int32)
    }

    enum State: Sendable, Equatable {
        /// At the instant that `lastHeard` says.
        case heard
        /// No word by then means that nobody is there.
        case asked(until: Instant)
        case ghost
        /// No session at present.
        case grace(until: Instant)
    }

    /// The last session that came; the device goes by its names, also when it has left.
    var newest: SessionRecord
    /// The sessions that share the seat, the oldest first.
    var others: [SessionRecord] = []
    /// Sessions of those that share it which are said to be silent.
    var silent: [SessionID] = []
    /// Never used before, and new whenever the state is: an entry of a queue or a timer with
    /// another one is out of date.
    var stamp: UInt64
    /// Seniority: refreshes keep it, so that to reload a page neither saves from being ejected nor
    /// makes it more likely.
    let order: UInt64
    var lastHeard: Instant
    var state = State.heard
    // What `bucket` is made of, in few octets: there are as many seats as devices.
    private var count: Count
    var isNewestIn = true
    private var number: Int32

    private enum Count: UInt8 {
        case counted, free, reported
    }

    init(_ record: SessionRecord, _ bucket: Bucket, stamp: UInt64) {
        newest = record
        self.stamp = stamp
        order = stamp
        lastHeard = record.connectedSince
        (count, number) = Self.parts(of: bucket)
    }

    private static func parts(of bucket: Bucket) -> (Count, Int32) {
        switch bucket {
        case .counted(let group): (.counted, group)
        case .free: (.free, 0)
        case .reported(let group): (.reported, group)
        }
    }

    /// A free one has the role of the sessions in it.
    var bucket: Bucket {
        get {
            switch count {
            case .counted: .counted(number)
            case .free: .free(role: newest.arrival.role)
            case .reported: .reported(number)
            }
        }
        set { (count, number) = Self.parts(of: newValue) }
    }

    var isInGrace: Bool {
        if case .grace = state { true } else { false }
    }

    var group: Int? {
        count == .counted ? Int(number) : nil
    }

    /// The eldest first; none in grace.
    var sessions: [SessionRecord] { isNewestIn ? others + [newest] : others }
}

/// Finds a device that replaces itself again and again: two windows of one browser that both come
/// back whenever they are ended would do so without end.
struct Flapping: Sendable {
    /// More replacements than this in this time are a fight.
    static let most = 5
    static let window: Duration = .seconds(10)
    /// How long one of the two is sent away, doubled each time.
    static let firstRetry: Duration = .seconds(1)
    static let longestRetry: Duration = .seconds(60)
    /// A fight that has rested for so long is over.
    static let calm: Duration = .seconds(60)

    enum Verdict: Equatable {
        case replace
        /// The newcomer stays out; `isNew` when this is the beginning of a fight.
        case refuse(retry: Duration, isNew: Bool)
    }

    /// The last replacements within the window.
    private var replacements: [Instant] = []
    private var quietUntil: Instant?
    /// How often one was sent away.
    private var refusals = 0

    /// The device comes again while its session is there.
    mutating func cameAgain(at now: Instant) -> Verdict {
        if let quietUntil, now - quietUntil >= Self.calm { self = Flapping() }
        replacements.removeAll { now - $0 >= Self.window }
        let isQuiet = quietUntil.map { now < $0 } ?? false
        guard isQuiet || replacements.count >= Self.most else {
            replacements.append(now)
            return .replace
        }
        var retry = Self.firstRetry
        for _ in 0..<min(refusals, 6) { retry = min(retry * 2, Self.longestRetry) }
        refusals += 1
        quietUntil = now + retry
        return .refuse(retry: retry, isNew: refusals == 1)
    }
}
