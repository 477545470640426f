package import Clock

/// Which limit a policy stands for.
package struct StorePolicyKey: Sendable, Hashable {
    /// The name of the `sessions` block.
    package var block: String
    package var store: String
    /// The group of roles that is limited; nil for whatever roles the block limits.
    package var roleGroup: String?

    package init(block: String, store: String, roleGroup: String? = nil) {
        self.block = block
        self.store = store
        self.roleGroup = roleGroup
    }

    package func check() throws(InvalidRecord) {
        try RecordText.check(block, "block", 1...64)
        try RecordText.check(store, "store", 1...RecordText.longestName)
        if let roleGroup { try RecordText.check(roleGroup, "roleGroup", 1...64) }
    }
}

/// What an operator wants for a store, in the place of what the configuration says.
package struct StorePolicyChange: Sendable, Hashable {
    package static let deviceLimit = 1...1_000_000

    package var key: StorePolicyKey
    /// Distinct devices; nil to leave that as it is configured.
    package var devices: Int?
    /// The word of the policy (`block_new`, …); nil to leave that as it is configured.
    package var policy: String?
    /// From then on it counts no more; nil for never.
    package var expires: WallTime?
    /// The author of the change, for the record.
    package var changedBy: String
    package var note: String?

    package init(
        key: StorePolicyKey, devices: Int? = nil, policy: String? = nil, expires: WallTime? = nil,
        changedBy: String, note: String? = nil
    ) {
        self.key = key
        self.devices = devices
        self.policy = policy
        self.expires = expires
        self.changedBy = changedBy
        self.note = note
    }

    /// Throws when it can never be kept. Whether the words mean anything is not known here.
    package func check(now: WallTime) throws(InvalidRecord) {
        try key.check()
        if let devices, !Self.deviceLimit.contains(devices) {
            throw InvalidRecord(field: "devices", reason: "a number from 1 to 1000000")
        }
        if let policy { try RecordText.check(policy, "policy", 1...64) }
        guard devices != nil || policy != nil else {
            throw InvalidRecord(field: "devices", reason: "a policy says how many, or which policy")
        }
        if let expires, expires <= now {
            throw InvalidRecord(field: "expires", reason: "a time that is still to come")
        }
        try RecordText.check(changedBy, "changedBy", 1...RecordText.longestName)
        if let note {
            try RecordText.check(note, "note", 1...RecordText.longestNote, allowsLines: true)
        }
    }
}

/// A policy as it is kept.
package struct StorePolicy: Sendable, Hashable {
    /// What was wanted last.
    package var change: StorePolicyChange
    /// Another one with every change; never used again, not even after the policy is gone.
    package var version: Int64
    package var changed: WallTime

    package init(change: StorePolicyChange, version: Int64, changed: WallTime) {
        self.change = change
        self.version = version
        self.changed = changed
    }

    package var key: StorePolicyKey { change.key }

    /// True as long as it counts.
    package func isInForce(at now: WallTime) -> Bool { change.expires.map { now < $0 } ?? true }

    /// The version as an entity tag (RFC 9110 §8.8.3).
    package var entityTag: String { "\"\(version)\"" }
}

/// What must be so for a change to happen; for operators who look before they change.
package enum PolicyCondition: Sendable, Hashable {
    case always
    /// No policy is in force (`If-None-Match: *`).
    case absent
    /// One is in force (`If-Match: *`).
    case present
    /// The one in force has this version (`If-Match: "7"`).
    case version(Int64)

    /// - Parameter current: the policy in force.
    package func holds(for current: StorePolicy?) -> Bool {
        switch self {
        case .always: true
        case .absent: current == nil
        case .present: current != nil
        case .version(let version): current?.version == version
        }
    }
}
