import JWT
import Settings
import Testing

@Suite("jwt")
struct TokenTests {
    private static let algorithms =
        "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or"
        + " EdDSA"
    private static let publicKeys = "add 'public_key', 'jwk' or 'jwks'"
    private static let file = "expected file:PATH"
    private static let many =
        (1...17).map { "public_key file:keys/issuer.pem kid \($0)" }.joined(separator: "\n")

    static let mistakes: [Mistake] = [
        .init(
            .jwtWithSecret, "algorithms HS256",
            "1: 'algorithms' is set twice (first set at line 2)"),
        // secret
        .init(.jwt, "secret env:", "8: expected the name of an environment variable after 'env:'"),
        .init(.jwt, "secret env:NOPE", "8: the environment variable 'NOPE' is not set"),
        .init(.jwt, "secret env:EMPTY", "8: the environment variable contains an empty secret"),
        .init(.jwt, "secret file:nope", "8: cannot read 'nope': no such file"),
        .init(.jwt, "secret file:empty", "8: the file contains an empty secret"),
        .init(
            .jwt, "secret hunter2",
            "8: a secret must not be written into the configuration: write env:NAME for an"
                + " environment variable or file:PATH for a file that contains it"),
        .init(
            .jwtWithSecret, "secret file:secrets/jwt", "8: 'file:secrets/jwt' is named twice"),
        // algorithms and the keys they take
        .init(
            .emptyJWT, "secret env:JWT_SECRET; algorithms none HS265 HS256 HS256",
            "35: 'none' is not an algorithm: unsigned tokens are always refused\n40: expected"
                + " \(algorithms), not 'HS265' (did you mean 'HS256'?)\n52: 'HS256' is named"
                + " twice"),
        .init(
            .emptyJWT, "secret env:JWT_SECRET; algorithms Ed25519",
            "35: 'Ed25519' is unknown (did you mean 'EdDSA'?)"),
        .init(
            .emptyJWT, "algorithms RS256",
            "2:1: 'jwt' needs a key: 'secret', 'public_key', 'jwk'"
                + " or 'jwks'"),
        .init(
            .emptyJWT, "algorithms HS256 RS256 EdDSA; secret env:JWT_SECRET",
            "18: no key of this block is for 'RS256' (\(publicKeys))\n"
                + "24: no key of this block is for 'EdDSA' (\(publicKeys))"),
        .init(
            .emptyJWT, "algorithms HS512 ES512; public_key file:keys/issuer.pem",
            "12: no key of this block is for 'HS512' (add 'secret')"),
        .init(
            .emptyJWT, "algorithms HS256; jwks https://h.kr/k",
            "12: no key of this block is for 'HS256' (add 'secret')"),
        .init(
            .jwtWithSecret, "public_key file:keys/issuer.pem",
            "12: no algorithm of this block can use a public key (HS256, HS384 and HS512 take a"
                + " secret)"),
        .init(
            .emptyJWT, "algorithms HS512 HS256; secret env:GATEWAY_CONSOLE_TOKEN",
            "32: this secret is shorter than the 64 octets of HS512 (make one with 'openssl rand"
                + " -hex 64', or say 'allow_weak_keys on')"),
        .init(
            .emptyJWT,
            "algorithms HS512 RS256; secret env:JWT_SECRET; secret env:GATEWAY_CONSOLE_TOKEN;"
                + " public_key file:keys/issuer.pem",
            "55: this secret is shorter than the 64 octets of HS512 (make one with 'openssl rand"
                + " -hex 64', or say 'allow_weak_keys on')"),
        .init(
            .jwtWithSecret, "jwks https://h.kr/k",
            "6: no algorithm of this block can use keys from a key set (HS256, HS384 and HS512"
                + " take a secret)"),
        .init(
            .emptyJWT, "algorithms PS256; jwks https://h.kr/k; secret env:JWT_SECRET",
            "47: no algorithm of this block can use a secret (HS256, HS384 and HS512 do)"),
        .init(
            .emptyJWT, "algorithms RS256\n\(many)",
            "20:12: a jwt block has at most 16 keys"
                + " and sets of keys"),
        // where tokens and claims are
        .init(
            .jwtWithSecret, "from header:Authorization",
            "6: no token is looked for in the header 'Authorization' (write 'bearer')"),
        .init(
            .jwtWithSecret, "from header:cookie",
            "6: no token is looked for in the header 'cookie' (write 'cookie:NAME')"),
        .init(
            .jwtWithSecret, "from header:Sec-WebSocket-Protocol",
            "6: no token is looked for in the header 'Sec-WebSocket-Protocol' (write"
                + " 'subprotocol')"),
        .init(
            .jwtWithSecret, "from header:Sec-Fetch-Mode",
            "6: no token is looked for in the header 'Sec-Fetch-Mode'"),
        .init(.jwtWithSecret, "from header:a@b", "6: this is not a header name"),
        .init(
            .jwtWithSecret, "role claim:groups",
            "6: expected the name of a claim, not 'claim:groups' (write 'groups')"),
        .init(.jwtWithSecret, "user query:u", "6: expected the name of a claim, not 'query:u'"),
        .init(
            .jwtWithSecret, "role $.realm_access.roles",
            "6: '$.realm_access.roles' is not a claim: nested names are joined by dots, as in"
                + " 'realm_access.roles' (put a name that contains dots itself in quotes)"),
        .init(
            .jwtWithSecret, "required a..b",
            "10: a name is missing beside a dot in 'a..b'"),
        .init(
            .jwtWithSecret, "auth_headers latin1",
            "14: expected utf8, rfc8187 or base64, not 'latin1'"),
        // files of keys
        .init(
            .jwtWithSecret, "public_key keys/issuer.pem",
            "12: \(file), not 'keys/issuer.pem' (did you mean 'file:keys/issuer.pem'?)"),
        .init(.jwtWithSecret, "public_key env:KEY", "12: \(file), not 'env:KEY'"),
        .init(.jwtWithSecret, "jwk file:", "5: \(file), not 'file:'"),
        .init(.jwtWithSecret, "jwk file:nope", "5: no such file: 'nope'"),
        .init(.jwtWithSecret, "revoked file:nope", "9: no such file: 'nope'"),
        .init(
            .jwtWithSecret, "revoked revoked.txt",
            "9: \(file), not 'revoked.txt' (did you mean 'file:revoked.txt'?)"),
        .init(
            .emptyJWT, "algorithms RS256\npublic_key file:keys/issuer.pem id 7",
            "4:33: expected kid, not 'id'"),
        .init(
            .emptyJWT, "algorithms RS256\npublic_key file:keys/issuer.pem kid",
            "4:33: a name is missing after 'kid'"),
        .init(
            .emptyJWT,
            "algorithms RS256\npublic_key file:keys/issuer.pem kid a\n"
                + "public_key file:tls/ca.pem kid a",
            "5:32: kid 'a' is named twice"),
        .init(
            .jwtWithSecret, "jwks file:keys/set.json { timeout 2s }",
            "1: 'jwks file:PATH' takes no block"),
        // jwks behind a URL
        .init(
            .jwtWithSecret, "jwks http://h.kr/k",
            "6: keys can be fetched over https only (did you mean 'https://h.kr/k'?)"),
        .init(.jwtWithSecret, "jwks h.kr/k", "6: \(file) or https://HOST/PATH, not 'h.kr/k'"),
        .init(.jwtWithSecret, "jwks https:h.kr", "6: expected https://HOST/PATH"),
        .init(.jwtWithSecret, "jwks https://", "6: \(url), not 'https://'"),
        .init(.jwtWithSecret, "jwks https://*.kr/", "6: \(url), not 'https://*.kr/'"),
        .init(.jwtWithSecret, "jwks https://h.kr:0/", "6: \(url), not 'https://h.kr:0/'"),
        .init(.jwtWithSecret, "jwks https://h.kr:65536", "6: \(url), not 'https://h.kr:65536'"),
        .init(.jwtWithSecret, "jwks https://::1/", "6: \(url), not 'https://::1/'"),
        .init(
            .jwtWithSecret, "jwks https://me:pw@h.kr/",
            "6: this URL must not contain a user or a password"),
        .init(
            .jwtWithSecret, "jwks \"https://h.kr/#a\"", "6: this URL must not contain a fragment"),
        .init(
            .jwtWithSecret, "jwks https://h.kr/키",
            "6: write spaces, and characters outside ASCII, as %XX"),
        .init(
            .emptyJWT,
            "algorithms RS256; jwks https://h.kr/ { timeout 2m; size 32m; refresh 1s; ca nope }",
            "48: '2m' is out of range (100ms to 1m)\n57: '32m' is out of range (1k to 512k)\n"
                + "70: '1s' is out of range (30s to 1d)\n77: no such file: 'nope'"),
        // the rest
        .init(
            .jwtWithSecret, "from query:ticket; tickets on",
            "6: '?ticket=' is for tickets here ('tickets'); tokens need another name"),
        .init(
            .jwtWithSecret, "tickets yes",
            "9: expected on or off, not 'yes' (did you mean 'on'?)"),
        .init(
            .jwtWithSecret, "tickets off bind address", "13: unexpected word after 'tickets off'"),
        .init(
            .jwtWithSecret, "tickets on bound address",
            "12: expected bind, not 'bound'"),
        .init(.jwtWithSecret, "tickets on bind", "12: 'address' is missing after 'bind'"),
        .init(
            .jwtWithSecret, "tickets on bind adress",
            "17: expected address, not 'adress' (did you mean 'address'?)"),
        .init(
            .jwtWithSecret, "on_expiry clos",
            "11: expected close, grace or ignore, not 'clos' (did you mean 'close'?)"),
        .init(.jwtWithSecret, "on_expiry grace", "11: a duration is missing after 'grace'"),
        .init(.jwtWithSecret, "on_expiry grace 0s", "17: '0s' is out of range (1s to 1d)"),
        .init(.jwtWithSecret, "on_expiry close 3s", "17: unexpected word after 'on_expiry close'"),
        .init(.jwtWithSecret, "expiring of", "10: 'of' is unknown (did you mean 'off'?)"),
        .init(.jwtWithSecret, "max_age 60", "9: '60' is not a duration (did you mean '60s'?)"),
        .init(.jwtWithSecret, "max_age 0s", "9: '0s' is out of range (1s to 3650d)"),
        .init(.jwtWithSecret, "required a b a", "14: 'a' is named twice"),
    ]

