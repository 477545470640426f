import Endings
import HTTP
import Identity
import JSON
import Settings
import Testing

private func facts(
    claims: String? = nil, captures: [String: String] = [:], query: String = "",
    fields: Fields = fields([:])
) throws -> RequestFacts {
    RequestFacts(
        claims: try claims.map { try object($0) }, captures: captures,
        query: QueryString(query), fields: fields)
}

private func detail(
    roles: [String] = [], require: [Requirement] = [], has: [String] = [], _ facts: RequestFacts
) -> String? {
    do {
        try AccessRule(roles: roles, require: require).check(roles: has, facts: facts)
        return nil
    } catch {
        #expect(error.reason == .forbidden && error.status == 403)
        return error.detail
    }
}

@Suite("Roles and requirements")
struct AccessRuleTests {
    @Test(
        "any one role of the route suffices",
        arguments: [
            ([], [], nil), ([], ["user"], nil), (["admin"], ["admin"], nil),
            (["admin", "manager"], ["user", "manager"], nil), (["admin"], ["user"], "role"),
            (["admin"], [], "role"), (["admin"], ["Admin"], "role"), (["K"], ["\u{212A}"], "role"),
        ] as [([String], [String], String?)])
    func roles(route: [String], identity: [String], expected: String?) throws {
        #expect(detail(roles: route, has: identity, try facts()) == expected)
    }

