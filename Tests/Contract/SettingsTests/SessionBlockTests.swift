import Settings
import Testing

@Suite("sessions")
struct SessionBlockTests {
    private static let usage = "expected: limit [ROLE…] [claim:NAME or] N block_new|eject_old"
    private static let storeUsage = "expected: limit [ROLE…] N block_new|eject_old"

    static let mistakes: [Mistake] = [
        // limit
        .init(.sessions, "limit 0 block_new", "7: '0' is out of range (1 to 1000000)"),
        .init(
            .sessions, "limit 2 block_nw",
            "9: expected block_new or eject_old, not 'block_nw' (did you mean 'block_new'?)"),
        .init(.sessions, "limit 2", "1: 'limit' is incomplete (\(usage))"),
        .init(.sessions, "limit claim:max block_new", "7: \(usage)"),
        .init(.sessions, "limit claim:max 2 block_new", "7: \(usage)"),
        .init(.sessions, "limit claim:max of 2 block_new", "7: \(usage)"),
        .init(.sessions, "limit or 2 block_new", "1: \(usage)"),
        .init(
            .sessions, "limit query:max or 2 block_new",
            "7: the limit may come from a claim, but not from the request (\(usage))"),
        .init(.sessions, "limit claim: or 2 block_new", "7: a name is missing after 'claim:'"),
        .init(
            .sessions, "limit claim:max or 0 block_nw",
            "20: '0' is out of range (1 to 1000000)\n22: expected block_new or eject_old, not"
                + " 'block_nw' (did you mean 'block_new'?)"),
        .init(.sessions, "limit 2 5 block_new", "7: a role that is a number needs quotes"),
        .init(.sessions, "limit a a 5 block_new", "9: 'a' is named twice"),
        .init(.sessions, #"limit "" 5 block_new"#, "7: this value must not be empty"),
        .init(
            .sessions, "limit a b 2 block_new\nlimit b c 3 eject_old",
            "4:7: 'b' has a limit already (at line 3)"),
        .init(
            .sessionsWithLimit, "limit 3 eject_old", "1: 'limit' is set twice (first set at line 2)"
        ),
        // limited
        .init(
            .sessions, "limited a; limit b 2 block_new",
            "1: 'limited' needs a 'limit' line without roles"),
        .init(
            .sessionsWithLimit, "limit a 2 block_new; limited b a",
            "7: 'a' has a limit already (at line 3)"),
        // store
        .init(
            .sessionsWithLimit, "store 17 { limit claim:max or 2 block_new }",
            "18: a claim can only be used in the limit of the block, for all stores (\(storeUsage))"
        ),
        .init(
            .sessionsWithLimit, "store 17 { }",
            "1: 'store' needs 'limit [ROLE…] N block_new|eject_old'"),
        .init(
            .sessionsWithLimit, "store 17 { limit 1 eject_old }\nstore 17 { limit 2 eject_old }",
            "4:7: store '17' is set twice (first set at line 3)"),
        .init(
            .sessionsWithLimit, "store 17 { limit 1 eject_old; limit 2 eject_old }",
            "31: 'limit' is set twice (first set at line 3)"),
        .init(
            .sessionsWithLimit, "store 17 { limit a 1 eject_old }",
            "12: the block has no limit for exactly these roles"),
        .init(
            .sessions, "limit a b 2 block_new; limit c 1 block_new; store 17 { limit 1 eject_old }",
            "56: the block has several limits: name the roles of the one to change"),
        .init(
            .sessions,
            "limit a b 2 block_new; limit c 1 block_new; store 17 { limit a 1 eject_old }",
            "56: the block has no limit for exactly these roles"),
        // device
        .init(.sessionsWithLimit, "device query:a query:a", "16: 'query:a' is named twice"),
        .init(
            .sessionsWithLimit, "device query:a\ndevice query:b",
            "4:1: 'device' is set twice (first set at line 3)"),
        .init(
            .sessionsWithLimit, "device issue cookie\ndevice query:b issue cookie",
            "4:1: 'device' is set twice (first set at line 3)"),
        .init(.sessionsWithLimit, "device issue", "8: expected: issue cookie [NAME]"),
        .init(
            .sessionsWithLimit, "device issue header x",
            "14: an id can only be issued as a cookie (expected: issue cookie [NAME])"),
        .init(.sessionsWithLimit, #"device issue cookie "a b""#, "21: 'a b' is not a cookie name"),
        .init(
            .sessionsWithLimit, "device issue cookie a b",
            "23: unexpected 'b' after the cookie's name (expected: issue cookie [NAME])"),
        // the rest
        .init(
            .sessionsWithLimit, "device_owner stores",
            "14: expected user or store, not 'stores' (did you mean 'store'?)"),
        .init(
            .sessionsWithLimit, "same_device shared",
            "13: expected replace or share, not 'shared' (did you mean 'share'?)"),
        .init(.sessionsWithLimit, "grace 10ms", "7: '10ms' is out of range (100ms to 1h)"),
        .init(.sessionsWithLimit, "grace 5", "7: '5' is not a duration (did you mean '5s'?)"),
        .init(.sessionsWithLimit, "probe 1m", "7: '1m' is out of range (100ms to 30s)"),
        .init(.sessionsWithLimit, "probe of", "7: 'of' is unknown (did you mean 'off'?)"),
        .init(
            .sessionsWithLimit, "message block_new KO \"x\"",
            "19: expected a language in lower case such as ko or en, not 'KO'"),
        .init(
            .sessionsWithLimit, #"message block_new ko "\"{mx}\"""#,
            "25: no placeholder '{mx}' here (did you mean '{max}'?)"),
        .init(
            .sessionsWithLimit, #"message block_new ko "a } b""#,
            "25: a single '}' (write '}}' for the bracket itself)"),
        .init(
            .sessionsWithLimit, "message replaced ko a\nmessage replaced ko b",
            "4:9: message 'replaced ko' is set twice (first set at line 3)"),
    ]

    @Test("Blocks that make no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("Every word of a sessions block arrives") func everything() throws {
        let text = """
            sessions t { store path:s; device cookie:d header:D; role query:role; limited a b
            limit 2 block_new; store 17 { limit 5 eject_old }; store "a b" { limit 1 block_new }
            same_device share; device_owner store; grace 1m; probe off
            message block_new ko "{max}대"; message replaced en "{device} of {store}, {policy}"
            message kicked en "Closed for today" }
            """
        let settings = try #require(read(prelude + text).settings)
        var expected = SessionSettings(
            name: "t", store: .path("s"), limit: .init(devices: 2, policy: .blockNew))
        expected.device = [.cookie("d"), .header("D")]
        expected.role = .query("role")
        expected.limits[0].roles = ["a", "b"]
        expected.limits[0].stores = [
            "17": .init(devices: 5, policy: .ejectOld), "a b": .init(devices: 1, policy: .blockNew),
        ]
        expected.sameDevice = .share
        expected.deviceOwnership = .store
        expected.grace = .seconds(60)
        expected.probe = nil
        expected.messages = [
            .init(occasion: .blockNew, language: "ko", text: "{max}대"),
            .init(occasion: .replaced, language: "en", text: "{device} of {store}, {policy}"),
            .init(occasion: .kicked, language: "en", text: "Closed for today"),
        ]
        expected.position = .init(file: "gateway.conf", line: 2, column: 1)
        #expect(settings.sessions[1] == expected)
    }

    @Test("What is left out has its default") func defaults() throws {
        let settings = try #require(read(prelude).settings).sessions[0]
        #expect(settings.device == [.query("client_id"), .header("X-Client-Id")])
        #expect(settings.issuedCookie == nil)
        #expect(settings.sameDevice == .replace)
        #expect(settings.grace == .seconds(5))
        #expect(settings.probe == .seconds(2))
        #expect(settings.limits == [.init(limit: .init(devices: 2, policy: .blockNew))])
    }

    @Test("Limits stand side by side, in any order") func sideBySide() throws {
        let text = """
            store 17 { limit kiosk 3 block_new; limit manager admin 1 eject_old }
            store 18 { limit 9 eject_old }
            limit admin manager claim:devices or 2 block_new
            limit kiosk 10 eject_old
            limited board "7"
            limit 4 block_new
            """
        let route = "route /t { auth app; backend app; sessions t }\n"
        let settings = try #require(
            read(prelude + "sessions t { store query:s\n" + text + "\n}\n" + route).settings)
        var expected: [SessionSettings.RoleLimit] = [
            .init(
                roles: ["admin", "manager"], limit: .init(devices: 2, policy: .blockNew),
                claim: "devices"),
            .init(roles: ["kiosk"], limit: .init(devices: 10, policy: .ejectOld)),
            .init(roles: ["board", "7"], limit: .init(devices: 4, policy: .blockNew)),
        ]
        expected[0].stores = ["17": .init(devices: 1, policy: .ejectOld)]
        expected[1].stores = ["17": .init(devices: 3, policy: .blockNew)]
        expected[2].stores = ["18": .init(devices: 9, policy: .ejectOld)]
        #expect(settings.sessions[1].limits == expected)
    }

    @Test(
        "A cookie is issued",
        arguments: [
            ("device issue cookie", ["client_id", "X-Client-Id", "gw_client"], "gw_client"),
            ("device query:a issue cookie b", ["a", "b"], "b"),
            ("device cookie:b query:a\ndevice issue cookie b", ["b", "a"], "b"),
            ("device issue cookie b\ndevice query:a", ["a", "b"], "b"),
            ("device query:a", ["a"], nil),
        ] as [(String, [String], String?)])
    func issuing(text: String, names: [String], cookie: String?) throws {
        let settings = try #require(Bench.sessionsWithLimit.settings(with: text)).sessions[1]
        #expect(settings.device.map(\.name) == names)
        #expect(settings.issuedCookie == cookie)
    }

    @Test("A claim may say how many devices") func limitClaim() throws {
        let block = "sessions t { store query:s; limit claim:devices or 3 eject_old }\n"
        let settings = try #require(
            read(prelude + block + "route /x { auth app; backend app; sessions t }").settings)
        #expect(
            settings.sessions[1].limits == [
                .init(limit: .init(devices: 3, policy: .ejectOld), claim: "devices")
            ])
        #expect(
            complaints(prelude + block + "route /x { backend app; sessions t }")
                == "3:34: error: 't' reads 'claim:devices', but this route has no 'auth'")
    }

    @Test("A limit for roles needs to know them") func roles() {
        let block = "sessions t { store query:s; limit kiosk 3 eject_old }\n"
        #expect(
            complaints(prelude + block + "route /x { backend app; sessions t }")
                == "3:34: error: 't' limits roles, but this route has no 'auth' to read them from"
                + " (take the role from the request with 'role query:role' in sessions 't')")
    }

    @Test("A route only reports what its sessions would refuse") func reporting() throws {
        let text = """
            route /a { backend app; sessions s; report_only sessions }
            route /b { backend app; sessions s; auth app; report_only auth sessions }
            """
        let routes = try #require(read(prelude + text).settings).routes
        #expect(routes[1].reportOnly == [.sessions])
        #expect(routes[2].reportOnly == [.auth, .sessions])
        #expect(
            complaints(prelude + "route /a { backend app; report_only sessions }")
                == "2:37: error: this route has no 'sessions' for 'report_only'")
    }
}

extension ValueSource {
    fileprivate var name: String {
        switch self {
        case .query(let name), .header(let name), .cookie(let name), .claim(let name),
            .path(let name):
            name
        }
    }
}
