internal import CLinux
internal import Glibc

/// A bound, listening, non-blocking socket. Several may listen on one address (SO_REUSEPORT), one a
/// worker; the kernel spreads connections over them.
package final class Listener {
    package let descriptor: Descriptor
    /// Where it is really bound: the port is known even when 0 was asked for.
    package let address: SocketAddress

    /// A socket file that nobody serves any more is replaced.
    ///
    /// - Throws: `SystemError` when the address cannot be bound.
    package init(_ address: SocketAddress, backlog: Int32 = 4096) throws(SystemError) {
        let invalid = address.errorCode
        guard invalid == 0 else { throw SystemError("bind", code: invalid) }
        let number = shim_stream_socket(address.family)
        guard number >= 0 else { throw SystemError("socket") }
        descriptor = Descriptor(number: number)
        Socket.set(number, SOL_SOCKET, SO_REUSEADDR, 1)
        switch address {
        case .unix(let path):
            // The path is null-terminated by the bridge.
            if Self.isAbandoned(path) { unsafe unlink(path) }
        case .ip4: Socket.set(number, SOL_SOCKET, SO_REUSEPORT, 1)
        case .ip6:
            Socket.set(number, SOL_SOCKET, SO_REUSEPORT, 1)
            // `::` takes IPv4 as well, whatever the system's default says.
            Socket.set(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0)
        }
        // The address is shown for the length of the call.
        let bound = unsafe address.withSystemAddress { unsafe shim_bind(number, $0, $1) }
        guard bound == 0 else { throw SystemError("bind") }
        guard listen(number, backlog) == 0 else { throw SystemError("listen") }
        self.address = Socket.localAddress(number) ?? address
    }

    /// Tries whether nobody listens on `address`, not even one who would share it.
    /// - Throws: `SystemError` when another process listens there, or the address cannot be bound
    /// at all.
    package static func checkIsFree(_ address: SocketAddress) throws(SystemError) {
        // A path cannot be shared in the first place.
        if case .unix = address { return }
        let number = shim_stream_socket(address.family)
        guard number >= 0 else { throw SystemError("socket") }
        let probe = Descriptor(number: number)
        Socket.set(number, SOL_SOCKET, SO_REUSEADDR, 1)
        // The address is shown for the length of the call.
        let bound = unsafe address.withSystemAddress { unsafe shim_bind(probe.number, $0, $1) }
        guard bound == 0 else { throw SystemError("bind") }
    }

    /// A listener that another thread bound.
    package init(_ transfer: DescriptorTransfer) {
        descriptor = transfer.take()
        address = Socket.localAddress(descriptor.number) ?? .unix(path: "")
    }

    /// One more socket for the same address, for another worker; of a path the same socket once
    /// more, because a path cannot be bound twice.
    /// - Throws: `SystemError` when the system gives no other one.
    package func another() throws(SystemError) -> Listener {
        guard case .unix = address else { return try Listener(address) }
        let number = fcntl(descriptor.number, F_DUPFD_CLOEXEC, 0)
        guard number >= 0 else { throw SystemError("fcntl") }
        return Listener(DescriptorTransfer(Descriptor(number: number)))
    }

    /// Gives the bound socket to another thread; this object is of no use afterwards.
    package func transfer() -> DescriptorTransfer { DescriptorTransfer(descriptor) }

    package enum AcceptResult {
        case accepted(Descriptor, from: SocketAddress)
        case none
        /// No descriptor left; accepting goes on when some were closed.
        case exhausted
    }

    /// Takes one waiting connection.
    package func accept() -> AcceptResult {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // sockaddr_storage is large enough for any address and begins like sockaddr.
        let number = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe shim_accept(descriptor.number, $0, &size)
            }
        }
        guard number >= 0 else {
            return [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) ? .exhausted : .none
        }
        Socket.set(number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        return .accepted(
            Descriptor(number: number),
            from: SocketAddress(storage: storage) ?? .unix(path: ""))
    }

    /// True for the socket file of a process that is gone: connections are refused. A live server
    /// accepts them or, when it is behind, says EAGAIN. Other files refuse as well, so the kind is
    /// looked at first.
    static func isAbandoned(_ path: String) -> Bool {
        var status = stat()
        // The path is null-terminated by the bridge; the structure is a local one.
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
            return false
        }
        let number = shim_stream_socket(AF_UNIX)
        guard number >= 0 else { return false }
        let probe = Descriptor(number: number)
        // The address is shown for the length of the call.
        let result = unsafe SocketAddress.unix(path: path).withSystemAddress {
            unsafe shim_connect(probe.number, $0, $1)
        }
        return result < 0 && errno == ECONNREFUSED
    }
}

/// The options and questions that listeners and streams share.
enum Socket {
    /// Options that cannot be set are left at the system's default.
    static func set(_ number: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        // The option value is an int of four octets.
        unsafe setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// SO_ERROR: the outcome of a connect, 0 for success; or why that cannot be asked.
    static func takeError(_ number: Int32) -> Int32 {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        // The result is an int of four octets.
        let result = unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size)
        return result == 0 ? code : errno
    }

    static func localAddress(_ number: Int32) -> SocketAddress? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // sockaddr_storage is large enough for any address and begins like sockaddr.
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe shim_getsockname(number, $0, &size)
            }
        }
        return result == 0 ? SocketAddress(storage: storage) : nil
    }
}
