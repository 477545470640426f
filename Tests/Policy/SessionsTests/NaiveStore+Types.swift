import Settings

/// What the plain rules are about.
extension NaiveStore {
    struct Newcomer {
        var number: Int
        /// Whose device it is: `anyone`, `bearer` or a user's name.
        var owner: String
        /// Its id, or its looks.
        var key: String
        /// Its looks, where its id was just issued.
        var alias: String?
        var role: String
        var claimed: Int?
        var isReportOnly: Bool
        /// Its user, or where it comes from.
        var origin: String
        /// When it came in, and when its device did.
        var since = 0, deviceSince = 0
    }

    struct Rule {
        var roles: [String]
        var limit: SessionSettings.Limit
        var takesClaim: Bool
    }

    struct Rules {
        var limits: [Rule]
        var shares: Bool
        var grace: Int?
        var probe: Int?
    }

    struct RuntimeRule {
        var role: String?
        var limit: SessionSettings.Limit
        var expires: Int?
    }

    enum Life: Equatable {
        case heard
        case asked(until: Int)
        case ghost
        case grace(until: Int)
    }

    struct Device {
        /// `limit 0`, `free board`, `reported 0`.
        var count: String
        var order: Int
        var sessions: [Newcomer]
        /// Who came last: the device goes by its names.
        var last: Newcomer
        var life = Life.heard
        var heard: Int
        /// When it last became what it is (`life`), in the order of all such changes.
        var turn: Int
        var silent: Set<Int> = []
        var replacements: [Int] = []
        var quietUntil: Int?
        var refusals = 0

        var isInGrace: Bool { if case .grace = life { true } else { false } }
        var isGhost: Bool { life == .ghost }
    }

    struct Waiter {
        var arrivals: [Newcomer]
        var since: Int
        var deadline: Int
    }
}
