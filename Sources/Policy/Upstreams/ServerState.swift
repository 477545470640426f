package import Clock
import Locks
package import Settings
import Synchronization

/// What is known of one upstream server, shared by all workers and kept over reloads: how many
/// exchanges it holds, and whether it was reachable when it was last tried (passive health).
///
/// A server that could not be reached is skipped for a time. When that is over, one exchange tries
/// it; the others keep skipping it until that one reports, or for the same time once more.
package final class ServerState: Sendable {
    package struct Totals: Sendable, Equatable {
        /// Exchanges the server was chosen for.
        package var chosen: Int
        /// Attempts that could not reach it.
        package var failed: Int
    }

    package let address: SocketAddressSettings
    /// What an operator ordered.
    package let order = ServerOrder()
    /// What checks and answers say of it.
    package let health = ServerHealth()
    /// What is counted of the group that it is in.
    package let ledger: GroupLedger
    private let slowStart = SlowStart()
    private let activeCount = Atomic(0)
    private let chosenCount = Atomic(0)
    private let failedCount = Atomic(0)
    /// Nanoseconds of an `Instant`, or `never`.
    private let skippedUntilNanoseconds = Atomic(never)
    /// Nanoseconds of an `Instant`, or `never`: until then it is not trusted to answer only what it
    /// was asked.
    private let distrustedUntilNanoseconds = Atomic(never)
    /// Asked only where an attempt failed, or is the first that did not.
    private let outage = Guarded(Outage())

    /// Before every clock: the server is not known to be unreachable.
    private static let never = Int64.min

    init(address: SocketAddressSettings, ledger: GroupLedger) {
        self.address = address
        self.ledger = ledger
    }

    /// The name of the group that it is in.
    package var group: String { ledger.group }

    func isAmong(_ servers: [ServerState]) -> Bool { servers.contains { $0 === self } }

    /// Exchanges it holds now.
    package var active: Int { activeCount.load(ordering: .relaxed) }

    package var totals: Totals {
        Totals(
            chosen: chosenCount.load(ordering: .relaxed),
            failed: failedCount.load(ordering: .relaxed))
    }

    /// Until when it is skipped, be that over or not; nil when it works for all we know.
    package var skippedUntil: Instant? {
        let nanoseconds = skippedUntilNanoseconds.load(ordering: .relaxed)
        return nanoseconds == Self.never ? nil : Instant(nanoseconds: nanoseconds)
    }

    /// Nothing speaks against it.
    package func works(at now: Instant) -> Bool {
        skippedUntil == nil && health.allows(at: now)
    }

    /// True when it may be chosen, be it for a trial.
    func isAvailable(at now: Instant) -> Bool {
        skippedUntilNanoseconds.load(ordering: .relaxed) <= now.nanoseconds
            && !order.isDraining && health.allows(at: now)
    }

    /// Takes the right to send it an exchange: true at once for a server that works, and for one
    /// worker alone when it has been skipped long enough; that one's trial may last for `patience`
    /// before another is made.
    func claim(at now: Instant, patience: Duration) -> Bool {
        if order.isDraining || !health.allows(at: now) { return false }
        let until = skippedUntilNanoseconds.load(ordering: .relaxed)
        if until == Self.never { return true }
        if until > now.nanoseconds { return false }
        return skippedUntilNanoseconds.compareExchange(
            expected: until, desired: (now + patience).nanoseconds, ordering: .relaxed
        ).exchanged
    }

    /// - Returns: what is to be said about it.
    func failed(at now: Instant, skipUntil instant: Instant) -> Outage.Notice? {
        failedCount.wrappingAdd(1, ordering: .relaxed)
        return outage.withLock { outage in
            skippedUntilNanoseconds.store(instant.nanoseconds, ordering: .relaxed)
            return outage.failed(at: now)
        }
    }

    /// - Returns: what is to be said about it.
    func succeeded(at now: Instant) -> Outage.Notice? {
        // Looked at first: nearly always there is nothing to write, and a line of cache that is
        // only read stays with every worker.
        if skippedUntilNanoseconds.load(ordering: .relaxed) == Self.never { return nil }
        return outage.withLock { outage in
            skippedUntilNanoseconds.store(Self.never, ordering: .relaxed)
            slowStart.cameBack(at: now)
            return outage.succeeded(at: now)
        }
    }

    /// How often it went away.
    package var outageCount: Int { outage.withLock { $0.count } }

    /// When it went away, while it is, and when it came back last.
    var outageTimes: (began: Instant?, ended: Instant?) {
        outage.withLock { ($0.began, $0.ended) }
    }

    /// An operator orders that no exchange is begun with the server.
    ///
    /// - Parameter keepingLive: as of `ServerOrder.drain`; nil to use the server again.
    package func drain(keepingLive: Bool?, at now: Instant) {
        if let keepingLive { return order.drain(at: now, keepingLive: keepingLive) }
        if order.isDraining { cameBack(at: now) }
        _ = order.withdraw()
    }

    /// The server is used again: it gets its share little by little, as after an outage.
    package func cameBack(at now: Instant) { slowStart.cameBack(at: now) }

    // MARK: Trust

    /// For how long no connection is used again after the server sent what nobody had asked for.
    package static let distrust: Duration = .seconds(60)

    /// True while no connection to it is used again.
    package func isDistrusted(at now: Instant) -> Bool {
        distrustedUntilNanoseconds.load(ordering: .relaxed) > now.nanoseconds
    }

    /// The server sent octets that answer no request.
    ///
    /// - Returns: true when it was trusted until now.
    package func saidTooMuch(at now: Instant) -> Bool {
        let until = distrustedUntilNanoseconds.exchange(
            (now + Self.distrust).nanoseconds, ordering: .relaxed)
        return until <= now.nanoseconds
    }

    // MARK: Exchanges

    /// True when it may hold one more.
    ///
    /// - Parameter limit: how many it may hold.
    func hasPlace(_ limit: Int?) -> Bool {
        limit.map { activeCount.load(ordering: .sequentiallyConsistent) < $0 } ?? true
    }

    /// Takes one of its places, of all workers together.
    ///
    /// - Returns: false when there is none.
    func takePlace(_ limit: Int?) -> Bool {
        guard let limit else {
            activeCount.wrappingAdd(1, ordering: .relaxed)
            return true
        }
        var count = activeCount.load(ordering: .relaxed)
        while count < limit {
            let (isTaken, found) = activeCount.compareExchange(
                expected: count, desired: count + 1, ordering: .sequentiallyConsistent)
            if isTaken { return true }
            count = found
        }
        return false
    }

    func givePlaceBack() {
        activeCount.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        ledger.callNext()
    }

    fileprivate func wasChosen() { chosenCount.wrappingAdd(1, ordering: .relaxed) }

    /// Which share of its weight it has now, in thousandths.
    ///
    /// - Parameter time: how long after it came back it has all of it; nil for at once.
    func share(at now: Instant, over time: Duration?) -> Int {
        slowStart.share(at: now, over: time)
    }
}

/// One exchange with one server of a group: it counts as active until the lease is closed or gone,
/// and as pending until its answer begins.
package struct ServerLease: ~Copyable, Sendable {
    package let state: ServerState
    /// The host that its certificate must be for; nil for one that is found at its address.
    package let host: String?
    private var isPending: Bool

    /// A place was taken for it, and counted as pending where it is.
    init(of state: ServerState, host: String? = nil, isPending: Bool) {
        self.state = state
        self.host = host
        self.isPending = isPending
        state.wasChosen()
    }

    /// The first octet of the answer is here.
    package mutating func answerBegan() {
        guard isPending else { return }
        isPending = false
        state.ledger.endPending()
    }

    /// Gives the count back now instead of when the lease goes out of scope.
    package consuming func close() {}

    deinit {
        if isPending { state.ledger.endPending() }
        state.givePlaceBack()
    }
}

/// Which server an exchange has.
package enum ServerOffer: ~Copyable, Sendable {
    case server(ServerLease)
    /// Every server that may be chosen has as many as it may hold (`max_connections`).
    case full
    /// Too many requests wait for an answer already (`max_pending`).
    case overloaded
    /// None is left to be tried.
    case none
}