    private static let url = "expected https://HOST[:PORT]/PATH"

    @Test("What makes no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("Every word of a jwt block arrives") func everything() throws {
        let text = """
            secret file:secrets/jwt; from query:t cookie:c bearer subprotocol; user u; role r
            issuer https://i; audience a b; leeway 0s; forward_token on; user_header U
            role_header R; claims_header C; allow_weak_keys on; required x y; max_age 3h
            on_expiry grace 9s; expiring 8s; revoked file:revoked.txt; tickets on bind address
            """
        let settings = try #require(
            read(prelude + "jwt j { algorithms HS512 HS384\n\(text) }").settings)
        var expected = TokenSettings(
            name: "j", algorithms: [.hs512, .hs384], secret: Secret(Array(Desk.secret.utf8)))
        expected.keys[0].position = .init(file: "gateway.conf", line: 3, column: 8)
        expected.from = [.query("t"), .cookie("c"), .bearer, .subprotocol]
        expected.userClaim = "u"
        expected.roleClaim = "r"
        expected.issuer = "https://i"
        expected.audiences = ["a", "b"]
        expected.requiredClaims = ["x", "y"]
        expected.leeway = .zero
        expected.maxAge = .seconds(3 * 3600)
        expected.onExpiry = .grace(.seconds(9))
        expected.expiringNotice = .seconds(8)
        expected.revocationFile = "revoked.txt"
        expected.tickets = .boundToAddress
        expected.forwardsToken = true
        expected.userHeader = "U"
        expected.roleHeader = "R"
        expected.claimsHeader = "C"
        expected.allowsWeakKeys = true
        expected.position = .init(file: "gateway.conf", line: 2, column: 1)
        #expect(settings.tokens[1] == expected)
    }

    @Test("All words that end a connection, or do not") func endings() throws {
        func token(_ text: String) throws -> TokenSettings {
            try #require(Bench.jwtWithSecret.settings(with: text)).tokens[1]
        }
        let plain = try token("")
        #expect(plain.onExpiry == .close && plain.expiringNotice == .seconds(60))
        #expect(plain.tickets == .off && plain.maxAge == nil && plain.requiredClaims.isEmpty)
        #expect(try token("on_expiry close").onExpiry == .close)
        #expect(try token("on_expiry ignore").onExpiry == .ignore)
        #expect(try token("expiring off").expiringNotice == nil)
        #expect(try token("tickets on").tickets == .on)
        #expect(try token("tickets off").tickets == .off)
    }

    @Test("Keys come from many places, in order") func keys() throws {
        let text = """
            jwt j {
            algorithms HS256 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA; audience a
            public_key file:keys/issuer.pem kid 7
            public_key file:keys/issuer.pem
            jwk file:keys/issuer.jwk; jwks file:keys/set.json
            jwks HTTPS://Auth.Example.kr/keys?a=b { ca tls/ca.pem; timeout 1s; size 2k; refresh 3h }
            jwks https://[::1]:8443
            jwks https://10.0.0.1?x
            }
            """
        let token = try #require(read(prelude + text).settings).tokens[1]
        #expect(
            token.algorithms == [.hs256] + SignatureAlgorithm.allCases.dropFirst(3))
        var first = RemoteKeySet(
            url: "HTTPS://Auth.Example.kr/keys?a=b", host: "auth.example.kr")
        first.target = "/keys?a=b"
        first.authorityPath = "tls/ca.pem"
        first.timeout = .seconds(1)
        first.size = 2048
        first.refresh = .seconds(3 * 3600)
        var second = RemoteKeySet(url: "https://[::1]:8443", host: "::1")
        second.port = 8443
        var third = RemoteKeySet(url: "https://10.0.0.1?x", host: "10.0.0.1")
        third.target = "/?x"
        #expect(
            token.keys.map(\.origin) == [
                .publicKey(path: "keys/issuer.pem", id: "7"),
                .publicKey(path: "keys/issuer.pem", id: nil), .key(path: "keys/issuer.jwk"),
                .keySet(path: "keys/set.json"), .remote(first), .remote(second), .remote(third),
            ])
        #expect(token.keys.map(\.position.line) == [4, 5, 6, 6, 7, 8, 9])
        #expect(token.secrets.isEmpty)
    }

    @Test("Every algorithm finds a key of its kind") func kinds() {
        for algorithm in SignatureAlgorithm.allCases {
            let isKeyed = algorithm.rawValue.hasPrefix("HS")
            let text = "algorithms \(algorithm.rawValue); "
            #expect(
                Bench.emptyJWT.complaints(about: text + "secret env:JWT_SECRET").isEmpty == isKeyed)
            #expect(
                Bench.emptyJWT.complaints(about: text + "public_key file:keys/issuer.pem").isEmpty
                    != isKeyed)
            #expect(
                Bench.emptyJWT.complaints(about: text + "jwks https://h.kr/").isEmpty != isKeyed)
            for key in ["jwk file:keys/issuer.jwk", "jwks file:keys/set.json"] {
                #expect(Bench.emptyJWT.complaints(about: text + key) == "")
            }
        }
    }

    @Test("An old secret may stay beside the new one") func rotation() throws {
        var desk = Desk.usual
        desk.variables["NEW"] = String(repeating: "n", count: 32)
        let text = "jwt j { algorithms HS256; secret env:NEW; secret env:JWT_SECRET; audience a }"
        let token = try #require(read(prelude + text, at: desk).settings).tokens[1]
        #expect(token.secrets.map(\.octets.count) == [32, 64])
    }
}
