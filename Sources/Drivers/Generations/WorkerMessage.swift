package import Entry
package import Sessions
package import Upstreams

/// What other threads ask of a worker.
package enum WorkerMessage: Sendable {
    /// Serve new connections by this generation; listen on more, or no longer, addresses.
    case adopt(Generation, added: [ListenerHandle], removed: [ListenerKey])
    /// What the store of sessions says about a connection of this worker's.
    case session(SessionMessage)
    /// A connection whose token is believed no more: it is told and closed.
    case disconnect(connection: UInt64, SessionID, DisconnectCause)
    /// A new token for a connection of this worker's.
    case refresh(connection: UInt64, RefreshRequest)
    /// What came of the refresh of that number that a client of this worker's asked for.
    case refreshed(client: UInt64, number: UInt64, RefreshOutcome)
    /// Keys of some source were read: who waits for some may try again.
    case keysRead
    /// The groups of these names have other servers.
    case serversChanged(Set<String>)
    /// What this worker knows of sessions of its own.
    case figures([(connection: UInt64, session: SessionID)], FigureRound)
    /// A server of the group has a place for the request of this client's that waits for one.
    case placeIsFree(client: UInt64, GroupLedger)
    /// Connections hold too much: let go of some.
    case relieve
    /// An operator has ordered something of a server: see its `order`.
    case serverOrdered(ServerState)
    /// Checks say that a server of the group of that name is up again.
    case serverIsUp(group: String)
    /// Checks say that a server is down, and what lives on it shall end.
    case serverIsDown(ServerState)
    /// No new connections; those that are here end as they can, within the drain time.
    case drain
    case stop
}
