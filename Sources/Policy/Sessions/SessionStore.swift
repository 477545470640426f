package import Clock
import Settings

/// Where sessions are counted: this process's own `SessionTable`, or a store that several gateways
/// share. Everything goes in and out as messages, so that the answer may come later.
///
/// ## What a store that lives elsewhere needs
///
/// The rules are `StoreEngine`'s, one store at a time; so the shared state is a few keys per store
/// and what must be atomic is one script on them. For Redis, with `{block:store}` as hash tag so
/// that a store's keys live on one node:
///
/// | key | type | holds |
/// |---|---|---|
/// | `gw:{b:s}:seats` | hash | by count, owner, device: order, state, since, newest session |
/// | `gw:{b:s}:sessions` | hash | by session: place, connection, the record as JSON |
/// | `gw:{b:s}:order:G` | sorted set | places of group G by seniority: the first is ejected |
/// | `gw:{b:s}:heard:G` | sorted set | places of G by when they were heard: the first is asked |
/// | `gw:{b:s}:due` | sorted set | probes, graces and waiting newcomers by when they are over |
/// | `gw:{b:s}:waiting` | list | newcomers in order of arrival |
/// | `gw:{b:s}:limits` | hash | what `setLimit` set, each with its expiry |
/// | `gw:due` | sorted set | stores by the first of their `due`, for `tick` |
/// | `gw:stores` | sorted set | names of stores that have a session, for lists |
/// | `gw:alive:W` | string, TTL 30 s | the process whose workers are W, renewed every 10 s |
/// | `gw:to:W` | stream, `MAXLEN` | `SessionMessage`s for that process, read by `XREAD BLOCK` |
///
/// - `arrive`, `depart`, `answered`, `silent`, `setLimit`, `clearLimit`, `kick`, `adopt` and `tick`
///   are one Lua script each (`EVALSHA`): the event of the same name of `StoreEngine`, decisions
///   written to `gw:to:…` with `XADD` in the order they take effect. Time is Redis's (`TIME`),
///   never a gateway's.
/// - `arrive` counts only what is limited and costs O(log places); it also drops sessions whose
///   process let its `gw:alive` lapse, so a gateway that died frees its places within 30 s, and
///   renews the TTL (an hour) of the store's keys, so a store that is forgotten leaves nothing.
/// - `depart` and `answered` are sent without waiting for the answer; they may come twice, and
///   late: a session that is gone is gone. `arrive` carries an id that was never used, so it may be
///   repeated after a timeout and answers the same.
/// - `list` and `stores` read with `SCAN`-like cursors (`ZRANGEBYLEX` on `gw:stores`, `HSCAN`).
/// - `ConnectionAddress.worker` names the process, too: its upper half is the process's number.
/// - When Redis does not answer in time the driver decides whether newcomers come in (as
///   `report_only`) or are refused with `overloaded`; sessions that are in stay in.
package protocol SessionStore: AnyObject, Sendable {
    /// Takes a request. What is decided at once is the answer; what concerns other connections, and
    /// what is decided later, comes as a `SessionMessage` to the worker whose connection it is
    /// about.
    ///
    /// - Parameter now: an instant before the last one counts as that one, so that a worker's clock
    ///   may lag by a turn of its loop.
    func submit(_ request: SessionRequest, now: Instant) -> SessionAnswer

    /// When to submit a `tick` at the latest; nil for not at all. Costs a few loads.
    var nextDeadline: Instant? { get }
}

