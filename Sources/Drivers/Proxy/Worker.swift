internal import Bookkeeping
internal import Clock
internal import Endings
internal import Entry
package import Generations
internal import Loop
internal import Relays
internal import Sessions
internal import Settings
internal import TLS
package import Transport
internal import Upstreams

/// One thread, from its start to its end: it runs the loop, takes connections from its listeners,
/// hands out what the poller, the timers and other threads have, and changes over to other
/// generations. Those who live on it know it not; what they share is the `ThreadState`.
package final class Worker {
    /// Connections taken from one listener at once, so that those already here are served too.
    private static let acceptBatch = 64
    /// How long accepting rests when there is no descriptor left.
    private static let exhaustedPause: Duration = .milliseconds(200)

    let thread: ThreadState
    private var messages = Backlog<WorkerMessage>()
    /// Clients that waited for keys and may try again.
    private var keyResumptions = Backlog<UInt64>()
    /// Clients that the newest generation has not been asked about, and how many it has turned out.
    var reviews = Backlog<UInt64>()
    var reviewedOut = 0
    var relief = Relief()
    private var hasStopped = false

    package init(
        index: Int, shared: SharedState, generation: Generation, listeners: [ListenerHandle]
    ) throws(SystemError) {
        thread = try ThreadState(index: index, shared: shared, generation: generation)
        try loop.watch(
            shared.mailboxes[index].descriptorNumber, token: loop.wakeToken, interest: .readable)
        for handle in listeners { try add(ListeningSocket(handle)) }
    }

    var loop: Loop { thread.loop }
    var shared: SharedState { thread.shared }
    var generation: Generation { thread.generation }

    // MARK: Who is here

    /// All connections of clients.
    var clients: [ClientLink] { connections.compactMap { $0 as? ClientLink } }

    private var origins: [OriginLink] { connections.compactMap { $0 as? OriginLink } }

    private var connections: [ThreadMember] {
        thread.members.elements.compactMap {
            if case .connection(let connection) = $0 { connection } else { nil }
        }
    }

    // MARK: Turns

    /// Serves until the process is told to stop and every connection has ended.
    package func run() {
        while !hasStopped {
            for index in 0..<loop.next(hasBacklog: hasBacklog) {
                let (token, readiness) = loop.event(index)
                dispatch(token, readiness)
                loop.eventEnded()
            }
            if !messages.isEmpty { handleMessages() }
            for token in loop.takeDue() { timerFired(token) }
            if !keyResumptions.isEmpty { resumeKeyWaiters() }
            if !reviews.isEmpty { continueReview() }
            if !thread.awayServers.rooms.isEmpty { openWaitingRooms() }
            resumeHeld()
            publishMemory()
            thread.accessLog.flush()
            if !thread.ends.isEmpty { LiveRounds(thread: thread).goOn() }
            if thread.isDraining { continueDraining() }
        }
    }

    private func dispatch(_ token: UInt64, _ readiness: Readiness) {
        switch thread.members[token] {
        case .connection(let connection): connection.becameReady(readiness)
        case .listener(let listener): accept(from: listener)
        case .mailbox:
            for message in shared.mailboxes[thread.index].take() { messages.append(message) }
            // At once: what is ordered comes before the octets that came behind it.
            handleMessages()
        case nil: break
        }
    }

    private func timerFired(_ token: UInt64) {
        switch thread.members[token] {
        case .connection(let connection): connection.timerFired()
        case .listener(let listener): resumeAccepting(listener)
        case .mailbox: thread.sessionTimePassed()
        case nil: break
        }
        loop.eventEnded()
    }

    private var hasBacklog: Bool {
        !messages.isEmpty || !keyResumptions.isEmpty || !reviews.isEmpty
    }

    /// Goes on with input that was held for a later turn.
    private func resumeHeld() {
        for token in loop.allowance.takeLight() { resumeRelay(token) }
        let waiting = loop.allowance.heavyCount
        var done = 0
        while done < waiting, let token = loop.allowance.heavy(done) {
            resumeRelay(token)
            done += 1
        }
        loop.allowance.resumed(heavy: done)
    }

    private func resumeRelay(_ token: UInt64) {
        thread.client(token)?.resumeRelay()
        loop.eventEnded()
    }

    /// Lets those try whose turn has come.
    private func openWaitingRooms() {
        for name in thread.awayServers.rooms.keys {
            let (group, tokens) = thread.nextToTry(in: name)
            for token in tokens {
                thread.client(token)?.tryServer(of: group)
                loop.eventEnded()
            }
        }
        thread.closeIdleRooms()
    }

    private func keysRead() {
        for client in thread.keyWaiters.takeAll() { keyResumptions.append(client) }
    }

    private func resumeKeyWaiters() {
        for token in keyResumptions.next(Loop.turnCount) {
            thread.client(token)?.keysRead()
            loop.eventEnded()
        }
    }

    // MARK: Listeners

    private func add(_ listener: ListeningSocket) throws(SystemError) {
        let token = thread.members.insert { _ in .listener(listener) }
        listener.token = token
        try loop.watch(listener.socket.descriptor.number, token: token, interest: .readable)
    }

    private func accept(from listener: ListeningSocket) {
        for _ in 0..<Self.acceptBatch {
            if thread.isFull { return pauseAccepting(listener) }
            switch listener.socket.accept() {
            case .none: return
            case .exhausted:
                thread.warn(shared.lines.descriptor, "no file descriptor left; accepting pauses")
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
            case .admitted(let lease) = thread.entry(of: address, through: entrance)
        else { return descriptor.close() }
        if shared.memory.isOverloaded {
            shared.memory.noteRefusedConnection()
            return descriptor.close()
        }
        let stream: Stream
        do {
            if let context = entrance.tls {
                stream = try Stream(descriptor, tls: context, engine: loop.engine)
            } else {
                stream = Stream(descriptor)
            }
        } catch {
            return thread.warn(shared.lines.connection, "connection refused: \(error.message)")
        }
        // One that cannot be watched is closed.
        try? thread.open(
            stream, from: address, lease: lease,
            by: Doorway(listener.key, entrance, generation: generation))
    }

    private func pauseAccepting(_ listener: ListeningSocket) {
        guard !listener.isPaused else { return }
        listener.isPaused = true
        loop.change(listener.socket.descriptor.number, token: listener.token, interest: [])
        loop.schedule(listener.token, at: loop.now + Self.exhaustedPause)
    }

    private func resumeAccepting(_ listener: ListeningSocket) {
        guard listener.isPaused else { return }
        listener.isPaused = false
        loop.change(listener.socket.descriptor.number, token: listener.token, interest: .readable)
    }

    private func remove(_ listener: ListeningSocket) {
        // Whoever is in the queue already would be reset: take them in first.
        var waiting = true
        while waiting {
            if case .accepted(let descriptor, let address) = listener.socket.accept() {
                open(descriptor, from: address, of: listener)
            } else {
                waiting = false
            }
        }
        loop.unwatch(listener.socket.descriptor.number)
        thread.members.remove(listener.token)
        listener.socket.descriptor.close()
    }

    private var listeners: [ListeningSocket] {
        thread.members.elements.compactMap {
            if case .listener(let listener) = $0 { listener } else { nil }
        }
    }

    // MARK: Messages from other threads

    private func handleMessages() {
        for message in messages.next(Loop.turnCount) {
            handle(message)
            loop.eventEnded()
        }
    }

    private func handle(_ message: WorkerMessage) {
        switch message {
        case .adopt(let generation, let added, let removed):
            adopt(generation, added: added, removed: removed)
        case .session(let message): told(message)
        case .disconnect(let token, let session, let cause):
            thread.client(token)?.disconnect(session, cause)
        case .refresh(let token, let request):
            guard let client = thread.client(token) else { return request.reply(.unknownSession) }
            client.refresh(request)
        case .refreshed(let token, let number, let outcome):
            thread.client(token)?.refreshed(outcome, number: number)
        case .keysRead: keysRead()
        case .serversChanged(let groups):
            thread.closeResting(notOf: generation)
            thread.serversChanged(in: groups)
        case .placeIsFree(let client, let ledger):
            // Else it is the next one's turn.
            if thread.client(client)?.tryServer(of: nil, for: .full) != true { ledger.callNext() }
        case .figures(let sessions, let round): answer(round, sessions)
        case .relieve: relief.begin(at: loop.now)
        case .serverOrdered(let server): LiveRounds(thread: thread).ordered(server)
        case .serverIsUp(let group): thread.serversChanged(in: [group])
        case .serverIsDown(let server): LiveRounds(thread: thread).isDown(server)
        case .drain: startDraining()
        case .stop: stop()
        }
    }

    /// What the store of sessions says of a connection: it hears that. A seat that nobody there
    /// waits for any more is given back.
    private func told(_ message: SessionMessage) {
        let client = thread.client(message.connection.connection)
        if let fact = message.stray(beside: client?.sessionLease) {
            shared.sessions.store.tell(fact, now: loop.now)
            return thread.noteSessionDeadline()
        }
        client?.told(message)
    }

    private func answer(
        _ round: FigureRound, _ sessions: [(connection: UInt64, session: SessionID)]
    ) {
        round.add(
            sessions.compactMap { place in
                thread.client(place.connection)?.figures(of: place.session).map {
                    (place.session, $0)
                }
            })
    }

    private func adopt(_ next: Generation, added: [ListenerHandle], removed: [ListenerKey]) {
        for listener in listeners where removed.contains(listener.key) { remove(listener) }
        thread.adopt(next)
        publishMemory(0)
        for handle in added {
            do throws(SystemError) {
                try add(ListeningSocket(handle))
            } catch {
                shared.log.error("listener not watched: \(error.operation): \(error.reason)")
            }
        }
        thread.serversChanged(in: nil)
        // Who waits for keys is not judged by what was.
        keysRead()
        beginReview()
        thread.closeResting(notOf: next)
        shared.workerAdopted(thread.index, generation: next.number)
    }

    // MARK: The end

    private func startDraining() {
        let timeout = generation.settings.limits.drain.time
        guard let end = thread.ends.drain.begin(at: loop.now, timeout: timeout) else { return }
        for listener in listeners { remove(listener) }
        for client in clients { client.drain() }
        LiveRounds(thread: thread).stop(within: timeout)
        // Wakes the loop once the time is over, whatever the connections do.
        loop.wake(at: end)
    }

    private func continueDraining() {
        switch thread.ends.drain.judge(isEmpty: thread.occupants == 0, at: loop.now) {
        case .wait: break
        case .sayLast(let end):
            drainIsOver()
            loop.wake(at: end)
        case .stop: stop()
        }
    }

    /// - Parameter detail: what is noted of a WebSocket that is cut.
    private func drainIsOver(_ detail: String? = nil) {
        LiveRounds(thread: thread).endAll()
        for client in clients { client.drainIsOver(detail) }
        for origin in origins { origin.drainIsOver() }
    }

    /// Behind this the system closes what is open: nobody shall take that for the end of an answer
    /// of which he lacks some (RFC 9112 §8).
    private func stop() {
        drainIsOver("stopped")
        thread.accessLog.flush()
        hasStopped = true
        shared.workerStopped(thread.index)
    }
}
