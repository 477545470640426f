import Bytes
import Crypto
import Identity
import JWT

/// How header and token are written (RFC 7515 §4, §5.2, §7.1).
extension RefusedToken {
    static let headers: [RefusedToken] =
        [
            "", "{", "null", "[]", "\"HS256\"", "7", "{}", #"{"typ":"JWT"}"#, #"{"alg":null}"#,
            #"{"alg":256}"#, #"{"alg":["HS256"]}"#, #"{"alg":{"HS256":1}}"#, #"{"alg":""}"#,
            #"{"ALG":"HS256"}"#, #"{"alg":"HS256","alg":"HS256"}"#,
            #"{"alg":"none","alg":"HS256"}"#, #"{"alg":"HS256","\u0061lg":"none"}"#,
            #"{"alg":"HS256","kid":"hmac","kid":"rsa"}"#, #"{"alg":"HS256"} {}"#,
            #"{"alg":"HS256",}"#, #"{"alg":"HS256""#, #"{'alg':'HS256'}"#, #"{alg:"HS256"}"#,
            "\u{FEFF}{\"alg\":\"HS256\"}", "{\"alg\":\"HS256\"}\u{0}", #"{"alg":"HS256\n"#,
            #"{"alg":"HS256","x":"\ud800"}"#, #"{"alg":"HS256","x":01}"#,
            #"{"alg":"HS256","kid":7}"#, #"{"alg":"HS256","kid":null}"#,
            #"{"alg":"HS256","kid":["hmac"]}"#, #"{"alg":"HS256","kid":{"hmac":1}}"#,
            #"{"alg":"HS256","crit":["exp"],"exp":1900000000}"#, #"{"alg":"HS256","crit":[]}"#,
            #"{"alg":"HS256","crit":null}"#, #"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            #"{"alg":"HS256","crit":["kid"],"kid":"hmac"}"#, #"{"alg":"HS256","b64":false}"#,
            #"{"alg":"HS256","b64":true}"#, #"{"alg":"HS256","typ":"logout+jwt"}"#,
            #"{"alg":"HS256","typ":"secevent+JWT"}"#, #"{"alg":"HS256","typ":"dpop+jwt"}"#,
            #"{"alg":"HS256","typ":7}"#, #"{"alg":"HS256","typ":["JWT"]}"#,
        ].map { RefusedToken(header: $0, .malformed) }
        + [
            RefusedToken("a header that is not UTF-8", .malformed) {
                let header = Array("{\"alg\":\"HS256\",\"x\":\"".utf8) + [0xC0, 0x80, 0x22, 0x7D]
                return try token(header, Array(Issuer.claims().utf8), by: .secret)
            },
            RefusedToken("a header nested too deeply", .malformed) {
                let deep =
                    String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000)
                return try token("{\"alg\":\"HS256\",\"x\":\(deep)}", by: .secret)
            },
        ]

    static let forms: [RefusedToken] = [
        RefusedToken(respelt: "padding") { token, _ in token + "==" },
        RefusedToken(respelt: "padding of the header") { _, parts in
            "\(parts[0])=.\(parts[1]).\(parts[2])"
        },
        RefusedToken(respelt: "a dot behind") { token, _ in token + "." },
        RefusedToken(respelt: "a dot in front") { token, _ in "." + token },
        RefusedToken(respelt: "two dots") { _, parts in "\(parts[0])..\(parts[1]).\(parts[2])" },
        RefusedToken(respelt: "a space behind") { token, _ in token + " " },
        RefusedToken(respelt: "a space in front") { token, _ in " " + token },
        RefusedToken(respelt: "a line break behind") { token, _ in token + "\n" },
        RefusedToken(respelt: "a line break inside") { _, parts in
            "\(parts[0]).\r\n\(parts[1]).\(parts[2])"
        },
        RefusedToken(respelt: "a zero behind") { token, _ in token + "\u{0}" },
        RefusedToken(respelt: "the scheme in front") { token, _ in "Bearer " + token },
        RefusedToken(respelt: "in quotes") { token, _ in "\"\(token)\"" },
        RefusedToken(respelt: "twice") { token, _ in "\(token),\(token)" },
        RefusedToken(respelt: "without signature") { _, parts in "\(parts[0]).\(parts[1])" },
        RefusedToken(respelt: "header and signature") { _, parts in "\(parts[0]).\(parts[2])" },
        RefusedToken(respelt: "header alone") { _, parts in parts[0] },
        RefusedToken(respelt: "nothing") { _, _ in "" },
        RefusedToken(respelt: "dots alone") { _, _ in ".." },
        RefusedToken(respelt: "without header") { _, parts in ".\(parts[1]).\(parts[2])" },
        RefusedToken(respelt: "four parts") { token, parts in "\(token).\(parts[2])" },
        RefusedToken(respelt: "five parts, as if encrypted") { token, _ in "\(token).AAAA.AAAA" },
        RefusedToken(respelt: "dots in percent-encoding") { token, _ in
            token.replacing(".", with: "%2E")
        },
        RefusedToken(respelt: "the alphabet of standard Base64") { _, parts in
            "\(parts[0]).\(parts[1]).\(parts[2].dropLast(4))+/+A"
        },
        RefusedToken(respelt: "a character of no alphabet") { _, parts in
            "\(parts[0]).\(parts[1])!.\(parts[2])"
        },
        RefusedToken(respelt: "a letter from elsewhere") { _, parts in
            "\(parts[0]).\(parts[1]).\(parts[2].dropLast())А"
        },
        RefusedToken(respelt: "an impossible length") { token, _ in token + "AAA" },
        RefusedToken(respelt: "bits behind the last octet") { token, _ in
            // 64 octets leave four bits over, which are zero.
            let last = token.suffix(1)
            let next = ["A": "B", "Q": "R", "g": "h", "w": "x"][last] ?? "_"
            return token.dropLast() + next
        },
        RefusedToken(respelt: "the JSON serialization") { _, parts in
            "{\"protected\":\"\(parts[0])\",\"payload\":\"\(parts[1])\","
                + "\"signature\":\"\(parts[2])\"}"
        },
        RefusedToken(respelt: "not encoded") { _, parts in
            #"{"alg":"EdDSA","kid":"ed25519"}."# + Issuer.claims() + ".\(parts[2])"
        },
        RefusedToken("more than 8 KiB", .malformed) {
            let long = "\"\(String(repeating: "x", count: 6200))\""
            return try token(
                #"{"alg":"EdDSA"}"#, Issuer.claims(["x": long]), by: .ed25519)
        },
        RefusedToken("a megabyte", .malformed) { String(repeating: "A", count: 1 << 20) },
        RefusedToken("not UTF-8", .malformed) {
            String(decoding: [0xFF, 0x2E, 0xFE, 0x2E, 0xFD] as [UInt8], as: UTF8.self)
        },
    ]
}
