import HTTP
import Identity
import JSON
import Settings
import Testing

/// One file, and nothing else.
private struct OneFile: ConfigurationFiles {
    var text: String

    func read(_ path: String, limit: Int) throws(ConfigurationFileError) -> [UInt8] {
        Array(text.utf8)
    }

    func expand(glob: String, relativeTo directory: String) -> [String] { [] }
    func environment(_ name: String) -> String? { String(repeating: "k", count: 32) }
    func exists(_ path: String) -> Bool { false }
}

/// What a configuration says with `require TEXT`.
private func requirement(_ text: String) throws -> Requirement {
    let configuration = """
        listen 127.0.0.1:1
        jwt app { algorithms HS256; secret env:S; audience a }
        route /{p}/{other} { auth app; respond 200; require \(text) }
        """
    let result = SettingsReader(files: OneFile(text: configuration)).read("gateway.conf")
    let settings = try #require(result.settings, "\(result.diagnostics.map { $0.rendered() })")
    return try #require(settings.routes[0].require.first)
}

/// Whether a route that requires `text` lets in who comes with these claims.
private func holds(
    _ text: String, _ claims: String?, query: String = "", path: [String: String] = [:],
    fields: Fields = fields([:])
) throws -> Bool {
    let facts = RequestFacts(
        claims: try claims.map { try object($0) }, captures: path, query: QueryString(query),
        fields: fields)
    let verdict = AccessRule(roles: [], require: [try requirement(text)])
        .judge(roles: [], facts: facts)
    return verdict.refused == nil
}

