/// What is asked of a store of sessions, and ordered, by somebody who is no connection.
package enum StoreQuestion: Sendable {
    /// A page of this many at most, whatever is asked for.
    package static let longestPage = 1000

    /// Answered `ended`, with who had to go: nobody unless `endsExcess`.
    case setLimit(StoreKey, RuntimeLimit, endsExcess: Bool)
    /// Asks which sessions would have to go. Answered `ended`; nothing changes.
    case tryLimit(StoreKey, RuntimeLimit)
    /// Answered `done`.
    case clearLimit(StoreKey, role: String?)
    /// Answered `ended`.
    case kick(SessionFilter, Kick)
    /// A reload: these rules hold in all stores of a block, also before anybody comes, so that
    /// orders mean what the configuration says. Answered `done`.
    case adopt(block: String, SessionRules)
    /// Answered `page`: the sessions that the filter means whose id is after the cursor, by id, at
    /// most so many. Ids never change and are never used again, so a list can be walked through
    /// while sessions come and go: those that stay are in it once.
    case list(SessionFilter, after: SessionID?, most: Int)
    /// Answered `stores`, those after the cursor by name, at most so many.
    case stores(SessionFilter, after: StoreKey?, most: Int)
    /// Answered `counts`.
    case counts
}

/// The answer to a `StoreQuestion`.
package enum StoreAnswer: Sendable {
    /// The longest connected first.
    case ended([SessionRecord])
    case page([SessionRecord], next: SessionID?)
    case stores([StoreSummary], next: StoreKey?)
    case counts(StoreCounts)
    case done
    /// The store cannot say, and will not.
    case unavailable
}

/// What a store of sessions is told, and does not answer. Each may come twice, and late: a session
/// that is gone is gone.
package enum SessionFact: Sendable {
    /// The connection of a session, or of one that waits, is gone.
    case depart(SessionID, StoreKey, Departure)
    /// The client of a session was heard: the answer to a probe.
    case answered(SessionID, StoreKey)
    /// The client of a session should have been heard and was not.
    case silent(SessionID, StoreKey)
    /// Time went by; see `SessionStore.nextDeadline`.
    case tick
}

/// A store in a list.
package struct StoreSummary: Sendable {
    package var key: StoreKey
    package var sessions: Int
    /// Devices that count, also those in grace.
    package var devices: Int
    package var graces: Int
    package var waiting: Int
    /// What operators set, the latest first.
    package var limits: [RuntimeLimit]

    package init(
        key: StoreKey, sessions: Int = 0, devices: Int = 0, graces: Int = 0, waiting: Int = 0,
        limits: [RuntimeLimit] = []
    ) {
        self.key = key
        self.sessions = sessions
        self.devices = devices
        self.graces = graces
        self.waiting = waiting
        self.limits = limits
    }
}

/// How many sessions there are, and what came of those that wanted in.
package struct StoreCounts: Sendable {
    package struct Block: Sendable, Hashable {
        package var sessions = 0
        /// Stores that have a session, a place in grace, somebody who waits, or a limit of their
        /// own.
        package var stores = 0

        package init() {}
    }

    /// By the name of the `sessions` block.
    package var blocks: [String: Block]
    package var tallies: SessionTallies

    package init(blocks: [String: Block] = [:], tallies: SessionTallies = SessionTallies()) {
        self.blocks = blocks
        self.tallies = tallies
    }
}
