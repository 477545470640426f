import Locks
package import Settings

/// The states of all upstream servers in use, so that a new generation of the configuration finds
/// the counts and the health of the servers it has in common with the old one.
package final class UpstreamRegistry: Sendable {
    private let states = Guarded<[Key: Entry]>([:])

    package init() {}

    /// The state of the server at `address` in the group of this name: always the same object while
    /// any generation holds on to it.
    package func state(group: String, address: SocketAddressSettings) -> ServerState {
        let key = Key(group: group, address: address)
        return states.withLock { states in
            if let state = states[key]?.state { return state }
            // Only a reload comes this far, so this is the time to forget what is gone.
            states = states.filter { $0.value.state != nil }
            let state = ServerState(group: group, address: address)
            states[key] = Entry(state: state)
            return state
        }
    }

    /// How many servers are known; those that went with the last generation may still count.
    package var count: Int { states.withLock { $0.count } }

    /// The servers that any generation uses, in no order.
    package var servers: [(group: String, address: SocketAddressSettings, state: ServerState)] {
        states.withLock { states in
            states.compactMap { key, entry in
                entry.state.map { (key.group, key.address, $0) }
            }
        }
    }

    private struct Key: Hashable {
        var group: String
        var address: SocketAddressSettings
    }

    private struct Entry {
        weak var state: ServerState?
    }
}
