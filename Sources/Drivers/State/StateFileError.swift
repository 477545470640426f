import SQLite
package import Transport

/// Why there is no store. Whatever is there was left as it is.
package enum StateFileError: Error, Sendable, Hashable {
    /// The folder, or a file in it, cannot be made or opened.
    case inaccessible(path: String, reason: String)
    /// Others may write to the folder, and with that put another database in the place of ours.
    case exposed(folder: String, PrivateFiles.Exposure)
    /// Another gateway works with this folder.
    case inUse(folder: String)
    /// The file may only be read.
    case readOnly(file: String)
    case notADatabase(file: String)
    /// The database of another program.
    case foreign(file: String)
    case damaged(file: String, reason: String)
    /// Written by a newer gateway: the version of its tables, and the newest known here.
    case newer(file: String, found: Int, known: Int)
    case failed(file: String, reason: String)
    /// The system has no thread or descriptor left.
    case system(reason: String)
}

extension StateFileError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .inaccessible(let path, let reason): "state: '\(path)': \(reason)"
        case .exposed(let folder, .writable):
            "state: other users can write to '\(folder)' (chmod go-w '\(folder)')"
        case .exposed(let folder, .foreign(let userID)):
            "state: '\(folder)' belongs to the user \(userID), who can change the data in it"
                + " (chown the folder to the user that the gateway runs as)"
        case .inUse(let folder): "state: '\(folder)' is in use by another gateway"
        case .readOnly(let file): "state: '\(file)' is not writable"
        case .notADatabase(let file):
            "state: '\(file)' is not a database (move the file away to start with an empty one)"
        case .foreign(let file): "state: '\(file)' is the database of another program"
        case .damaged(let file, let reason):
            "state: '\(file)' is damaged: \(reason) (restore a backup, or move the file away to"
                + " start with an empty one)"
        case .newer(let file, let found, let known):
            "state: '\(file)' was written by a newer gateway (its version is \(found), this one"
                + " knows up to \(known))"
        case .failed(let file, let reason): "state: '\(file)': \(reason)"
        case .system(let reason): "state: \(reason)"
        }
    }

    init(_ error: DatabaseError, file: String) {
        self =
            switch error.kind {
            case .readOnly: .readOnly(file: file)
            case .notADatabase: .notADatabase(file: file)
            case .corrupt, .type: .damaged(file: file, reason: error.reason)
            case .cannotOpen: .inaccessible(path: file, reason: error.description)
            case .busy, .full, .constraint, .inputOutput, .tooBig, .noMemory, .misuse, .other:
                .failed(file: file, reason: error.description)
            }
    }
}
