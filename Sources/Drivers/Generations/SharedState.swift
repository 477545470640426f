package import Bookkeeping
internal import Crypto
package import Deflate
package import Identity
package import KeySets
package import Locks
package import Names
package import Rates
package import Sessions
package import Settings
package import TLS
package import Transport
package import Upstreams

/// What all workers share, for the life of the process. Reloads change generations, never this.
package final class SharedState: Sendable {
    package let mailboxes: [Mailbox<WorkerMessage>]
    package let control: Mailbox<ControlMessage>
    /// The store of sessions.
    package let sessions: AskedStore
    /// All that lives, with and without a token or a seat.
    package let live = LiveTable()
    package let revocations = RevocationStore()
    package let ticketBook = TicketBook()
    package let keys: KeySetService
    /// What the names of servers stand for.
    package let names: NameService
    /// The `jwt` blocks of the generation at hand.
    package let ruleNames = Guarded<Set<String>>([])
    package let counters = Counters()
    /// What connections hold in buffers.
    package let memory: MemoryLedger
    /// The buckets of every `rate`.
    package let rates = RateTable()
    /// Client connections by address.
    package let connections = ConnectionTable()
    /// Lines of the log that come at most once a second.
    package let lines = PacedLines()
    /// Told of everything that becomes of sessions.
    package let journal: SessionJournal
    /// What operators decided.
    package let kept: KeptState
    /// What the windows may hold that connections keep for compression.
    package let deflateBudget = DeflateBudget()
    package let registry: UpstreamRegistry
    /// What there is to be said of the process as a whole.
    package let status = ProcessStatus()
    package let tickets: TicketKeys
    package let accessLog: AccessLog
    package let log = EventLog()

    /// Messages a worker may be behind with.
    private static let mailboxCapacity = 1 << 20

    /// - Parameter makeStore: the store of sessions, which says to these what it does not answer
    ///   at once.
    package init(
        workerCount: Int,
        makeStore: (SessionOutlets) -> any SessionStore = {
            SessionTable(deliver: $0.deliver, report: $0.report)
        }
    ) throws {
        tickets = try TicketKeys()
        accessLog = AccessLog(log: log)
        memory = MemoryLedger(workerCount: workerCount)
        let control = try Mailbox<ControlMessage>(capacity: Self.mailboxCapacity)
        self.control = control
        let mailboxes = try (0..<workerCount).map { _ in
            try Mailbox<WorkerMessage>(capacity: Self.mailboxCapacity)
        }
        self.mailboxes = mailboxes
        registry = UpstreamRegistry(cookieKey: try Random.octets(32)) { waiter, ledger in
            mailboxes[waiter.worker].post(.placeIsFree(client: waiter.client, ledger))
        }
        let journal = SessionJournal(log: log)
        self.journal = journal
        let questions = PendingQuestions { control.post(.storeAsked) }
        let store = makeStore(
            SessionOutlets(
                deliver: { message in
                    let worker = Int(message.connection.worker)
                    if worker < mailboxes.count { mailboxes[worker].post(.session(message)) }
                }, answered: { questions.answered($0, $1) }, report: { journal.note($0) }))
        let sessions = AskedStore(store, questions)
        self.sessions = sessions
        kept = KeptState(sessions: sessions, revocations: revocations, journal: journal, log: log)
        keys = try KeySetService { control.post(.keysRead($0)) }
        names = try NameService { control.post(.nameResolved($0)) }
    }

    /// How long a start, or a reload with new names, waits for name servers at most.
    private static let namesPatience: Duration = .seconds(5)

    /// What is known of the names of servers that these settings have; new ones are asked for.
    /// Nothing of what serves is changed by it.
    ///
    /// - Throws: `SystemError` when the system has no thread or descriptor left.
    package func resolveNames(of settings: Settings) throws(SystemError) -> [NameRecord] {
        try names.resolve(
            settings.serverNames, settings.resolver, within: Self.namesPatience)
    }

    package func workerStopped(_ index: Int) { control.post(.stopped(worker: index)) }

    package func workerAdopted(_ index: Int, generation: UInt64) {
        control.post(.adopted(worker: index, generation: generation))
    }

    package func postToWorkers(_ message: WorkerMessage) {
        for mailbox in mailboxes { mailbox.post(message) }
    }

    /// Asks the workers of these sessions what they know of them.
    ///
    /// - Parameter completion: as of a `FigureRound`; called at once when no worker is asked.
    package func askForFigures(
        of sessions: [ListedSession],
        _ completion: @escaping @Sendable (FigureRound.Figures) -> Void
    ) {
        let byWorker = Dictionary(grouping: sessions) { Int($0.connection.worker) }
        if byWorker.isEmpty { return completion([:]) }
        let round = FigureRound(workerCount: byWorker.count, completion)
        for (worker, sessions) in byWorker {
            let places = sessions.map { (connection: $0.connection.connection, session: $0.id) }
            mailboxes[worker].post(.figures(places, round))
        }
        control.post(.figures(round))
    }

    /// Ends live connections without a seat that the filter means.
    /// - Returns: how many were found.
    package func endSeatless(_ filter: SessionFilter, _ kick: Kick) -> Int {
        let endings = live.kick(filter, kick)
        for ending in endings {
            mailboxes[Int(ending.connection.worker)].post(.session(.end(ending)))
        }
        return endings.count
    }

    /// Ends live connections whose tokens are believed no more.
    /// - Returns: how many were found.
    @discardableResult
    package func disconnectRevoked(where isRevoked: (LiveConnection.Token) -> Bool) -> Int {
        let found = live.all { $0.livesOn.map(isRevoked) ?? false }
        for live in found {
            mailboxes[Int(live.connection.worker)].post(
                .disconnect(connection: live.connection.connection, live.id, .tokenRevoked))
        }
        return found.count
    }
}

/// Lines of the log that come at most once a second each.
package final class PacedLines: Sendable {
    /// About connections, and about requests, that were refused.
    package let connection = Guarded(LinePacer())
    package let rate = Guarded(LinePacer())
    /// About connections that wait because there is no descriptor left.
    package let descriptor = Guarded(LinePacer())
    /// About servers that cannot be reached: one for every request that tried.
    package let server = Guarded(LinePacer())

    init() {}
}
