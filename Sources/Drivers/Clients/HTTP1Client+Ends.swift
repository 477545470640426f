internal import Bookkeeping
internal import Bytes
internal import Clock
internal import Generations
internal import HTTP1
internal import Loop
internal import Relays
internal import Settings
internal import Transport

/// The end of a connection behind its last answer (`LingeringClose`).
extension HTTP1Client {
    /// Nothing more is said: sends what waits, then FIN, then waits for the client to do the same.
    package func finish() -> ClientEnd? {
        http.hangUp()
        return settle()
    }

    /// As `finish`, for a client that takes its time: what it has not taken soon is lost.
    package func finishSoon() -> ClientEnd? {
        http.hangUp()
        return linger(.hurried)
    }

    /// The answer at hand is broken off, and the client shall see that it is.
    package func cut() -> ClientEnd? {
        http.cut()
        return settle()
    }

    /// The connection ends in the way that `ServerConnection` says.
    package func settle() -> ClientEnd? {
        switch http.ending {
        case .finished:
            linger(LingeringClose.Manner(leavesRest: false, isDraining: doorway.isStopped))
        case .leavingRest:
            linger(LingeringClose.Manner(leavesRest: true, isDraining: doorway.isStopped))
        case .cut(let needsReset): ClientEnd(reset: needsReset)
        case nil: nil
        }
    }

    private func linger(_ manner: LingeringClose.Manner) -> ClientEnd? {
        if stage.isClosed { return nil }
        enter(.lingering)
        input.held = []
        return end(unless: socket.linger(manner, hasInputEnded: input.hasEnded))
    }

    /// Something was sent, or the client's input has ended, behind the last answer.
    func linger() -> ClientEnd? { end(unless: socket.lingers(hasInputEnded: input.hasEnded)) }

    /// A client that has not taken all of an answer shall not take it for whole.
    func end(unless lingers: Bool) -> ClientEnd? {
        lingers ? nil : ClientEnd(reset: socket.stream.pendingCount > 0)
    }

    /// What came behind the message that ended a WebSocket, which was held until then.
    package func heardWhileClosing(_ octets: Span<UInt8>) -> ClientEnd? {
        guard case .closing(let socket) = stage, socket.clientSent(octets) else { return nil }
        return finish()
    }

    /// The time to finish is over, for a client that is not answered any more: an answer that was
    /// not taken is cut.
    package func stopIsOver() -> ClientEnd? {
        switch stage {
        case .proxyHeader, .handshake, .idle, .partial, .closing: ClientEnd(reset: false)
        case .lingering: socket.stream.pendingCount > 0 ? ClientEnd(reset: true) : nil
        case .inUse, .closed: nil
        }
    }
}
