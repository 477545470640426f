internal import CLinux
internal import Glibc

/// Where a socket is bound or connected: IPv4, IPv6 or a path.
package enum SocketAddress: Sendable, Hashable {
    case ip4(octets: [UInt8], port: UInt16)
    case ip6(octets: [UInt8], port: UInt16)
    case unix(path: String)

    /// The numeric form of an IPv4 or IPv6 address; nil for anything else, names included.
    package init?(numeric text: String, port: UInt16) {
        // C would not see what is behind it.
        if text.utf8.contains(0) { return nil }
        var four = in_addr()
        var six = in6_addr()
        // The string is null-terminated by the bridge and the results are locals.
        if unsafe inet_pton(AF_INET, text, &four) == 1 {
            // in_addr is four octets in network order.
            self = unsafe .ip4(octets: withUnsafeBytes(of: &four) { unsafe Array($0) }, port: port)
            // The string is null-terminated by the bridge, and the result is a local.
        } else if unsafe inet_pton(AF_INET6, text, &six) == 1 {
            // in6_addr is sixteen octets in network order.
            self = unsafe .ip6(octets: withUnsafeBytes(of: &six) { unsafe Array($0) }, port: port)
        } else {
            return nil
        }
    }

    /// The address in 16 octets, IPv4 mapped (RFC 4291 §2.5.5.2); zeros for a path.
    package var mappedOctets: [UInt8] {
        switch self {
        case .ip4(let octets, _): [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + octets
        case .ip6(let octets, _): octets
        case .unix: [UInt8](repeating: 0, count: 16)
        }
    }

    /// The address without its port, as text: `127.0.0.1`, `::1`, `unix`. An IPv4-mapped IPv6
    /// address is written as the IPv4 address it is.
    package var host: String {
        switch self {
        case .ip4(let octets, _): return octets.map { String($0) }.joined(separator: ".")
        case .ip6(let octets, _):
            if octets.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]) {
                return octets[12...].map { String($0) }.joined(separator: ".")
            }
            var text = [CChar](repeating: 0, count: 64)
            // 16 octets in, at most 46 characters out.
            guard unsafe inet_ntop(AF_INET6, octets, &text, 64) != nil else { return "?" }
            return String(
                decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        case .unix: return "unix"
        }
    }

    package var port: UInt16? {
        switch self {
        case .ip4(_, let port), .ip6(_, let port): port
        case .unix: nil
        }
    }

    /// `127.0.0.1:8000`, `[::1]:8000`, `unix:/run/app.sock`.
    package var text: String {
        switch self {
        case .ip4(_, let port): "\(host):\(port)"
        case .ip6(let octets, let port):
            octets.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
                ? "\(host):\(port)" : "[\(host)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    var family: Int32 {
        switch self {
        case .ip4: AF_INET
        case .ip6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Why the system calls cannot take the address; 0 when they can. A path must fit into
    /// `sun_path` with its NUL, and an empty one would be a name of another kind (unix(7)).
    var errorCode: Int32 {
        guard case .unix(let path) = self else { return 0 }
        if path.isEmpty || path.utf8.contains(0) { return EINVAL }
        return path.utf8.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path)
            ? 0 : ENAMETOOLONG
    }

    /// Shows the address in the form the system calls take, if `errorCode` is 0.
    func withSystemAddress<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        switch self {
        case .ip4(let octets, let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            // in_addr is four octets in network order.
            unsafe withUnsafeMutableBytes(of: &address.sin_addr) {
                unsafe $0.copyBytes(from: octets)
            }
            // The caller's closure, for the length of the call.
            return unsafe Self.rebound(&address, body)
        case .ip6(let octets, let port):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            // in6_addr is sixteen octets in network order.
            unsafe withUnsafeMutableBytes(of: &address.sin6_addr) {
                unsafe $0.copyBytes(from: octets)
            }
            // The structure is a local one that lives through the call.
            return unsafe Self.rebound(&address, body)
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            // Shorter than the field, see `errorCode`; the rest stays zero.
            unsafe withUnsafeMutableBytes(of: &address.sun_path) {
                unsafe $0.copyBytes(from: path.utf8.prefix($0.count - 1))
            }
            // The structure is a local one that lives through the call.
            return unsafe Self.rebound(&address, body)
        }
    }

    /// From what `accept4` or `getpeername` filled in; nil for a family that is none of ours.
    init?(storage: sockaddr_storage) {
        var storage = storage
        switch Int32(storage.ss_family) {
        case AF_INET:
            // The family says which structure it is; sockaddr_storage is large enough for both.
            let address = unsafe withUnsafeBytes(of: &storage) {
                unsafe $0.load(as: sockaddr_in.self)
            }
            // in_addr is four octets in network order.
            let octets = unsafe withUnsafeBytes(of: address.sin_addr) { unsafe Array($0) }
            self = .ip4(octets: octets, port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            // The family says which structure it is; sockaddr_storage is large enough for all.
            let address = unsafe withUnsafeBytes(of: &storage) {
                unsafe $0.load(as: sockaddr_in6.self)
            }
            // in6_addr is sixteen octets in network order.
            let octets = unsafe withUnsafeBytes(of: address.sin6_addr) { unsafe Array($0) }
            self = .ip6(octets: octets, port: UInt16(bigEndian: address.sin6_port))
        case AF_UNIX:
            // The family says which structure it is; a socket without a name has zeros there.
            let address = unsafe withUnsafeBytes(of: &storage) {
                unsafe $0.load(as: sockaddr_un.self)
            }
            // The path ends with a NUL or with the field.
            let path = unsafe withUnsafeBytes(of: address.sun_path) {
                unsafe Array($0.prefix { $0 != 0 })
            }
            self = .unix(path: String(decoding: path, as: UTF8.self))
        default: return nil
        }
    }

    private static func rebound<Address, Result>(
        _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        let size = socklen_t(MemoryLayout<Address>.size)
        // Every sockaddr_* begins with the fields of sockaddr; the size goes with it.
        return unsafe withUnsafePointer(to: &address) { pointer in
            // For the length of the call.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, size)
            }
        }
    }
}
