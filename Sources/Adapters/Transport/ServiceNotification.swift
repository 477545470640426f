internal import CLinux
internal import Glibc

/// Words to the service manager that started this process (sd_notify(3)).
package enum ServiceNotification {
    /// Sends one datagram. A path that begins with `@` is the name of an abstract socket (unix(7)).
    ///
    /// - Throws: `SystemError` when nobody receives it there.
    package static func send(_ text: String, toSocketAt path: String) throws(SystemError) {
        let kind = SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue
        let number = socket(AF_UNIX, Int32(kind), 0)
        guard number >= 0 else { throw SystemError("socket") }
        let descriptor = Descriptor(number: number)
        defer { descriptor.close() }
        try connect(number, to: path)
        let octets = Array(text.utf8)
        // The array and its count belong together.
        let sent = unsafe Glibc.send(number, octets, octets.count, Int32(MSG_NOSIGNAL))
        guard sent == octets.count else { throw SystemError("send") }
    }

    private static func connect(_ number: Int32, to path: String) throws(SystemError) {
        var name = Array(path.utf8)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard !name.isEmpty, name.count < room else {
            throw SystemError("connect", code: ENAMETOOLONG)
        }
        // The name of an abstract socket begins with a zero and is as long as the address says.
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        let size = MemoryLayout<sockaddr_un>.size - room + name.count
        // The name fits, by the guard above; what is behind it stays zero.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        // sockaddr_un begins with the fields of sockaddr; its size goes with it.
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe shim_connect(number, $0, socklen_t(size))
            }
        }
        guard result == 0 else { throw SystemError("connect") }
    }
}
