package import Bookkeeping
internal import Deflate
internal import Identity
internal import KeySets
internal import Locks
internal import Rates
internal import Sessions
internal import Settings
internal import Synchronization
package import TLS
internal import Transport
package import Upstreams

/// What all workers share, for the life of the process. Reloads change generations, never this.
package final class SharedState: Sendable {
    let mailboxes: [Mailbox<WorkerMessage>]
    let control: Mailbox<ControlMessage>
    /// The store of sessions.
    let sessions: AskedStore
    /// All that lives, with and without a token or a seat.
    let live = LiveTable()
    let revocations = RevocationStore()
    let ticketBook = TicketBook()
    let keys: KeySetService
    /// The `jwt` blocks of the generation at hand.
    let ruleNames = Guarded<Set<String>>([])
    let counters = Counters()
    /// What connections hold in buffers.
    let memory: MemoryLedger
    /// The buckets of every `rate`.
    let rates = RateTable()
    /// Client connections by address.
    let connections = ConnectionTable()
    /// For lines about connections, and about requests, that were refused: at most one a second.
    let connectionLines = Guarded(LinePacer())
    let rateLines = Guarded(LinePacer())
    /// For lines about connections that wait because there is no descriptor left.
    let descriptorLines = Guarded(LinePacer())
    /// For lines about servers that cannot be reached: one for every request that tried.
    let serverLines = Guarded(LinePacer())
    /// Told of everything that becomes of sessions.
    let journal: SessionJournal
    /// What operators decided.
    let kept: KeptState
    /// Of the windows that connections keep for compression.
    let deflateBudget = DeflateBudget()
    package let registry = UpstreamRegistry()
    package let tickets: TicketKeys
    package let accessLog: AccessLog
    package let log = EventLog()

    /// Messages a worker may be behind with.
    private static let mailboxCapacity = 1 << 20

    /// - Parameter makeStore: the store of sessions, which says to these what it does not answer
    ///   at once.
    init(
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
    }

    func workerStopped(_ index: Int) { control.post(.stopped(worker: index)) }

    func workerAdopted(_ index: Int, generation: UInt64) {
        control.post(.adopted(worker: index, generation: generation))
    }

    func postToWorkers(_ message: WorkerMessage) {
        for mailbox in mailboxes { mailbox.post(message) }
    }

    /// Ends live connections without a seat that the filter means.
    /// - Returns: how many were found.
    func endSeatless(_ filter: SessionFilter, _ kick: Kick) -> Int {
        let endings = live.kick(filter, kick)
        for ending in endings {
            mailboxes[Int(ending.connection.worker)].post(.session(.end(ending)))
        }
        return endings.count
    }

    /// Ends live connections whose tokens are believed no more.
    /// - Returns: how many were found.
    @discardableResult
    func disconnectRevoked(where isRevoked: (LiveConnection.Token) -> Bool) -> Int {
        let found = live.all { $0.livesOn.map(isRevoked) ?? false }
        for live in found {
            mailboxes[Int(live.connection.worker)].post(
                .disconnect(connection: live.connection.connection, live.id, .tokenRevoked))
        }
        return found.count
    }
}

/// What workers tell the control thread.
enum ControlMessage: Sendable {
    case adopted(worker: Int, generation: UInt64)
    case stopped(worker: Int)
    case signal(Signal)
    case keysRead(KeySetReport)
    /// The store of sessions was asked, which is not waited for for ever.
    case storeAsked
    /// Workers were asked for figures, which are not waited for for ever.
    case figures(FigureRound)
}
