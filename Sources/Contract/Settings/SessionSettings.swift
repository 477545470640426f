/// `sessions NAME { … }`: how many devices of a store may be connected at once.
package struct SessionSettings: Sendable, Equatable {
    package enum Policy: String, Sendable, CaseIterable {
        case blockNew = "block_new"
        case ejectOld = "eject_old"
    }

    package struct Limit: Sendable, Hashable {
        /// Distinct devices, at least 1.
        package var devices: Int
        package var policy: Policy

        package init(devices: Int, policy: Policy) {
            self.devices = devices
            self.policy = policy
        }
    }

    /// A text for people, by what happened and language (`message block_new ko "…{max}…"`).
    package struct Message: Sendable, Hashable {
        package enum Occasion: String, Sendable, CaseIterable {
            case blockNew = "block_new"
            case ejectOld = "eject_old"
            case replaced
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
    package var device: [ValueSource] = [.query("client_id"), .header("X-Client-Id")]
    /// Where the role comes from; nil for the token's.
    package var role: ValueSource?
    /// Roles that count and can be refused; empty for all.
    package var limited: [String] = []
    package var limit: Limit
    /// `limit claim:NAME or …`: a claim of the token that says how many devices, a whole number
    /// from 1 to 1000000; anything else counts as absent. Where it is there it wins over the
    /// number of `limit` and of `stores`, but not over their policy.
    package var limitClaim: String?
    /// Other limits for single stores.
    package var stores: [String: Limit] = [:]
    package var messages: [Message] = []
    package var position = SourcePosition()

    package init(name: String, store: ValueSource, limit: Limit) {
        self.name = name
        self.store = store
        self.limit = limit
    }
}
