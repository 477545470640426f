import Bytes
import JSON
import JWT

func base64URL(_ octets: [UInt8]) -> String {
    String(decoding: Base64.encodeURL(octets.span), as: UTF8.self)
}

/// A token with whatever stands in header and payload, and a signature nobody checks.
func token(
    header: String = #"{"alg":"HS256"}"#, payload: String = "{}", signature: [UInt8] = [1, 2, 3]
) -> String {
    base64URL(Array(header.utf8)) + "." + base64URL(Array(payload.utf8)) + "."
        + base64URL(signature)
}

func object(_ text: String) throws -> JSONObject {
    try JSONValue.decode(text.utf8.span).object ?? JSONObject()
}

/// The error of taking `text` apart and reading its claims, or nil.
func failure(_ text: String) -> TokenError? {
    failure(Array(text.utf8))
}

func failure(_ octets: [UInt8]) -> TokenError? {
    do {
        _ = try CompactToken(octets.span).decodeClaims()
        return nil
    } catch {
        return error
    }
}
