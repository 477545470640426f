internal import Bookkeeping
internal import Clients
internal import Endings
internal import Generations
internal import Upstreams

/// Clients that finish sending, leave, or are too slow, while something is done for them.
extension ClientLink {
    /// The client finished sending, and all that came before was received.
    func inputEnded() {
        switch use {
        case .nothing: break
        case .held(let request): request.clientInputEnded()
        case .exchange(let exchange):
            let hasAllCome = !connection.isHolding
            exchange.clientInputEnded(hasAllCome: hasAllCome)
            if hasAllCome { connection.endRequestInput() }
        case .webSocket(let relay): relay.clientInputEnded()
        }
    }

    /// The client finished sending, and not all of it was received.
    func finishedUnread() {
        switch use {
        case .held(let request):
            connection.noteUnreadEnd()
            request.clientInputEnded()
        case .exchange(let exchange):
            connection.noteUnreadEnd()
            exchange.clientInputEnded(hasAllCome: false)
        // Their ends are read, because what comes before them counts.
        case .nothing, .webSocket: break
        }
    }

    /// The client finished sending before, and the last of what was held is used.
    func heldIsOver() {
        switch use {
        case .nothing: if connection.isBetweenRequests { finish() }
        case .exchange(let exchange):
            guard connection.owesInputEnd else { return }
            exchange.clientInputEnded()
            connection.endRequestInput()
        case .held, .webSocket: break
        }
    }

    /// The process stops. Whom it would wait for in vain shows when what it has sent is read: the
    /// end comes behind that.
    func lookAhead() {
        guard case .exchange(let exchange) = use, exchange.isHeldBack, !connection.hasFinished,
            !thread.shared.memory.isOverloaded, thread.ends.drain.takeLookAhead()
        else { return }
        connection.lookAhead()
    }

    // MARK: Servers that were away

    /// It is this request's turn to try; `group` is nil for the newest of the one it began with.
    @discardableResult
    func tryServer(of group: BackendGroup?, for cause: ServerWait.Cause = .away) -> Bool {
        guard case .exchange(let exchange) = use else { return false }
        defer { resume() }
        return exchange.tryServer(of: group ?? thread.newest(exchange.plan.group), for: cause)
    }

    // MARK: Who is too slow

    /// The client does not keep `body_rate`.
    func sendsTooSlowly() {
        guard case .exchange(let exchange) = use else { return }
        thread.shared.counters.note(slow: \.bodies)
        exchange.bodyTooSlow()
    }

    /// The client does not keep `response_rate`.
    func takesTooSlowly() {
        thread.shared.counters.note(slow: \.responses)
        switch use {
        case .exchange(let exchange): exchange.giveUp(.slowConsumer, detail: "rate")
        case .webSocket(let relay):
            // It has as long as any slow one to hear why.
            connection.forgetTaking()
            return relay.tookTooLittle()
        case .held(let request): request.clientLost()
        case .nothing: break
        }
        // What waits is not for anybody who would read it.
        close(reset: true)
    }
}
