internal import Glibc

/// What can be said of a path without changing anything there.
package enum PathCheck {
    /// Tries whether a file can be opened for appending, or made, as
    /// `System.openForAppending(_:)` would.
    package static func canAppend(to path: String) throws(SystemError) {
        if path.hasPrefix("/dev/") || path.hasPrefix("/proc/") { return }
        do throws(SystemError) {
            let mode = try mode(of: path)
            if mode == S_IFLNK { throw SystemError("open", code: ELOOP) }
            if mode == S_IFDIR { throw SystemError("open", code: EISDIR) }
            try ask(path, W_OK)
        } catch  where error.isNotFound {
            try canMakeFile(at: path)
        }
    }

    /// Tries whether a file, folder or socket can be made where there is none.
    package static func canMakeFile(at path: String) throws(SystemError) {
        var folder = "."
        if let slash = path.lastIndex(of: "/") {
            folder = slash == path.startIndex ? "/" : String(path[..<slash])
        }
        try ask(folder, W_OK | X_OK)
    }

    /// Tries whether files can be made, read and written in a folder that is there.
    package static func canWrite(inFolder path: String) throws(SystemError) {
        try ask(path, R_OK | W_OK | X_OK)
    }

    /// Tries whether the process could listen there, without doing so for longer than a moment.
    package static func canListen(on address: SocketAddress) throws(SystemError) {
        let invalid = address.errorCode
        guard invalid == 0 else { throw SystemError("bind", code: invalid) }
        guard case .unix(let path) = address else { return try Listener.checkIsFree(address) }
        do throws(SystemError) {
            // The socket of a process that has ended is replaced.
            let isSocket = try mode(of: path) == S_IFSOCK
            guard isSocket, Listener.isAbandoned(path) else {
                throw SystemError("bind", code: EADDRINUSE)
            }
        } catch  where error.isNotFound {}
        try canMakeFile(at: path)
    }

    private static func ask(_ path: String, _ mode: Int32) throws(SystemError) {
        // The path is null-terminated by the bridge. Rights are those of the effective user.
        let result = unsafe faccessat(AT_FDCWD, path, mode, Int32(AT_EACCESS))
        guard result == 0 else { throw SystemError("access") }
    }

    /// The kind of what is at `path`; a link is not followed.
    private static func mode(of path: String) throws(SystemError) -> mode_t {
        var status = stat()
        // The path is null-terminated by the bridge; the structure is a local one.
        guard unsafe lstat(path, &status) == 0 else { throw SystemError("stat") }
        return status.st_mode & S_IFMT
    }
}
