/// Keys in JSON.
enum KeySetSamples {
    /// RFC 7517 A.1.
    static func curveKey(_ keyID: String) -> String {
        #"{"kty":"EC","crv":"P-256","kid":"\#(keyID)","#
            + #""x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","#
            + #""y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#
    }

    /// A point that is not on its curve.
    static let wrongPoint =
        #"{"kty":"EC","crv":"P-256","kid":"wrong","#
        + #""x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","#
        + #""y":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"}"#

    /// RFC 8037 A.2.
    static let edwardsKey =
        #"{"kty":"OKP","crv":"Ed25519","kid":"ed","#
        + #""x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#

    static let secret =
        #"{"kty":"oct","kid":"secret","k":"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA"}"#

    static let publicPEM = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMKBCTNIcKUSDii11ySs3526iDZ8A
        iTo7Tu6KPAqv7D7gS2XpJFbZiItSs3m9+9Ue6GnvHw/GW2ZZaVtszggXIw==
        -----END PUBLIC KEY-----
        """

    static func set(_ keys: [String]) -> String { #"{"keys":[\#(keys.joined(separator: ","))]}"# }
}
