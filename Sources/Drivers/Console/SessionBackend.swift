package import Endings
package import Records
package import Sessions

/// Takes an answer once, on any thread.
package typealias ConsoleAnswer<Value> = @Sendable (Result<Value, Refusal>) -> Void

/// What the console asks about sessions, and orders. Called on the thread of the console, like
/// `ConsoleBackend`. A change that an answer reports is durable. What the store of sessions answers
/// may come later, on any thread, or not in time: then a request is refused with 504, or with 503
/// where the store says that it cannot answer; other requests go on meanwhile.
package protocol SessionBackend: Sendable {
    // Sessions.

    /// A page of all who are connected by id, with a seat or without, and what their workers know
    /// of them, as far as those answer soon.
    func sessions(
        _ filter: SessionFilter, after cursor: SessionID?, most: Int,
        _ answer: @escaping ConsoleAnswer<SessionPage>)

    /// Ends all that `filter` means; answers how many were told to end.
    func end(_ filter: SessionFilter, _ kick: Kick, _ answer: @escaping ConsoleAnswer<Int>)

    // Stores.

    /// A page of stores that there is anything to say about, by name.
    func stores(
        block: String?, after cursor: StoreKey?, most: Int,
        _ answer: @escaping ConsoleAnswer<StorePage>)

    /// Nil when there is neither such a `sessions` block nor anything in the store.
    func store(_ key: StoreKey, _ answer: @escaping ConsoleAnswer<StoreView?>)

    // Policies.

    /// The policy in force; nil for none.
    func policy(_ key: StorePolicyKey, _ answer: @escaping ConsoleAnswer<StorePolicy?>)

    /// Sets a policy, or only says who would have to go if it had to hold at once.
    func setPolicy(_ order: PolicyOrder, _ answer: @escaping ConsoleAnswer<PolicyOutcome>)

    /// Ends nobody: what is configured holds for who comes from now on.
    func removePolicy(
        _ key: StorePolicyKey, if condition: PolicyCondition,
        _ answer: @escaping ConsoleAnswer<Void>)

    // Devices.

    func alias(_ key: DeviceAlias.Key) -> DeviceAlias?

    /// All names of devices, in no order.
    func aliases() -> [DeviceAlias]

    func setAlias(_ alias: DeviceAlias, _ answer: @escaping ConsoleAnswer<DeviceAlias>)

    func removeAlias(_ key: DeviceAlias.Key, _ answer: @escaping ConsoleAnswer<Void>)

    // The past, and numbers.

    /// A query for a store or a device without blocks means all blocks there are.
    func history(_ query: HistoryQuery, _ answer: @escaping ConsoleAnswer<HistoryPage>)

    func counts(_ answer: @escaping ConsoleAnswer<SessionCounts>)
}

package struct SessionPage: Sendable {
    package var entries: [SessionEntry]
    package var next: SessionID?

    package init(_ list: SessionList, _ figures: [SessionID: SessionFigures]) {
        entries = list.sessions.map { SessionEntry($0, figures: figures[$0.id]) }
        next = list.next
    }
}

/// A store with the rules of its block as they are now; nil when the block is gone.
package struct StoreView: Sendable {
    package var summary: StoreSummary
    package var rules: SessionRules?

    package init(summary: StoreSummary, rules: SessionRules?) {
        self.summary = summary
        self.rules = rules
    }
}

package struct StorePage: Sendable {
    package var stores: [StoreView]
    package var next: StoreKey?

    package init(stores: [StoreView], next: StoreKey?) {
        self.stores = stores
        self.next = next
    }
}

/// An operator's wish for a store.
package struct PolicyOrder: Sendable {
    package var change: StorePolicyChange
    package var condition: PolicyCondition
    /// Only say what would be done.
    package var isDryRun: Bool
    /// True when the sessions of devices above the limit have to go at once.
    package var endsExcess: Bool

    package init(
        change: StorePolicyChange, condition: PolicyCondition, isDryRun: Bool, endsExcess: Bool
    ) {
        self.change = change
        self.condition = condition
        self.isDryRun = isDryRun
        self.endsExcess = endsExcess
    }
}

package struct PolicyOutcome: Sendable {
    /// As it is kept; nil for a dry run.
    package var policy: StorePolicy?
    /// There was none before.
    package var isNew: Bool
    /// The sessions that had to go, or would have to, the longest connected first.
    package var ended: [SessionRecord]

    package init(policy: StorePolicy?, isNew: Bool, ended: [SessionRecord]) {
        self.policy = policy
        self.isNew = isNew
        self.ended = ended
    }
}

package struct SessionCounts: Sendable {
    package struct Block: Sendable, Hashable {
        package var name: String
        package var sessions: Int
        package var stores: Int

        package init(name: String, sessions: Int, stores: Int) {
            self.name = name
            self.sessions = sessions
            self.stores = stores
        }
    }

    /// Where decisions are kept, and how that is going.
    package struct Kept: Sendable, Hashable {
        /// True when the decisions of operators are still there after a restart.
        package var isPersistent: Bool
        package var history: Int
        /// Ended sessions that the history misses.
        package var lost: UInt64
        package var isFailing: Bool

        package init(isPersistent: Bool, history: Int, lost: UInt64, isFailing: Bool) {
            self.isPersistent = isPersistent
            self.history = history
            self.lost = lost
            self.isFailing = isFailing
        }
    }

    package var blocks: [Block]
    /// With a seat and without.
    package var live: LiveCounts
    package var tallies: SessionTallies
    package var kept: Kept

    package init(
        blocks: [Block], live: LiveCounts, tallies: SessionTallies, kept: Kept
    ) {
        self.blocks = blocks
        self.live = live
        self.tallies = tallies
        self.kept = kept
    }
}
