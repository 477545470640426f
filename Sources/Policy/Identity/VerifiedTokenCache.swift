package import Clock
import Crypto
package import JWT

/// Tokens that were verified lately, so that a rush of the same ones (all clients come back after a
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
        /// The place of the entry in `order`.
        var place: Int

        /// What is counted against the limit: the claims as they came.
        var octets: Int { identity.encodedClaims.utf8.count }
    }

    private let entryLimit: Int
    private let octetLimit: Int
    private var entries: [TokenFingerprint: Entry] = [:]
    private var octets = 0
    /// The fingerprints as they were stored, a ring of `entryLimit` places. The place of an entry
    /// that was stored again is empty: its fingerprint has another.
    private var order: [TokenFingerprint] = []
    private var oldest = 0
    private var placesTaken = 0

    /// Holds at most `entryLimit` tokens, and those whose claims have at most `octetLimit` octets
    /// together. The one that was stored first goes first.
    package init(
        entryLimit: Int = standardEntryLimit, octetLimit: Int = standardOctetLimit
    ) {
        self.entryLimit = entryLimit
        self.octetLimit = octetLimit
    }

    package var count: Int { entries.count }

    /// What `authenticator` says of `token`, from memory where it was asked within the last
    /// `lifetimeSeconds` and the token has not expired since.
    package mutating func authenticate(
        _ token: Span<UInt8>, by authenticator: Authenticator, now: WallTime
    ) throws(TokenError) -> VerifiedIdentity {
        guard entryLimit > 0, token.count <= CompactToken.octetLimit,
            let fingerprint = try? authenticator.fingerprint(of: token)
        else { return try authenticator.authenticate(token, now: now) }
        if let identity = remembered(fingerprint, now: now) { return identity }
        let identity = try authenticator.authenticate(token, now: now)
        store(identity, fingerprint, now: now)
        return identity
    }

    /// What was said of the token with this fingerprint, as long as that may be repeated.
    func remembered(_ fingerprint: TokenFingerprint, now: WallTime) -> VerifiedIdentity? {
        // When the clock was set back, an entry may be of the future: it does not count.
        guard let entry = entries[fingerprint], entry.stored <= now, now < entry.end else {
            return nil
        }
        return entry.identity
    }

    private mutating func store(
        _ identity: VerifiedIdentity, _ fingerprint: TokenFingerprint, now: WallTime
    ) {
        var end = WallTime(
            seconds: now.seconds + Self.lifetimeSeconds, nanoseconds: now.nanoseconds)
        if let expires = identity.expires { end = min(end, expires) }
        var entry = Entry(identity: identity, stored: now, end: end, place: 0)
        guard entry.octets <= octetLimit else { return }
        makeRoom(for: entry.octets, now: now)
        if order.isEmpty { order = Array(repeating: fingerprint, count: entryLimit) }
        entry.place = (oldest + placesTaken) % entryLimit
        order[entry.place] = fingerprint
        placesTaken += 1
        octets += entry.octets
        if let replaced = entries.updateValue(entry, forKey: fingerprint) {
            octets -= replaced.octets
        }
    }

    /// Forgets what has to go, and of what nobody needs any more two entries, so that a cache that
    /// is used shrinks without ever stopping to clean up.
    private mutating func makeRoom(for needed: Int, now: WallTime) {
        while placesTaken == entryLimit || (placesTaken > 0 && octets + needed > octetLimit) {
            removeOldest()
        }
        for _ in 0..<2 where placesTaken > 0 {
            if let entry = entries[order[oldest]], entry.place == oldest, now < entry.end { return }
            removeOldest()
        }
    }

    private mutating func removeOldest() {
        let fingerprint = order[oldest]
        if let entry = entries[fingerprint], entry.place == oldest {
            octets -= entry.octets
            entries[fingerprint] = nil
        }
        oldest = (oldest + 1) % entryLimit
        placesTaken -= 1
    }
}
