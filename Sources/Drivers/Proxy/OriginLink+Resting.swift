internal import Bookkeeping
internal import Generations
internal import HTTP1
internal import Loop
internal import Origins
internal import Settings
internal import Transport
internal import Upstreams

/// Upstream connections between two requests, as `OriginPool` says.
extension ThreadState {
    /// A connection to `server` that rested and may be used now; those that may not are closed.
    ///
    /// - Parameters:
    ///   - security: how the server is spoken to by the request's generation.
    ///   - mayRepeat: the request can be sent once more, if the connection is dead.
    func takeResting(
        for server: ServerState, by security: OriginSecurity?, mayRepeat: Bool
    ) -> OriginLink? {
        while let offer = pool.take(
            for: server, mayRepeat: mayRepeat, at: loop.now, turn: loop.turn)
        {
            guard let link = accept(offer) else { continue }
            // Another generation may have believed others, or have asked for another name.
            if link.connection.security.isSame(as: security) { return link }
            link.close()
        }
        return nil
    }

    /// The connection to a server of `group` on which this client has authenticated itself, if
    /// there is one that may be used.
    func takeReserved(for client: UInt64, in group: BackendGroup) -> OriginLink? {
        while let offer = pool.take(reservedFor: client, in: group, at: loop.now, turn: loop.turn) {
            guard let link = accept(offer) else { continue }
            // By other rules than those it was made by nobody goes on.
            if link.connection.security?.context === group.security { return link }
            link.close()
        }
        return nil
    }

    /// The connection, if it is to be used; closed, if not.
    private func accept(_ offer: OriginPool.Offer) -> OriginLink? {
        switch offer {
        case .use(let token): return origin(token)
        case .look(let token):
            guard let link = origin(token) else { return nil }
            let stream = link.connection.stream
            switch stream.peek() {
            case .quiet: return link
            case .octets:
                let octets = stream.peek(UnaskedResponse.prefixLength)
                link.hearUnasked(octets.span)
            case .end, .broken: break
            }
            link.close()
        case .close(let token): connection(token)?.close()
        }
        return nil
    }
}

/// What comes on a connection that nobody uses.
extension OriginLink {
    /// Octets came while no request was under way.
    func hearUnasked(_ octets: Span<UInt8>) {
        var index = 0
        do throws(ResponseError) {
            _ = try connection.http.receive(octets, at: &index)
        } catch {
            if error == .unasked { saidTooMuch() }
        }
    }

    /// The server sent what nobody had asked for: for a time its connections are not used again.
    func saidTooMuch() {
        guard connection.server.saidTooMuch(at: thread.loop.now) else { return }
        thread.shared.log.warning(
            "upstream \(connection.address.text) sends more than its answers: for a minute none of"
                + " its connections is used again")
    }
}

extension OriginSecurity? {
    /// The same certificates are believed, for the same host.
    fileprivate func isSame(as other: OriginSecurity?) -> Bool {
        self?.context === other?.context && self?.host == other?.host
    }
}
