import HTTP
import Routing
import Settings
import Testing

private func route(
    _ path: String, host: HostPattern = .any, methods: [String] = []
) -> RouteSettings {
    var route = RouteSettings(path: pattern(path), destination: .respond(status: 200, body: ""))
    route.host = host
    route.methods = methods
    return route
}

@Suite("Routes by path")
struct RoutePathTests {
    static let table = RouteTable(routes: [
        route("/"),  // 0
        route("/ws/"),  // 1
        route("/ws/admin"),  // 2
        route("/ws/{id}"),  // 3
        route("/ws/{id}/log"),  // 4
        route("/ws/admin/log/"),  // 5
        route("/ws/{store}/{device}/log"),  // 6
        route("/both"),  // 7
        route("/both/"),  // 8
        route("/@대기"),  // 9
        route("/a/{x}/c"),  // 10
        route("/a/b"),  // 11
        route("/files/{owner}/{path...}"),  // 12
        route("/caf\u{E9}"),  // 13
    ])

    static let matches: [(String, Int, [String: String])] = [
        ("/", 0, [:]), ("/wsx", 0, [:]), ("/w", 0, [:]), ("/WS/admin", 0, [:]),
        ("/ws", 1, [:]), ("/ws/", 1, [:]), ("/ws/admin", 2, [:]), ("/ws/admin/", 2, [:]),
        ("/ws/admin/x", 2, [:]), ("/ws/admin/x/y", 2, [:]),
        ("/ws/administrator", 3, ["id": "administrator"]),
        ("/ws/7", 3, ["id": "7"]), ("/ws/7/", 3, ["id": "7"]), ("/ws/7/x", 3, ["id": "7"]),
        ("/ws/7/log", 4, ["id": "7"]), ("/ws/7/log/x", 4, ["id": "7"]),
        ("/ws/admin/log", 5, [:]), ("/ws/admin/log/x", 5, [:]),
        ("/ws/7/8/log", 6, ["store": "7", "device": "8"]),
        ("/ws/admin/8/log", 6, ["store": "admin", "device": "8"]),
        ("/both", 7, [:]), ("/both/", 8, [:]), ("/both/x", 8, [:]),
        ("/@%EB%8C%80%EA%B8%B0", 9, [:]), ("/%40%EB%8C%80%EA%B8%B0/x", 9, [:]),
        ("/ws/a%3Fb%20c", 3, ["id": "a?b c"]),
        ("/a/b", 11, [:]), ("/a/b/x", 11, [:]), ("/a/b/c", 10, ["x": "b"]), ("/a/x", 0, [:]),
        ("/files/7/a/b%20c/", 12, ["owner": "7", "path": "a/b c/"]),
        ("/files/7/", 12, ["owner": "7", "path": ""]),
        ("/files/7", 12, ["owner": "7", "path": ""]), ("/files", 0, [:]),
        // The same to the eye, and another path to the app.
        ("/caf%C3%A9", 13, [:]), ("/cafe%CC%81", 0, [:]),
    ]

    @Test("the longest path wins, a literal before a capture", arguments: matches)
    func longest(path: String, index: Int, captures: [String: String]) {
        #expect(
            Self.table.match(authority: Authority("h"), path: path, method: .get)
                == .route(index, captures: captures))
    }

    @Test("a path of thousands of segments is matched like a short one")
    func deepPath() {
        let path = String(repeating: "/ws", count: 4000)
        #expect(
            Self.table.match(authority: nil, path: path, method: .get)
                == .route(3, captures: ["id": "ws"]))
    }

    @Test("without a route there is none", arguments: ["/", "/b", "/ax", "*"])
    func noRoute(path: String) {
        let table = RouteTable(routes: [route("/a"), route("/a/{b}")])
        #expect(table.match(authority: nil, path: path, method: .options) == .noRoute)
        #expect(RouteTable(routes: []).match(authority: nil, path: path, method: .get) == .noRoute)
    }
}

