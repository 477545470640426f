internal import Bookkeeping
internal import Clock
internal import Generations
internal import HTTP1
internal import Loop
internal import Relays
internal import Transport

/// Clients that finish sending, or leave, while something is done for them.
extension HTTP1Client {
    /// It sends no more, whether or not all of it was received.
    var hasFinished: Bool { hasInputEnded || unreadEnd.hasCome }

    /// While a request is under way its client is watched also when it is not read from, because
    /// the upstream takes no more or is not there yet: an end that stands behind unread octets is
    /// never read.
    var watchesForLeaving: Bool {
        if hasFinished { return false }
        switch phase {
        case .held, .exchange: return true
        // Their ends are read, because what comes before them counts.
        case .head, .webSocket, .closing, .lingering, .closed: return false
        }
    }

    /// The client finished sending, and not all of it was received.
    func finishedUnread() {
        guard watchesForLeaving else { return }
        unreadEnd.came()
        switch phase {
        case .held(let request): request.clientInputEnded()
        case .exchange(let exchange): exchange.clientInputEnded(hasAllCome: false)
        case .head, .webSocket, .closing, .lingering, .closed: break
        }
    }

    /// The client finished sending before, and the last of what was held is used.
    func heldIsOver() {
        switch phase {
        case .head: finish()
        case .exchange(let exchange) where !http.hasInputEnded:
            exchange.clientInputEnded()
            try? http.inputEnded()
        case .exchange, .held, .webSocket, .closing, .lingering, .closed: break
        }
    }

    // MARK: Ends that have not come

    /// What the body of the request at hand lacks; nil when it is whole.
    ///
    /// - Parameter hasAllCome: nothing has come that was not used yet.
    func missingBody(hasAllCome: Bool) -> MissingBody? {
        guard http.lacksBody else { return nil }
        return MissingBody(remaining: http.lackingCount, unused: hasAllCome ? nil : unusedCount)
    }

    /// Octets of its input that have come and were not used, at least.
    private var unusedCount: Int {
        let unread = hasInputEnded ? 0 : stream.unreadCount
        return held.count.addingReportingOverflow(unread).overflow ? .max : held.count + unread
    }

    /// Nobody reads from a client, and it may have left. WebSockets have pings to ask with, and
    /// event streams comments.
    func watchForSilentLeave() {
        let next = unreadEnd.watch(
            isSilent: isSilent, isSet: timers[.asking] != .never, at: loop.now)
        change(.asking, next)
    }

    private var isSilent: Bool {
        guard case .exchange(let exchange) = phase, !watch.interest.isReadable else { return false }
        return !hasFinished && exchange.mayAsk
    }

    func askWhetherItLeft() {
        unreadEnd.asked(stream.ask())
    }

    /// The process stops. Whom it would wait for in vain shows when what it has sent is read: the
    /// end comes behind that.
    func lookAhead() {
        guard case .exchange(let exchange) = phase, exchange.isHeldBack, !hasFinished,
            !thread.shared.memory.isOverloaded, thread.drain.takeLookAhead()
        else { return }
        unreadEnd.lookFor()
    }
}
