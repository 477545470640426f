package import Clock
internal import HTTP1
internal import Loop
internal import Relays
internal import Transport

/// What is known of a client's input.
extension HTTP1Client {
    /// When octets last came.
    package var lastHeard: Instant { socket.lastHeard }

    /// All that the client has to say was received.
    package var hasInputEnded: Bool { input.hasEnded }

    /// The client sends no more, whether or not all of it was received.
    package var hasFinished: Bool { input.hasEnded || socket.unreadEnd.hasCome }

    /// Octets wait that were not used.
    package var isHolding: Bool { !input.held.isEmpty }

    /// No request is at hand: the connection is between two of them, or before the first.
    package var isBetweenRequests: Bool { stage.isBetweenRequests }

    /// Something is done for a request, or for the WebSocket that it has become.
    package var isInUse: Bool { stage.isInUse }

    /// What was not used is kept; nothing more is read until it was used.
    package func hold(_ progress: inout ClientProgress) {
        let held = input.held
        input.held = []
        input.held = progress.rest(behind: held, from: loop.buffer)
    }

    /// Goes on with what is held; nil when nothing is.
    package func takeHeld() -> ClientProgress? {
        if input.held.isEmpty { return nil }
        defer { input.held = [] }
        return ClientProgress(held: input.held)
    }

    // MARK: The end of the input

    /// The client finished sending behind octets that are not read yet.
    package func noteUnreadEnd() { socket.noteUnreadEnd() }

    /// The request at hand knows that the client's input has ended.
    package func endRequestInput() { try? http.inputEnded() }

    /// The request at hand does not know yet that the client's input has ended.
    package var owesInputEnd: Bool {
        input.hasEnded && input.held.isEmpty && !http.hasInputEnded
    }

    /// The process stops. A client that it would wait for in vain shows when what that has sent is
    /// read: the end comes behind it.
    package func lookAhead() { socket.lookAhead() }

    /// What the body of the request at hand lacks; nil when it is whole.
    ///
    /// - Parameter hasAllCome: nothing has come that was not used yet.
    func missingBody(hasAllCome: Bool) -> MissingBody? {
        guard http.lacksBody else { return nil }
        let unused = hasAllCome ? nil : input.unusedCount(unread: socket.stream.unreadCount)
        return MissingBody(remaining: http.lackingCount, unused: unused)
    }
}
