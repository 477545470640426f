internal import Transport

/// Clients that finish sending, or leave, while something is done for them.
extension ClientConnection {
    /// It sends no more, whether or not all of it was received.
    var hasFinished: Bool { hasInputEnded || hasFinishedUnread }

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
    func finishedUnread(in worker: Worker) {
        guard watchesForLeaving else { return }
        hasFinishedUnread = true
        switch phase {
        case .held(let request): request.clientInputEnded(from: self, in: worker)
        case .exchange(let exchange): exchange.clientInputEnded(hasAllCome: false, in: worker)
        case .head, .webSocket, .closing, .lingering, .closed: break
        }
    }
}
