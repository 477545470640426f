internal import HTTP1
internal import Transport
internal import Upstreams

/// Upstream connections between two requests, as `OriginPool` says.
extension OriginConnection {
    /// A connection to `server` that rested and may be used now; those that may not are closed.
    ///
    /// - Parameter mayRepeat: the request can be sent once more, if the connection is dead.
    static func takeResting(
        for server: ServerState, mayRepeat: Bool, in worker: Worker
    ) -> OriginConnection? {
        while let offer = worker.pool.take(
            for: server, mayRepeat: mayRepeat, at: worker.now, turn: worker.turn)
        {
            if let connection = accept(offer, in: worker) { return connection }
        }
        return nil
    }

    /// The connection to a server of `group` on which this client has authenticated itself, if
    /// there is one that may be used.
    static func takeReserved(
        for client: UInt64, in group: BackendGroup, worker: Worker
    ) -> OriginConnection? {
        while let offer = worker.pool.take(
            reservedFor: client, in: group, at: worker.now, turn: worker.turn)
        {
            if let connection = accept(offer, in: worker) { return connection }
        }
        return nil
    }

    /// The connection, if it is to be used; closed, if not.
    private static func accept(
        _ offer: OriginPool.Offer, in worker: Worker
    ) -> OriginConnection? {
        switch offer {
        case .use(let token): return worker.origin(token)
        case .look(let token):
            guard let connection = worker.origin(token) else { return nil }
            switch connection.stream.peek() {
            case .quiet: return connection
            case .octets:
                let octets = connection.stream.peek(UnaskedResponse.prefixLength)
                connection.hearUnasked(octets.span, in: worker)
            case .end, .broken: break
            }
            connection.close(in: worker)
        case .close(let token): worker.origin(token)?.close(in: worker)
        }
        return nil
    }

    /// Octets came while no request was under way.
    func hearUnasked(_ octets: Span<UInt8>, in worker: Worker) {
        var index = 0
        do throws(ResponseError) {
            _ = try http.receive(octets, at: &index)
        } catch {
            if error == .unasked { saidTooMuch(in: worker) }
        }
    }

    /// The server sent what nobody had asked for: for a time its connections are not used again.
    func saidTooMuch(in worker: Worker) {
        guard server.saidTooMuch(at: worker.now) else { return }
        worker.shared.log.warning(
            "upstream \(address.text) sends more than its answers: for a minute none of its"
                + " connections is used again")
    }
}
