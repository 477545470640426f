import Clock
import Entry
import HTTP1
import Relays
import Settings

/// Clients that finish sending, or leave, while something is done for them.
extension HouseClient {
    /// It sends no more, whether or not all of it was received.
    var hasFinished: Bool { hasInputEnded || unreadEnd.hasCome }

    var watchesForLeaving: Bool {
        if hasFinished { return false }
        switch phase {
        case .held, .exchange: return true
        case .head, .webSocket, .closing, .lingering, .closed: return false
        }
    }

    func finishedUnread() {
        unreadEnd.came()
        switch phase {
        case .held(let request): request.clientInputEnded()
        case .exchange(let exchange): exchange.clientInputEnded(hasAllCome: false)
        case .head, .webSocket, .closing, .lingering, .closed: break
        }
    }

    func heldIsOver() {
        switch phase {
        case .head: finish()
        case .exchange(let exchange) where !http.hasInputEnded:
            exchange.clientInputEnded(hasAllCome: true)
            try? http.inputEnded()
        case .exchange, .held, .webSocket, .closing, .lingering, .closed: break
        }
    }

    /// What the body of the request at hand lacks; nil when it is whole.
    func missingBody(hasAllCome: Bool) -> MissingBody? {
        guard http.lacksBody else { return nil }
        let unread = held.count + (hasInputEnded ? 0 : wire.incoming.count)
        return MissingBody(remaining: http.lackingCount, unused: hasAllCome ? nil : unread)
    }

    /// Whoever waits is waited for, and no longer than that.
    func check() {
        if let fault = timers.fault { house.complain("client \(number): \(fault)") }
        if let slip = entrant?.slip, slip.lines.isEmpty,
            slip.firstEndTime < house.now && house.now - slip.firstEndTime > .seconds(5)
        {
            house.complain("stream \(slip.stream) does not end")
        }
        if case .lingering = phase, house.now - lingeringSince > .seconds(63) {
            house.complain("client \(number) lingers for ever")
        }
        guard let request else { return }
        guard let deadline = request.entry.deadline else {
            return house.complain("stream \(request.entrant.stream) is held for ever")
        }
        if timers[.phase] != deadline {
            house.complain("stream \(request.entrant.stream) has another deadline")
        }
        if deadline > house.now + request.longestWait {
            house.complain("stream \(request.entrant.stream) waits for too long")
        }
    }
}
