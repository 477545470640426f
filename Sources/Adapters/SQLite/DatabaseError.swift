internal import CSQLite

/// An operation SQLite refused or could not finish. Nothing of the values that were written or read
/// is in it.
package struct DatabaseError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What to make of it.
    package enum Kind: Sendable, Hashable, CaseIterable {
        /// Another process writes to the file, and did not finish in time.
        case busy
        case readOnly
        /// The disk, or the database's own limit of pages.
        case full
        /// The file is damaged, or something in it is not what was written.
        case corrupt
        /// The file is something else than a database.
        case notADatabase
        /// A rule of a table would be broken.
        case constraint
        case cannotOpen
        /// Reading or writing the file failed.
        case inputOutput
        /// Larger than a value or a statement may be.
        case tooBig
        case noMemory
        /// The statement makes no sense, or was used where it may not be.
        case misuse
        /// A column holds another type of value than the one that was asked for.
        case type
        case other
    }

    package let kind: Kind
    /// SQLite's extended result code; 0 for what was found out on this side.
    package let code: Int32
    /// SQLite's own words, for the log.
    package let reason: String

    package var description: String { code == 0 ? reason : "\(reason) (\(code))" }

    init(code: Int32, reason: String) {
        kind = Self.kind(of: code)
        self.code = code
        self.reason = reason
    }

    /// What was found out without a result code.
    package init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        code = 0
        self.reason = reason
    }

    private static func kind(of code: Int32) -> Kind {
        // The primary result code is the lowest octet of the extended one.
        switch code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL: .busy
        case SQLITE_READONLY: .readOnly
        case SQLITE_FULL: .full
        case SQLITE_CORRUPT: .corrupt
        case SQLITE_NOTADB: .notADatabase
        case SQLITE_CONSTRAINT: .constraint
        case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH: .cannotOpen
        case SQLITE_IOERR: .inputOutput
        case SQLITE_TOOBIG: .tooBig
        case SQLITE_NOMEM: .noMemory
        case SQLITE_ERROR, SQLITE_MISUSE, SQLITE_RANGE: .misuse
        case SQLITE_MISMATCH: .type
        default: .other
        }
    }
}
