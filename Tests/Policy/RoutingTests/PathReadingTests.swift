import HTTP
import Randomness
import Settings
import Testing

@testable import Routing

private func route(
    _ path: String, methods: [String] = [], judged: [String] = [],
    _ change: (inout PathSettings) -> Void = { _ in }
) -> RouteSettings {
    var route = RouteSettings(path: pattern(path), destination: .respond(status: 200, body: ""))
    route.methods = methods
    route.require = judged.map { .equal(.source(.claim("x")), .source(.path($0))) }
    change(&route.paths)
    return route
}

private func target(_ text: String) throws -> NormalisedTarget {
    try Target.normalise(text.utf8.span, escapedSlashes: .kept)
}

/// What becomes of a target: the route and what its app is sent, or the objection.
private func outcome(
    _ text: String, _ routes: [RouteSettings], method: Method = .get
) throws -> String {
    let table = RouteTable(routes: routes)
    let target = try target(text)
    switch table.match(authority: nil, target: target, method: method) {
    case .route(let index, _): return "\(index) \(table.sentPath(of: target, to: index))"
    case .refused(let objection): return "\(objection)"
    case .noRoute: return "none"
    case .wrongMethod: return "method"
    }
}

@Suite("Paths that apps read in several ways")
struct PathReadingTests {
    static let slashes = [
        route("/") { $0.encodedSlashes = .keep },  // 0
        route("/admin"),  // 1
        route("/api/projects/") { $0.encodedSlashes = .keep },  // 2
        route("/api/projects/{id}/secret") { $0.encodedSlashes = .keep },  // 3
        route("/no/"),  // 4
        route("/own/{user}", judged: ["user"]) { $0.encodedSlashes = .keep },  // 5
        route("/files/{path...}", judged: ["path"]) { $0.encodedSlashes = .keep },  // 6
        route("/get", methods: ["GET"]) { $0.encodedSlashes = .keep },  // 7
    ]

    static let slashRows: [(String, String)] = [
        ("/a%2fb", "0 /a%2Fb"), ("/@scope%2Fname", "0 /@scope%2Fname"), ("/a%5cb", "0 /a%5Cb"),
        ("/api/projects/g%2Fp/issues", "2 /api/projects/g%2Fp/issues"),
        ("/api/projects/g%2Fp%2Fq", "2 /api/projects/g%2Fp%2Fq"),
        ("/api/projects/%2F/x", "2 /api/projects/%2F/x"), ("/no/a%2Fb", "escapedSlash"),
        ("/no/a%5Cb", "escapedSlash"),
        // Read as a slash, it is another route's.
        ("/admin%2Fx", "ambiguous"), ("/admin%5Cx", "ambiguous"), ("/x%2Fadmin", "0 /x%2Fadmin"),
        ("/api%2Fprojects/x", "ambiguous"), ("/api/projects/p%2Fsecret", "ambiguous"),
        ("/api/projects/g%2Fp/secret", "ambiguous"),
        ("/api/projects/p/secret%2Fx", "ambiguous"),
        ("/api/projects/p/secret/a%2Fb", "3 /api/projects/p/secret/a%2Fb"),
        // Dot segments behind it (CVE-2021-29492).
        ("/a%2F..%2Fadmin", "ambiguous"), ("/a/..%2Fadmin", "ambiguous"), ("/..%5c", "ambiguous"),
        ("/api/projects/.%2fx", "ambiguous"), ("/a%2F..;x/b", "ambiguous"),
        ("/a%2F.gitignore", "0 /a%2F.gitignore"), ("/a%2F...", "0 /a%2F..."),
        ("/a%5c%2e%2e%2fadmin", "ambiguous"),
        // A host for who decodes before he splits.
        ("/%2Fevil.com", "leadingSlashes"), ("/%5Cevil.com", "leadingSlashes"),
        // What decides must be beyond doubt.
        ("/own/7", "5 /own/7"), ("/own/7%2F8", "ambiguous"), ("/own/7/8%2F9", "5 /own/7/8%2F9"),
        ("/files/a%2Fb", "6 /files/a%2Fb"), ("/files/a%2F%2Fb", "ambiguous"),
        ("/get%2Fx", "ambiguous"), ("/get/a%2Fx", "7 /get/a%2Fx"),
    ]

    @Test("escaped slashes pass where both readings lead to one route", arguments: slashRows)
    func escapedSlashes(text: String, expected: String) throws {
        #expect(try outcome(text, Self.slashes) == expected)
    }

