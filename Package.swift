// swift-tools-version: 6.2
// The gateway: a reverse-proxy sidecar for realtime apps.
//
// Floors from the ground up; a room (target) imports only rooms on floors below it.
// `Sources/README.md` is the map, `Tests/HouseRules` checks the import matrix.

import PackageDescription

let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

func room(_ name: String, _ floor: String, _ needs: [Target.Dependency] = []) -> Target {
    .target(
        name: name, dependencies: needs, path: "Sources/\(floor)/\(name)", swiftSettings: strict)
}

func tests(_ name: String, _ floor: String, _ needs: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: needs, path: "Tests/\(floor)/\(name)Tests",
        swiftSettings: strict)
}

let package = Package(
    name: "gateway",
    products: [.executable(name: "gateway", targets: ["gateway"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // Shims: C headers and static-inline functions only; no decisions.
        .target(
            name: "COpenSSL", path: "Sources/Shims/COpenSSL",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .target(
            name: "CZlib", path: "Sources/Shims/CZlib", linkerSettings: [.linkedLibrary("z")]),
        .target(
            name: "CSQLite", path: "Sources/Shims/CSQLite",
            linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(
            name: "CAres", path: "Sources/Shims/CAres", linkerSettings: [.linkedLibrary("cares")]),
        .target(name: "CLinux", path: "Sources/Shims/CLinux"),

        // Ground: bytes and time; knows nothing of networks.
        room("Bytes", "Ground"),
        room("Clock", "Ground"),

        // Protocols: sans-IO, one RFC each. HTTP is the vocabulary (RFC 9110) the others share.
        room("HTTP", "Protocols", ["Bytes", "Clock"]),
        room("HTTP1", "Protocols", ["Bytes", "HTTP"]),
        room("WebSocket", "Protocols", ["Bytes", "Clock", "HTTP", "HTTP1"]),
        room("EventStream", "Protocols", ["Bytes"]),
        room("JSON", "Protocols", ["Bytes"]),
        room("JWT", "Protocols", ["Bytes", "JSON"]),
        room("Forwarding", "Protocols", ["Bytes"]),
        room("SocketIO", "Protocols", ["Bytes", "Clock", "JSON"]),

        // Adapters: the only rooms that say `unsafe`.
        room("Locks", "Adapters"),
        room("Deflate", "Adapters", ["CZlib"]),
        room("Crypto", "Adapters", ["COpenSSL", "Bytes"]),
        room("TLS", "Adapters", ["COpenSSL", "Locks"]),
        room("Transport", "Adapters", ["CLinux", "TLS", "Locks", "Clock"]),
        room("SQLite", "Adapters", ["CSQLite"]),
        room("Resolver", "Adapters", ["CAres", "Transport"]),

        // Contract: what operators may say and how things end; values only.
        room("Endings", "Contract", ["Bytes", "JSON", "HTTP1"]),
        room("Settings", "Contract", ["Bytes", "HTTP", "JWT", "Forwarding"]),

        // Policy: answers to questions about values.
        room("Routing", "Policy", ["Bytes", "HTTP", "Endings", "Settings"]),
        room(
            "Upstreams", "Policy",
            ["Bytes", "Locks", "Clock", "Crypto", "HTTP1", "Endings", "Settings", "TLS"]),
        room("Sessions", "Policy", ["Locks", "Clock", "Endings", "JSON", "Settings"]),
        room(
            "Identity", "Policy",
            [
                "Bytes", "Clock", "HTTP", "JSON", "JWT", "Locks", "Crypto", "Endings", "Settings",
            ]),
        room("Rates", "Policy", ["Locks", "Clock", "Settings"]),
        room("Records", "Policy", ["Clock"]),

        // Flows: what happens to a request and its streams, as values; time is an argument.
        room(
            "Relays", "Flows",
            [
                "Bytes", "Clock", "EventStream", "Endings", "Identity", "Routing", "Sessions",
                "Settings", "SocketIO", "WebSocket",
            ]),
        room(
            "Entry", "Flows",
            [
                "Bytes", "Clock", "HTTP", "HTTP1", "WebSocket", "JSON", "SocketIO", "Endings",
                "Settings", "Routing", "Sessions", "Identity", "Rates", "Upstreams",
            ]),

        // Drivers: where rooms meet.
        room(
            "Origins", "Drivers",
            [
                "Bytes", "Clock", "HTTP", "HTTP1", "Loop", "Settings", "TLS", "Transport",
                "Upstreams",
            ]),
        room(
            "Health", "Drivers",
            [
                "Bytes", "Clock", "Crypto", "Forwarding", "HTTP", "HTTP1", "WebSocket",
                "Transport", "Settings", "Upstreams", "Generations", "Loop", "Origins",
            ]),
        room("Loop", "Drivers", ["Bytes", "Clock", "Crypto", "HTTP", "TLS", "Transport"]),
        room(
            "State", "Drivers",
            ["Clock", "Locks", "SQLite", "Transport", "Identity", "Records"]),
        room(
            "KeySets", "Drivers",
            [
                "Bytes", "Clock", "HTTP", "HTTP1", "Locks", "TLS", "Transport", "Settings",
                "Identity",
            ]),
        room(
            "Names", "Drivers",
            ["Clock", "Locks", "Resolver", "Settings", "Transport", "Upstreams"]),
        room(
            "Console", "Drivers",
            [
                "Bytes", "Clock", "HTTP", "HTTP1", "JSON", "JWT", "Locks", "Crypto", "Transport",
                "Endings", "Settings", "Routing", "Identity", "Sessions", "Records",
            ]),
        room(
            "Bookkeeping", "Drivers",
            [
                "Bytes", "Clock", "Locks", "Transport", "Endings", "Settings", "Identity",
                "Sessions", "Records", "State",
            ]),
        room(
            "Generations", "Drivers",
            [
                "Clock", "HTTP1", "Locks", "Deflate", "Crypto", "TLS", "Transport", "Settings",
                "Upstreams", "Sessions", "Identity", "Rates", "Entry", "KeySets", "Names", "State",
                "Console", "Bookkeeping",
            ]),
        room(
            "Clients", "Drivers",
            [
                "Bytes", "Clock", "HTTP", "HTTP1", "Forwarding", "Transport", "Endings",
                "Settings", "Rates", "Relays", "Loop", "Bookkeeping", "Generations",
            ]),
        room(
            "Operations", "Drivers",
            [
                "Clock", "Locks", "Transport", "Endings", "Upstreams", "Sessions", "Identity",
                "Rates", "Records", "KeySets", "Names", "Settings", "State", "Console",
                "Bookkeeping",
                "Generations",
            ]),
        room(
            "Proxy", "Drivers",
            [
                "Bytes", "Clock", "HTTP", "HTTP1", "WebSocket", "JSON", "JWT", "SocketIO",
                "Forwarding", "Locks", "Deflate", "Crypto", "TLS", "Transport", "Endings",
                "Settings", "Routing", "Upstreams", "Sessions", "Identity", "Rates", "Records",
                "Relays", "Entry", "Loop", "Origins", "Clients", "KeySets", "Bookkeeping",
                "Generations",
            ]),
        room(
            "Control", "Drivers",
            [
                "Clock", "Locks", "TLS", "Transport", "Settings", "Sessions", "Identity",
                "KeySets", "Names", "State", "Upstreams", "Console", "Bookkeeping", "Generations",
                "Operations", "Health", "Proxy",
            ]),

        .executableTarget(
            name: "gateway",
            dependencies: [
                "Bytes", "Clock", "Crypto", "JSON", "JWT", "Transport", "Settings", "Identity",
                "Generations", "Control", "HTTP", "HTTP1", "WebSocket", "EventStream",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/gateway", swiftSettings: strict),

        // What fuzz tests share: a generator with a seed, random inputs, how often and from where.
        .target(name: "Randomness", path: "Tests/Support/Randomness", swiftSettings: strict),

        // What tests of tokens share: keys that RFCs show.
        .target(
            name: "PublishedKeys", path: "Tests/Support/PublishedKeys", swiftSettings: strict),

        // What tests of configured things share: settings from the text of a file.
        .target(
            name: "Configured", dependencies: ["Settings"], path: "Tests/Support/Configured",
            swiftSettings: strict),

        // What tests share that ask a store of sessions: one that answers later.
        .target(
            name: "LateStores", dependencies: ["Sessions", "Clock", "Locks"],
            path: "Tests/Support/LateStores", swiftSettings: strict),

        // What tests of drivers share: generations from the text of a file, what threads share.
        .target(
            name: "Prepared",
            dependencies: [
                "Generations", "Bookkeeping", "Configured", "LateStores", "Settings", "Sessions",
                "Upstreams", "TLS", "Transport", "Locks", "Clock",
            ],
            path: "Tests/Support/Prepared", swiftSettings: strict),

        // What tests of admission share: whom tokens let in.
        .target(
            name: "Identities", dependencies: ["Identity", "Settings", "JSON", "JWT"],
            path: "Tests/Support/Identities", swiftSettings: strict),

        // What tests of sockets share: other programs, and a loop for one stream.
        .target(
            name: "Peers", dependencies: ["Transport", "TLS", "Clock"],
            path: "Tests/Support/Peers", swiftSettings: strict),

        tests("Bytes", "Ground", ["Bytes"]),
        tests("Clock", "Ground", ["Clock", "Randomness"]),
        tests("HTTP", "Protocols", ["HTTP", "Bytes", "Clock"]),
        tests("HTTP1", "Protocols", ["HTTP1", "HTTP", "Bytes", "Randomness"]),
        tests(
            "WebSocket", "Protocols",
            ["WebSocket", "HTTP", "HTTP1", "Bytes", "Clock", "Randomness"]),
        tests("EventStream", "Protocols", ["EventStream", "Randomness"]),
        tests("JSON", "Protocols", ["JSON", "Bytes", "Randomness"]),
        tests("JWT", "Protocols", ["JWT", "JSON", "Bytes", "Randomness", "PublishedKeys"]),
        tests("Forwarding", "Protocols", ["Forwarding", "Bytes", "Randomness"]),
        tests("SocketIO", "Protocols", ["SocketIO", "Bytes", "Clock", "JSON", "Randomness"]),
        tests("Locks", "Adapters", ["Locks"]),
        tests("Deflate", "Adapters", ["Deflate", "Randomness"]),
        tests("Crypto", "Adapters", ["Crypto", "Bytes", "Randomness", "PublishedKeys"]),
        tests("TLS", "Adapters", ["TLS", "Transport", "Peers", "Randomness"]),
        tests(
            "Transport", "Adapters", ["Transport", "TLS", "Peers", "Bytes", "Clock", "Randomness"]),
        tests("SQLite", "Adapters", ["SQLite", "Peers"]),
        tests("Resolver", "Adapters", ["Resolver", "Transport", "Peers", "Clock"]),
        tests("Endings", "Contract", ["Endings"]),
        tests(
            "Settings", "Contract", ["Settings", "JWT", "Forwarding", "Bytes", "Randomness"]),
        tests(
            "Routing", "Policy", ["Routing", "Endings", "Settings", "HTTP", "Randomness"]),
        tests(
            "Upstreams", "Policy",
            [
                "Upstreams", "Settings", "Endings", "Forwarding", "HTTP1", "Clock", "Randomness",
            ]),
        tests(
            "Sessions", "Policy",
            ["Sessions", "Endings", "Settings", "Clock", "Locks", "LateStores"]),
        tests(
            "Identity", "Policy",
            [
                "Identity", "Endings", "Settings", "JWT", "JSON", "Crypto", "HTTP", "HTTP1",
                "Clock", "Bytes", "Randomness", "PublishedKeys",
            ]),
        tests("Rates", "Policy", ["Rates", "Settings", "Clock", "Randomness"]),
        tests("Records", "Policy", ["Records", "Clock"]),
        tests(
            "Relays", "Flows",
            [
                "Relays", "Settings", "Endings", "Identity", "Routing", "Sessions", "SocketIO",
                "WebSocket", "EventStream", "Clock", "Bytes", "Configured", "Randomness",
            ]),
        tests(
            "Entry", "Flows",
            [
                "Entry", "Endings", "Settings", "Routing", "Sessions", "Identity", "Rates", "HTTP",
                "HTTP1", "JWT", "SocketIO", "WebSocket", "Bytes", "Clock", "Configured",
                "Identities", "Randomness",
            ]),
        // Connections, entry, seats, attempts and relays together, through random histories.
        tests(
            "Simulation", "Flows",
            [
                "Entry", "Relays", "Upstreams", "Sessions", "Identity", "Rates", "Routing",
                "Endings", "Settings", "HTTP", "HTTP1", "WebSocket", "SocketIO", "JWT", "JSON",
                "Bytes", "Clock", "Locks", "LateStores", "Configured", "Randomness",
            ]),
        tests(
            "State", "Drivers",
            [
                "State", "Records", "Identity", "SQLite", "Transport", "Peers", "Locks", "Clock",
            ]),
        tests(
            "KeySets", "Drivers",
            [
                "KeySets", "Settings", "Identity", "JWT", "Crypto", "Transport", "TLS", "HTTP",
                "Peers", "Locks", "Bytes", "Clock",
            ]),
        tests(
            "Names", "Drivers",
            ["Names", "Settings", "Upstreams", "Transport", "Peers", "Locks", "Clock"]),
        tests(
            "Console", "Drivers",
            [
                "Console", "Settings", "Identity", "Sessions", "Records", "Endings", "Transport",
                "JSON", "HTTP", "HTTP1", "Crypto", "Peers", "Locks", "Bytes", "Clock",
            ]),
        tests(
            "Origins", "Drivers",
            [
                "Origins", "Loop", "Bytes", "Clock", "HTTP", "HTTP1", "Peers", "Settings", "TLS",
                "Transport", "Upstreams",
            ]),
        tests(
            "Health", "Drivers",
            [
                "Health", "Settings", "Upstreams", "Transport", "Configured", "Prepared", "Locks",
                "Bytes", "Clock",
            ]),
        tests("Loop", "Drivers", ["Loop", "Clock", "Transport"]),
        tests(
            "Bookkeeping", "Drivers",
            [
                "Bookkeeping", "Settings", "Sessions", "Identity", "Records", "State",
                "Transport", "Peers", "Clock",
            ]),
        tests(
            "Generations", "Drivers",
            [
                "Generations", "Settings", "Entry", "KeySets", "Upstreams", "JWT", "TLS",
                "Transport", "Peers", "Prepared",
            ]),
        tests(
            "Operations", "Drivers",
            [
                "Operations", "Generations", "Bookkeeping", "Console", "State", "Settings",
                "Endings", "Identity", "Sessions", "Records", "Transport", "LateStores",
                "Prepared", "Locks", "Clock", "Upstreams",
            ]),
        tests(
            "Clients", "Drivers",
            [
                "Clients", "Loop", "Generations", "Bookkeeping", "Relays", "Settings", "Rates",
                "Endings", "Transport", "TLS", "Forwarding", "HTTP", "HTTP1", "Peers", "Prepared",
                "Bytes", "Clock",
            ]),
        tests(
            "Proxy", "Drivers",
            [
                "Proxy", "Clients", "Generations", "Settings", "Transport", "Endings", "Identity",
                "Sessions", "HTTP", "Forwarding", "JSON", "WebSocket", "Peers", "Randomness",
                "Bytes", "Clock", "SocketIO", "Identities", "Entry", "LateStores", "Locks",
                "Prepared",
            ]),
        .testTarget(name: "HouseRules", path: "Tests/HouseRules", swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
