package import Identity

/// What the console asks of the rest of the process, and tells it to do. Called on the thread of
/// the console, so nothing of it may take long; whatever it says is as of now.
package protocol ConsoleBackend: SessionBackend, ServerBackend {
    /// Adds an entry to the list of revocations, then ends the live connections that it is about.
    func revoke(_ revocation: Revocation, _ answer: @escaping ConsoleAnswer<RevokeOutcome>)

    /// The entries that were added at run time, in no order.
    func revocations() -> [Revocation]

    /// Takes the entry with this target and rule back; the date of one about tokens issued before
    /// some date does not matter. False when there is none.
    func withdraw(_ revocation: Revocation, _ answer: @escaping ConsoleAnswer<Bool>)

    /// The sources of keys, in no order.
    func keySources() -> [KeySourceStatus]

    /// Every name at most once. Those of sessions are not among them while the store of sessions
    /// does not say.
    func metrics(_ answer: @escaping ConsoleAnswer<[MetricFamily]>)
}

/// What became of a revocation.
package enum RevokeOutcome: Sendable, Hashable {
    /// This many live connections were told to end.
    case done(ended: Int)
    /// There is no `jwt` block with the name of its rule; nothing was added.
    case unknownRule
    /// The list is full; nothing was added.
    case full
}

/// How a source of keys is doing.
package struct KeySourceStatus: Sendable, Hashable {
    package enum Kind: String, Sendable, CaseIterable {
        case remote
        case keySet = "key_set"
        case key
        case publicKey = "public_key"
        case revocations
    }

    /// The URL without its query, or the path.
    package var name: String
    package var kind: Kind
    /// How many it gives; 0 before there was any document.
    package var keyCount: Int
    /// Nothing good comes at present.
    package var isFailing: Bool
    /// The keys are older than they should be, and stay in use.
    package var isStale: Bool
    /// Since the last good answer; nil before the first.
    package var successAge: Duration?
    package var attempts: UInt64
    package var failures: UInt64
    /// How often the keys became others.
    package var changes: UInt64

    package init(
        name: String, kind: Kind, keyCount: Int, isFailing: Bool, isStale: Bool,
        successAge: Duration?, attempts: UInt64, failures: UInt64, changes: UInt64
    ) {
        self.name = name
        self.kind = kind
        self.keyCount = keyCount
        self.isFailing = isFailing
        self.isStale = isStale
        self.successAge = successAge
        self.attempts = attempts
        self.failures = failures
        self.changes = changes
    }
}
