import Bytes
import Clock
import Crypto
import Identity
import JSON
import JWT
import PublishedKeys
import Settings
import Testing

@Suite("Verifying tokens")
struct AuthenticatorTests {
    @Test("the example of RFC 7515 A.1 is believed until it expires, and with its key only")
    func example() throws {
        let token = RFC7515.A1.token
        let octets = Base64.decodeURL(RFC7515.A1.secret.utf8.span)
        let secret = Secret(try #require(octets))
        var rule = TokenSettings(name: "joe", algorithms: [.hs256], secret: secret)
        rule.leeway = .zero
        rule.userClaim = "iss"
        let expiry: Int64 = 1_300_819_380
        let identity = try authenticate(token, rule, at: WallTime(seconds: expiry - 1))
        #expect(identity.user == "joe")
        #expect(identity.rule == "joe")
        #expect(identity.expires == WallTime(seconds: expiry))
        #expect(identity.claims["http://example.com/is_root"] == .bool(true))
        #expect(identity.encodedClaims == token.split(separator: ".")[1])
        #expect(try failure(token, rule, at: WallTime(seconds: expiry)) == .expired)
        #expect(try failure(token, settings()) == .signature)
    }

    @Test("a token that was believed is read anew, all but its key and its dates")
    func rereading() throws {
        let claims = #"{"sub":"7","role":"user","aud":"a","iat":1799999000,"exp":1800000005}"#
        let identity = try authenticate(signed(claims))
        func reread(_ settings: TokenSettings) throws -> VerifiedIdentity {
            try Authenticator(settings).reread(identity)
        }
        let other = try reread(
            settings(secret: "another secret, as long as the hash") {
                ($0.userClaim, $0.roleClaim, $0.audiences) = ("role", "sub", ["a", "b"])
                ($0.leeway, $0.maxAge) = (.zero, .seconds(1))
            })
        #expect(other.user == "user" && other.roles == ["7"])
        #expect(other.expires == identity.expires)
        #expect(throws: TokenError.audience) { try reread(settings { $0.audiences = ["b"] }) }
        #expect(throws: TokenError.issuer) { try reread(settings { $0.issuer = "b" }) }
        #expect(throws: TokenError.missingClaim) {
            try reread(settings { $0.requiredClaims = ["jti"] })
        }
        #expect(throws: TokenError.algorithm) { try reread(settings(algorithms: [.hs384])) }
    }

