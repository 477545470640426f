package import Settings

/// The user that a device belongs to. A ClientId means a device of its owner only: a user who knows
/// another user's ClientId has a device of the same name, not the other user's device.
package enum DeviceOwner: Sendable, Hashable {
    /// The owner is not known: the route asks for no token, or the client sent none.
    case anyone
    /// The owner is any client with a token: users share devices (`device_owner store`), or the
    /// token names no user.
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
