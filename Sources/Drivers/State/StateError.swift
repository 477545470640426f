package import Records
import SQLite

/// Why a request to the store came to nothing. Nothing was changed then.
package enum StateError: Error, Sendable, Hashable {
    /// What went wrong with the file, for the code that decides what to do next.
    package enum Fault: String, Sendable, Hashable, CaseIterable {
        /// No room is left for it.
        case full
        case readOnly = "read_only"
        /// Another process kept the file for too long.
        case busy
        case damaged
        case failed
    }

    case invalid(InvalidRecord)
    /// The condition does not hold: this is the policy in force.
    case conflict(current: StorePolicy?)
    case notFound
    /// There are as many records of this kind as there may be.
    case tooMany(limit: Int)
    case storage(Fault, reason: String)
    /// Too many requests wait already.
    case overloaded
    /// The store is closed.
    case stopped
}

extension StateError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalid(let record): record.description
        case .conflict: "another change came first"
        case .notFound: "there is no such entry"
        case .tooMany(let limit): "there are already \(limit)"
        case .storage(.full, let reason): "no space is left: \(reason)"
        case .storage(_, let reason): reason
        case .overloaded: "too many changes are waiting"
        case .stopped: "the gateway is stopping"
        }
    }
}

extension StateError {
    init(_ error: DatabaseError) {
        let fault: Fault =
            switch error.kind {
            case .full: .full
            case .readOnly: .readOnly
            case .busy: .busy
            case .corrupt, .notADatabase, .type: .damaged
            case .constraint, .cannotOpen, .inputOutput, .tooBig, .noMemory, .misuse, .other:
                .failed
            }
        self = .storage(fault, reason: error.description)
    }
}

extension DatabaseError {
    /// True when anything else that is written now would fail in the same way.
    var concernsAll: Bool {
        switch kind {
        case .busy, .readOnly, .full, .cannotOpen, .inputOutput, .noMemory, .notADatabase: true
        case .corrupt, .constraint, .tooBig, .misuse, .type, .other: false
        }
    }
}
