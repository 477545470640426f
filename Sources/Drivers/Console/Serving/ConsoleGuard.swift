import Bytes
import Clock
import Crypto
import Endings
import HTTP
import Identity
import Settings
import Transport

/// Lets in who brings the token, before anything else is looked at.
struct ConsoleGuard {
    /// The limit of attempts from one address without the right token: guessing gets nowhere at any
    /// rate, but shall not cost much. A client with the right token is let in, however often others
    /// have failed behind the same address.
    static let attempts = AttemptLimit(perSecond: 5, burst: 20)
    private static let addressCapacity = 1024

    /// The digest of the token; nil while there is no console.
    var tokenDigest: [UInt8]?
    private var limiter = AttemptLimiter(attempts, capacity: addressCapacity)

    /// Throws for who does not come in: 401, which tells a token that is not there from one that is
    /// wrong, and nothing else, or 429.
    mutating func check(
        _ head: RequestHead, from address: SocketAddress, now: Instant
    ) throws(Refusal) {
        if bringsToken(head) { return }
        let client = ClientAddress(mappedOctets: address.mappedOctets)
        if let client, limiter.isOverLimit(client, now: now) {
            throw Refusal(
                .rateLimited, message: "Too many failed attempts; try again later",
                retryAfterSeconds: 1)
        }
        if let client { limiter.noteFailure(client, now: now) }
        throw head.fields.contains(.authorization) ? Self.wrong : Self.missing
    }

    private static let missing = Refusal(
        .unauthenticated,
        message: "The console's token is missing: send 'Authorization: Bearer TOKEN'")
    private static let wrong = Refusal(
        .unauthenticated, detail: "token_invalid",
        message: "The token in 'Authorization' is not the console's (expected 'Bearer TOKEN')")

    /// How many refusals are to be told with this one; nil when it is told with a later one.
    mutating func shouldLog(now: Instant) -> Int? { limiter.shouldLog(now: now) }

    /// The value of `WWW-Authenticate` (RFC 6750 §3); nil for a refusal that is not about a token.
    static func challenge(of refusal: Refusal) -> String? {
        guard refusal.status == 401 else { return nil }
        let error = refusal == wrong ? ", error=\"invalid_token\"" : ""
        return "Bearer realm=\"gateway console\"" + error
    }

    private func bringsToken(_ head: RequestHead) -> Bool {
        let fields = head.fields
        guard let tokenDigest, fields.count(of: .authorization) == 1,
            let range = fields.range(of: .authorization)
        else { return false }
        let scheme = "bearer "
        let value = fields.bytes.span.extracting(range)
        guard value.count > scheme.utf8.count,
            value.extracting(0..<scheme.utf8.count).matchesIgnoringCase(scheme)
        else { return false }
        let token = value.trimmingWhitespace(scheme.utf8.count..<value.count)
        guard let digest = try? Digest.sha256(value.extracting(token)) else { return false }
        return constantTimeEquals(digest.span, tokenDigest.span)
    }
}
