internal import Clock
internal import Endings
internal import Entry
internal import HTTP1
internal import Relays
internal import Settings
internal import Transport

/// What `ClientPace` says of the client.
extension HTTP1Client {
    /// The client's turn to send or to take begins or ends.
    func watchPace(in worker: Worker) {
        let stream = stream
        let taking = pace.watchTaking(
            pending: stream.pendingCount,
            rate: generation.settings.limits.responseRate.ofResponses(liveRoute?.slowClient),
            taken: stream.takenCount, at: worker.now)
        change(.taking, taking, in: worker)
        let sending = pace.watchSending(
            bodyTurn, rate: generation.settings.limits.bodyRate, count: http.bodyCount,
            at: worker.now)
        change(.sending, sending, in: worker)
    }

    private var bodyTurn: ClientPace.BodyTurn {
        guard case .exchange(let exchange) = phase, exchange.isReadingBody else { return .nobody }
        let isWaitedFor =
            interest.isReadable && exchange.wantsClientInput && request.isBodyDue
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

    func judgeSending(in worker: Worker) {
        guard case .exchange(let exchange) = phase else { return }
        switch pace.judgeSending(count: http.bodyCount, at: worker.now) {
        case .inTime(let next): set(.sending, at: next, in: worker)
        case .tooSlow:
            worker.shared.counters.note(slow: \.bodies)
            exchange.bodyTooSlow(in: worker)
        case nil: break
        }
    }

    func judgeTaking(in worker: Worker) {
        let stream = stream
        switch pace.judgeTaking(taken: stream.takenCount, at: worker.now) {
        case .inTime(let next): set(.taking, at: next, in: worker)
        case .tooSlow:
            worker.shared.counters.note(slow: \.responses)
            tookTooLittle(in: worker)
        case nil: break
        }
    }

    private func tookTooLittle(in worker: Worker) {
        switch phase {
        case .exchange(let exchange): exchange.giveUp(.slowConsumer, detail: "rate", in: worker)
        case .webSocket(let relay):
            // It has as long as any slow one to hear why.
            pace.forgetTaking()
            return relay.tookTooLittle(in: worker)
        case .held(let request): request.clientLost(in: worker)
        case .head, .closing, .lingering, .closed: break
        }
        // What waits is not for anybody who would read it.
        close(reset: true, in: worker)
    }
}