    @Test(
        "user and roles may be claims within claims",
        arguments: [
            (#"{"p":{"id":7},"r":{"roles":["a","b"]}}"#, "p.id", "r.roles", "7", ["a", "b"]),
            (#"{"p.id":"x","p":{"id":7},"r":{"roles":"a"}}"#, "p.id", "r.roles", "x", ["a"]),
            (#"{"https://x.y/r":["a"],"c:u":1}"#, "c:u", "https://x.y/r", "1", ["a"]),
            (#"{"p":{},"r":["a"]}"#, "p.id", "r.roles", nil, []),
        ] as [(String, String, String, String?, [String])])
    func nested(
        claims: String, user: String, role: String, name: String?, roles: [String]
    ) throws {
        let rule = settings { ($0.userClaim, $0.roleClaim) = (user, role) }
        let identity = try authenticate(signed(claims), rule)
        #expect(identity.user == name && identity.roles == roles)
        let required = settings { $0.requiredClaims = [role] }
        #expect(try failure(signed(claims), required) == (roles.isEmpty ? .missingClaim : nil))
    }

    @Test(
        "each algorithm verifies with its own hash",
        arguments: [
            (.hs256, .sha256, "HS256"), (.hs384, .sha384, "HS384"), (.hs512, .sha512, "HS512"),
        ] as [(SignatureAlgorithm, HMACKey.Algorithm, String)])
    func algorithms(
        allowed: SignatureAlgorithm, hash: HMACKey.Algorithm, name: String
    ) throws {
        let header = "{\"alg\":\"\(name)\"}"
        let token = try signed(header: header, #"{"sub":"7"}"#, algorithm: hash)
        #expect(try authenticate(token, settings(algorithms: [allowed])).user == "7")
        #expect(try failure(token, settings(algorithms: [.hs256, .hs384, .hs512])) == nil)
        for other in [SignatureAlgorithm.hs256, .hs384, .hs512] where other != allowed {
            #expect(try failure(token, settings(algorithms: [other])) == .algorithm)
        }
        for other in HMACKey.Algorithm.allCases where other != hash {
            let confused = try signed(header: header, #"{"sub":"7"}"#, algorithm: other)
            #expect(try failure(confused, settings(algorithms: [allowed])) == .signature)
        }
    }

    @Test(
        "user and roles are read as text",
        arguments: [
            (#"{"sub":"kim","role":"admin"}"#, "kim", ["admin"]),
            (#"{"sub":7,"role":["admin","manager"]}"#, "7", ["admin", "manager"]),
            (#"{"sub":9007199254740993,"role":[]}"#, "9007199254740993", []),
            (#"{"sub":"7.0","role":[3,true]}"#, "7.0", ["3", "true"]),
            (#"{"sub":"","role":""}"#, nil, []), (#"{"sub":null,"role":null}"#, nil, []),
            ("{}", nil, []), (#"{"sub":"김철수","role":"의사 A"}"#, "김철수", ["의사 A"]),
        ] as [(String, String?, [String])])
    func texts(claims: String, user: String?, roles: [String]) throws {
        let identity = try authenticate(try signed(claims))
        #expect(identity.user == user)
        #expect(identity.roles == roles)
        #expect(identity.role == roles.first)
        #expect(identity.expires == nil)
    }

    @Test(
        "a user or role that no header field can carry unchanged is refused",
        arguments: [
            #"{"sub":"a\r\nX-Auth-Role: admin"}"#, #"{"sub":"a\u0000"}"#, #"{"sub":" a"}"#,
            #"{"sub":"a\t"}"#, #"{"sub":"\u007f"}"#, #"{"role":"admin "}"#,
            #"{"role":["user","\nadmin"]}"#, #"{"role":[["admin"]]}"#, #"{"role":{"admin":1}}"#,
            #"{"role":[null]}"#, #"{"sub":["a"]}"#, #"{"sub":{"id":"a"}}"#,
        ])
    func unusable(claims: String) throws {
        #expect(try failure(try signed(claims)) == .claim)
    }

    @Test("the claims that name user and role are the configured ones")
    func claimNames() throws {
        let token = try signed(#"{"sub":"x","user_id":7,"role":"r","groups":["a","b"]}"#)
        let rule = settings {
            $0.userClaim = "user_id"
            $0.roleClaim = "groups"
        }
        let identity = try authenticate(token, rule)
        #expect(identity.user == "7")
        #expect(identity.roles == ["a", "b"])
    }

    @Test("the upstream is told in the configured fields")
    func identityFields() throws {
        let token = try signed(#"{"sub":7,"role":["admin","manager"]}"#)
        let told = try authenticate(token).fields
        #expect(told.map(\.name) == ["X-Auth-Claims", "X-Auth-User", "X-Auth-Role"])
        #expect(
            told.map(\.value) == [String(token.split(separator: ".")[1]), "7", "admin,manager"])
        for (role, element) in [("[\"a,b\",\"c\"]", "a%2Cb,c"), ("\"a,b\"", "a%2Cb")] {
            let identity = try authenticate(try signed("{\"role\":\(role)}"))
            #expect(identity.fields.last?.value == element)
            #expect(identity.roleElement == "a%2Cb" && identity.role == "a,b")
        }
        let renamed = settings {
            $0.userHeader = "X-User"
            $0.claimsHeader = "X-Claims"
        }
        let other = try authenticate(try signed(#"{"sub":"a"}"#), renamed).fields
        #expect(other.map(\.name) == ["X-Claims", "X-User"])
    }

    @Test("leeway, issuer and audience come from the settings")
    func rules() throws {
        let rule = settings {
            $0.issuer = "https://auth.example.kr"
            $0.audiences = ["hospital"]
            $0.leeway = .seconds(10)
        }
        let time = now.seconds
        func token(_ issuer: String, _ audience: String, _ expiry: Int64) throws -> String {
            try signed("{\"iss\":\"\(issuer)\",\"aud\":\(audience),\"exp\":\(expiry)}")
        }
        let good = try token("https://auth.example.kr", #"["x","hospital"]"#, time - 9)
        #expect(try authenticate(good, rule).expires == WallTime(seconds: time + 1))
        let late = try token("https://auth.example.kr", #""hospital""#, time - 10)
        #expect(try failure(late, rule) == .expired)
        #expect(try failure(token("https://evil", #""hospital""#, time), rule) == .issuer)
        #expect(try failure(token("https://auth.example.kr", #""x""#, time), rule) == .audience)
        #expect(
            try failure(signed("{\"nbf\":\(time + 11)}"), settings { $0.leeway = .seconds(10) })
                == .notYetValid)
    }

    @Test("an empty secret makes no authenticator")
    func emptySecret() {
        #expect(throws: CryptoError.self) { try Authenticator(settings(secret: "")) }
    }

    @Test("forwarding of the token is told with the identity")
    func forwarding() throws {
        let token = try signed("{}")
        #expect(try !authenticate(token).forwardsToken)
        #expect(try authenticate(token, settings { $0.forwardsToken = true }).forwardsToken)
    }
}
