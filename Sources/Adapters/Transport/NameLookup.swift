internal import CLinux
internal import Glibc

/// Asks the system for the addresses of a name (getaddrinfo(3)), as every other program on this
/// machine would: files, DNS, whatever it is set up for.
package enum NameLookup {
    /// More addresses of one name than this are not looked at.
    package static let limit = 8

    package struct Failure: Error, Sendable, Equatable {
        /// The system's own words.
        package var reason: String

        package init(_ reason: String) { self.reason = reason }
    }

    /// The addresses of `host`, best first; a numeric one is its own. Blocks for as long as the
    /// system's resolver likes to, so it is called on a thread that has nothing else to do.
    package static func addresses(
        of host: String, port: UInt16
    ) throws(Failure) -> [SocketAddress] {
        if let address = SocketAddress(numeric: host, port: port) { return [address] }
        // C would not see what is behind it.
        if host.isEmpty || host.utf8.contains(0) { throw Failure("not a name") }
        var hints = unsafe addrinfo()
        // `hints` is a local structure, whose pointers stay null.
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var first: UnsafeMutablePointer<addrinfo>?
        // The name is null-terminated by the bridge; the list is freed below.
        let code = unsafe getaddrinfo(host, nil, &hints, &first)
        guard code == 0 else {
            let system = errno
            if code == EAI_SYSTEM {
                throw Failure(SystemError("getaddrinfo", code: system).reason)
            }
            // A static text of the library's.
            throw Failure(unsafe String(cString: gai_strerror(code)))
        }
        defer {
            // What getaddrinfo made.
            unsafe freeaddrinfo(first)
        }
        var found: [SocketAddress] = []
        // The list ends with null and lives until the `defer`.
        var next = unsafe first
        while let entry = unsafe next, found.count < limit {
            if let address = unsafe Self.address(entry.pointee, port), !found.contains(address) {
                found.append(address)
            }
            // The entry belongs to the list, which lives until the `defer`.
            unsafe next = entry.pointee.ai_next
        }
        if found.isEmpty { throw Failure("no address") }
        return found
    }

    private static func address(_ entry: addrinfo, _ port: UInt16) -> SocketAddress? {
        var storage = sockaddr_storage()
        // The address is as long as the entry says and fits by the guard.
        let size = Int(unsafe entry.ai_addrlen)
        guard let source = unsafe entry.ai_addr, size <= MemoryLayout<sockaddr_storage>.size else {
            return nil
        }
        // The guard has checked that the address fits into the local storage.
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: size))
        }
        switch SocketAddress(storage: storage) {
        case .ip4(let octets, _): return .ip4(octets: octets, port: port)
        case .ip6(let octets, _): return .ip6(octets: octets, port: port)
        case .unix, nil: return nil
        }
    }
}
