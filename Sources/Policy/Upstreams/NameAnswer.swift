internal import Settings

/// What replies come to, together.
extension NameAnswer {
    /// The addresses of one host. Of a kind of address that nobody could say anything about, those
    /// that are known stay.
    package init(
        _ reply: HostReply, of host: String, port: UInt16, weight: Int = 1, tier: Int = 0,
        known: [ServerEndpoint]
    ) {
        var found: [ServerEndpoint] = []
        var ttl: Duration?
        var failure: String?
        for (kind, isIPv6) in [(reply.ip4, false), (reply.ip6, true)] {
            switch kind {
            case .records(let addresses, let time):
                found += addresses.map {
                    ServerEndpoint(
                        address: .ip(address: $0, port: port), host: host, weight: weight,
                        tier: tier)
                }
                ttl = min(ttl ?? time, time)
            case .none: break
            case .failure(let reason):
                failure = reason
                found += known.filter {
                    guard case .ip(let address, port) = $0.address, $0.host == host else {
                        return false
                    }
                    return address.contains(":") == isIPv6
                }
            }
        }
        if let ttl {
            self = .endpoints(found, ttl: ttl)
        } else if let failure {
            self = .failure(failure)
        } else {
            self = .absent
        }
    }

    /// The servers of a service: those of its records, at the addresses of their hosts.
    ///
    /// Priorities become tiers: the lowest is the first choice, the others are backups in their
    /// order. Weights above 1000 are scaled down; one of 0, which is to be chosen seldom, is 1.
    ///
    /// - Parameter hosts: what is known of every host that a record names.
    package init(
        _ reply: NameReply<ServiceRecord>, hosts: [String: HostReply], known: [ServerEndpoint]
    ) {
        switch reply {
        case .none: self = .absent
        case .failure(let reason): self = .failure(reason)
        case .records(let records, let time):
            let tiers = Set(records.map(\.priority)).sorted()
            let heaviest = Int(records.map(\.weight).max() ?? 1)
            var found: [ServerEndpoint] = []
            var ttl = time
            var failure: String?
            for record in records {
                let weight = Int(record.weight) * 1000 / max(1000, heaviest)
                let reply = hosts[record.host] ?? HostReply(ip4: .none, ip6: .none)
                let answer = NameAnswer(
                    reply, of: record.host, port: record.port, weight: max(1, weight),
                    tier: tiers.firstIndex(of: record.priority) ?? 0, known: known)
                switch answer {
                case .endpoints(let endpoints, let time):
                    found += endpoints
                    ttl = min(ttl, time)
                case .absent: break
                case .failure(let reason):
                    failure = reason
                    found += known.filter {
                        guard case .ip(_, record.port) = $0.address else { return false }
                        return $0.host == record.host
                    }
                }
            }
            if found.isEmpty, let failure {
                self = .failure(failure)
            } else {
                self = found.isEmpty ? .absent : .endpoints(found, ttl: ttl)
            }
        }
    }
}
