/// The floors from the ground up.
enum Floor: Int, CaseIterable, Comparable {
    case shims, ground, protocols, adapters, contract, policy, drivers, gateway

    var folder: String {
        switch self {
        case .shims: "Shims"
        case .ground: "Ground"
        case .protocols: "Protocols"
        case .adapters: "Adapters"
        case .contract: "Contract"
        case .policy: "Policy"
        case .drivers: "Drivers"
        case .gateway: "gateway"
        }
    }

    static func < (left: Floor, right: Floor) -> Bool { left.rawValue < right.rawValue }
}

/// What the house allows, in one place. The lists of exceptions may only get shorter, their
/// numbers only smaller: a test fails also when one could.
enum House {
    /// Rooms that import a room of their own floor: importer and imported. HTTP is the vocabulary
    /// of HTTP1, JSON the text of a token's claims. Transport joins TLS to the socket: whoever has
    /// a `Stream` need not know whether it is encrypted, and no octet is copied between the two.
    static let neighbours: [[String]] = [
        ["HTTP1", "HTTP"], ["JWT", "JSON"], ["Transport", "TLS"], ["TLS", "Locks"],
        ["Transport", "Locks"], ["Proxy", "KeySets"], ["Proxy", "Console"],
        ["Proxy", "State"],
    ]

    /// Modules from outside and the floors they may be imported on. No Foundation at all.
    static let modules: [String: Set<Floor>] = [
        "ArgumentParser": [.gateway],
        "Glibc": [.adapters, .gateway],
        "Synchronization": [.adapters, .policy, .drivers, .gateway],
    ]

    /// Files, and folders of files, that may import FoundationEssentials: they read and write whole
    /// files, at start and at a reload, never for a connection.
    static let foundationEssentials: Set<String> = [
        "Sources/Contract/Settings/SystemConfigurationFiles.swift",
        "Sources/gateway",
    ]

    /// Files that may say `@unchecked Sendable`; none does: a pointer that several threads may use
    /// is `nonisolated(unsafe)`, for which Adapters give their reason.
    static let uncheckedSendable: Set<String> = []

    static let longestLine = 100
    static let longestFile = 450
    static let longestFunction = 70

    /// Longer files, by path: how long they are.
    static let longFiles: [String: Int] = [:]
    /// Longer functions, by path and declaration (`path: func name(…) {`): how long they are.
    static let longFunctions: [String: Int] = [:]
    /// Files of Adapters with an `unsafe` whose reason is not within three lines: how many.
    static let unexplainedUnsafe: [String: Int] = [:]

    /// The rooms that these paths lie in, with their floors.
    static func rooms(in paths: [String]) -> [String: Floor] {
        paths.reduce(into: [:]) { rooms, path in
            if let place = place(of: path) { rooms[place.room] = place.floor }
        }
    }

    /// The room that the file at `path` is in; nil outside the rooms.
    static func place(of path: String) -> (room: String, floor: Floor)? {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count > 2, parts[0] == "Sources" else { return nil }
        guard let floor = Floor.allCases.first(where: { $0.folder == parts[1] }) else { return nil }
        if floor == .gateway { return ("gateway", floor) }
        return parts.count > 3 ? (parts[2], floor) : nil
    }
}