    @Test(
        "a claim equals a capture by its text",
        arguments: [
            (#"{"user_id":7}"#, "7", nil), (#"{"user_id":"7"}"#, "7", nil),
            (#"{"user_id":7.0}"#, "7", "claim"), (#"{"user_id":7.0}"#, "7.0", nil),
            (#"{"user_id":7e0}"#, "7", "claim"), (#"{"user_id":"07"}"#, "7", "claim"),
            (#"{"user_id":7}"#, "8", "claim"), (#"{"user_id":7}"#, nil, "claim"),
            (#"{"user_id":9007199254740993}"#, "9007199254740992", "claim"),
            (#"{"user_id":true}"#, "true", nil), (#"{"user_id":null}"#, "null", "claim"),
            (#"{"user_id":[7]}"#, "7", "claim"), (#"{"user_id":{"a":7}}"#, "7", "claim"),
            ("{}", "7", "claim"), (nil, "7", "claim"), ("{}", nil, "claim"),
            (#"{"user_id":"\u212a"}"#, "K", "claim"),
            (#"{"user_id":"e\u0301"}"#, "\u{E9}", "claim"),
        ] as [(String?, String?, String?)])
    func claims(claims: String?, capture: String?, expected: String?) throws {
        let rule = Requirement.equal(.source(.claim("user_id")), .source(.path("user_id")))
        let facts = try facts(claims: claims, captures: capture.map { ["user_id": $0] } ?? [:])
        #expect(detail(require: [rule], facts) == expected)
        let turned = Requirement.equal(.source(.path("user_id")), .source(.claim("user_id")))
        #expect(detail(require: [turned], facts) == expected)
    }

    @Test("values come from every source, and from a text of the settings")
    func sources() throws {
        let facts = try facts(
            claims: #"{"c":"v"}"#, captures: ["p": "v"], query: "q=v&dup=v&dup=v",
            fields: fields(["X-H": "v", "Cookie": "k=v; d=v; d=w", "X-D": "v", "x-d": "v"]))
        let sources: [(ValueSource, String?)] = [
            (.claim("c"), "v"), (.path("p"), "v"), (.query("q"), "v"), (.header("x-h"), "v"),
            (.cookie("k"), "v"), (.claim("x"), nil), (.path("x"), nil), (.query("x"), nil),
            (.header("x"), nil), (.cookie("x"), nil),
            (.query("dup"), nil), (.header("x-d"), nil), (.cookie("d"), nil),
        ]
        for (source, expected) in sources {
            #expect(facts.text(of: source) == expected, "\(source)")
            let rule = Requirement.equal(.source(source), .text("v"))
            #expect(detail(require: [rule], facts) == (expected == nil ? "claim" : nil))
            let other = Requirement.equal(.source(source), .text("w"))
            #expect(detail(require: [other], facts) == "claim")
        }
    }

    @Test("all requirements must hold, and two missing values are not equal")
    func all() throws {
        let facts = try facts(claims: #"{"a":"1","b":"2"}"#)
        let first = Requirement.equal(.source(.claim("a")), .text("1"))
        let second = Requirement.equal(.source(.claim("b")), .text("2"))
        let wrong = Requirement.equal(.source(.claim("b")), .text("3"))
        let missing = Requirement.equal(.source(.claim("x")), .source(.claim("y")))
        #expect(detail(require: [first, second], facts) == nil)
        #expect(detail(require: [first, wrong], facts) == "claim")
        #expect(detail(require: [missing], facts) == "claim")
        #expect(detail(roles: ["r"], require: [wrong], facts) == "role")
    }
}

@Suite("Rules that are only reported about")
struct ReportOnlyTests {
    private static let requirements = [
        Requirement.equal(.source(.claim("a")), .text("1")),
        Requirement.equal(.source(.claim("b")), .text("2")),
    ]

    @Test(
        "a verdict names the rule in force that was violated, and those that only report",
        arguments: [
            ([], "x", #"{"a":1,"b":2}"#, nil, []),
            ([], "y", #"{"a":1,"b":2}"#, "roles", []),
            ([], "x", #"{"a":1,"b":3}"#, "require 1", []),
            ([], "y", "{}", "roles", []),
            ([.roles], "y", #"{"a":1,"b":2}"#, nil, ["roles"]),
            ([.roles], "y", "{}", "require 0", ["roles"]),
            ([.require], "x", "{}", nil, ["require 0"]),
            ([.require], "y", #"{"a":1}"#, "roles", ["require 1"]),
            ([.roles, .require], "y", "{}", nil, ["roles", "require 0"]),
            ([.auth], "y", "{}", "roles", []),
            ([.auth, .roles, .require], "x", #"{"a":1,"b":2}"#, nil, []),
        ] as [(Set<RouteSettings.Rule>, String, String, String?, [String])])
    func verdicts(
        reportOnly: Set<RouteSettings.Rule>, role: String, claims: String, refused: String?,
        reported: [String]
    ) throws {
        let rule = AccessRule(roles: ["x"], require: Self.requirements, reportOnly: reportOnly)
        let facts = try facts(claims: claims)
        let verdict = rule.judge(roles: [role], facts: facts)
        #expect(verdict.refused.map(Self.name) == refused)
        #expect(verdict.reported.map(Self.name) == reported)
        #expect(Self.refusal(rule, role, facts) == verdict.refused?.refusal)
    }

    @Test(
        "who comes by several rules has to pass all of them",
        arguments: [
            (["a", "b"], nil), (["a"], "role"), (["b"], "role"), ([], "role"),
        ] as [([String], String?)])
    func several(roles: [String], expected: String?) throws {
        let rules = ["a", "b"].map { role in
            (rule: AccessRule(roles: [role], require: []), captures: [String: String]())
        }
        let verdict = AccessRule.judge(rules, roles: roles, facts: try facts())
        #expect(verdict.refused?.refusal.detail == expected)
    }

    @Test("each of several rules has the captures of its own route, and the first refuses")
    func severalCaptures() throws {
        let own = Requirement.equal(.source(.claim("user_id")), .source(.path("user_id")))
        func refused(_ captures: [String]) throws -> Int {
            let rules = captures.map { user in
                (rule: AccessRule(roles: [], require: [own]), captures: ["user_id": user])
            }
            let verdict = AccessRule.judge(
                rules, roles: [], facts: try facts(claims: #"{"user_id":7}"#))
            return verdict.refused == nil ? 0 : 1
        }
        #expect(try refused(["7", "7"]) == 0)
        #expect(try refused(["8", "7"]) == 1)
        #expect(try refused(["7", "8"]) == 1)
    }

    private static func refusal(
        _ rule: AccessRule, _ role: String, _ facts: RequestFacts
    ) -> Refusal? {
        do throws(Refusal) {
            try rule.check(roles: [role], facts: facts)
            return nil
        } catch {
            return error
        }
    }

    private static func name(_ violation: AccessRule.Violation) -> String {
        violation.rule.rawValue + (violation.requirement.map { " \($0)" } ?? "")
    }
}
