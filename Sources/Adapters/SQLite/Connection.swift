internal import CSQLite

/// One open `sqlite3`, closed with this object. Statements hold it, so it outlives them all.
@safe final class Connection {
    /// Owned by this object; used only by the thread that owns it (SQLITE_OPEN_NOMUTEX).
    let handle: OpaquePointer

    init(path: String, isReadOnly: Bool) throws(DatabaseError) {
        guard !path.utf8.contains(0) else {
            throw DatabaseError(.cannotOpen, "the path holds a zero octet")
        }
        var handle: OpaquePointer?
        let access = isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let flags = access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        // The path is null-terminated by the bridge; SQLite answers a handle also when it fails.
        let result = unsafe sqlite3_open_v2(path, &handle, flags, nil)
        // Null only for want of memory.
        guard let handle = unsafe handle else {
            throw DatabaseError(.noMemory, "no memory for a database")
        }
        guard result == SQLITE_OK else {
            // The handle just made: its words are copied, then nobody has it any more.
            let error = unsafe DatabaseError(
                code: result, reason: String(cString: sqlite3_errmsg(handle)))
            // Closed once, here.
            unsafe sqlite3_close_v2(handle)
            throw error
        }
        // Ours from here on; `deinit` closes it.
        unsafe self.handle = handle
    }

    deinit {
        // All statements are gone: each of them holds this object.
        unsafe sqlite3_close_v2(handle)
    }

    /// Throws what the last call came to, if that is not `SQLITE_OK`.
    func check(_ result: Int32) throws(DatabaseError) {
        if result != SQLITE_OK { throw error(result) }
    }

    func error(_ code: Int32) -> DatabaseError {
        // A C string that lives until the next call, copied at once.
        let words = unsafe String(cString: sqlite3_errmsg(handle))
        return DatabaseError(code: code, reason: words)
    }
}
