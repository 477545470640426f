/// `sessions NAME { … }`: how many devices of a store may be connected at once.
package struct SessionSettings: Sendable, Equatable {
    package enum Policy: String, Sendable, CaseIterable {
        case blockNew = "block_new"
        case ejectOld = "eject_old"
    }

    package struct Limit: Sendable, Hashable {
        /// Distinct devices, at least 1 where the configuration says it.
        package var devices: Int
        package var policy: Policy

        package init(devices: Int, policy: Policy) {
            self.devices = devices
            self.policy = policy
        }
    }

    /// `limit [ROLE…] [claim:NAME or] N block_new|eject_old`: roles that share one count of
    /// devices, and how high it may go. Roles that no limit is about are unlimited.
    package struct RoleLimit: Sendable, Hashable {
        /// Empty for every role, or none, that no other limit of the block names.
        package var roles: [String]
        package var limit: Limit
        /// A claim of the token that says how many devices, a whole number from 1 to 1000000;
        /// anything else counts as absent. Where it is there it wins over the number of `limit` and
        /// of `stores`, but not over their policy.
        package var claim: String?
        /// `store VALUE { limit … }`: other limits for single stores.
        package var stores: [String: Limit] = [:]

        package init(roles: [String] = [], limit: Limit, claim: String? = nil) {
            self.roles = roles
            self.limit = limit
            self.claim = claim
        }
    }

    /// `same_device replace|share`: what becomes of a device's old session when it comes again.
    package enum SameDevice: String, Sendable, CaseIterable {
        /// The old session ends: the newest one owns the seat.
        case replace
        /// Both stay, and count once.
        case share
    }

    /// `device_owner user|store`: whose device a ClientId names, where tokens say who its user is.
    package enum DeviceOwnership: String, Sendable, CaseIterable {
        /// One of that user's: with another user it is another device.
        case user
        /// The store's, such as the till of a shop: any user with a token who sends its ClientId is
        /// on that device.
        case store
    }

    /// A text for people, by what happened and language (`message block_new ko "…{max}…"`).
    package struct Message: Sendable, Hashable {
        package enum Occasion: String, Sendable, CaseIterable {
            case blockNew = "block_new"
            case ejectOld = "eject_old"
            case replaced
            case kicked
        }

        package var occasion: Occasion
        /// A primary language subtag in lower case: `ko`, `en`.
        package var language: String
        /// May hold `{max} {store} {policy} {device}`.
        package var text: String

        package init(occasion: Occasion, language: String, text: String) {
            self.occasion = occasion
            self.language = language
            self.text = text
        }
    }

    package var name: String
    package var store: ValueSource
    /// In order; the first that is there names the device.
    package var device = SessionSettings.usualDevice
    /// `issue cookie [NAME]`: the cookie that a browser is given which brings no id; it is the last
    /// of `device` where no word of the configuration names it.
    package var issuedCookie: String?
    /// Where the role comes from; nil for the token's.
    package var role: ValueSource?
    /// No role is in two of them, and at most one has no roles.
    package var limits: [RoleLimit]
    package var sameDevice = SameDevice.replace
    package var deviceOwnership = DeviceOwnership.user
    /// How long the place of a device whose connection broke is kept; nil for not at all.
    package var grace: Duration? = .seconds(5)
    /// How long a device that has been silent has to show that it lives before `block_new` gives
    /// its place to another; nil for not to ask.
    package var probe: Duration? = .seconds(2)
    package var messages: [Message] = []
    package var position = SourcePosition()

    package static let usualDevice: [ValueSource] = [.query("client_id"), .header("X-Client-Id")]
    package static let usualCookie = "gw_client"

    /// One limit for every role.
    package init(name: String, store: ValueSource, limit: Limit) {
        self.init(name: name, store: store, limits: [RoleLimit(limit: limit)])
    }

    package init(name: String, store: ValueSource, limits: [RoleLimit]) {
        self.name = name
        self.store = store
        self.limits = limits
    }
}
