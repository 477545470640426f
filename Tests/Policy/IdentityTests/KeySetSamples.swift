import PublishedKeys

/// Keys in JSON.
enum KeySetSamples {
    static func curveKey(_ keyID: String) -> String {
        #"{"kid":"\#(keyID)",\#(RFC7517.A1.members)}"#
    }

    /// A point that is not on its curve.
    static let wrongPoint =
        #"{"kty":"EC","crv":"P-256","kid":"wrong","#
        + #""x":"\#(RFC7517.A1.x)","y":"\#(RFC7517.A1.x)"}"#

    static let edwardsKey = #"{"kid":"ed",\#(RFC8037.A2.members)}"#

    static let secret =
        #"{"kty":"oct","kid":"secret","k":"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA"}"#

    /// RFC 7517 A.1 in the other form.
    static let publicPEM = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMKBCTNIcKUSDii11ySs3526iDZ8A
        iTo7Tu6KPAqv7D7gS2XpJFbZiItSs3m9+9Ue6GnvHw/GW2ZZaVtszggXIw==
        -----END PUBLIC KEY-----
        """

    static func set(_ keys: [String]) -> String { #"{"keys":[\#(keys.joined(separator: ","))]}"# }
}
