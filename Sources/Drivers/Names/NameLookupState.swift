internal import Resolver
internal import Settings
internal import Upstreams

/// All questions that one name takes: two for a host, and for a service its records first, then two
/// for each host that they name.
struct NameLookupState {
    let name: ServerName
    /// The entry of the registry that it is for.
    let id: UInt64
    private var services: NameReply<ServiceRecord>?
    private var ip4: [String: NameReply<String>] = [:]
    private var ip6: [String: NameReply<String>] = [:]
    private var openCount = 0

    /// Hosts of one service that are looked up; more are a mistake.
    private static let mostHosts = 64

    init(_ name: ServerName, id: UInt64) {
        self.name = name
        self.id = id
    }

    /// Everything was answered.
    var isOver: Bool { openCount == 0 }

    mutating func start() -> [NameResolver.Question] {
        switch name {
        case .host(let host, _): return open([.ip4(host: host), .ip6(host: host)])
        case .service(let name): return open([.services(name: name)])
        }
    }

    /// - Returns: what is to be asked because of it.
    mutating func answered(
        _ question: NameResolver.Question, _ answer: NameResolver.Answer
    ) -> [NameResolver.Question] {
        openCount -= 1
        switch question {
        case .ip4(let host): ip4[host] = answer.addresses
        case .ip6(let host): ip6[host] = answer.addresses
        case .services:
            let reply = answer.services
            services = reply
            guard case .records(let records, _) = reply else { return [] }
            let hosts = Set(records.map(\.host)).sorted().prefix(Self.mostHosts)
            return open(hosts.flatMap { [.ip4(host: $0), .ip6(host: $0)] })
        }
        return []
    }

    private mutating func open(_ questions: [NameResolver.Question]) -> [NameResolver.Question] {
        openCount += questions.count
        return questions
    }

    /// - Parameter known: what the name stands for until now.
    func answer(known: [ServerEndpoint]) -> NameAnswer {
        switch name {
        case .host(let host, let port):
            return NameAnswer(reply(of: host), of: host, port: port, known: known)
        case .service:
            let hosts = Dictionary(
                Set(ip4.keys).union(ip6.keys).map { ($0, reply(of: $0)) },
                uniquingKeysWith: { first, _ in first })
            return NameAnswer(services ?? .none, hosts: hosts, known: known)
        }
    }

    private func reply(of host: String) -> HostReply {
        HostReply(ip4: ip4[host] ?? .none, ip6: ip6[host] ?? .none)
    }
}

extension NameResolver.Answer {
    fileprivate var addresses: NameReply<String> {
        switch self {
        case .addresses(let addresses, let ttl): .records(addresses, ttl: .seconds(ttl))
        case .services, .none: .none
        case .failure(let reason): .failure(reason)
        }
    }

    fileprivate var services: NameReply<ServiceRecord> {
        switch self {
        case .services(let services, let ttl):
            .records(
                services.map {
                    ServiceRecord(
                        host: $0.host, port: $0.port, priority: $0.priority, weight: $0.weight)
                }, ttl: .seconds(ttl))
        case .addresses, .none: .none
        case .failure(let reason): .failure(reason)
        }
    }
}
