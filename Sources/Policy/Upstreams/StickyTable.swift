import Clock

/// Which server of a group each key went to last. It forgets who has not come for a time, and who
/// came longest ago when there are too many: entries are kept in two halves, and the elder half is
/// let go of whenever the younger one is full or half of the time has passed.
struct StickyTable: Sendable {
    /// Entries of one half.
    static let halfSize = 65_536

    private var young: [UInt64: ServerState] = [:]
    private var old: [UInt64: ServerState] = [:]
    private var turned = Instant.zero

    var count: Int { young.count + old.count }

    /// The server that the key goes to; it is remembered for `memory` from now on.
    mutating func server(for key: UInt64, memory: Duration, at now: Instant) -> ServerState? {
        turn(at: now, memory)
        if let server = young[key] { return server }
        guard let server = old.removeValue(forKey: key) else { return nil }
        remember(server, for: key, at: now)
        return server
    }

    mutating func stick(_ key: UInt64, to server: ServerState, memory: Duration, at now: Instant) {
        turn(at: now, memory)
        remember(server, for: key, at: now)
    }

    private mutating func remember(_ server: ServerState, for key: UInt64, at now: Instant) {
        if young.count >= Self.halfSize, young[key] == nil { turnOver(at: now) }
        young[key] = server
        old[key] = nil
    }

    /// What came last stays for at least `memory`, and for twice that at most.
    private mutating func turn(at now: Instant, _ memory: Duration) {
        guard now - turned >= memory else { return }
        let isAllOld = now - turned >= memory * 2
        turnOver(at: now)
        if isAllOld { old = [:] }
    }

    private mutating func turnOver(at now: Instant) {
        old = young
        young = [:]
        turned = now
    }
}
