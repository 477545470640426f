internal import Bytes
internal import Clock
internal import Crypto
internal import Deflate
internal import Endings
internal import Entry
internal import Identity
internal import Sessions
internal import Settings
internal import TLS
internal import Transport
internal import Upstreams

/// One thread with everything it serves: its poller, its listeners, the connections it accepted and
/// the upstream connections those use. Nothing in here is ever touched by another thread.
final class Worker {
    /// What the poller and the timers find by token.
    enum Member {
        case mailbox
        case listener(ListeningSocket)
        case client(HTTP1Client)
        case upstream(OriginConnection)
    }

    /// Connections taken from one listener at once, so that those already here are served too.
    private static let acceptBatch = 64
    private static let turnSize = 1024 * 1024
    /// What is due for connections, from timers, from other threads, or because keys were read, is
    /// done for so many in a turn: when thousands end in the same second, nobody else waits for it.
    static let turnCount = 64

    let index: Int
    let shared: SharedState
    let poller: Poller
    let buffer = ReadBuffer()
    let engine = TLSEngine()
    let accessLog: AccessLogBuffer
    var random = RandomPool()
    var dateLine = DateLine()
    /// Reused for whatever is put together to be sent at once; empty between two events.
    var scratch: [UInt8] = []
    /// As `scratch`, for messages as they come, and inflated.
    var message: [UInt8] = []
    private var inflated: [UInt8] = []
    /// Octets that messages may yet inflate to before everybody else has had a turn.
    var turnAllowance = Worker.turnSize
    /// Clients whose input is held until a later turn.
    private var lightResumptions: [UInt64] = []
    private var heavyResumptions: [UInt64] = []
    private var isResuming = false
    private(set) var now: Instant
    /// How often the loop went round: within one turn nothing is reported twice.
    private(set) var turn: UInt64 = 0
    private(set) var generation: Generation
    var members = Slab<Member>()
    var pool: OriginPool
    var codecs: WorkerCodecs
    /// The gates that it asked last, and what they said of tokens.
    var gates = GatesAtHand()
    /// Failed attempts to enter, by address; nil where they are not limited.
    var attempts: AttemptLimiter?
    /// Requests whose clients have left, and which are finished all the same.
    let unattended = UnattendedCount()
    /// What its connections hold in buffers.
    var memory = MemoryShare()
    /// When it is to be looked again for what could be let go.
    var nextRelief = Instant.zero
    /// How often that was left to others, which have connections that hold more.
    var reliefPauses = 0
    /// When the next line about a rule that is not in force may be written.
    var nextReport = Instant.zero
    private var wheel: TimerWheel
    private var due = Backlog<UInt64>()
    private var messages = Backlog<WorkerMessage>()
    /// Clients that wait for keys, and those of them that may try again.
    private var keyWaiters = Waiters()
    private var keyResumptions = Backlog<UInt64>()
    /// Requests that wait for servers that are away, by the name of the group.
    var waitingRooms: [String: WaitingRoom] = [:]
    /// When the loop will look after them at the latest.
    var waitingRoomWake = Instant.never
    /// Their places, over all groups.
    var serverWaiters = Waiters()
    /// Clients that the newest generation has not been asked about, and how many it has turned out.
    var reviews = Backlog<UInt64>()
    var reviewedOut = 0
    /// How it comes to its end, once it is told to.
    var drain = DrainSchedule()
    private(set) var clientCount = 0
    var hasStopped = false
    private let mailboxToken: UInt64
    /// When the store of sessions is to be asked what time has brought, as far as this worker
    /// knows.
    private var sessionDeadline = Deadline()

    init(index: Int, shared: SharedState, generation: Generation, listeners: [ListeningSocket])
        throws(SystemError)
    {
        self.index = index
        self.shared = shared
        self.generation = generation
        accessLog = AccessLogBuffer(shared.accessLog)
        pool = OriginPool(generation.groups)
        codecs = WorkerCodecs(cacheSize: generation.settings.limits.compressCacheSize)
        attempts = generation.settings.limits.failedAttempts.map { AttemptLimiter($0) }
        poller = try Poller()
        now = SystemClock.now()
        wheel = TimerWheel(now: now)
        mailboxToken = members.insert { _ in .mailbox }
        try poller.add(
            shared.mailboxes[index].descriptorNumber, token: mailboxToken, interest: .readable)
        for listener in listeners { try add(listener) }
    }

    /// Serves until the process is told to stop and every connection has ended.
    func run() {
        while !hasStopped {
            let timeout = wheel.millisecondsToNextTick(from: now) ?? -1
            let count = poller.wait(milliseconds: hasBacklog ? 0 : timeout)
            now = SystemClock.now()
            turn &+= 1
            turnAllowance = Self.turnSize
            for index in 0..<count {
                let (token, readiness) = poller.event(index)
                dispatch(token, readiness)
                assert(scratch.isEmpty, "octets of one connection are left for another")
            }
            if !messages.isEmpty { handleMessages() }
            advanceTimers()
            if !keyResumptions.isEmpty { resumeKeyWaiters() }
            if !reviews.isEmpty { continueReview() }
            if !waitingRooms.isEmpty { openWaitingRooms() }
            if hasResumptions { resumeHeld() }
            publishMemory()
            accessLog.flush()
            if isDraining { continueDraining() }
        }
    }

