internal import HTTP
internal import Identity
internal import Settings
internal import SocketIO

/// Step 6 where a token comes in the first message of a WebSocket.
extension Admission {
    /// What is done before that message is there; nil where nothing has to be.
    func askFirstMessage(
        of route: Generation.Route, _ attempt: GateAttempt, in worker: Worker
    ) -> Decision? {
        let speaksSocketIO = route.settings.socketIO != nil
        guard context.opened == nil, context.isWebSocket || speaksSocketIO,
            let gate = worker.gates.newest(of: generation.gates).gate(ofRoute: attempt.route),
            gate.asksFirstMessage(head.fields, query: query)
        else { return nil }
        guard speaksSocketIO else { return .awaitMessage(route) }
        let handshake = EngineHandshake(query)
        // A session that was begun by polling goes on as it began: with nobody's token.
        if route.settings.allowsAnonymous, !context.isWebSocket || handshake.hasSession {
            return nil
        }
        guard context.isWebSocket || handshake.isMeant else { return nil }
        if let error = handshake.objection(isWebSocket: context.isWebSocket) {
            return .refuseEngine(error)
        }
        return .awaitMessage(route)
    }
}
