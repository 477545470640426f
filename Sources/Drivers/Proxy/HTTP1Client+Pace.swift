internal import Bookkeeping
internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import HTTP1
internal import Loop
internal import Relays
internal import Settings
internal import Transport

/// What `ClientPace` says of the client.
extension HTTP1Client {
    /// The client's turn to send or to take begins or ends.
    func watchPace() {
        let stream = stream
        let taking = watch.pace.watchTaking(
            pending: stream.pendingCount,
            rate: generation.settings.limits.responseRate.ofResponses(liveRoute?.slowClient),
            taken: stream.takenCount, at: loop.now)
        change(.taking, taking)
        let sending = watch.pace.watchSending(
            bodyTurn, rate: generation.settings.limits.bodyRate, count: http.bodyCount,
            at: loop.now)
        change(.sending, sending)
    }

    private var bodyTurn: ClientPace.BodyTurn {
        guard case .exchange(let exchange) = phase, exchange.isReadingBody else { return .nobody }
        let isWaitedFor =
            watch.interest.isReadable && exchange.wantsClientInput && request.isBodyDue
        return isWaitedFor ? .client : .others
    }

    /// Of the WebSocket or event stream that the connection carries.
    private var liveRoute: RouteSettings? {
        switch phase {
        case .exchange(let exchange) where exchange.events != nil: exchange.plan.route.settings
        case .webSocket(let relay): relay.route.settings
        case .exchange, .head, .held, .closing, .lingering, .closed: nil
        }
    }

    func judgeSending() {
        guard case .exchange(let exchange) = phase else { return }
        switch watch.pace.judgeSending(count: http.bodyCount, at: loop.now) {
        case .inTime(let next): set(.sending, at: next)
        case .tooSlow:
            thread.shared.counters.note(slow: \.bodies)
            exchange.bodyTooSlow()
        case nil: break
        }
    }

    func judgeTaking() {
        let stream = stream
        switch watch.pace.judgeTaking(taken: stream.takenCount, at: loop.now) {
        case .inTime(let next): set(.taking, at: next)
        case .tooSlow:
            thread.shared.counters.note(slow: \.responses)
            tookTooLittle()
        case nil: break
        }
    }

    private func tookTooLittle() {
        switch phase {
        case .exchange(let exchange): exchange.giveUp(.slowConsumer, detail: "rate")
        case .webSocket(let relay):
            // It has as long as any slow one to hear why.
            watch.pace.forgetTaking()
            return relay.tookTooLittle()
        case .held(let request): request.clientLost()
        case .head, .closing, .lingering, .closed: break
        }
        // What waits is not for anybody who would read it.
        close(reset: true)
    }
}
