package import Clock
internal import HTTP1
internal import Relays
internal import Transport

/// What is due for a client's connection; what the request at hand has set is answered as it is.
extension HTTP1Client {
    package func set(_ timer: ClientTimer, at instant: Instant) { socket.set(timer, at: instant) }

    package func clear(_ timer: ClientTimer) { socket.clear(timer) }

    /// The loop says that it is due: true when its deadline has come. `nextDue` is to be asked
    /// until it answers nil.
    package func isDue() -> Bool { socket.isDue() }

    /// What is due next; nil when that was all, and the loop knows when more will be.
    package func nextDue() -> ClientEvent? {
        while !stage.isClosed, let timer = socket.takeDue() {
            if let event = fired(timer) { return event }
        }
        return nil
    }

    private func fired(_ timer: ClientTimer) -> ClientEvent? {
        switch timer {
        case .phase: return phaseTimedOut()
        case .sending: return socket.sendsTooSlowly(count: http.bodyCount) ? .sendsTooSlowly : nil
        case .taking: return socket.takesTooSlowly() ? .takesTooSlowly : nil
        case .asking:
            socket.ask()
            return nil
        case .connect, .flow, .heartbeat, .age: return .due(timer)
        }
    }

    private func phaseTimedOut() -> ClientEvent? {
        switch stage {
        case .idle, .partial: http.giveUpRequest() ? .headTimedOut : settle()?.event
        case .lingering: end(unless: socket.lingersOn())?.event
        case .proxyHeader, .handshake, .closing: .over(reset: false)
        case .inUse: .due(.phase)
        case .closed: nil
        }
    }
}
