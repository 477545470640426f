import Bytes
package import JSON

/// A JWS in compact serialization (RFC 7515 §7.1) that carries a JWT (RFC 7519): `header.payload.
/// signature`, each base64url without padding.
///
/// Taking it apart proves nothing. The caller checks, in this order: `algorithm` against what the
/// configuration allows for its keys, `signature` over `signingInput`, and only then reads the
/// claims with `decodeClaims()` and judges them with `ClaimRules`. Keys a header names or holds
/// (`jwk`, `jku`, `x5u`, `x5c`, …) are never looked at (RFC 8725 §3.10).
package struct CompactToken: Sendable {
    /// The longest token that is looked at, in octets.
    package static let octetLimit = 8192

    /// `alg`, as the header claims it.
    package let algorithm: String
    /// `kid`: which of our keys it claims to be signed with, and nothing else (RFC 8725 §3.10).
    package let keyID: String?
    /// What the signature is over, in the span the token was read from.
    package let signingInput: Range<Int>
    /// Empty for what calls itself unsecured; no algorithm makes an empty signature.
    package let signature: [UInt8]
    /// The payload as it came, in base64url; its alphabet is checked, its content is not.
    package let encodedClaims: String
    private let payload: [UInt8]

    package init(_ token: Span<UInt8>) throws(TokenError) {
        guard token.count <= Self.octetLimit, let segments = Self.segments(of: token),
            let headerText = Base64.decodeURL(token.extracting(segments.header)),
            let payload = Base64.decodeURL(token.extracting(segments.payload)),
            let signature = Base64.decodeURL(token.extracting(segments.signature))
        else { throw .malformed }
        let header = try Self.object(headerText.span)
        guard let algorithm = header["alg"]?.string, !algorithm.isEmpty, Self.isPlainJWT(header)
        else { throw .malformed }
        self.algorithm = algorithm
        keyID = try Self.keyID(of: header)
        signingInput = 0..<segments.payload.upperBound
        self.signature = signature
        encodedClaims = token.extracting(segments.payload).text
        self.payload = payload
    }

    /// The claims set. To be called only once the signature is known to be good.
    package func decodeClaims() throws(TokenError) -> JSONObject { try Self.object(payload.span) }

    /// A token with these claims; `sign` makes the signature over the signing input.
    package static func encode<Failure>(
        header: JSONObject, claims: JSONObject, sign: (Span<UInt8>) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [UInt8] {
        var text: [UInt8] = []
        text.appendJSON(header)
        var token = Base64.encodeURL(text.span)
        text.removeAll(keepingCapacity: true)
        text.appendJSON(claims)
        token.append(separator)
        token += Base64.encodeURL(text.span)
        let signature = try sign(token.span)
        token.append(separator)
        token += Base64.encodeURL(signature.span)
        return token
    }

    /// A text, if it is there at all (RFC 7515 §4.1.4).
    private static func keyID(of header: JSONObject) throws(TokenError) -> String? {
        guard let value = header["kid"] else { return nil }
        guard let name = value.string else { throw .malformed }
        return name
    }

    private static let separator = UInt8(ascii: ".")

    private typealias Segments = (header: Range<Int>, payload: Range<Int>, signature: Range<Int>)

    private static func segments(of token: Span<UInt8>) -> Segments? {
        guard let first = token.firstIndex(of: separator),
            let second = token.firstIndex(of: separator, from: first + 1),
            token.firstIndex(of: separator, from: second + 1) == nil
        else { return nil }
        return (0..<first, first + 1..<second, second + 1..<token.count)
    }

    private static func object(_ text: Span<UInt8>) throws(TokenError) -> JSONObject {
        do {
            guard let object = try JSONValue.decode(text).object else { throw TokenError.malformed }
            return object
        } catch {
            throw .malformed
        }
    }

    /// False for headers that change what the rest means: extensions that must be understood
    /// (`crit`, RFC 7515 §4.1.11; `b64`, RFC 7797), and a `typ` that names another kind of JWT
    /// (RFC 8725 §3.11), such as `logout+jwt`. Any other `typ` is ignored (RFC 7519 §5.1).
    private static func isPlainJWT(_ header: JSONObject) -> Bool {
        if header.contains("crit") || header.contains("b64") { return false }
        guard let type = header["typ"] else { return true }
        guard let name = type.string?.lowercased() else { return false }
        return !name.hasSuffix("+jwt") || name == "at+jwt" || name == "application/at+jwt"
    }
}