    private func dispatch(_ token: UInt64, _ readiness: Readiness) {
        switch members[token] {
        case .client(let client): client.becameReady(readiness, in: self)
        case .upstream(let upstream): upstream.becameReady(readiness, in: self)
        case .listener(let listener): accept(from: listener)
        case .mailbox: for message in shared.mailboxes[index].take() { messages.append(message) }
        case nil: break
        }
    }

    private var hasBacklog: Bool {
        hasResumptions || !due.isEmpty || !messages.isEmpty || !keyResumptions.isEmpty
            || !reviews.isEmpty
    }

    // MARK: Turns

    /// Input that may inflate to a lot is read one after the other, in the order it came.
    var allowsHeavyInput: Bool { turnAllowance > 0 && (isResuming || heavyResumptions.isEmpty) }

    /// What the client's relay holds is read in a later turn: light input in the next one.
    func resumeLater(_ client: HTTP1Client, isLight: Bool) {
        if isLight {
            lightResumptions.append(client.token)
        } else {
            heavyResumptions.append(client.token)
        }
    }

    private var hasResumptions: Bool { !lightResumptions.isEmpty || !heavyResumptions.isEmpty }

    private func resumeHeld() {
        isResuming = true
        let light = lightResumptions
        lightResumptions = []
        for token in light { resume(token) }
        let waiting = heavyResumptions.count
        var done = 0
        while done < waiting, turnAllowance > 0 {
            resume(heavyResumptions[done])
            done += 1
        }
        heavyResumptions.removeFirst(done)
        isResuming = false
    }

    private func resume(_ token: UInt64) {
        if case .client(let client) = members[token] { client.resumeRelay(in: self) }
    }

    // MARK: Buffers

    /// The scratch buffer, to be given back.
    func takeScratch() -> [UInt8] { Self.take(&scratch) }

    func giveBack(scratch buffer: inout [UInt8]) { Self.giveBack(&buffer, to: &scratch) }

    /// The buffer for an inflated message, to be given back.
    func takeInflated() -> [UInt8] { Self.take(&inflated) }

    func giveBack(inflated buffer: inout [UInt8]) { Self.giveBack(&buffer, to: &inflated) }

    private static func take(_ place: inout [UInt8]) -> [UInt8] {
        var buffer: [UInt8] = []
        swap(&buffer, &place)
        buffer.removeAll(keepingCapacity: true)
        return buffer
    }

    /// One that has grown beyond reason is not kept.
    private static func giveBack(_ buffer: inout [UInt8], to place: inout [UInt8]) {
        buffer.removeAll(keepingCapacity: buffer.capacity <= turnSize)
        swap(&buffer, &place)
    }

    // MARK: Timers

    /// The member's `timerFired` is called at or soon after `instant`.
    func schedule(_ token: UInt64, at instant: Instant) { wheel.schedule(token, at: instant) }

    /// There is a turn at or soon after `instant`, whatever else happens.
    func wake(at instant: Instant) { wheel.schedule(mailboxToken, at: instant) }

    private func advanceTimers() {
        due.extend { wheel.advance(to: now, into: &$0) }
        if due.isEmpty { return }
        for token in due.next(Self.turnCount) {
            switch members[token] {
            case .client(let client): client.timerFired(in: self)
            case .upstream(let upstream): upstream.timerFired(in: self)
            case .listener(let listener): resumeAccepting(listener)
            case .mailbox: sessionTimePassed()
            case nil: break
            }
        }
    }

    // MARK: Sessions

    /// Called after the store of sessions was told something: it may want to be asked again.
    func noteSessionDeadline() {
        guard let next = shared.sessions.store.nextDeadline else { return }
        if sessionDeadline.set(next) { schedule(mailboxToken, at: next) }
    }

    private func sessionTimePassed() {
        guard isDue(&sessionDeadline, of: mailboxToken) else { return }
        shared.sessions.store.tell(.tick, now: now)
        noteSessionDeadline()
    }

    // MARK: Waiting for keys

    /// The client is told when keys of some source were read. False when too many wait already.
    func awaitKeys(_ client: UInt64, of context: RequestContext) -> Bool {
        keyWaiters.insert(client, from: context.clientAddress)
    }

    /// It has waited long enough.
    func stopAwaitingKeys(_ client: UInt64) { keyWaiters.remove(client) }

    private func keysRead() {
        for client in keyWaiters.takeAll() { keyResumptions.append(client) }
    }

    private func resumeKeyWaiters() {
        for token in keyResumptions.next(Self.turnCount) {
            if case .client(let client) = members[token] { client.keysRead(in: self) }
        }
    }

    // MARK: Listeners

