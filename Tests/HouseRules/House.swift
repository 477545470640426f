/// The floors from the ground up.
enum Floor: Int, CaseIterable, Comparable {
    case shims, ground, protocols, adapters, contract, policy, flows, drivers, gateway

    var folder: String {
        switch self {
        case .shims: "Shims"
        case .ground: "Ground"
        case .protocols: "Protocols"
        case .adapters: "Adapters"
        case .contract: "Contract"
        case .policy: "Policy"
        case .flows: "Flows"
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
    /// of HTTP1, a WebSocket is opened by a request of HTTP1, JSON is the text of a token's claims
    /// and of what packets of Socket.IO carry. Transport joins TLS to the socket: whoever has a
    /// `Stream` need not know whether it is encrypted, and no octet is copied between the two.
    /// Drivers stand on each other in the order of this list: what is written down (Bookkeeping)
    /// goes to what is kept (State); all threads share (Generations) both, keys and the console's
    /// address; operators ask (Operations) for all that; connections (Proxy) are of a thread (Loop)
    /// and of what is shared, and so are checks of servers (Health); the control thread (Control)
    /// starts and joins them.
    static let neighbours: [[String]] = [
        ["HTTP1", "HTTP"], ["WebSocket", "HTTP"], ["WebSocket", "HTTP1"], ["JWT", "JSON"],
        ["SocketIO", "JSON"], ["Transport", "TLS"], ["TLS", "Locks"], ["Transport", "Locks"],
        ["Resolver", "Transport"],
        ["Bookkeeping", "State"],
        ["Generations", "KeySets"], ["Generations", "Names"], ["Generations", "State"],
        ["Generations", "Console"],
        ["Generations", "Bookkeeping"],
        ["Operations", "KeySets"], ["Operations", "Names"], ["Operations", "State"],
        ["Operations", "Console"],
        ["Operations", "Bookkeeping"], ["Operations", "Generations"],
        ["Origins", "Loop"], ["Clients", "Loop"], ["Clients", "Bookkeeping"],
        ["Clients", "Generations"],
        ["Proxy", "Loop"], ["Proxy", "Origins"], ["Proxy", "Clients"], ["Proxy", "KeySets"],
        ["Proxy", "Bookkeeping"], ["Proxy", "Generations"],
        ["Health", "Loop"], ["Health", "Generations"], ["Health", "Origins"],
        ["Control", "Health"],
        ["Control", "KeySets"], ["Control", "Names"], ["Control", "State"], ["Control", "Console"],
        ["Control", "Bookkeeping"], ["Control", "Generations"], ["Control", "Operations"],
        ["Control", "Proxy"],
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

    /// Declarations that nobody calls by name: what the language looks for, and what only tests
    /// watch, of state that is private.
    static let calledFromOutside: Set<String> = [
        "debugDescription", "isAtBoundary",
    ]

    /// Families of files in a room that need each other.
    static let largestCircle = 6
    /// Larger ones, by room. The grammar refers to what it makes.
    static let largeCircles: [String: Int] = [
        "Settings": 35
    ]

    static let mostStoredProperties = 12
    /// Types with more, by room and name. Settings are what there is to be said.
    static let manyStoredProperties: [String: Int] = [
        "Console.ConsoleConnection": 15, "Console.ConsoleLoop": 15,
        "KeySets.KeySetLoop": 17, "Names.NameLoop": 17, "Origins.OriginConnection": 13,
        "Proxy.Exchange": 16,
        "Generations.SharedState": 22, "Proxy.ThreadState": 17,
        "Records.HistoryEntry": 16, "Sessions.Arrival": 13, "Settings.BackendSettings": 13,
        "Settings.LimitSettings": 17, "Settings.RouteDraft": 31, "Settings.RouteSettings": 43,
        "Settings.Settings": 14, "Settings.TokenSettings": 22, "Transport.Stream": 13,
        "WebSocket.MessageAssembler": 15,
    ]

    /// Lines of one type over all its files in its room.
    static let longestType = 450
    /// Longer ones. `Grammar`, `ConsoleEndpoints` and `ValueKind` are tables.
    static let longTypes: [String: Int] = [
        "Console.ConsoleEndpoints": 771, "Entry.KnownRequest": 471,
        "Clients.HTTP1Client": 575, "Proxy.ClientLink": 699,
        "Proxy.Exchange": 1084, "Operations.Operations": 500, "Proxy.RelayDriver": 525,
        "Relays.WebSocketFlow": 914,
        "Sessions.StoreEngine": 518, "Settings.Document": 777,
        "Settings.Grammar": 2428, "Settings.ValueKind": 574,
    ]

    /// What has all that is on a thread.
    static let wholeThreads = ["Worker", "ThreadState"]
    /// Functions that are handed one of these, by room; the worker's own aside.
    static let functionsThatTakeTheWorker = ["Proxy": 4]

    /// Types of one name in several rooms, each another type.
    static let namesUsedTwice: Set<String> = []

    /// Lines of tests for a hundred lines of a room.
    static let leastTested = 60
    /// Rooms with fewer, most of whose tests run the program from outside.
    static let littleTested: [String: Int] = [
        "Bookkeeping": 47, "Control": 0, "Generations": 34, "Health": 54, "HTTP": 48, "Names": 29,
        "Operations": 34, "Resolver": 47,
        "Proxy": 17, "Records": 35, "Settings": 55, "gateway": 0,
    ]

    /// Comments that do not name what they are about (`PlainWords`), by room.
    static let riddles = ["HTTP1": 15, "Proxy": 64]
    /// Texts with words that are hard to understand, by room.
    static let unclearTexts = ["Bookkeeping": 1, "Control": 3, "Generations": 1, "HTTP1": 1]

    /// `default:` in files of machines, which switch there over octets or statuses.
    static let defaults: [String: Int] = [
        "Sources/Protocols/HTTP1/ChunkedDecoder.swift": 2
    ]

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
