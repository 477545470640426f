internal import CAres
internal import Glibc
package import Transport

/// Asks name servers (c-ares), without waiting: the owner's poller watches the sockets, and answers
/// are taken as values. `/etc/hosts` is asked first. Lives on one thread.
///
///     ask → the poller says `ready`, or `nextTimeout` is over: `timePassed` → `takeAnswers`
@safe
package final class NameResolver {
    /// The name servers that are asked, and for how long.
    package struct Options: Sendable {
        /// Name servers by their numeric addresses and ports; none for those of `/etc/resolv.conf`,
        /// with its search domains.
        package var servers: [SocketAddress]
        /// For the first answer of one name server; twice as long each time it is asked again.
        package var timeoutMilliseconds: Int32
        /// How often a name server is asked, at least 1.
        package var tries: Int32

        package init(servers: [SocketAddress], timeoutMilliseconds: Int32, tries: Int32) {
            self.servers = servers
            self.timeoutMilliseconds = timeoutMilliseconds
            self.tries = tries
        }
    }

    /// What is asked for.
    package enum Question: Sendable, Hashable {
        case ip4(host: String)
        case ip6(host: String)
        /// Service records (RFC 2782).
        case services(name: String)
    }

    package enum Answer: Sendable, Hashable {
        /// Numeric addresses.
        case addresses([String], ttlSeconds: Int)
        case services([Service], ttlSeconds: Int)
        /// There is no such name, or it has no records of that kind.
        case none
        /// No name server answered, or none knew; in words.
        case failure(String)
    }

    package struct Service: Sendable, Hashable {
        package var host: String
        package var port: UInt16
        package var priority: UInt16
        package var weight: UInt16
    }

    /// A question under way, which c-ares holds until it calls back.
    private final class Pending {
        let id: UInt64
        private let exchange: Exchange

        init(_ id: UInt64, _ exchange: Exchange) {
            self.id = id
            self.exchange = exchange
        }

        func answer(_ answer: Answer) { exchange.answers.append((id, answer)) }
    }

    /// What callbacks of c-ares reach; lives longer than the channel.
    private final class Exchange {
        let poller: Poller
        var watched: Set<Int32> = []
        var answers: [(id: UInt64, answer: Answer)] = []

        init(_ poller: Poller) { self.poller = poller }

        func watch(_ number: Int32, _ interest: Readiness) {
            let token = NameResolver.firstToken + UInt64(number)
            if interest.rawValue == 0 {
                if watched.remove(number) != nil { poller.remove(number) }
            } else if watched.insert(number).inserted {
                // A socket that cannot be watched is a question that is not answered in time.
                do throws(SystemError) {
                    try poller.add(number, token: token, interest: interest)
                } catch {
                    watched.remove(number)
                }
            } else {
                poller.change(number, token: token, interest: interest)
            }
        }
    }

    /// Set up once a process; 0 for success.
    private static let library = ares_library_init(CARES_ALL)
    /// Tokens of its sockets in the poller are at least this; the rest is the descriptor's number.
    private static let firstToken: UInt64 = 1 << 40

    private let exchange: Exchange
    // Owned: made in `init`, destroyed in `deinit`.
    private let channel: ares_channel

    /// - Parameter poller: its sockets are watched with tokens of `owns`.
    /// - Throws: `SystemError` when the system has no memory for it, or a name server is a path.
    package init(_ options: Options, poller: Poller) throws(SystemError) {
        let exchange = Exchange(poller)
        self.exchange = exchange
        guard Self.library == CARES_OK else { throw SystemError("c-ares", code: ENOMEM) }
        // The object outlives the channel, which `deinit` destroys.
        let own = unsafe Unmanaged.passUnretained(exchange).toOpaque()
        var opening: ares_channel?
        // The channel is a local, and the callback has no state of its own.
        let opened = unsafe cares_open(
            &opening, options.timeoutMilliseconds, options.tries, options.servers.isEmpty ? 0 : 1,
            Self.watch, own)
        // What the call above made; null when it failed.
        guard opened == CARES_OK, let channel = unsafe opening else {
            throw SystemError("c-ares", code: ENOMEM)
        }
        // Owned from here; destroyed in `deinit`, also when a step below throws.
        unsafe self.channel = channel
        if options.servers.isEmpty { return }
        let list = options.servers.map(\.text).joined(separator: ",")
        // The text is null-terminated by the bridge, and copied.
        guard unsafe ares_set_servers_ports_csv(channel, list) == CARES_OK else {
            throw SystemError("c-ares", code: EINVAL)
        }
    }

    deinit {
        // What is under way calls back within the call, and finds `exchange` there.
        unsafe ares_destroy(channel)
    }

    // MARK: Questions

    /// The answer comes with `takeAnswers`, perhaps at once.
    ///
    /// - Parameter id: of any meaning, and given back with the answer.
    package func ask(_ question: Question, id: UInt64) {
        // Released by the callback, which c-ares calls exactly once.
        let pending = unsafe Unmanaged.passRetained(Pending(id, exchange)).toOpaque()
        switch question {
        // The channel is open, and the name is copied.
        case .ip4(let host): unsafe cares_addresses(channel, host, AF_INET, Self.found, pending)
        case .ip6(let host): unsafe cares_addresses(channel, host, AF_INET6, Self.found, pending)
        // The channel is open, and the name is copied.
        case .services(let name): unsafe cares_services(channel, name, Self.replied, pending)
        }
    }

    /// Everything that was answered since the last call.
    package func takeAnswers() -> [(id: UInt64, answer: Answer)] {
        defer { exchange.answers = [] }
        return exchange.answers
    }

    // MARK: Driving

    /// True for events of its sockets.
    package static func owns(_ token: UInt64) -> Bool { token >= firstToken }

    /// One of its sockets is ready.
    package func ready(_ token: UInt64, _ readiness: Readiness) {
        let number = Int32(truncatingIfNeeded: token - Self.firstToken)
        let reads = readiness.isReadable || readiness.isBroken
        // The channel is open.
        unsafe ares_process_fd(
            channel, reads ? number : CARES_NO_SOCKET,
            readiness.isWritable ? number : CARES_NO_SOCKET)
    }

    /// Milliseconds until `timePassed` has something to do; nil while nothing is waited for.
    package var nextTimeout: Int? {
        // The channel is open.
        let milliseconds = unsafe cares_timeout(channel)
        return milliseconds < 0 ? nil : Int(milliseconds)
    }

    /// Asks again whom it has waited for long enough.
    package func timePassed() {
        // The channel is open, and no socket is named.
        unsafe ares_process_fd(channel, CARES_NO_SOCKET, CARES_NO_SOCKET)
    }

    // MARK: Callbacks

    private static let watch: ares_sock_state_cb = { data, number, readable, writable in
        // The argument of `init`.
        guard let data = unsafe data else { return }
        // The object of `init`, which outlives the channel.
        let exchange = unsafe Unmanaged<Exchange>.fromOpaque(data).takeUnretainedValue()
        var interest: UInt8 = 0
        if readable != 0 { interest |= Readiness.readable.rawValue }
        if writable != 0 { interest |= Readiness.writable.rawValue }
        exchange.watch(number, Readiness(rawValue: interest))
    }

    private static let found: ares_addrinfo_callback = { argument, status, _, result in
        // The argument of `ask`.
        guard let argument = unsafe argument else { return }
        // Retained by `ask`, for this call alone.
        let pending = unsafe Unmanaged<Pending>.fromOpaque(argument).takeRetainedValue()
        var answer = NameResolver.failure(status)
        // Null unless the status is success.
        if status == CARES_OK, let result = unsafe result {
            // The list is whole, and freed below.
            answer = unsafe NameResolver.addresses(result)
        }
        // What c-ares made for this call; null is allowed.
        unsafe ares_freeaddrinfo(result)
        pending.answer(answer)
    }

    private static let replied: ares_callback = { argument, status, _, reply, size in
        // The argument of `ask`.
        guard let argument = unsafe argument else { return }
        // Retained by `ask`, for this call alone.
        let pending = unsafe Unmanaged<Pending>.fromOpaque(argument).takeRetainedValue()
        var answer = NameResolver.failure(status)
        // Null unless the status is success.
        if status == CARES_OK, let reply = unsafe reply {
            // `size` octets that live during the call.
            answer = unsafe NameResolver.services(reply, size)
        }
        pending.answer(answer)
    }

    private static func addresses(_ result: UnsafeMutablePointer<ares_addrinfo>) -> Answer {
        var texts: [String] = []
        var ttl = Int.max
        // The list ends with null and lives until the caller frees it.
        var next = unsafe result.pointee.nodes
        while let node = unsafe next {
            var text = [CChar](repeating: 0, count: 64)
            // A node of the list; an address has at most 46 characters.
            if unsafe cares_text(node, &text) == 1 {
                texts.append(
                    String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self))
                // The node belongs to the list.
                ttl = unsafe min(ttl, Int(node.pointee.ai_ttl))
            }
            // The node belongs to the list.
            unsafe next = node.pointee.ai_next
        }
        return texts.isEmpty ? .none : .addresses(texts, ttlSeconds: max(0, ttl))
    }

    private static func services(_ reply: UnsafeMutablePointer<UInt8>, _ size: Int32) -> Answer {
        var first: UnsafeMutablePointer<ares_srv_reply>?
        // `size` octets of the caller's; the list is freed below.
        let status = unsafe ares_parse_srv_reply(reply, size, &first)
        guard status == CARES_OK else { return failure(status) }
        defer {
            // What ares_parse_srv_reply made.
            unsafe ares_free_data(first)
        }
        var services: [Service] = []
        // The list ends with null and lives until the `defer`.
        var next = unsafe first
        while let entry = unsafe next {
            // A name that ends with NUL, of an entry of the list.
            let host = unsafe String(cString: entry.pointee.host)
            // The target "." says that there is no such service (RFC 2782).
            if !host.isEmpty, host != "." {
                services.append(
                    // Fields of an entry of the list.
                    unsafe Service(
                        host: host.lowercased(), port: entry.pointee.port,
                        priority: entry.pointee.priority, weight: entry.pointee.weight))
            }
            // The entry belongs to the list.
            unsafe next = entry.pointee.next
        }
        // `size` octets of the caller's.
        let ttl = unsafe cares_least_ttl(reply, size)
        return services.isEmpty ? .none : .services(services, ttlSeconds: max(0, Int(ttl)))
    }

    private static func failure(_ status: Int32) -> Answer {
        switch status {
        case CARES_NO_NAME, CARES_NO_DATA: return .none
        default:
            // A static text of the library's for every number.
            guard let words = unsafe ares_strerror(status) else { return .failure("\(status)") }
            // The text is static and null-terminated.
            return .failure(unsafe String(cString: words))
        }
    }
}
