extension Arrival {
    /// The network or user that newcomers come from: those of one origin wait at the expense of
    /// each other only.
    enum Origin: Hashable {
        case user(String)
        /// An IPv4 address, or the four groups of the /64 that a network of IPv6 has at least.
        case network([Substring])
    }

    /// The user, where there is one; else where it comes from.
    var origin: Origin { user.map { .user($0) } ?? .network(network) }

    private var network: [Substring] {
        guard address.contains(":") else { return [address[...]] }
        let groups = address.split(separator: ":", omittingEmptySubsequences: false)
        let head = groups.prefix { !$0.isEmpty }
        if head.count == groups.count { return Array(head.prefix(4)) }
        // `2001:db8::7`: what is left out is as many zeros as are missing (RFC 5952 §2.2).
        let tail = groups.reversed().prefix { !$0.isEmpty }.reversed()
        let zeros = [Substring](repeating: "0", count: max(0, 8 - head.count - tail.count))
        return Array((head + zeros + tail).prefix(4))
    }
}
