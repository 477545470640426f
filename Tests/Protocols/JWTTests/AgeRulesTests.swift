import JSON
import JWT
import Testing

private func outcome(
    _ claims: String, maxAge: Int64? = nil, required: [String] = [], leeway: Int64 = 30
) throws -> Result<NumericDate?, TokenError> {
    var rules = ClaimRules()
    rules.maxAgeSeconds = maxAge
    rules.requiredClaims = required
    rules.leewaySeconds = leeway
    let claims = try object(claims)
    return Result { () throws(TokenError) in
        try rules.check(claims, now: NumericDate(seconds: 1_000_000))
    }
}

private func verdict(
    _ claims: String, maxAge: Int64? = nil, required: [String] = [], leeway: Int64 = 30
) throws -> TokenError? {
    switch try outcome(claims, maxAge: maxAge, required: required, leeway: leeway) {
    case .success: nil
    case .failure(let error): error
    }
}

@Suite("Rules about the age of tokens and about claims that must be there")
struct AgeRulesTests {
    @Test(
        "a token is too old from iat plus the age plus the leeway on",
        arguments: [
            (#"{"iat":999900}"#, 100, 30, nil), (#"{"iat":999871}"#, 100, 30, nil),
            (#"{"iat":999870.5}"#, 100, 30, nil), (#"{"iat":999870}"#, 100, 30, .tooOld),
            (#"{"iat":999900.5}"#, 100, 0, nil), (#"{"iat":999900}"#, 100, 0, .tooOld),
            (#"{"iat":0}"#, 100, 30, .tooOld), (#"{"iat":-1e400}"#, 100, 30, .tooOld),
            (#"{"iat":1000030}"#, 0, 30, nil), (#"{"iat":1000031}"#, 100, 30, .notYetValid),
            (#"{"iat":1e400}"#, 100, 30, .notYetValid),
            (#"{"iat":0}"#, Int64.max, 30, nil), (#"{"iat":0}"#, Int64.min, 30, .tooOld),
            ("{}", 100, 30, .missingClaim), (#"{"exp":2e6}"#, 100, 30, .missingClaim),
            (#"{"iat":"999990"}"#, 100, 30, .claim), (#"{"iat":null}"#, 100, 30, .claim),
            (#"{"iat":0,"exp":1}"#, 100, 30, .expired), (#"{"iat":0,"exp":2e6}"#, 100, 30, .tooOld),
        ] as [(String, Int64, Int64, TokenError?)])
    func age(claims: String, maxAge: Int64, leeway: Int64, expected: TokenError?) throws {
        #expect(try verdict(claims, maxAge: maxAge, leeway: leeway) == expected)
        if expected == .missingClaim || expected == .tooOld {
            #expect(try verdict(claims, leeway: leeway) == nil)
        }
    }

    @Test("the end that is told is the earlier one of exp and the age")
    func end() throws {
        let both = #"{"iat":999990,"exp":1000100}"#
        #expect(try outcome(both).get() == NumericDate(seconds: 1_000_130))
        #expect(try outcome(both, maxAge: 60).get() == NumericDate(seconds: 1_000_080))
        #expect(try outcome(both, maxAge: 600).get() == NumericDate(seconds: 1_000_130))
        #expect(
            try outcome(#"{"iat":999990.25}"#, maxAge: 60, leeway: 0).get()
                == NumericDate(seconds: 1_000_050, nanoseconds: 250_000_000))
    }

    @Test(
        "claims that are required are there and not null",
        arguments: [
            (#"{"sub":"a","jti":"b"}"#, nil), (#"{"sub":"a","jti":""}"#, nil),
            (#"{"sub":[],"jti":0}"#, nil), (#"{"sub":false,"jti":{}}"#, nil),
            (#"{"sub":"a"}"#, .missingClaim), (#"{"jti":"a"}"#, .missingClaim),
            ("{}", .missingClaim),
            (#"{"sub":"a","jti":null}"#, .missingClaim), (#"{"sub":"a","JTI":"b"}"#, .missingClaim),
            (#"{"sub":"a","\u006ati":"b"}"#, nil),
        ] as [(String, TokenError?)])
    func required(claims: String, expected: TokenError?) throws {
        #expect(try verdict(claims, required: ["sub", "jti"]) == expected)
        #expect(try verdict(claims) == nil)
    }

    @Test("exp can be required, and still has its own rules")
    func requiredExpiry() throws {
        #expect(try verdict("{}", required: ["exp"]) == .missingClaim)
        #expect(try verdict(#"{"exp":1}"#, required: ["exp"]) == .expired)
        #expect(try verdict(#"{"exp":2e6}"#, required: ["exp"]) == nil)
    }
}
