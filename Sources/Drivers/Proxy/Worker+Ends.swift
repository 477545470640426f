internal import Clock
internal import Generations
internal import Loop
internal import Relays
internal import Settings
internal import Upstreams

/// WebSockets and event streams that are ended one by one: when the process stops, when an operator
/// drains a server, and when checks say that one is down. What `LiveEnds` says is done here.
struct LiveRounds {
    let thread: ThreadState

    private var loop: Loop { thread.loop }

    private var live: [LastingUse] {
        thread.members.elements.compactMap {
            guard case .connection(let connection) = $0, let client = connection as? ClientLink
            else { return nil }
            let use = LastingUse(client: client)
            return use.isLive ? use : nil
        }
    }

    /// The process stops: what lives ends within the time to finish, little by little.
    func stop(within time: Duration) { begin(live, within: time, .stop) }

    /// An operator drains a server, or has changed his mind about what lives on it.
    func ordered(_ server: ServerState) {
        for connection in thread.pool.leave(server) { thread.connection(connection)?.close() }
        if thread.isDraining { return }
        guard server.order.endsLive else { return thread.ends.forget(server) }
        begin(of: server, .server(server))
    }

    /// Checks say that the server is down: what lives on it is worth nothing any more. One that an
    /// operator drains is ended as he ordered.
    func isDown(_ server: ServerState) {
        if thread.isDraining || server.order.isDraining { return }
        begin(of: server, .down(server))
    }

    private func begin(of server: ServerState, _ cause: LiveEnds.Cause) {
        begin(
            live.filter { $0.server === server },
            within: thread.generation.settings.limits.drain.time, cause)
    }

    private func begin(_ uses: [LastingUse], within time: Duration, _ cause: LiveEnds.Cause) {
        let share = SpreadEnds.Share(index: thread.index, count: thread.shared.mailboxes.count)
        thread.ends.begin(
            SpreadEnds(
                uses.map(\.client.token), of: share, from: loop.now,
                over: SpreadEnds.window(of: time)), cause)
        goOn()
    }

    /// Ends those whose turn has come.
    func goOn() {
        end(thread.ends.takeDue(at: loop.now, most: Loop.turnCount))
        if let next = thread.ends.nextDue { loop.wake(at: next) }
    }

    /// Nobody has time any more: all who were to end do now.
    func endAll() { end(thread.ends.takeDue(at: .never, most: .max)) }

    private func end(_ due: [(SpreadEnds.Due, LiveEnds.Cause)]) {
        for (due, cause) in due {
            guard let client = thread.client(due.client) else { continue }
            LastingUse(client: client).end(for: cause, comingBackIn: due.returnMilliseconds)
            loop.eventEnded()
        }
    }
}
