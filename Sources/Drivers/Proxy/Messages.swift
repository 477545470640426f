internal import Endings
internal import Entry
internal import Sessions
internal import Settings
internal import Transport

/// What other threads ask of a worker.
enum WorkerMessage: Sendable {
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
    /// What this worker knows of sessions of its own.
    case figures([(connection: UInt64, session: SessionID)], FigureRound)
    /// Connections hold too much: let go of some.
    case relieve
    /// No new connections; those that are here end as they can, within the drain time.
    case drain
    case stop
}

/// What tells listeners apart over reloads.
struct ListenerKey: Sendable, Hashable {
    var address: SocketAddressSettings
}

/// A bound socket on its way to the worker that will own it.
struct ListenerHandle: Sendable {
    var key: ListenerKey
    var transfer: DescriptorTransfer
}

/// A listener as its worker holds it.
final class ListeningSocket {
    let key: ListenerKey
    let socket: Listener
    var token: UInt64 = 0
    var isPaused = false

    init(_ handle: ListenerHandle) {
        key = handle.key
        socket = Listener(handle.transfer)
    }
}