@Suite("Routes by host")
struct RouteHostTests {
    static let table = RouteTable(routes: [
        route("/"),  // 0
        route("/api", host: .exact("api.example.kr")),  // 1
        route("/", host: .suffix("example.kr")),  // 2
        route("/deep", host: .suffix("a.example.kr")),  // 3
        route("/", host: .exact("[::1]")),  // 4
        route("/x", host: .exact("b.a.example.kr")),  // 5
        route("/any-only"),  // 6
    ])

    static let matches: [(String?, String, Int)] = [
        (nil, "/", 0), ("", "/", 0), ("other.kr", "/api", 0), ("example.kr", "/", 0),
        ("api.example.kr", "/api/x", 1), ("API.Example.kr:8443", "/api", 1),
        ("api.example.kr.", "/api", 1), ("api.example.kr", "/else", 2), ("x.y.example.kr", "/", 2),
        ("xexample.kr", "/", 0), ("b.a.example.kr", "/deep", 3), ("b.a.example.kr", "/x", 5),
        ("b.a.example.kr", "/y", 2), ("[::1]:80", "/", 4), ("[::1]", "/", 4), ("::1", "/", 0),
        ("b.a.example.kr", "/any-only", 2), (".", "/", 0), ("..example.kr", "/", 2),
        (String(repeating: "a.", count: 10_000) + "example.kr", "/", 0),
    ]

    @Test("exact, then the longest suffix, then any", arguments: matches)
    func host(host: String?, path: String, index: Int) {
        let authority = host.flatMap { Authority($0) }
        #expect(
            Self.table.match(authority: authority, path: path, method: .get)
                == .route(index, captures: [:]))
    }
}

@Suite("Routes by method")
struct RouteMethodTests {
    static let table = RouteTable(routes: [
        route("/"),
        route("/a", methods: ["POST"]),
        route("/a", methods: ["GET", "POST"]),
        route("/a", methods: ["PURGE"]),
        route("/a/b", methods: ["DELETE"]),
        route("/a", host: .exact("h"), methods: ["PUT"]),
    ])

    @Test("the first route for the path that takes the method wins")
    func byMethod() {
        for (method, index) in [
            (Method.post, 1), (.get, 2), (.head, 2), (.other("PURGE"), 3),
        ] {
            #expect(
                Self.table.match(authority: nil, path: "/a/c", method: method)
                    == .route(index, captures: [:]))
        }
    }

    @Test("a wrong method does not fall back to a shorter path or another host")
    func wrongMethod() {
        #expect(
            Self.table.match(authority: nil, path: "/a", method: .delete)
                == .wrongMethod(allowed: ["POST", "GET", "HEAD", "PURGE"]))
        #expect(
            Self.table.match(authority: nil, path: "/a/b", method: .get)
                == .wrongMethod(allowed: ["DELETE"]))
        #expect(
            Self.table.match(authority: Authority("h"), path: "/a", method: .get)
                == .wrongMethod(allowed: ["PUT"]))
    }
}

@Suite("Routes that nobody reaches")
struct UnreachableRouteTests {
    @Test("are those whose requests all go to earlier ones")
    func unreachable() {
        let table = RouteTable(routes: [
            route("/a"),
            route("/a"),  // 1: the same
            route("/a/"),
            route("/a", host: .exact("h")),
            route("/a", host: .exact("H:80")),  // 4: the same host
            route("/{x}"),
            route("/{y}"),  // 6: the same whatever its name
            route("/m", methods: ["GET"]),
            route("/m", methods: ["POST", "PUT"]),
            route("/m", methods: ["HEAD", "PUT", "GET"]),  // 9: all taken
            route("/m", methods: ["DELETE", "GET"]),
            route("/m"),
            route("/m", methods: ["PATCH"]),  // 12: taken by the one for all
            route("/a", host: .suffix("h")),
            route("/a", host: .suffix("h"), methods: ["GET"]),  // 14
        ])
        #expect(table.unreachable == [1, 4, 6, 9, 12, 14])
    }
}
