internal import Glibc

/// What an operator reads of a system call that failed: why, and what to do about it. Each is the
/// end of a sentence that names the address or the path.
extension SystemError {
    /// Why nobody can listen on `address`.
    package func advice(listeningOn address: SocketAddress) -> String {
        if case .unix(let path) = address { return advice(forSocketAt: path) }
        return switch code {
        case EADDRINUSE: "another process uses this address (ss -ltnp shows which)"
        case EADDRNOTAVAIL:
            "this machine has no such address (0.0.0.0 or [::] means all its addresses; ip address"
                + " shows them)"
        case EACCES:
            "this user is not allowed to listen on a port below 1024 (use a higher port, or give"
                + " the process CAP_NET_BIND_SERVICE)"
        default: reason
        }
    }

    private func advice(forSocketAt path: String) -> String {
        switch code {
        case EADDRINUSE:
            "another process uses this path, or the file is not a socket (check the file, then"
                + " remove it)"
        case ENOENT: "its folder does not exist (mkdir -p '\(Self.folder(of: path))')"
        case ENOTDIR: "a part of the path is not a folder"
        case EACCES, EPERM, EROFS:
            "this user is not allowed to create files in '\(Self.folder(of: path))' (\(reason))"
        case ENAMETOOLONG: "the path of a socket has at most 107 octets"
        default: reason
        }
    }

    /// Why the file at `path` cannot be written.
    package func advice(writing path: String) -> String {
        switch code {
        case ENOENT: "its folder does not exist (mkdir -p '\(Self.folder(of: path))')"
        case ENOTDIR: "a part of the path is not a folder"
        case EISDIR: "it is a folder, not a file"
        case EACCES, EPERM:
            "this user is not allowed to write there (chown or chmod it, or use another path)"
        case EROFS: "its file system is read-only (use a path on another one)"
        default: reason
        }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    package var isNotFound: Bool { code == ENOENT }
}
