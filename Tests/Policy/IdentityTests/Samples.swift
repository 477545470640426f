import Bytes
import Clock
import Crypto
import HTTP
import Identity
import JSON
import JWT
import Settings

let secretText = "a secret that is as long as the hash"
let now = WallTime(seconds: 1_800_000_000)

func settings(
    _ name: String = "app", secret: String = secretText,
    algorithms: [SignatureAlgorithm] = [.hs256],
    _ change: (inout TokenSettings) -> Void = { _ in }
) -> TokenSettings {
    var settings = TokenSettings(
        name: name, algorithms: algorithms, secret: Secret(Array(secret.utf8)))
    change(&settings)
    return settings
}

func object(_ text: String) throws -> JSONObject {
    try JSONValue.decode(text.utf8.span).object ?? JSONObject()
}

func segment(_ octets: [UInt8]) -> String {
    let encoded = Base64.encodeURL(octets.span)
    return encoded.text(0..<encoded.count)
}

/// A token whose header and payload say anything, with a true signature of `algorithm`.
func signed(
    header: String = #"{"alg":"HS256"}"#, _ payload: [UInt8], secret: String = secretText,
    algorithm: HMACKey.Algorithm = .sha256
) throws -> String {
    let input = segment(Array(header.utf8)) + "." + segment(payload)
    let key = try HMACKey(algorithm, secret: secret.utf8.span)
    return try input + "." + segment(key.authenticationCode(for: input.utf8.span))
}

func signed(
    header: String = #"{"alg":"HS256"}"#, _ payload: String, secret: String = secretText,
    algorithm: HMACKey.Algorithm = .sha256
) throws -> String {
    try signed(header: header, Array(payload.utf8), secret: secret, algorithm: algorithm)
}

func authenticate(
    _ token: String, _ settings: TokenSettings = settings(), at moment: WallTime = now
) throws -> VerifiedIdentity {
    try Authenticator(settings).authenticate(token.utf8.span, now: moment)
}

/// The error of authenticating, or nil.
func failure(
    _ token: String, _ settings: TokenSettings = settings(), at moment: WallTime = now
) throws -> TokenError? {
    let authenticator = try Authenticator(settings)
    do {
        _ = try authenticator.authenticate(token.utf8.span, now: moment)
        return nil
    } catch {
        return error
    }
}

func fields(_ pairs: KeyValuePairs<String, String>) -> Fields {
    Fields(pairs.map { (name: $0.key, value: $0.value) })
}
