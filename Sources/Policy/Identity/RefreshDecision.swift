package import Endings

/// May a live connection go on under a new token?
package enum RefreshDecision: Sendable, Hashable {
    /// The new token names the same user: its identity takes the place of the old one.
    case accepted
    /// The new token names another user, or one of the two names no user. The connection is not
    /// handed over.
    case otherUser

    /// Names are compared within one `jwt` block: two issuers may both have a user 7.
    package init(current: VerifiedIdentity, new: VerifiedIdentity) {
        self.init(rule: current.rule, user: current.user, new: new)
    }

    /// Decides for a connection of which only the rule and the user are known (`LiveConnection`).
    package init(rule: String, user: String?, new: VerifiedIdentity) {
        guard let user, let newUser = new.user, user.isSpelled(newUser),
            rule.isSpelled(new.rule)
        else {
            self = .otherUser
            return
        }
        self = .accepted
    }

    /// How the request for the refresh, and the connection that asked for it, ends; nil when it is
    /// accepted.
    package var refusal: Refusal? {
        switch self {
        case .accepted: nil
        case .otherUser:
            Refusal(
                .forbidden, detail: "other_user", message: "The token is not this user's")
        }
    }
}