    @Test("an escaped slash is refused where no route keeps it, whatever the method")
    func nowhere() throws {
        #expect(try outcome("/a%2Fb", [route("/x")]) == "escapedSlash")
        let get = [route("/x", methods: ["GET"]) { $0.encodedSlashes = .keep }]
        #expect(try outcome("/x/a%2Fb", get, method: .post) == "escapedSlash")
    }

    static let keeping = [
        route("/") { $0.spelling = .keep },  // 0
        route("/admin"),  // 1
        route("/mnt/") {  // 2
            $0.spelling = .keep
            $0.prefix = .init(text: "/mnt", segmentCount: 1)
        },
        route("/own/{user}", judged: ["user"]) { $0.spelling = .keep },  // 3
    ]

    static let keepRows: [(String, String)] = [
        ("/a//b", "0 /a//b"), ("/a/%41%7e", "0 /a/%41%7e"), ("/a/%c3%a9", "0 /a/%c3%a9"),
        ("/a//", "0 /a//"), ("/a|b\"[c]", "0 /a|b\"[c]"), ("/", "0 /"),
        ("http://h/a//b", "0 /a//b"),
        ("http://h", "0 /"), ("/admin//x", "1 /admin/x"),
        ("//a", "leadingSlashes"), ("//admin", "1 /admin"), ("/a/./b", "dotSegments"),
        ("/a/%2e%2e/b", "dotSegments"), ("/a/%2e./b", "dotSegments"), ("/a%2Fb", "escapedSlash"),
        ("/mnt//x", "leadingSlashes"), ("/mnt/x//y", "2 /x//y"), ("/mnt", "2 /"), ("/mnt/", "2 /"),
        ("/mn%74/x", "ambiguous"), ("/own/7//x", "3 /own/7//x"), ("/own//7", "ambiguous"),
        ("/own/%41", "ambiguous"), ("/x/%61dmin", "0 /x/%61dmin"),
    ]

    @Test("a spelling is kept where every reading leads to one route", arguments: keepRows)
    func spelling(text: String, expected: String) throws {
        #expect(try outcome(text, Self.keeping) == expected)
    }

    static let normal = [
        route("/") { $0.prefix = nil },
        route("/mnt/a b/") { $0.prefix = .init(text: "/mnt/a%20b", segmentCount: 2) },
    ]

    static let normalRows: [(String, String)] = [
        ("//a/./%41", "0 /a/A"), ("/mnt/a%20b/c/d?x", "1 /c/d"), ("/mnt/a%20b", "1 /"),
        ("/mnt/a%20b/", "1 /"), ("/mnt//a%20b//c", "1 /c"), ("/mnt/x", "0 /mnt/x"),
    ]

    @Test("a prefix is taken away from what the app is sent", arguments: normalRows)
    func prefix(text: String, expected: String) throws {
        #expect(try outcome(text, Self.normal) == expected)
    }

    static let caseRows: [(String, String)] = [
        ("/admin", "1 /admin"), ("/ADMIN", "1 /ADMIN"), ("/Admin/x", "1 /Admin/x"),
        ("/%41dmin", "1 /Admin"), ("/ADMIN/open", "ambiguous"), ("/admin/open", "2 /admin/open"),
        ("/other/x", "0 /other/x"), ("/OTHER/x", "0 /OTHER/x"), ("/exact", "3 /exact"),
        ("/EXACT", "0 /EXACT"), ("/\u{212A}ey", "4 /%E2%84%AAey"), ("/KEY", "4 /KEY"),
    ]

