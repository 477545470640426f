internal import Bookkeeping
internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import Identity
internal import Loop
internal import Sessions
internal import Settings
internal import Transport
internal import Upstreams
internal import WebSocket

/// What all connections of one thread share: its loop, who is there, by which generation it serves,
/// and what it remembers of servers, tokens and messages. Nothing in here is ever touched by
/// another thread; what all threads share is the `SharedState`.
final class ThreadState {
    /// What the poller and the timers find by token.
    enum Member {
        case mailbox
        case listener(ListeningSocket)
        case connection(ThreadMember)
    }

    /// The number of the worker.
    let index: Int
    let shared: SharedState
    let loop: Loop
    var members: Slab<Member>
    /// Connections of clients.
    var clientCount = 0
    var generation: Generation
    /// How it comes to its end, once it is told to, and what ends one by one.
    var ends = LiveEnds()
    /// Requests whose clients have left, and which are finished all the same.
    let unattended = UnattendedCount()
    /// Connections to servers that rest.
    var pool: OriginPool
    /// Servers that are away, and who waits for them.
    var awayServers = AwayServers()
    var codecs: WorkerCodecs
    /// The gates that it asked last, and what they said of tokens.
    var gates = GatesAtHand()
    /// Failed attempts to enter, by address; nil where they are not limited.
    var attempts: AttemptLimiter?
    /// Clients that wait for keys.
    var keyWaiters = Waiters()
    let accessLog: AccessLogBuffer
    /// When the next line about a rule that is not in force may be written.
    var nextReport = Instant.zero
    /// When the store of sessions is to be asked what time has brought, as far as this thread
    /// knows.
    var sessionDeadline = Deadline()

    init(index: Int, shared: SharedState, generation: Generation) throws(SystemError) {
        self.index = index
        self.shared = shared
        self.generation = generation
        var members = Slab<Member>()
        loop = try Loop(wakeToken: members.insert { _ in .mailbox })
        self.members = members
        pool = OriginPool(generation.groups)
        codecs = WorkerCodecs(cacheSize: generation.settings.limits.compressCacheSize)
        attempts = generation.settings.limits.failedAttempts.map { AttemptLimiter($0) }
        accessLog = AccessLogBuffer(shared.accessLog)
    }

    // MARK: Members

    func connection(_ token: UInt64) -> ThreadMember? {
        if case .connection(let connection) = members[token] { connection } else { nil }
    }

    /// The client's connection is closed.
    func forget(client token: UInt64) {
        members.remove(token)
        keyWaiters.remove(token)
        for connection in pool.release(client: token) { self.connection(connection)?.close() }
        clientCount -= 1
    }

    /// Connections of clients, and requests that are finished without theirs.
    var occupants: Int { clientCount + unattended.value }

    /// No more connections are taken.
    var isFull: Bool { occupants >= generation.settings.limits.connections }

    /// SIGTERM came.
    var isDraining: Bool { ends.drain.isRunning }

    // MARK: Generations

    /// Serves by another generation from now on.
    func adopt(_ next: Generation) {
        adopt(attempts: next.settings.limits.failedAttempts)
        generation = next
        codecs.adopt(cacheSize: next.settings.limits.compressCacheSize)
    }

    /// Whoever has failed so far has failed by the new limit, too.
    private func adopt(attempts limit: AttemptLimit?) {
        guard limit != generation.settings.limits.failedAttempts else { return }
        guard let limit else { return attempts = nil }
        if attempts == nil {
            attempts = AttemptLimiter(limit)
        } else {
            attempts?.use(limit, now: loop.now)
        }
    }

    /// Connections that rest and belong to no server of the generation have no use.
    func closeResting(notOf generation: Generation) {
        for connection in pool.serve(generation.groups) { self.connection(connection)?.close() }
    }

    // MARK: Memory

    /// Throws while too much is held: for requests that bring more of it, or will stay. Who asks
    /// for something small on a connection that is here already may go on.
    func checkMemory() throws(Refusal) {
        guard shared.memory.isOverloaded else { return }
        shared.memory.noteRefusedRequest()
        throw .memory
    }

    // MARK: Sessions

    /// Asks the store for a seat, which is given back with the request.
    func askForSeat(_ arrival: Arrival) -> SeatQuestion.Outcome {
        let outcome = SeatQuestion.ask(arrival, of: shared.sessions.store, now: loop.now)
        noteSessionDeadline()
        return outcome
    }

    /// Called after the store of sessions was told something: it may want to be asked again.
    func noteSessionDeadline() {
        guard let next = shared.sessions.store.nextDeadline else { return }
        if sessionDeadline.set(next) { loop.wake(at: next) }
    }

    /// The loop was woken: asks the store what time has brought, if that is due.
    func sessionTimePassed() {
        guard loop.isDue(&sessionDeadline, of: loop.wakeToken) else { return }
        shared.sessions.store.tell(.tick, now: loop.now)
        noteSessionDeadline()
    }

    // MARK: Waiting for keys

    /// The client is told when keys of some source were read. False when too many wait already.
    func awaitKeys(_ client: UInt64, from address: ClientAddress?) -> Bool {
        keyWaiters.insert(client, from: address)
    }

    /// The client has waited long enough.
    func stopAwaitingKeys(_ client: UInt64) { keyWaiters.remove(client) }
}

extension Loop {
    func newSessionID() -> SessionID { SessionID(high: newInteger(), low: newInteger()) }

    /// Names for a session and for a device, should it have none.
    func newNames() -> EntryAnswer { .names(session: newSessionID(), device: newSessionID()) }

    /// A fresh key for a frame towards an upstream (RFC 6455 §5.3).
    func newMaskingKey() -> MaskingKey {
        MaskingKey(bits: UInt32(truncatingIfNeeded: newInteger()))
    }
}
