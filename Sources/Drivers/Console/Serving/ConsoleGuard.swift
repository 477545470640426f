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
    /// Of attempts from one address that brought no token or a wrong one: who guesses gets nowhere
    /// at any rate, but shall not cost much. Whoever brings the token is let in, however often
    /// others have failed behind the same address.
    static let attempts = AttemptLimit(perSecond: 5, burst: 20)
    private static let addressCapacity = 1024

    /// Of the token; nil while there is no console.
    var tokenDigest: [UInt8]?
    private var limiter = AttemptLimiter(attempts, capacity: addressCapacity)

    /// Throws for who does not come in: 401, with the same words for everything that can be wrong,
    /// or 429.
    mutating func check(
        _ head: RequestHead, from address: SocketAddress, now: Instant
    ) throws(Refusal) {
        if bringsToken(head) { return }
        let client = ClientAddress(mappedOctets: address.mappedOctets)
        if let client, limiter.isOverLimit(client, now: now) {
            throw Refusal(
                .rateLimited, message: "Too many attempts failed; try again later",
                retryAfterSeconds: 1)
        }
        if let client { limiter.noteFailure(client, now: now) }
        throw Refusal(.unauthenticated, message: "The console's token is needed")
    }

    /// How many refusals are to be told with this one; nil when it is told with a later one.
    mutating func shouldLog(now: Instant) -> Int? { limiter.shouldLog(now: now) }

    /// Of `WWW-Authenticate` (RFC 6750 §3).
    static let challenge = "Bearer realm=\"gateway console\""

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