    @Test("who ignores case is not got around by it", arguments: caseRows)
    func ignoringCase(text: String, expected: String) throws {
        let routes = [
            route("/"), route("/admin") { $0.ignoresCase = true }, route("/admin/open"),
            route("/exact"), route("/key") { $0.ignoresCase = true },
        ]
        let target = text.utf8.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "%" + hex($0) }
        #expect(try outcome(target.joined(), routes) == expected)
    }

    private func hex(_ octet: UInt8) -> String { String(octet, radix: 16, uppercase: true) }

    @Test("a route that ignores case holds no open door to one that does not")
    func laxParent() throws {
        let routes = [route("/") { $0.ignoresCase = true }, route("/admin")]
        #expect(try outcome("/admin", routes) == "1 /admin")
        #expect(try outcome("/ADMIN", routes) == "ambiguous")
        #expect(try outcome("/x", routes) == "0 /x")
    }

    static let parameterRows: [(String, String)] = [
        ("/admin;x", "parameters"), ("/admin;x/y", "parameters"), ("/admin", "1 /admin"),
        ("/app;v=1/x;y", "2 /app;v=1/x;y"), ("/;v=1/app/x", "ambiguous"),
        ("/app/;v=1/x", "2 /app/;v=1/x"), ("/;jsessionid=1", "0 /;jsessionid=1"),
        ("/;v=1/admin", "ambiguous"), ("/a;b", "0 /a;b"), ("/admin%3Bx", "ambiguous"),
        ("/app/..%3Bx/y", "ambiguous"), ("/user/7;a=1/", "3 /user/7;a=1/"),
    ]

    @Test("who ignores parameters is not got around by them", arguments: parameterRows)
    func parameters(text: String, expected: String) throws {
        let routes = [
            route("/"), route("/admin") { $0.parameters = .refuse },
            route("/app") { $0.parameters = .ignore },
            route("/user/{id}", judged: ["id"]) { $0.parameters = .ignore },
        ]
        #expect(try outcome(text, routes) == expected)
        let match = RouteTable(routes: routes).match(
            authority: nil, target: try target("/user/7;a=1/"), method: .get)
        #expect(match == .route(3, captures: ["id": "7"]))
    }

    @Test("a method that is not let through there counts as another route")
    func methods() throws {
        let routes = [
            route("/"), route("/x/admin", methods: ["GET"]) { $0.parameters = .ignore },
        ]
        #expect(try outcome("/x/;a/admin", routes, method: .post) == "ambiguous")
    }

    // MARK: Whatever the app is like

    private static let pieces = [
        "/", "/", "/", "//", "a", "b", "A", "%61", "%62", "%2F", "%2f", "%5C", "%5c", ";", ";a",
        "%3B", ".", "..", "%2e", "%2E", "%25", "%41", "é", "%C3%A9",
    ]
    private static let patterns = [
        [], ["a"], ["a", "b"], ["{x}", "a"], ["b"], ["{x}"], ["a", "{y}", "b"], ["b", "a", "a"],
    ]

    /// What an app that the route is for may do with what it is sent.
    private static func readings(_ paths: PathSettings) -> [AppReading] {
        var readings = [AppReading()]
        func either(_ change: (inout AppReading) -> Void) {
            readings += readings.map { reading in
                var other = reading
                change(&other)
                return other
            }
        }
        either { $0.mergesSlashes = true }
        either { $0.decodesSlashes = true }
        either { $0.decodesBackslashes = true }
        either { $0.decodesNeedlessly = false }
        let ignoresParameters = paths.parameters != .keep
        if ignoresParameters { either { $0.decodesBeforeParameters = true } }
        return readings.map { reading in
            var reading = reading
            reading.ignoresCase = paths.ignoresCase
            reading.ignoresParameters = ignoresParameters
            return reading
        }
    }

    @Test("no app finds itself at another route than the gateway did")
    func apps() throws {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 12))
        var passed = 0
        let rounds = Fuzzing.iterations(default: 4000)
        for _ in 0..<rounds {
            let chosen = Self.patterns.filter { _ in Bool.random(using: &generator) }
            let routes = chosen.map { pattern in
                route("/" + pattern.joined(separator: "/")) { paths in
                    paths.spelling = generator.one(of: [.normal, .keep])
                    paths.encodedSlashes = generator.one(of: [.refuse, .keep, .keep])
                    paths.ignoresCase = generator.one(of: [false, false, true])
                    paths.parameters = generator.one(of: [.keep, .keep, .ignore, .refuse])
                }
            }
            let text = "/" + generator.elements(0...8, of: Self.pieces).joined()
            guard let target = try? target(text) else { continue }
            let table = RouteTable(routes: routes)
            guard
                case .route(let index, _) = table.match(
                    authority: nil, target: target, method: .get)
            else { continue }
            passed += 1
            let sent = table.sentPath(of: target, to: index)
            #expect(routes[index].paths.spelling == .normal ? sent == target.path : sent == text)
            for reading in Self.readings(routes[index].paths) {
                let app = AppRoutes(patterns: chosen, ignoresCase: reading.ignoresCase)
                let found = reading.segments(of: sent).flatMap(app.route)
                #expect(found == index, "\(text) as \(sent), \(chosen), \(reading)")
                if found != index { return }
            }
        }
        #expect(passed > rounds / 20)
    }
}

extension SeededGenerator {
    fileprivate mutating func one<Element>(of elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &self)]
    }
}
