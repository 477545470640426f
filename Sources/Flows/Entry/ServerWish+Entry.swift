import Identity
import Settings
import Upstreams

extension ServerWish {
    /// What of a request that was let in decides which server of its group it goes to.
    init(of known: borrowing KnownRequest, _ choice: ServerChoice) {
        self.init()
        if case .hash(let affinity) = choice.balance {
            balanceKey = Self.key(affinity, of: known)
        }
        switch choice.sticky {
        case .cookie(let name, _): cookie = known.facts.text(of: .cookie(name))
        case .key(let affinity, _): stickyKey = Self.key(affinity, of: known)
        case nil: break
        }
    }

    /// Nil where the request has no such value.
    private static func key(
        _ affinity: ServerChoice.Affinity, of known: borrowing KnownRequest
    ) -> UInt64? {
        switch affinity {
        case .address: known.request.addressKey.map { key($0) }
        case .user: known.found.identity?.user.map { key($0) }
        case .device: clientID(of: known).map { key($0) }
        case .source(let source): known.facts.text(of: source).map { key($0) }
        }
    }

    /// What the client calls its device, by the first source that names it.
    private static func clientID(of known: borrowing KnownRequest) -> String? {
        guard let index = known.route?.settings.sessions else { return nil }
        let facts = known.facts
        return known.rules.sessionBlocks[index].settings.device.lazy
            .compactMap { facts.text(of: $0) }.first
    }
}
