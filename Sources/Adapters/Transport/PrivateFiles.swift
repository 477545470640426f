internal import Glibc

/// Folders and files that nobody but the gateway's own user looks into.
package enum PrivateFiles {
    /// Makes a folder with mode 0700 when there is nothing at `path`; the one it lies in must be
    /// there. One that was made survives the machine's sudden end.
    /// - Throws: `SystemError` when it cannot be made, and when something else is there.
    package static func makeFolder(_ path: String) throws(SystemError) {
        if path.utf8.contains(0) { throw SystemError("mkdir", code: EINVAL) }
        // The path is null-terminated by the bridge.
        if unsafe mkdir(path, 0o700) == 0 { return try keepName(ofFolder: path) }
        guard errno == EEXIST else { throw SystemError("mkdir") }
        var status = stat()
        // The path is null-terminated by the bridge; the structure is a local one.
        guard unsafe stat(path, &status) == 0 else { throw SystemError("stat") }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw SystemError("mkdir", code: ENOTDIR) }
    }

    /// Which users may change what is in a folder besides the user that this process runs as, and
    /// root.
    package enum Exposure: Sendable, Hashable {
        /// All users, or all users in the folder's group.
        case writable
        /// The folder is another user's.
        case foreign(userID: UInt32)
    }

    /// Nil for a folder that is nobody else's than the user's, whom this process runs as.
    /// - Throws: `SystemError` when there is nothing to be known about it.
    package static func exposure(
        ofFolder path: String, for user: UInt32 = geteuid()
    ) throws(SystemError) -> Exposure? {
        var status = stat()
        // The path is null-terminated by the bridge; the structure is a local one.
        guard unsafe stat(path, &status) == 0 else { throw SystemError("stat") }
        if status.st_mode & (S_IWGRP | S_IWOTH) != 0 { return .writable }
        let owner = status.st_uid
        return owner == 0 || owner == user ? nil : .foreign(userID: owner)
    }

    /// A name is on the disk when the folder it stands in is (fsync(2)).
    private static func keepName(ofFolder path: String) throws(SystemError) {
        // The path is null-terminated by the bridge.
        let number = unsafe Glibc.open(path + "/..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw SystemError("open") }
        let parent = Descriptor(number: number)
        defer { parent.close() }
        // Some file systems have nothing to write for a folder, and say so.
        guard fsync(parent.number) == 0 || errno == EINVAL else { throw SystemError("fsync") }
    }

    /// Makes an empty file with mode 0600 when there is nothing at `path`, and sees to it that it
    /// may be read and written. The mode of a file that is there stays as it is.
    package static func makeFile(_ path: String) throws(SystemError) {
        try open(path).close()
    }

    /// A link is not followed: what it stands for may be anybody's. `ELOOP` is thrown.
    fileprivate static func open(_ path: String) throws(SystemError) -> Descriptor {
        if path.utf8.contains(0) { throw SystemError("open", code: EINVAL) }
        // The path is null-terminated by the bridge.
        let number = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw SystemError("open") }
        return Descriptor(number: number)
    }
}

/// A lock on a file that one process holds at a time (flock(2)), made with mode 0600 when it is not
/// there. It ends with this object or with the process, in whatever way that ends.
package final class FileLock {
    private let descriptor: Descriptor

    /// Nil when another process, or another object of this one, holds the lock.
    package init?(_ path: String) throws(SystemError) {
        descriptor = try PrivateFiles.open(path)
        if flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 { return }
        guard errno == EWOULDBLOCK else { throw SystemError("flock") }
        return nil
    }
}