@Suite("What requirements hold of")
struct RequirementEvaluationTests {
    @Test(
        "claims and texts",
        arguments: [
            // == and !=
            (#"claim:a == 7"#, #"{"a":7}"#, true), (#"claim:a == 7"#, #"{"a":"7"}"#, true),
            (#"claim:a == 7"#, #"{"a":7.0}"#, false), (#"claim:a == true"#, #"{"a":true}"#, true),
            (#"claim:a == x"#, #"{"a":"X"}"#, false), (#"claim:a == """#, #"{"a":""}"#, true),
            (#"claim:a == null"#, #"{"a":null}"#, false), (#"claim:a == x"#, "{}", false),
            (#"claim:a == x"#, nil, false), (#"x == claim:a"#, #"{"a":"x"}"#, true),
            (#"claim:a == claim:b"#, #"{"a":1,"b":"1"}"#, true),
            (#"claim:a == claim:b"#, "{}", false),
            (#"claim:a != x"#, #"{"a":"y"}"#, true), (#"claim:a != x"#, #"{"a":"x"}"#, false),
            (#"claim:a != 7"#, #"{"a":"7"}"#, false), (#"claim:a != x"#, "{}", false),
            (#"claim:a != x"#, nil, false), (#"claim:a != x"#, #"{"a":null}"#, false),
            (#"claim:a != x"#, #"{"a":["y"]}"#, false), (#"claim:a != x"#, #"{"a":{}}"#, false),
            (#"claim:a != claim:b"#, #"{"a":"x"}"#, false),
            (#"claim:a != claim:b"#, #"{"b":"x"}"#, false), (#"claim:a != x"#, #"{"a":""}"#, true),
            // has and in
            (#"claim:a has x"#, #"{"a":["x","y"]}"#, true),
            (#"claim:a has y"#, #"{"a":["x","y"]}"#, true),
            (#"claim:a has z"#, #"{"a":["x","y"]}"#, false),
            (#"claim:a has 7"#, #"{"a":[6,7]}"#, true), (#"claim:a has 7"#, #"{"a":["7"]}"#, true),
            (#"claim:a has true"#, #"{"a":[true]}"#, true),
            (#"claim:a has x"#, #"{"a":[["x"],{"x":1},null]}"#, false),
            (#"claim:a has null"#, #"{"a":[null]}"#, false), (#"claim:a has x"#, "{}", false),
            (#"claim:a has x"#, nil, false), (#"claim:a has x"#, #"{"a":null}"#, false),
            (#"claim:a has x"#, #"{"a":{"x":1}}"#, false), (#"claim:a has x"#, #"{"a":[]}"#, false),
            (#"claim:a has "q:r""#, #"{"a":"q:w q:r"}"#, true),
            (#"claim:a has "q:r""#, #"{"a":"q:r"}"#, true),
            (#"claim:a has "q:r""#, #"{"a":"q:read q:w"}"#, false),
            (#"claim:a has q"#, #"{"a":"q:r"}"#, false),
            (#"claim:a has """#, #"{"a":"x  y"}"#, false),
            (#"claim:a has """#, #"{"a":""}"#, false), (#"claim:a has """#, #"{"a":[""]}"#, true),
            (#"claim:a has "x y""#, #"{"a":"x y"}"#, false),
            (#"claim:a has "x y""#, #"{"a":["x y"]}"#, true),
            (#"claim:a has x"#, #"{"a":["x y"]}"#, false),
            (#"claim:a has x"#, #"{"a":"x,y"}"#, false),
            (#"claim:a has x"#, #"{"a":"x\ty"}"#, false), (#"claim:a has 7"#, #"{"a":7}"#, true),
            (#"claim:a has true"#, #"{"a":true}"#, true),
            (#"claim:a has false"#, #"{"a":false}"#, true),
            (#"claim:a has claim:b"#, #"{"a":[1],"b":1}"#, true),
            (#"claim:a has claim:b"#, #"{"a":[1]}"#, false),
            (#"x in claim:a"#, #"{"a":["x"]}"#, true), (#"x in claim:a"#, #"{"a":"y"}"#, false),
            (#"claim:b in claim:a"#, #"{"a":"x y","b":"y"}"#, true),
            (#"claim:b in claim:a"#, #"{"a":"x y"}"#, false),
            (#"claim:a in x y"#, #"{"a":"y"}"#, true), (#"claim:a in x y"#, #"{"a":"z"}"#, false),
            (#"claim:a in 6 7"#, #"{"a":7}"#, true), (#"claim:a in x y"#, "{}", false),
            (#"claim:a in x y"#, #"{"a":["x"]}"#, false), (#"claim:a in x y"#, nil, false),
            // matches
            (#"claim:a matches x*"#, #"{"a":"xy"}"#, true), (#"claim:a matches x*"#, "{}", false),
            (#"claim:a matches *"#, #"{"a":null}"#, false),
            (#"claim:a matches *"#, #"{"a":""}"#, true),
            (#"claim:a matches *"#, nil, false), (#"claim:a matches 1?"#, #"{"a":17}"#, true),
            // and, or
            (#"claim:a == 1 and claim:b == 2"#, #"{"a":1,"b":2}"#, true),
            (#"claim:a == 1 and claim:b == 2"#, #"{"a":1}"#, false),
            (#"claim:a == 1 or claim:b == 2"#, #"{"b":2}"#, true),
            (#"claim:a == 1 or claim:b == 2"#, #"{"a":2,"b":1}"#, false),
            (#"claim:a == 1 or claim:b == 2 and claim:c == 3"#, #"{"a":1}"#, true),
            (#"claim:a == 1 or claim:b == 2 and claim:c == 3"#, #"{"b":2}"#, false),
            (#"(claim:a == 1 or claim:b == 2) and claim:c == 3"#, #"{"a":1}"#, false),
            (#"(claim:a == 1 or claim:b == 2) and claim:c == 3"#, #"{"b":2,"c":3}"#, true),
        ] as [(String, String?, Bool)])
    func claims(text: String, claims: String?, expected: Bool) throws {
        #expect(try holds(text, claims) == expected)
    }

    @Test(
        "claims inside of claims",
        arguments: [
            ("claim:a.b == 1", #"{"a":{"b":1}}"#, true), ("claim:a.b == 1", #"{"a.b":1}"#, true),
            ("claim:a.b == 1", #"{"a":{"b":2},"a.b":1}"#, true),
            ("claim:a.b == 2", #"{"a":{"b":2},"a.b":1}"#, false),
            ("claim:a.b == 2", #"{"a":{"b":2},"a.b":null}"#, false),
            ("claim:a.b.c == 1", #"{"a":{"b":{"c":1}}}"#, true),
            ("claim:a.b.c == 1", #"{"a.b":{"c":1}}"#, true),
            ("claim:a.b.c == 1", #"{"a":{"b.c":1}}"#, true),
            ("claim:a.b.c == 1", #"{"a":{"b":{"c":1}},"a.b":{}}"#, false),
            ("claim:a.b == 1", #"{"a":[1]}"#, false), ("claim:a.b == 1", #"{"a":"b"}"#, false),
            ("claim:a. == 1", #"{"a":{"":1}}"#, true), ("claim:.a == 1", #"{"":{"a":1}}"#, true),
            ("claim:a..b == 1", #"{"a":{"":{"b":1}}}"#, true), ("claim:. == 1", "{}", false),
            ("claim:a == 1", #"{"a.b":1}"#, false), ("claim:a.b == 1", #"{"b":1}"#, false),
            ("claim:realm_access.roles has x", #"{"realm_access":{"roles":["x"]}}"#, true),
            (
                "claim:https://a.kr/claims.scope has x",
                #"{"https://a.kr/claims":{"scope":"w x"}}"#, true
            ),
        ])
    func paths(text: String, claims: String, expected: Bool) throws {
        #expect(try holds(text, claims) == expected)
    }

    @Test("lists of the request are parted by commas and spaces")
    func lists() throws {
        let table: [(String, Bool)] = [
            ("x", true), ("w,x", true), ("w, x", true), ("w x", true), (" ,x,, ", true),
            ("xx", false), ("w;x", false), ("X", false),
        ]
        for (value, expected) in table {
            let sent = fields(["X-L": value, "Cookie": "k=\(value)"])
            #expect(try holds("header:x-l has x", nil, fields: sent) == expected, "\(value)")
            #expect(try holds("x in path:p", nil, path: ["p": value]) == expected, "\(value)")
            let escaped = value.replacing(" ", with: "+")
            #expect(try holds("query:q has x", nil, query: "q=\(escaped)") == expected, "\(value)")
        }
        #expect(try holds("cookie:k has x", nil, fields: fields(["Cookie": "k=w,x"])))
        #expect(try holds("query:q has \"\"", nil, query: "q=") == false)
        #expect(try holds("query:q has x", nil, query: "q=x&q=x") == false)
        #expect(try holds("header:h has x", nil, fields: fields(["H": "x", "h": "x"])) == false)
        #expect(try holds("query:q has x", nil) == false)
    }

    @Test("a field beside its double, which the upstream may read, is none")
    func doubles() throws {
        let rule = "header:X-Tenant == a"
        #expect(try holds(rule, nil, fields: fields(["x-tenant": "a"])))
        for double in ["X_Tenant", "x.tenant", "X-TENANT"] {
            #expect(try !holds(rule, nil, fields: fields(["X-Tenant": "a", double: "a"])))
        }
        #expect(try !holds(rule, nil, fields: fields(["X_Tenant": "a"])))
        #expect(try holds(rule, nil, fields: fields(["X-Tenant": "a", "X-Tenants": "b"])))
    }

    @Test("a value the client sent is an element as it stands, never a list of them")
    func elements() throws {
        let claims = #"{"stores":["1","2"],"scope":"1 2"}"#
        for (value, expected) in [("1", true), ("2", true), ("1,2", false), ("1+2", false)] {
            for list in ["claim:stores", "claim:scope"] {
                #expect(try holds("query:s in \(list)", claims, query: "s=\(value)") == expected)
            }
        }
    }

    @Test("code points count, not looks")
    func spelling() throws {
        let claims = #"{"a":"\u212a","l":["\u212a"],"w":"e\u0301"}"#
        for text in [
            "claim:a == K", "claim:l has K", "claim:w has \u{E9}", "claim:a in K x",
            "claim:a matches K",
        ] {
            #expect(try !holds(text, claims), "\(text)")
        }
        #expect(try holds("claim:a != K", claims))
    }
}
