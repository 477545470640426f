import Clock
import Endings
import Entry
import HTTP
import HTTP1
import Identity
import LateStores
import Locks
import Randomness
import Rates
import Relays
import Sessions
import Settings
import Upstreams

/// What the store of sessions says, until the house hears it.
final class Mailbox: Sendable {
    private let waiting = Guarded<[SessionMessage]>([])
    private let ended = Guarded<[SessionID]>([])

    func post(_ message: SessionMessage) { waiting.withLock { $0.append(message) } }

    func note(_ report: SessionReport) {
        if case .ended(let end) = report { ended.withLock { $0.append(end.record.id) } }
    }

    func takeFirst() -> SessionMessage? {
        waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }

    /// Sessions that were reported ended, as often as they were.
    var endedSessions: [SessionID] { ended.withLock { $0 } }
}

/// A gateway of one worker without a socket, a thread and a clock: the values of `Flows`, `Policy`
/// and `HTTP1`, joined as `Drivers/Proxy` joins them, between visitors and servers that a history
/// speaks for. It complains of whatever breaks a rule.
final class House {
    static let begin = Instant.zero + .seconds(1000)
    static let wallBegin = WallTime(seconds: 1_700_000_000)
    /// Connections that one address may have.
    static let connectionLimit = 6

    private(set) var now = begin
    private(set) var turn: UInt64 = 0
    private(set) var complaints: [String] = []
    /// For identifiers, masks and moments that are spread.
    var random: SeededGenerator

    let allRules: [Rules]
    private(set) var generation: Generation
    let registry = UpstreamRegistry()
    let connections = ConnectionTable()
    let live = LiveTable()
    let revocations = RevocationStore()
    let mailbox = Mailbox()
    let store: any SessionStore
    let late: LateStore?
    var pool: OriginPool
    let truth = Truth()

    var visitors: [Visitor] = []
    var clients: [HouseClient] = []
    var origins: [HouseOrigin] = []
    var rooms: [(name: String, room: WaitingRoom)] = []
    var serverWaiters: [UInt64] = []
    var keyWaiters: [UInt64] = []
    /// Orders from one connection to another, and what came of them.
    var renewals: [(connection: UInt64, order: TokenRenewal)] = []
    var replies: [(asker: UInt64, session: SessionID, outcome: RefreshOutcome)] = []
    /// Keys that tokens are verified with, and when those of the source are read next.
    var keys: Set<Int> = [1]
    var keyReading: Instant?
    private(set) var isDraining = false
    private var drainEnd = Instant.never
    private var hasSaidLast = false
    private var entrants: [LogSlip] = []
    private var count: UInt64 = 0
    /// Clients whose relay holds input until a later turn.
    var resumptions: [UInt64] = []
    private(set) var lastReload = begin

    init(_ rules: [Rules], seed: UInt64, isLate: Bool) {
        allRules = rules
        random = SeededGenerator(seed: seed)
        generation = Generation(1, rules[0], registry)
        pool = OriginPool(generation.groups)
        let mailbox = mailbox
        if isLate {
            let late = LateStore(
                SessionOutlets(
                    deliver: { mailbox.post($0) }, answered: { _, _ in },
                    report: { mailbox.note($0) }))
            store = late
            self.late = late
        } else {
            store = SessionTable(
                deliver: { mailbox.post($0) }, report: { mailbox.note($0) })
            late = nil
        }
    }

    var wall: WallTime { Self.wallBegin.advanced(by: now - Self.begin) }

    func complain(_ text: String) { complaints.append(text) }

    func newID() -> SessionID {
        count += 1
        return SessionID(high: count &* 0x9E37_79B9_7F4A_7C15, low: count)
    }

    func newNumber() -> UInt64 {
        count += 1
        return count
    }

    func client(_ number: UInt64) -> HouseClient? { clients.first { $0.number == number } }
    func origin(_ number: UInt64) -> HouseOrigin? { origins.first { $0.number == number } }

    // MARK: The log

    func slip(of stream: Int) -> LogSlip {
        let slip = LogSlip(stream)
        entrants.append(slip)
        return slip
    }

    func record(_ entrant: Entrant, _ reason: EndReason) {
        let slip = entrant.slip
        if !slip.lines.isEmpty { complain("stream \(slip.stream) is in the log twice") }
        slip.write(reason)
        if let first = slip.firstEnd, first != reason {
            complain("stream \(slip.stream) ended as \(reason), and \(first) came first")
        }
    }

    var unlogged: [Int] { entrants.filter(\.lines.isEmpty).map(\.stream) }

    // MARK: Time

    /// When something is due next.
    var nextDue: Instant {
        var next = min(drainEnd, keyReading ?? .never)
        for client in clients { next = min(next, client.timers.next) }
        for origin in origins { next = min(next, origin.due) }
        next = min(next, store.nextDeadline ?? .never)
        for (_, room) in rooms { next = min(next, room.nextDue ?? .never) }
        return next
    }

