package import Clock
package import Endings
package import Settings

/// How a connection of a session ended by itself.
package enum Departure: Sendable, Hashable {
    /// The client said goodbye, or the session was ended by rule: the place is free at once.
    case normal
    /// The connection broke: the device may be back in a moment.
    case abnormal
    /// The application was not there for it. A device that had its place before keeps it as if its
    /// connection had broken; one that only just came has none.
    case unserved
}

/// What happened to a store, for `StoreEngine.handle(_:at:)`.
package enum SessionEvent: Sendable {
    case arrive(Arrival)
    /// The connection of a session, or of one that waits, is gone.
    case depart(SessionID, Departure)
    /// The client of a session was heard: the answer to `SessionDecision.probe`.
    case answered(SessionID)
    /// The client of a session should have been heard and was not: a ping without answer, data that
    /// TCP could not deliver. Its place is the next newcomer's that finds no other.
    case silent(SessionID)
    /// Another limit from now on. It ends nobody unless `endsExcess`.
    case setLimit(RuntimeLimit, endsExcess: Bool)
    /// The limit that was set for this role, or for all, is taken back.
    case clearLimit(role: String?)
    case kick(SessionFilter, Kick)
    /// A reload: these rules hold from now on, unless newer ones are known.
    case adopt(SessionRules)
    /// Time went by; see `StoreEngine.nextDeadline`.
    case time
}

/// What follows from an event, in the order it takes effect.
package enum SessionDecision: Sendable {
    case admitted(SessionRecord)
    /// `report_only sessions`: the rules say otherwise of the session that was just admitted.
    case overruled(SessionRecord, OverruledRule)
    /// Nothing is decided: others are asked first whether they live. It will be admitted or refused
    /// in less than three seconds.
    case waiting(SessionID)
    case refused(Arrival, Rejection)
    case ended(SessionEnd)
    /// Is the client of this session there? Asked of the worker that has its connection.
    case probe(SessionRecord)
    case noticed(SessionNotice)
}

/// Why a session stays out.
package struct Rejection: Sendable, Hashable {
    package enum Reason: Sendable, Hashable {
        /// As many devices as the limit allows are there, and all of them live.
        case full(SessionSettings.Limit)
        /// The device came again too often: two windows replace each other again and again.
        case flapping
        /// The newcomer waited, and meanwhile its device came again.
        case replaced
    }

    package var reason: Reason
    /// When to try again; nil for not by itself.
    package var retry: Duration?

    package init(_ reason: Reason, retry: Duration? = nil) {
        self.reason = reason
        self.retry = retry
    }

    package var limit: SessionSettings.Limit? {
        if case .full(let limit) = reason { limit } else { nil }
    }

    /// How the request ends; `message` is what the person is told.
    package func refusal(message: String) -> Refusal {
        switch reason {
        case .full(let limit):
            Refusal(.connectionRejected, detail: limit.policy.rawValue, message: message)
        case .flapping, .replaced:
            Refusal(
                .replaced, status: 429, message: message,
                retryAfterSeconds: retry.map { Int($0.components.seconds) })
        }
    }
}

/// Whether a client that is sent away shall come back.
package enum Reconnect: Sendable, Hashable {
    case no
    case yes
    case after(Duration)
}

/// An operator ends sessions.
package struct Kick: Sendable, Hashable {
    /// What the person is told; nil for the usual text.
    package var message: String?
    package var reconnect: Reconnect

    package init(message: String? = nil, reconnect: Reconnect = .no) {
        self.message = message
        self.reconnect = reconnect
    }
}

/// A session that ended: who it was, until when, and by what rule. Reported once a session.
package struct SessionEnd: Sendable {
    package enum Cause: Sendable, Hashable {
        case departed(Departure)
        case replaced(by: SessionID)
        case ejected(for: SessionID, SessionSettings.Limit)
        /// The session gave no sign of life, and another one needed its seat.
        case silent(for: SessionID)
        /// An operator set a lower limit, and asked for it to hold at once.
        case limited(SessionSettings.Limit)
        case kicked(Kick)
    }

    package var record: SessionRecord
    package var ended: Instant
    package var cause: Cause

    /// What its connection is to be told; nil when it is gone already.
    package var ending: Ending? {
        switch cause {
        case .departed: nil
        case .replaced: Ending(record, .replaced)
        case .ejected(_, let limit): Ending(record, .ejectOld, limit: limit)
        case .silent: Ending(record, .silent, reconnect: .yes)
        case .limited(let limit): Ending(record, .kicked, limit: limit)
        case .kicked(let kick):
            Ending(record, .kicked, message: kick.message, reconnect: kick.reconnect)
        }
    }
}

/// The word that a `force_disconnect` event gives as its `reason`.
package enum DisconnectCause: String, Sendable, CaseIterable {
    case ejectOld = "eject_old"
    case kicked
    case replaced
    case silent
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
        case .silent: .timeout
        case .tokenExpired, .tokenRevoked: .unauthenticated
        case .forbidden: .forbidden
        case .draining: .draining
        }
    }
}

/// An order to the driver: this session, or connection without a seat, is out of its table, now
/// close its connection.
package struct Ending: Sendable, Hashable {
    package var session: SessionID
    package var connection: ConnectionAddress
    package var cause: DisconnectCause
    /// The limit that was kept by it, for the message; nil when no limit was concerned.
    package var limit: SessionSettings.Limit?
    /// What the person is told instead of the usual text.
    package var message: String?
    package var reconnect: Reconnect

    package var reason: EndReason { cause.reason }

    init(
        _ record: SessionRecord, _ cause: DisconnectCause, limit: SessionSettings.Limit? = nil,
        message: String? = nil, reconnect: Reconnect = .no
    ) {
        session = record.id
        connection = record.connection
        self.cause = cause
        self.limit = limit
        self.message = message
        self.reconnect = reconnect
    }

    /// An operator ends one that has no seat.
    init(_ live: LiveConnection, _ kick: Kick) {
        session = live.id
        connection = live.connection
        cause = .kicked
        message = kick.message
        reconnect = kick.reconnect
    }
}

/// What an operator should know, and nobody is told.
package enum SessionNotice: Sendable {
    /// Two windows of this device fight for one place; said once until there was peace.
    case flapping(SessionRecord)
}

/// What the rules, which only report, would have done about a session that came in uncounted.
package enum OverruledRule: Sendable {
    /// The newcomer would have been refused.
    case refusal(SessionSettings.Limit)
    /// Other sessions would have been ended for the newcomer.
    case ejection(of: [SessionRecord], SessionSettings.Limit)
}

/// A limit that an operator set for a store while the process runs. It wins over the configuration
/// and over tokens until it is taken back, or its time is over.
package struct RuntimeLimit: Sendable, Hashable {
    /// A role of the group that it is for; nil for every limited role of the store, each group by
    /// itself. One for a role wins over one for all.
    package var role: String?
    package var limit: SessionSettings.Limit
    package var expires: Instant?

    package init(role: String? = nil, limit: SessionSettings.Limit, expires: Instant? = nil) {
        self.role = role
        self.limit = limit
        self.expires = expires
    }
}
