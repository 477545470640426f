import Clock
import Endings
import Identity
import JWT
import Settings
import Testing

private func gate(_ rules: TokenSettings...) throws -> TokenGate {
    TokenGate(rules: try rules.map { try Authenticator($0) })
}

private func failure(
    _ gate: TokenGate, _ headers: KeyValuePairs<String, String>, query: String = ""
) -> TokenError? {
    do {
        _ = try ask(gate, headers, query: query)
        return nil
    } catch {
        guard case .token(let token) = error.reason else { return nil }
        return token
    }
}

private func ask(
    _ gate: TokenGate, _ headers: KeyValuePairs<String, String> = [:], query: String = "",
    _ circumstances: TokenGate.Circumstances = .init(date: now, now: .zero)
) throws(GateFailure) -> VerifiedIdentity? {
    var cache = VerifiedTokenCache()
    return try gate.authenticate(
        fields(headers), query: QueryString(query), circumstances, cache: &cache)?.identity
}

@Suite("Authentication of a route")
struct TokenGateTests {
    @Test("any one rule lets in, each with the token of its own places")
    func anyRule() throws {
        let gate = try gate(
            settings("one", secret: "first secret"),
            settings("two", secret: "second secret") { $0.from = [.bearer, .query("token")] })
        let first = try signed(#"{"sub":"a"}"#, secret: "first secret")
        let second = try signed(#"{"sub":"b"}"#, secret: "second secret")
        func identity(_ bearer: String, _ query: String) throws -> VerifiedIdentity? {
            try ask(gate, ["Authorization": "Bearer \(bearer)"], query: query)
        }
        #expect(try identity(first, "")?.rule == "one")
        #expect(try identity(second, "")?.rule == "two")
        #expect(try identity(second, "token=\(first)")?.rule == "two")
        let byQuery = try ask(gate, query: "token=\(second)")
        #expect(byQuery?.user == "b" && byQuery?.rule == "two")
    }

    @Test("of several errors the one that came furthest is told")
    func furthest() throws {
        let gate = try gate(
            settings("one", secret: "first secret"), settings("two", secret: "second secret"))
        let expired = try signed(#"{"exp":1}"#, secret: "second secret")
        let forged = try signed("{}", secret: "third secret")
        let other = try signed(header: #"{"alg":"HS512"}"#, "{}")
        #expect(failure(gate, ["Authorization": "Bearer \(expired)"]) == .expired)
        #expect(failure(gate, ["Authorization": "Bearer \(forged)"]) == .signature)
        #expect(failure(gate, ["Authorization": "Bearer \(other)"]) == .algorithm)
        #expect(failure(gate, ["Authorization": "Bearer x"]) == .malformed)
        #expect(failure(gate, [:]) == .missing)
        #expect(failure(try Self.reversed(), ["Authorization": "Bearer \(expired)"]) == .expired)
    }

    private static func reversed() throws -> TokenGate {
        try gate(settings("two", secret: "second secret"), settings("one", secret: "first secret"))
    }

    @Test("the first token that is present counts, also when a later one would be good")
    func firstPresent() throws {
        let gate = try gate(settings { $0.from = [.query("token"), .bearer] })
        let good = try signed("{}")
        let headers: KeyValuePairs = ["Authorization": "Bearer \(good)"]
        #expect(failure(gate, headers, query: "token=bad") == .malformed)
        #expect(failure(gate, headers, query: "token=") == nil)
    }

    @Test("every error is a refusal with its word, and a challenge without the token")
    func refusals() {
        for error in TokenError.allCases where error != .unverifiable {
            #expect(error.refusal.reason == .unauthenticated)
            #expect(error.refusal.status == 401)
            #expect(error.refusal.detail == error.rawValue)
            #expect(error.refusal.message == error.message)
        }
        #expect(TokenError.unverifiable.refusal.status == 500)
        #expect(TokenError.missing.challenge(realm: "app") == "Bearer realm=\"app\"")
        #expect(
            TokenError.expired.challenge(realm: "a\"\\\r\nb 접") == "Bearer realm=\"ab \", "
                + "error=\"invalid_token\", error_description=\"Token expired\"")
    }

    @Test("fields that carry identities are recognised in every spelling an upstream might fold")
    func fieldNames() {
        let names = IdentityFieldNames([settings(), settings { $0.userHeader = "X-User" }])
        let table: [(String, Bool)] = [
            ("X-Auth-User", true), ("x-auth-user", true), ("X_AUTH_USER", true), ("X-User", true),
            ("x_user", true), ("X-Auth-Role", true), ("X-Auth-Claims", true), ("X-Auth", false),
            ("X-Auth-Users", false), ("Authorization", false), ("", false),
            ("X.Auth.User", true), ("x~auth!user", true), ("X-Session-Id", true),
            ("x_session.id", true), ("XAuth-User", false),
        ]
        for (name, expected) in table {
            let isContained = names.contains(name.utf8.span)
            #expect(isContained == expected, "\(name)")
        }
        let isContained = IdentityFieldNames([]).contains("X-Auth-User".utf8.span)
        #expect(!isContained)
    }
}