    /// Time goes on, from one thing that is due to the next.
    func pass(_ duration: Duration) {
        let end = now + duration
        var rounds = 0
        while nextDue <= end {
            now = max(now, nextDue)
            fireDue()
            settle()
            rounds += 1
            if rounds > 20_000 {
                return complain("time stands still: \(describeDue())")
            }
        }
        now = end
        settle()
    }

    private func describeDue() -> String {
        let timers = clients.filter { $0.timers.next <= now }.map { "client \($0.number)" }
        let servers = origins.filter { $0.due <= now }.map { "origin \($0.number)" }
        return "\(timers) \(servers) store \(store.nextDeadline.map { $0 <= now } ?? false)"
    }

    private func fireDue() {
        if let reading = keyReading, reading <= now { readKeys() }
        for client in clients { client.timerFired() }
        for origin in origins where origin.due <= now { origin.timerFired() }
        if let due = store.nextDeadline, due <= now { tick() }
        openRooms()
        if drainEnd <= now { drainIsOver() }
    }

    private func tick() {
        store.tell(.tick, now: now)
        // What time has come to happens behind what was asked before.
        if let due = store.nextDeadline, due <= now { late?.catchUp() }
    }

    // MARK: Turns

    /// Goes on until nobody has anything to hear any more.
    func settle() {
        var rounds = 0
        repeat {
            turn += 1
            rounds += 1
            if rounds > 5000 { return complain("it never comes to rest") }
        } while advance() || look()
        for client in clients { client.check() }
    }

    /// Everybody outside looks at what has come.
    ///
    /// - Returns: true when that was answered.
    private func look() -> Bool {
        var hasAnswered = truth.look()
        for visitor in visitors where visitor.look() { hasAnswered = true }
        visitors.removeAll { !$0.isThere }
        return hasAnswered
    }

    private func advance() -> Bool {
        var hasMoved = false
        let resumed = resumptions
        resumptions = []
        for number in resumed { client(number)?.relay?.resume() }
        for client in clients where client.advance() { hasMoved = true }
        for origin in origins where origin.advance() { hasMoved = true }
        if deliverOrders() { hasMoved = true }
        while let message = mailbox.takeFirst() {
            hear(message)
            hasMoved = true
        }
        clients.removeAll(where: \.isClosed)
        origins.removeAll(where: \.isClosed)
        return hasMoved
    }

    // MARK: Reload and drain

    func reload(_ index: Int) {
        generation = Generation(
            generation.number + 1, allRules[index % allRules.count], registry)
        lastReload = now
        let groups = generation.groups
        truth.reloaded()
        for number in pool.serve(groups) { origin(number)?.close() }
        for block in generation.rules.book.sessionBlocks {
            _ = store.ask(
                .adopt(block: block.settings.name, block.rules), number: newNumber(), now: now)
        }
        for place in rooms.indices { rooms[place].room.serversChanged(now: now) }
        wakeKeyWaiters()
        for client in clients { client.review() }
    }

    func drain() {
        guard !isDraining else { return }
        isDraining = true
        drainEnd = now + generation.limits.drain.time
        for client in clients { client.drain() }
    }

    private func drainIsOver() {
        drainEnd = hasSaidLast ? .never : now + .seconds(1)
        if hasSaidLast { return stop() }
        hasSaidLast = true
        sayLast()
    }

    private func sayLast() {
        for client in clients { client.drainIsOver() }
        for origin in origins { origin.drainIsOver() }
    }

    /// The process is gone, and with it what nobody has taken.
    func stop() {
        isDraining = true
        sayLast()
        for client in clients { client.lostWithAll() }
    }

    // MARK: What always holds

    func checkTables() {
        checkServers()
        for origin in origins { origin.check() }
        let places = clients.filter { $0.entrant?.place != nil }.count
        if live.count > places { complain("\(live.count) live, and \(places) have a place") }
        if connections.count(of: 1) != clients.count {
            complain("\(connections.count(of: 1)) places of \(clients.count) connections")
        }
    }

    /// Every server's count is what is under way there.
    private func checkServers() {
        var held: [ObjectIdentifier: Int] = [:]
        var met: Set<ObjectIdentifier> = []
        for exchange in clients.compactMap(\.exchange) + origins.compactMap(\.exchange)
        where met.insert(ObjectIdentifier(exchange)).inserted {
            if let state = exchange.leasedServer { held[ObjectIdentifier(state), default: 0] += 1 }
        }
        for relay in clients.compactMap(\.relay) {
            if let state = relay.leasedServer { held[ObjectIdentifier(state), default: 0] += 1 }
        }
        for (_, address, state) in registry.servers {
            let count = held[ObjectIdentifier(state), default: 0]
            if state.active != count {
                complain("\(address.name) counts \(state.active), and \(count) are under way")
            }
        }
    }
}
