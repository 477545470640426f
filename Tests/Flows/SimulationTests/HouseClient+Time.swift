import Clock
import Endings
import Entry
import HTTP1
import Relays
import Settings
import Upstreams

/// What a client's connection waits for, and how fast its client has to be.
extension HouseClient {
    func timerFired() {
        while !isClosed, let timer = timers.takeDue(at: house.now) { fired(timer) }
        if !isClosed { watch() }
    }

    private func fired(_ timer: Timer) {
        switch timer {
        case .phase: phaseTimedOut()
        case .sending: judgeSending()
        case .taking: judgeTaking()
        case .asking: unreadEnd.asked(true)
        case .connect: exchange?.connectAgain()
        case .flow:
            exchange?.flowTimerFired()
            relay?.timerFired()
        }
    }

    private func phaseTimedOut() {
        switch phase {
        case .head:
            guard http.giveUpRequest() else { return settle() }
            give(.status(408))
        case .lingering(let close): lingeringTimedOut(close)
        case .closing: close()
        case .held(let request): request.timerFired()
        case .exchange(let exchange): exchange.waitTimedOut()
        case .webSocket, .closed: break
        }
    }

    private func change(_ timer: Timer, _ change: TimerChange) {
        switch change {
        case .none: break
        case .set(let instant): timers[timer] = instant
        case .clear: timers.clear(timer)
        }
    }

    /// Behind every event.
    func watch() {
        if isClosed { return }
        watchPace()
        let isSilent = exchange.map { $0.mayAsk && !wantsInput && !hasFinished } ?? false
        change(
            .asking,
            unreadEnd.watch(
                isSilent: isSilent, isSet: timers[.asking] != .never, at: house.now))
    }

    func watchPace() {
        change(
            .taking,
            pace.watchTaking(
                pending: wire.pending.count,
                rate: generation.limits.responseRate.ofResponses(streamRoute?.slowClient),
                taken: wire.takenCount, at: house.now))
        change(
            .sending,
            pace.watchSending(
                bodyTurn, rate: generation.limits.bodyRate, count: http.bodyCount,
                at: house.now))
    }

    private var bodyTurn: ClientPace.BodyTurn {
        guard let exchange, exchange.isReadingBody else { return .nobody }
        return wantsInput && http.waitsFor == .body ? .client : .others
    }

    private var streamRoute: RouteSettings? {
        if let relay { return relay.route }
        return exchange?.isEventStream == true ? exchange?.plan.route.settings : nil
    }

    private func judgeSending() {
        switch pace.judgeSending(count: http.bodyCount, at: house.now) {
        case .inTime(let next): timers[.sending] = next
        case .tooSlow: exchange?.bodyTooSlow()
        case nil: break
        }
    }

    private func judgeTaking() {
        switch pace.judgeTaking(taken: wire.takenCount, at: house.now) {
        case .inTime(let next): timers[.taking] = next
        case .tooSlow: tookTooLittle()
        case nil: break
        }
    }

    private func tookTooLittle() {
        switch phase {
        case .exchange(let exchange): exchange.giveUp(.slowConsumer)
        case .webSocket(let relay):
            pace.forgetTaking()
            return relay.tookTooLittle()
        case .held(let request): request.clientLost()
        case .head, .closing, .lingering, .closed: break
        }
        close(reset: true)
    }

    // MARK: Flow

    func drained() {
        switch phase {
        case .exchange(let exchange): exchange.clientDrained()
        case .webSocket(let relay): relay.clientDrained()
        case .lingering: linger()
        case .head: resume()
        case .held, .closing, .closed: break
        }
    }

    var wantsInput: Bool {
        if hasInputEnded { return false }
        switch phase {
        case .held: return held.count < Self.heldSize
        case .exchange(let exchange) where exchange.wait.isActive:
            return held.count < Self.heldSize
        case .head, .closing: return held.isEmpty
        case .lingering(let close): return held.isEmpty && close.isReading
        case .exchange(let exchange): return held.isEmpty && exchange.wantsClientInput
        case .webSocket(let relay): return held.isEmpty && relay.wantsClientInput
        case .closed: return false
        }
    }
}