/// What is asked of a store of sessions.
package enum SessionRequest: Sendable {
    /// May this session come in? Answered `admitted`, `waiting` or `refused`. Who is admitted or
    /// waits has to `depart`, whatever becomes of it.
    case arrive(Arrival)
    case depart(SessionID, StoreKey, Departure)
    case answered(SessionID, StoreKey)
    case silent(SessionID, StoreKey)
    /// Answered `ended`, with who had to go: nobody unless `endsExcess`.
    case setLimit(StoreKey, RuntimeLimit, endsExcess: Bool)
    /// Who would have to go? Answered `ended`; nothing changes.
    case tryLimit(StoreKey, RuntimeLimit)
    case clearLimit(StoreKey, role: String?)
    /// Answered `ended`.
    case kick(SessionFilter, Kick)
    /// A reload: these rules hold in all stores of a block, also before anybody comes, so that
    /// orders mean what the configuration says.
    case adopt(block: String, SessionRules)
    /// Answered `page`: the sessions that the filter means whose id is after the cursor, by id, at
    /// most so many. Ids never change and are never used again, so a list can be walked through
    /// while sessions come and go: those that stay are in it once.
    case list(SessionFilter, after: SessionID?, most: Int)
    /// Answered `stores`, those after the cursor by name, at most so many.
    case stores(SessionFilter, after: StoreKey?, most: Int)
    case tick
}

/// The answer to a `SessionRequest`.
package enum SessionAnswer: Sendable {
    case admitted(SessionRecord, despite: OverruledRule?)
    /// `SessionMessage.admitted` or `.refused` follows.
    case waiting
    case refused(Rejection)
    /// The longest connected first.
    case ended([SessionRecord])
    case page([SessionRecord], next: SessionID?)
    case stores([StoreSummary], next: StoreKey?)
    case done
    /// A store that lives elsewhere has yet to answer.
    case later
}

/// A store in a list.
package struct StoreSummary: Sendable {
    package var key: StoreKey
    package var sessions: Int
    /// Devices that count, also those in grace.
    package var devices: Int
    package var graces: Int
    package var waiting: Int
    /// What operators set, the latest first.
    package var limits: [RuntimeLimit]

    package init(
        key: StoreKey, sessions: Int = 0, devices: Int = 0, graces: Int = 0, waiting: Int = 0,
        limits: [RuntimeLimit] = []
    ) {
        self.key = key
        self.sessions = sessions
        self.devices = devices
        self.graces = graces
        self.waiting = waiting
        self.limits = limits
    }
}

/// What a worker is told about one of its connections.
package enum SessionMessage: Sendable {
    /// A session that waited is in.
    case admitted(SessionRecord)
    /// A session that waited is not; it need not depart.
    case refused(SessionID, ConnectionAddress, Rejection)
    case end(Ending)
    /// Is the client there? To be answered by `answered` at once if it was heard within the last
    /// second, else as soon as anything comes of it: a pong, or for an event stream the
    /// acknowledgement of a comment. Nothing is to be said when it stays silent.
    case probe(SessionID, ConnectionAddress)
    /// The answer to a request that was answered `later`.
    case answer(SessionAnswer, ConnectionAddress)

    package var connection: ConnectionAddress {
        switch self {
        case .admitted(let record): record.connection
        case .refused(_, let connection, _), .probe(_, let connection), .answer(_, let connection):
            connection
        case .end(let ending): ending.connection
        }
    }
}

/// What somebody who keeps a history or a log is told.
package enum SessionReport: Sendable {
    case ended(SessionEnd)
    case noticed(SessionNotice)
    case refused(Arrival, Rejection)
}

/// The answer to an arrival, with the lease of whoever is in or waits.
package enum AdmissionOutcome: Sendable {
    case admitted(SessionLease, despite: OverruledRule?)
    case waiting(SessionLease)
    case refused(Rejection)
}

extension SessionStore {
    /// `arrive`, with a lease that departs by itself when it is let go.
    package func admit(_ arrival: Arrival, now: Instant) -> AdmissionOutcome {
        switch submit(.arrive(arrival), now: now) {
        case .admitted(let record, let rule):
            return .admitted(SessionLease(of: record, in: self), despite: rule)
        case .refused(let rejection): return .refused(rejection)
        case .waiting, .ended, .page, .stores, .done, .later:
            return .waiting(SessionLease(waiting: arrival, in: self))
        }
    }
}
