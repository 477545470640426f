package import Endings
package import Settings

/// The word that a `force_disconnect` event gives as its `reason`.
package enum DisconnectCause: String, Sendable, CaseIterable {
    case ejectOld = "eject_old"
    case kicked
    case replaced
    case tokenExpired = "token_expired"
    case tokenRevoked = "token_revoked"
    /// A new token does not allow what the old one did.
    case forbidden
    case draining

    /// The row of the table of endings that says close code and log word.
    package var reason: EndReason {
        switch self {
        case .ejectOld, .kicked: .forceDisconnect
        case .replaced: .replaced
        case .tokenExpired, .tokenRevoked: .unauthenticated
        case .forbidden: .forbidden
        case .draining: .draining
        }
    }
}

/// An order to the driver: this session is out of the table, now close its connection.
package struct Ending: Sendable, Hashable {
    package var session: SessionID
    package var connection: ConnectionAddress
    package var cause: DisconnectCause
    /// The limit that was kept by it, for the message; nil when no limit was concerned.
    package var limit: SessionSettings.Limit?

    package var reason: EndReason { cause.reason }

    package init(
        session: SessionID, connection: ConnectionAddress, cause: DisconnectCause,
        limit: SessionSettings.Limit? = nil
    ) {
        self.session = session
        self.connection = connection
        self.cause = cause
        self.limit = limit
    }
}

/// What became of an arrival.
package enum Admission: Sendable, Equatable {
    /// It is in, and these are out: what was replaced or ejected for it.
    case admitted(endings: [Ending])
    /// It stays out and nothing changed: as many devices as `limit` allows are there.
    case refused(limit: SessionSettings.Limit)
}
