import Locks
package import Settings

/// The states of all upstream servers in use, so that a new generation of the configuration finds
/// the counts and the health of the servers it has in common with the old one.
package final class UpstreamRegistry: Sendable {
    private struct Known {
        var states: [Key: Entry] = [:]
        var ledgers: [String: LedgerEntry] = [:]
    }

    private let known = Guarded(Known())
    /// The key of the cookies of groups that are given no secret, as long as the process lives.
    package let cookieKey: [UInt8]
    private let call: @Sendable (PlaceQueue.Waiter, GroupLedger) -> Void

    /// - Parameter call: tells the worker of a request that waits for a place that it is called;
    ///   from whichever thread.
    package init(
        cookieKey: [UInt8] = [],
        call: @escaping @Sendable (PlaceQueue.Waiter, GroupLedger) -> Void = { _, _ in }
    ) {
        self.cookieKey = cookieKey
        self.call = call
    }

    /// The state of the server at `address` in the group of this name: always the same object while
    /// any generation holds on to it.
    package func state(group: String, address: SocketAddressSettings) -> ServerState {
        let key = Key(group: group, address: address)
        return known.withLock { known in
            if let state = known.states[key]?.state { return state }
            // Only a reload comes this far, so this is the time to forget what is gone.
            known.states = known.states.filter { $0.value.state != nil }
            let state = ServerState(address: address, ledger: ledger(of: group, &known))
            known.states[key] = Entry(state: state)
            return state
        }
    }

    /// What is counted of the group of this name: always the same object while any generation, or a
    /// server, holds on to it.
    func ledger(of group: String) -> GroupLedger {
        known.withLock { ledger(of: group, &$0) }
    }

    private func ledger(of group: String, _ known: inout Known) -> GroupLedger {
        if let ledger = known.ledgers[group]?.ledger { return ledger }
        known.ledgers = known.ledgers.filter { $0.value.ledger != nil }
        let ledger = GroupLedger(group: group, call: call)
        known.ledgers[group] = LedgerEntry(ledger: ledger)
        return ledger
    }

    /// How many servers are known; those that went with the last generation may still count.
    package var count: Int { known.withLock { $0.states.count } }

    /// The servers that any generation uses, in no order.
    package var servers: [(group: String, address: SocketAddressSettings, state: ServerState)] {
        known.withLock { known in
            known.states.compactMap { key, entry in
                entry.state.map { (key.group, key.address, $0) }
            }
        }
    }

    /// What is counted of the groups that any generation uses, in no order.
    package var ledgers: [GroupLedger] {
        known.withLock { $0.ledgers.values.compactMap(\.ledger) }
    }

    private struct Key: Hashable {
        var group: String
        var address: SocketAddressSettings
    }

    private struct Entry {
        weak var state: ServerState?
    }

    private struct LedgerEntry {
        weak var ledger: GroupLedger?
    }
}
