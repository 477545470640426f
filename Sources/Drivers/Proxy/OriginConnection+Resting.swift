internal import Bookkeeping
internal import Generations
internal import HTTP1
internal import Loop
internal import Transport
internal import Upstreams

/// Upstream connections between two requests, as `OriginPool` says.
extension OriginConnection {
    /// A connection to `server` that rested and may be used now; those that may not are closed.
    ///
    /// - Parameter mayRepeat: the request can be sent once more, if the connection is dead.
    static func takeResting(
        for server: ServerState, mayRepeat: Bool, on thread: ThreadState
    ) -> OriginConnection? {
        while let offer = thread.pool.take(
            for: server, mayRepeat: mayRepeat, at: thread.loop.now, turn: thread.loop.turn)
        {
            if let connection = accept(offer, on: thread) { return connection }
        }
        return nil
    }

    /// The connection to a server of `group` on which this client has authenticated itself, if
    /// there is one that may be used.
    static func takeReserved(
        for client: UInt64, in group: BackendGroup, on thread: ThreadState
    ) -> OriginConnection? {
        while let offer = thread.pool.take(
            reservedFor: client, in: group, at: thread.loop.now, turn: thread.loop.turn)
        {
            if let connection = accept(offer, on: thread) { return connection }
        }
        return nil
    }

    /// The connection, if it is to be used; closed, if not.
    private static func accept(
        _ offer: OriginPool.Offer, on thread: ThreadState
    ) -> OriginConnection? {
        switch offer {
        case .use(let token): return thread.origin(token)
        case .look(let token):
            guard let connection = thread.origin(token) else { return nil }
            switch connection.stream.peek() {
            case .quiet: return connection
            case .octets:
                let octets = connection.stream.peek(UnaskedResponse.prefixLength)
                connection.hearUnasked(octets.span)
            case .end, .broken: break
            }
            connection.close()
        case .close(let token): thread.origin(token)?.close()
        }
        return nil
    }

    /// Octets came while no request was under way.
    func hearUnasked(_ octets: Span<UInt8>) {
        var index = 0
        do throws(ResponseError) {
            _ = try http.receive(octets, at: &index)
        } catch {
            if error == .unasked { saidTooMuch() }
        }
    }

    /// The server sent what nobody had asked for: for a time its connections are not used again.
    func saidTooMuch() {
        guard server.saidTooMuch(at: loop.now) else { return }
        thread.shared.log.warning(
            "upstream \(address.text) sends more than its answers: for a minute none of its"
                + " connections is used again")
    }
}