    private func add(_ listener: ListeningSocket) throws(SystemError) {
        let token = members.insert { _ in .listener(listener) }
        listener.token = token
        try poller.add(
            listener.socket.descriptor.number, token: token, interest: .readable)
    }

    private func accept(from listener: ListeningSocket) {
        for _ in 0..<Self.acceptBatch {
            guard clientCount + unattended.value < generation.settings.limits.connections else {
                return pauseAccepting(listener)
            }
            switch listener.socket.accept() {
            case .none: return
            case .exhausted:
                warn(shared.descriptorLines, "no file descriptor left; accepting pauses")
                return pauseAccepting(listener)
            case .accepted(let descriptor, let address):
                open(descriptor, from: address, of: listener)
            }
        }
    }

    private func open(
        _ descriptor: Descriptor, from address: SocketAddress, of listener: ListeningSocket
    ) {
        guard let entrance = generation.entrances[listener.key],
            case .admitted(let lease) = entry(of: address, through: entrance)
        else { return descriptor.close() }
        if shared.memory.isOverloaded {
            shared.memory.noteRefusedConnection()
            return descriptor.close()
        }
        let stream: Stream
        do {
            if let context = entrance.tls {
                stream = try Stream(descriptor, tls: context, engine: engine)
            } else {
                stream = Stream(descriptor)
            }
        } catch {
            return warn(shared.connectionLines, "connection refused: \(error.message)")
        }
        let token = members.insert { token in
            .client(
                HTTP1Client(
                    token: token, stream: stream, address: address, lease: lease,
                    doorway: Doorway(listener.key, entrance, generation: generation), now: now))
        }
        clientCount += 1
        guard case .client(let client) = members[token] else { return }
        do throws(SystemError) {
            try poller.add(descriptor.number, token: token, interest: .readable)
        } catch {
            return client.close(in: self)
        }
        client.opened(in: self)
    }

    func remove(_ listener: ListeningSocket) {
        // Whoever is in the queue already would be reset: take them in first.
        var waiting = true
        while waiting {
            if case .accepted(let descriptor, let address) = listener.socket.accept() {
                open(descriptor, from: address, of: listener)
            } else {
                waiting = false
            }
        }
        poller.remove(listener.socket.descriptor.number)
        members.remove(listener.token)
        listener.socket.descriptor.close()
    }

    var listeners: [ListeningSocket] {
        members.elements.compactMap {
            if case .listener(let listener) = $0 { listener } else { nil }
        }
    }

    // MARK: Clients

    func forget(client token: UInt64) {
        members.remove(token)
        keyWaiters.remove(token)
        for connection in pool.release(client: token) { origin(connection)?.close(in: self) }
        clientCount -= 1
    }

    // MARK: Messages from other threads

    private func handleMessages() {
        for message in messages.next(Self.turnCount) { handle(message) }
        if hasStopped { shared.workerStopped(index) }
    }

    private func handle(_ message: WorkerMessage) {
        switch message {
        case .adopt(let generation, let added, let removed):
            adopt(generation, added: added, removed: removed)
        case .session(let message):
            message.reach(client(message.connection.connection), in: self)
        case .disconnect(let token, let session, let cause):
            client(token)?.disconnect(session, cause, in: self)
        case .refresh(let token, let request):
            guard let client = client(token) else {
                return request.reply(.unknownSession, in: self)
            }
            client.refresh(request, in: self)
        case .refreshed(let token, let number, let outcome):
            client(token)?.refreshed(outcome, number: number, in: self)
        case .keysRead: keysRead()
        case .figures(let sessions, let round): answer(round, sessions)
        case .relieve: lookForRelief()
        case .drain: startDraining()
        case .stop: hasStopped = true
        }
    }

    private func answer(
        _ round: FigureRound, _ sessions: [(connection: UInt64, session: SessionID)]
    ) {
        round.add(
            sessions.compactMap { place in
                client(place.connection)?.figures(of: place.session).map { (place.session, $0) }
            })
    }

    func client(_ token: UInt64) -> HTTP1Client? {
        if case .client(let client) = members[token] { client } else { nil }
    }

    func origin(_ token: UInt64) -> OriginConnection? {
        if case .upstream(let connection) = members[token] { connection } else { nil }
    }

    private func adopt(
        _ next: Generation, added: [ListenerHandle], removed: [ListenerKey]
    ) {
        for listener in listeners where removed.contains(listener.key) { remove(listener) }
        adopt(attempts: next.settings.limits.failedAttempts)
        generation = next
        codecs.adopt(cacheSize: next.settings.limits.compressCacheSize)
        publishMemory(0)
        for handle in added {
            do throws(SystemError) {
                try add(ListeningSocket(handle))
            } catch {
                shared.log.error("listener not watched: \(error.operation): \(error.reason)")
            }
        }
        serversChanged()
        // Who waits for keys is not judged by what was.
        keysRead()
        reviews = Backlog()
        reviewedOut = 0
        for case .client(let client) in members.elements { reviews.append(client.token) }
        for connection in pool.serve(next.groups) { origin(connection)?.close(in: self) }
        shared.workerAdopted(index, generation: next.number)
    }
}
