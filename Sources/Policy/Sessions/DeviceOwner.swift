package import Settings

/// Whose a device is. A name that a client gives itself, and what it looks like, mean nothing
/// beyond that: whoever knows another user's ClientId has a device of the same name, not hers.
package enum DeviceOwner: Sendable, Hashable {
    /// Nobody who is known: the route asks for no token, or the visitor brought none.
    case anyone
    /// Whoever has a token: users share devices (`device_owner store`), or the token names no user.
    case bearer
    /// The octets of a `jwt` block's name and of a user: two issuers may both have a user 7, and
    /// names that only look alike are two.
    case user([UInt8])

    /// - Parameters:
    ///   - rule: the `jwt` block that let the client in; nil for one that came without a token.
    ///   - user: whom the token names.
    package init(_ ownership: SessionSettings.DeviceOwnership, rule: String?, user: String?) {
        guard let rule else {
            self = .anyone
            return
        }
        guard ownership == .user, let user else {
            self = .bearer
            return
        }
        self = .user(Array(rule.utf8) + [0] + Array(user.utf8))
    }
}
