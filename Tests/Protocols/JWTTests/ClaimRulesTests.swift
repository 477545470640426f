import JSON
import JWT
import Testing

private let now = NumericDate(seconds: 1_000_000)

private func outcome(
    _ claims: String, issuer: String? = nil, audiences: [String] = [], leeway: Int64 = 30,
    now: NumericDate = now
) throws -> Result<NumericDate?, TokenError> {
    var rules = ClaimRules()
    rules.issuer = issuer
    rules.audiences = audiences
    rules.leewaySeconds = leeway
    let claims = try object(claims)
    return Result { () throws(TokenError) in try rules.check(claims, now: now) }
}

private func verdict(
    _ claims: String, issuer: String? = nil, audiences: [String] = [], leeway: Int64 = 30
) throws -> TokenError? {
    switch try outcome(claims, issuer: issuer, audiences: audiences, leeway: leeway) {
    case .success: nil
    case .failure(let error): error
    }
}

@Suite("Rules about claims")
struct ClaimRulesTests {
    @Test(
        "a token is accepted from nbf and iat minus the leeway until exp plus the leeway",
        arguments: [
            ("{}", nil),
            (#"{"exp":1000001}"#, nil), (#"{"exp":1000000}"#, nil), (#"{"exp":999971}"#, nil),
            (#"{"exp":999970.5}"#, nil), (#"{"exp":999970}"#, .expired),
            (#"{"exp":999969.999}"#, .expired), (#"{"exp":0}"#, .expired),
            (#"{"exp":-1}"#, .expired), (#"{"exp":-0}"#, .expired),
            (#"{"nbf":1000000}"#, nil), (#"{"nbf":1000030}"#, nil),
            (#"{"nbf":1000030.001}"#, .notYetValid), (#"{"nbf":1000031}"#, .notYetValid),
            (#"{"iat":1000030}"#, nil), (#"{"iat":1000031}"#, .notYetValid),
            (#"{"iat":0,"nbf":0,"exp":1e7}"#, nil),
            (#"{"nbf":1000031,"exp":5}"#, .notYetValid),
        ] as [(String, TokenError?)])
    func dates(claims: String, expected: TokenError?) throws {
        #expect(try verdict(claims) == expected)
    }

    @Test("without leeway the edges are the dates themselves")
    func noLeeway() throws {
        #expect(try verdict(#"{"exp":1000001,"nbf":1000000}"#, leeway: 0) == nil)
        #expect(try verdict(#"{"exp":1000000}"#, leeway: 0) == .expired)
        #expect(try verdict(#"{"nbf":1000001}"#, leeway: 0) == .notYetValid)
        let later = NumericDate(seconds: 1_000_000, nanoseconds: 500_000_000)
        let half = try outcome(#"{"exp":1000000.5}"#, leeway: 0, now: later)
        #expect(half == .failure(.expired))
        #expect(try outcome("{\"exp\":1000000.75}", leeway: 0, now: later).get() != nil)
    }

    @Test(
        "dates beyond all calendars neither overflow nor wrap around",
        arguments: [
            (#"{"exp":9223372036854775807}"#, nil), (#"{"exp":1e400}"#, nil),
            (#"{"exp":99999999999999999999999999}"#, nil), (#"{"exp":253402300800}"#, nil),
            (#"{"exp":-9223372036854775808}"#, .expired), (#"{"exp":-1e400}"#, .expired),
            (#"{"nbf":-1e400,"iat":-9223372036854775808}"#, nil),
            (#"{"nbf":1e400}"#, .notYetValid), (#"{"iat":9223372036854775807}"#, .notYetValid),
            (#"{"exp":1e-400}"#, .expired),
        ] as [(String, TokenError?)])
    func hugeDates(claims: String, expected: TokenError?) throws {
        #expect(try verdict(claims) == expected)
        #expect(try verdict(claims, leeway: 0) == expected)
    }

    @Test(
        "a fraction counts forwards, also before 1970",
        arguments: [
            ("0", 0, 0), ("1.5", 1, 500_000_000), ("-1.5", -2, 500_000_000), ("-1.0", -1, 0),
            ("-0.25", -1, 750_000_000), ("1e2", 100, 0), ("253402300799.5", 253_402_300_799, 0),
        ] as [(String, Int64, Int32)])
    func fractions(text: String, seconds: Int64, nanoseconds: Int32) throws {
        let value = try #require(try object("{\"a\":\(text)}")["a"])
        let expected = NumericDate(seconds: seconds, nanoseconds: nanoseconds)
        #expect(NumericDate(value) == expected)
    }

    @Test("a leeway beyond all sense does not overflow", arguments: [Int64.max, Int64.min])
    func hugeLeeway(leeway: Int64) throws {
        let expected: TokenError? = leeway > 0 ? nil : .notYetValid
        #expect(try verdict(#"{"exp":1e400,"nbf":0}"#, leeway: leeway) == expected)
    }

    @Test(
        "dates that are no numbers are refused",
        arguments: ["\"1000001\"", "null", "true", "[1000001]", "{}", "\"\""])
    func dateForms(value: String) throws {
        for name in ["exp", "nbf", "iat"] {
            #expect(try verdict("{\"\(name)\":\(value)}") == .claim)
        }
    }

    @Test("the end that is told is exp plus the leeway, at most the end of the year 9999")
    func end() throws {
        #expect(try outcome("{}").get() == nil)
        #expect(try outcome(#"{"exp":1000001}"#).get() == NumericDate(seconds: 1_000_031))
        #expect(
            try outcome(#"{"exp":1000001.25}"#).get()
                == NumericDate(seconds: 1_000_031, nanoseconds: 250_000_000))
        #expect(try outcome(#"{"exp":1e400}"#).get() == NumericDate(seconds: 253_402_300_799))
    }

    @Test(
        "the issuer must be exactly the one",
        arguments: [
            (#"{"iss":"https://a"}"#, nil), (#"{"iss":"https://a/"}"#, .issuer),
            (#"{"iss":"HTTPS://a"}"#, .issuer), ("{}", .issuer), (#"{"iss":null}"#, .issuer),
            (#"{"iss":["https://a"]}"#, .issuer), (#"{"iss":""}"#, .issuer),
        ] as [(String, TokenError?)])
    func issuer(claims: String, expected: TokenError?) throws {
        #expect(try verdict(claims, issuer: "https://a") == expected)
        #expect(try verdict(claims) == nil)
    }

    @Test(
        "the audience must name one of ours, alone or among others",
        arguments: [
            (#"{"aud":"app"}"#, nil), (#"{"aud":["app"]}"#, nil), (#"{"aud":["x","web"]}"#, nil),
            (#"{"aud":"x"}"#, .audience), (#"{"aud":["x","y"]}"#, .audience),
            (#"{"aud":[]}"#, .audience), ("{}", .audience), (#"{"aud":"app,web"}"#, .audience),
            (#"{"aud":"APP"}"#, .audience), (#"{"aud":7}"#, .claim), (#"{"aud":null}"#, .claim),
            (#"{"aud":{"app":1}}"#, .claim), (#"{"aud":["app",7]}"#, .claim),
            (#"{"aud":[["app"]]}"#, .claim),
        ] as [(String, TokenError?)])
    func audience(claims: String, expected: TokenError?) throws {
        #expect(try verdict(claims, audiences: ["app", "web"]) == expected)
        #expect(try verdict(claims) == nil)
    }

    @Test("who a token is for is checked before when")
    func order() throws {
        let claims = #"{"iss":"b","aud":"x","exp":1}"#
        #expect(try verdict(claims, issuer: "a", audiences: ["y"]) == .issuer)
        #expect(try verdict(claims, issuer: "b", audiences: ["y"]) == .audience)
        #expect(try verdict(claims, issuer: "b", audiences: ["x"]) == .expired)
    }

    @Test("every error has its word and its sentence")
    func words() {
        #expect(
            Set(TokenError.allCases.map(\.rawValue)) == [
                "token_missing", "token_malformed", "token_algorithm", "token_signature",
                "token_expired", "token_not_yet_valid", "token_issuer", "token_audience",
                "token_claim", "token_missing_claim", "token_too_old", "token_unknown_key",
                "token_unverifiable",
            ])
        #expect(TokenError.expired.message == "Token expired")
        #expect(Set(TokenError.allCases.map(\.message)).count == TokenError.allCases.count)
        #expect(TokenError.missing.progress < TokenError.malformed.progress)
        #expect(TokenError.signature.progress < TokenError.expired.progress)
    }
}
