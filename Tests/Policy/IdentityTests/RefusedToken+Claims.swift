import Identity
import JWT

/// What the token says, truly signed (RFC 7519 §4.1, §7.2).
extension RefusedToken {
    static let claims: [RefusedToken] =
        [
            "", "null", "[]", "7", "true", "\"{}\"", "{", "{}{}", "{} x", "{'sub':'7'}",
            #"{"sub":"7","sub":"8"}"#, #"{"sub":"7","s\u0075b":"8"}"#, #"{"a":{"b":1,"b":2}}"#,
            #"{"sub":"\ud800"}"#, #"{"exp":01}"#, #"{"exp":1.}"#, #"{"exp":NaN}"#,
            #"{"exp":Infinity}"#, #"{"exp":0x7fffffff}"#, #"{"exp":+1}"#, "\u{FEFF}{}",
            "{\"sub\":\"\u{1}\"}", "{\"sub\":\"7\"}\u{0}", "{\"a\":1,}",
        ].map { RefusedToken(payload: $0, .malformed) }
        + issuers + dates + others

    private static let issuers: [RefusedToken] =
        [
            nil, "\"https://auth.example.kr/\"", "\"HTTPS://AUTH.EXAMPLE.KR\"", "\"\"", "null", "7",
            "[\"https://auth.example.kr\"]", "\"https://auth.example.kr.evil\"",
            "\" https://auth.example.kr\"",
        ].map { RefusedToken(["iss": $0], .issuer) }
        + [
            nil, "\"board\"", "[]", "[\"board\"]", "\"HOSPITAL\"", "\"hospital,board\"",
            "\"hospital \"", "\"hosp\"", "\"\"",
        ].map { RefusedToken(["aud": $0], .audience) }
        + ["7", "null", "true", "{\"hospital\":1}", "[7]", "[\"hospital\",7]", "[[\"hospital\"]]"]
        .map { RefusedToken(["aud": $0], .claim) }

    private static let dates: [RefusedToken] =
        ["1799999970", "1799999970.0", "1", "0", "-1", "-0", "1e-9", "-1e400", "1799999969.999"]
        .map { RefusedToken(["exp": $0], .expired) }
        + ["1800000031", "1800000030.5", "99999999999999999999", "1e300", "1e400"].flatMap {
            [
                RefusedToken(["nbf": $0], .notYetValid),
                RefusedToken(["iat": $0], .notYetValid),
            ]
        }
        + ["1799996370", "0", "-1", "-1e400", "1799996369.5"].map {
            RefusedToken(["iat": $0], .tooOld)
        }
        + ["\"1900000000\"", "true", "[1900000000]", "{}", "\"\""].flatMap {
            [
                RefusedToken(["exp": $0], .claim), RefusedToken(["nbf": $0], .claim),
                RefusedToken(["iat": $0], .claim),
            ]
        }

    private static let others: [RefusedToken] =
        [
            RefusedToken(["exp": nil], .missingClaim), RefusedToken(["exp": "null"], .missingClaim),
            RefusedToken(["iat": nil], .missingClaim), RefusedToken(["iat": "null"], .claim),
            RefusedToken(["sub": nil], .missingClaim), RefusedToken(["sub": "null"], .missingClaim),
            RefusedToken(["sub": nil, "SUB": "\"7\""], .missingClaim),
        ]
        + [
            "\"7\\r\\nX-Auth-Role: admin\"", "\"7\\u0000\"", "\" 7\"", "\"7\\t\"", "\"\\u007f\"",
            "[\"7\"]", "{\"id\":7}",
        ].map { RefusedToken(["sub": $0], .claim) }
        + ["\"admin \"", "[\"nurse\",\"\\nadmin\"]", "[[\"admin\"]]", "{\"admin\":1}", "[null]"]
        .map { RefusedToken(["role": $0], .claim) }
}
