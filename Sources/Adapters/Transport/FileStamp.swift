package import Clock
internal import Glibc

/// What changes about a file when it is written or replaced (stat(2), links followed).
package struct FileStamp: Sendable, Hashable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let modified: WallTime
    private let changed: WallTime

    /// Nil when there is nothing at `path`, or it may not be looked at.
    package init?(of path: String) {
        if path.utf8.contains(0) { return nil }
        var status = stat()
        // The path is null-terminated by the bridge; the structure is a local one.
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = WallTime(
            seconds: Int64(status.st_mtim.tv_sec), nanoseconds: Int32(status.st_mtim.tv_nsec))
        changed = WallTime(
            seconds: Int64(status.st_ctim.tv_sec), nanoseconds: Int32(status.st_ctim.tv_nsec))
    }

    /// True when a change after now cannot leave the same stamp: file systems count time in steps,
    /// of two seconds at most.
    package func isSettled(at now: WallTime) -> Bool {
        let latest = max(modified, changed)
        return latest.seconds + 2 < now.seconds
    }
}
