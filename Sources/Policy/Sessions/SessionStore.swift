package import Clock

/// Where sessions are counted: this process's own `SessionTable`, or a store that several gateways
/// share. It is asked, and it answers at once or later; whoever asks has one way for both:
/// `SeatQuestion` for a connection, `AskedStore` for everybody else.
///
/// - What one thread asks and tells about one store takes effect in the order it was said.
/// - An answer comes once, or never: how long it is waited for, and what then, is decided by who
///   asked (`StoreFailure`).
/// - An answer that is late is not undone by the store: a seat that nobody takes any more is given
///   back by who was told of it (`SessionMessage.stray`).
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
/// - `depart`, `answered` and `silent` are told, and nobody waits for them; they may come twice,
///   and late: a session that is gone is gone. `arrive` carries an id that was never used, so it
///   may be repeated after a timeout and answers the same.
/// - `list` and `stores` read with `SCAN`-like cursors (`ZRANGEBYLEX` on `gw:stores`, `HSCAN`).
/// - `ConnectionAddress.worker` names the process, too: its upper half is the process's number.
/// - An event stream that only its response shows to be one cannot wait for an answer, because the
///   response is there: where the store does not answer at once it is refused (`overloaded`), so
///   such routes say `events`.
package protocol SessionStore: AnyObject, Sendable {
    /// May this session come in? Who is admitted or waits has to `depart`, whatever becomes of it.
    /// What concerns other connections, and what is decided later, comes as a `SessionMessage` to
    /// the worker whose connection it is about.
    ///
    /// - Parameter now: an instant before the last one counts as that one, so that a worker's clock
    ///   may lag by a turn of its loop.
    /// - Returns: the answer; nil when it comes later, as `SessionMessage.answer`, perhaps before
    ///   this returns.
    func arrive(_ arrival: Arrival, now: Instant) -> SeatAnswer?

    /// What somebody asks or orders who is no connection.
    ///
    /// - Parameter number: the address of the answer: who asks has not used it before.
    /// - Returns: the answer; nil when it comes later, with the number, perhaps before this
    ///   returns.
    func ask(_ question: StoreQuestion, number: UInt64, now: Instant) -> StoreAnswer?

    /// Nothing is answered.
    func tell(_ fact: SessionFact, now: Instant)

    /// When to tell `tick` at the latest; nil for not at all. Costs a few loads.
    var nextDeadline: Instant? { get }
}

/// Where a store of sessions says what is not the answer to the call at hand. Called on any thread,
/// not under a lock.
package struct SessionOutlets: Sendable {
    /// Passes a message to the worker `message.connection.worker`.
    package let deliver: @Sendable (SessionMessage) -> Void
    /// The answer to the question of this number, which was not answered at once.
    package let answered: @Sendable (UInt64, StoreAnswer) -> Void
    /// For histories and logs.
    package let report: @Sendable (SessionReport) -> Void

    package init(
        deliver: @escaping @Sendable (SessionMessage) -> Void,
        answered: @escaping @Sendable (UInt64, StoreAnswer) -> Void,
        report: @escaping @Sendable (SessionReport) -> Void
    ) {
        self.deliver = deliver
        self.answered = answered
        self.report = report
    }
}

/// What the keeper of a history or a log is told.
package enum SessionReport: Sendable {
    case ended(SessionEnd)
    case noticed(SessionNotice)
    case refused(Arrival, Rejection)
}
