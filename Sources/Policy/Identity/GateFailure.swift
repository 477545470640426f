package import Endings
package import JWT

/// Why the gate of a route lets nobody in.
package struct GateFailure: Error, Sendable, Hashable {
    package enum Reason: Sendable, Hashable {
        case token(TokenError)
        /// The token is good, but it, or its user, is revoked.
        case revoked
        /// A ticket that was never issued, is redeemed or too old, or is shown where it is not
        /// good.
        case ticket
    }

    /// Why; when several blocks failed, the reason of the one that came furthest.
    package let reason: Reason
    /// The `jwt` blocks, by index into the route's, whose keys did not include the one that the
    /// token names. If newer keys of one of them can be had, the same request may be asked about
    /// again with them.
    package let unknownKeyRules: [Int]

    init(_ reason: Reason, unknownKeyRules: [Int] = []) {
        self.reason = reason
        self.unknownKeyRules = unknownKeyRules
    }

    package static let revoked = GateFailure(.revoked)

    /// True when a token or a ticket was tried that is not accepted: to be noted by an
    /// `AttemptLimiter`. False for a request that brought nothing, and when the fault is ours.
    package var isFailedAttempt: Bool {
        switch reason {
        case .token(let error): error != .missing && error != .unverifiable
        case .revoked, .ticket: true
        }
    }

    /// How the request ends: 401 and 4001, but 500 when the fault is ours.
    package var refusal: Refusal {
        var refusal =
            switch reason {
            case .token(let error): error.refusal
            case .revoked:
                Refusal(.unauthenticated, detail: "token_revoked", message: Self.revokedMessage)
            case .ticket:
                Refusal(.unauthenticated, detail: "ticket_invalid", message: Self.ticketMessage)
            }
        refusal.challenge = challenge(realm: BearerChallenge.realm)
        refusal.isFailedAttempt = isFailedAttempt
        return refusal
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3).
    package func challenge(realm: String) -> String {
        switch reason {
        case .token(let error): error.challenge(realm: realm)
        case .revoked: BearerChallenge.invalidToken(realm: realm, Self.revokedMessage)
        case .ticket: BearerChallenge.invalidToken(realm: realm, Self.ticketMessage)
        }
    }

    private static let revokedMessage = "Token revoked"
    private static let ticketMessage = "Ticket not valid"
}
