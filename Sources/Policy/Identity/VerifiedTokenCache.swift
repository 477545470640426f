package import Clock
import Crypto
package import JWT

/// Tokens that were verified lately, so that a rush of the same ones (everybody comes back after a
/// cut) costs a hash each instead of a signature. One owner, one thread.
///
/// It holds no token, only fingerprints and what the tokens said. A token that was refused is not
/// remembered: forged ones must not push out the true.
package struct VerifiedTokenCache: Sendable {
    /// How long an entry is believed without asking the key again.
    package static let lifetimeSeconds: Int64 = 60
    package static let standardEntryLimit = 4096
    package static let standardOctetLimit = 4 * 1024 * 1024

    private struct Entry: Sendable {
        var identity: VerifiedIdentity
        var stored: WallTime
        var end: WallTime
    }

    /// One half of the cache; two take turns, so that forgetting costs nothing: whatever was not
    /// asked for in a whole turn is dropped at once.
    private struct Half: Sendable {
        var entries: [TokenFingerprint: Entry] = [:]
        /// Of the claims as they came.
        var octets = 0
        var begun = WallTime(seconds: 0)
    }

    private let entryLimit: Int
    private let octetLimit: Int
    private var young = Half()
    private var old = Half()
    package private(set) var hits = 0
    package private(set) var misses = 0

    /// Holds at most `entryLimit` tokens, and those whose claims have at most `octetLimit` octets
    /// together.
    package init(
        entryLimit: Int = standardEntryLimit, octetLimit: Int = standardOctetLimit
    ) {
        self.entryLimit = entryLimit
        self.octetLimit = octetLimit
    }

    package var count: Int { young.entries.count + old.entries.count }

    /// What `authenticator` says of `token`, from memory where it was asked within the last
    /// `lifetimeSeconds` and the token has not expired since.
    package mutating func authenticate(
        _ token: Span<UInt8>, by authenticator: Authenticator, now: WallTime
    ) throws(TokenError) -> VerifiedIdentity {
        guard entryLimit > 0, token.count <= CompactToken.octetLimit,
            let fingerprint = try? authenticator.fingerprint(of: token)
        else { return try authenticator.authenticate(token, now: now) }
        if let identity = identity(fingerprint, now: now) {
            hits += 1
            return identity
        }
        misses += 1
        let identity = try authenticator.authenticate(token, now: now)
        store(identity, fingerprint, now: now)
        return identity
    }

    private mutating func identity(
        _ fingerprint: TokenFingerprint, now: WallTime
    ) -> VerifiedIdentity? {
        var isOld = false
        var found = young.entries[fingerprint]
        if found == nil {
            found = old.entries[fingerprint]
            isOld = true
        }
        // A clock that was set back makes the past the future: then nothing is remembered.
        guard let entry = found, entry.stored <= now, now < entry.end else { return nil }
        if isOld { move(entry, fingerprint, now: now) }
        return entry.identity
    }

    /// Keeps what is still asked for.
    private mutating func move(_ entry: Entry, _ fingerprint: TokenFingerprint, now: WallTime) {
        old.entries[fingerprint] = nil
        insert(entry, fingerprint, now: now)
    }

    private mutating func store(
        _ identity: VerifiedIdentity, _ fingerprint: TokenFingerprint, now: WallTime
    ) {
        var end = WallTime(
            seconds: now.seconds + Self.lifetimeSeconds, nanoseconds: now.nanoseconds)
        if let expires = identity.expires { end = min(end, expires) }
        insert(Entry(identity: identity, stored: now, end: end), fingerprint, now: now)
    }

    private mutating func insert(
        _ entry: Entry, _ fingerprint: TokenFingerprint, now: WallTime
    ) {
        let octets = entry.identity.encodedClaims.utf8.count
        let isFull =
            young.entries.count >= entryLimit / 2 || young.octets + octets > octetLimit / 2
        if isFull || now.seconds - young.begun.seconds >= Self.lifetimeSeconds {
            old = young
            young = Half(begun: now)
        }
        guard octets <= octetLimit / 2, entryLimit / 2 > 0 else { return }
        young.entries[fingerprint] = entry
        young.octets += octets
    }
}
