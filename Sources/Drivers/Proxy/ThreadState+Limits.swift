internal import Bookkeeping
internal import Generations
internal import Identity
internal import Locks
internal import Loop
internal import Rates
internal import Settings
internal import Transport

/// Which connections are taken, and what is said of those that are not.
extension ThreadState {
    enum ConnectionEntry {
        /// Nil for one that is in no count: of a trusted proxy, or without an address.
        case admitted(ConnectionLease?)
        case refused
    }

    /// May somebody at `address` connect? Asked before anything is read or written.
    func entry(
        of address: SocketAddress, through entrance: Generation.Entrance
    ) -> ConnectionEntry {
        let rules = entrance.settings.addresses
        if !rules.rules.isEmpty, rules.denies(address.rulesOctets) {
            shared.counters.note(\.denied)
            logRefused(address, because: "its address may not connect here")
            return .refused
        }
        return place(of: address)
    }

    /// Counts a connection by its client's address: that of the socket, or what a PROXY header of
    /// a trusted proxy says.
    func place(of address: SocketAddress) -> ConnectionEntry {
        let octets = address.mappedOctets
        guard let key = ClientAddress(mappedOctets: octets)?.key,
            !generation.settings.trust.contains(where: { $0.contains(octets) })
        else { return .admitted(nil) }
        let most = generation.settings.limits.connectionsPerAddress
        if let lease = shared.connections.enter(key, most: most) { return .admitted(lease) }
        shared.counters.note(\.overLimit)
        logRefused(address, because: "its address has \(most ?? 0) already")
        return .refused
    }

    private func logRefused(_ address: SocketAddress, because reason: String) {
        warn(shared.lines.connection, "a connection from \(address.host) was refused: \(reason)")
    }

    /// Writes a line that clients can cause as often as they like, or leaves it out.
    func warn(_ pacer: Guarded<LinePacer>, _ message: @autoclosure () -> String) {
        guard let leftOut = pacer.withLock({ $0.lineIsDue(now: loop.now) }) else { return }
        let others = leftOut == 0 ? "" : " (and \(leftOut) more)"
        shared.log.warning(message() + others)
    }
}

extension SocketAddress {
    /// As `AddressRules` take it: nil for a client that has no address.
    var rulesOctets: [UInt8]? {
        switch self {
        case .ip4, .ip6: mappedOctets
        case .unix: nil
        }
    }
}
