import Bytes
package import JWT

/// The keys a `jwt` block believes, from wherever they came: secrets, files, sets of an issuer.
package struct KeyRing: Sendable {
    /// How many keys are tried for one token: what a forged one costs at most.
    package static let attemptLimit = 16

    package let keys: [VerificationKey]

    package init(_ keys: [VerificationKey]) { self.keys = keys }

    /// The keys of a set that can be used with `algorithms`, and why the others cannot.
    package static func keys(
        of set: JSONWebKeySet, algorithms: [SignatureAlgorithm]
    ) -> (usable: [VerificationKey], unusable: [(keyID: String?, reason: UnusableKey)]) {
        var usable: [VerificationKey] = []
        var unusable: [(keyID: String?, reason: UnusableKey)] = []
        for key in set.keys {
            do throws(UnusableKey) {
                usable.append(try VerificationKey(key, algorithms: algorithms))
            } catch {
                unusable.append((key.keyID, error))
            }
        }
        return (usable, unusable)
    }

    /// The keys that may have signed a token with this `kid` and algorithm, at most `attemptLimit`,
    /// never none. A `kid` is an index into our keys and nothing else (RFC 8725 §3.10):
    ///
    /// - with a `kid` that keys of ours have, those keys (several only if their issuer gave the
    ///   same `kid` twice); `algorithm` is thrown when none of them is used with the algorithm;
    /// - with any other `kid`, the keys that have none;
    /// - without, all keys.
    ///
    /// Throws `unknownKey` when no key is left.
    package func candidates(
        keyID: String?, algorithm: SignatureAlgorithm
    ) throws(TokenError) -> [VerificationKey] {
        var isKnown = false
        var fitting: [VerificationKey] = []
        if let keyID {
            for key in keys where key.keyID?.isSpelled(keyID) ?? false {
                isKnown = true
                if key.isUsed(with: algorithm) { fitting.append(key) }
            }
        }
        if !isKnown {
            fitting = keys.filter {
                (keyID == nil || $0.keyID == nil) && $0.isUsed(with: algorithm)
            }
        }
        if fitting.isEmpty { throw isKnown ? .algorithm : .unknownKey }
        return Array(fitting.prefix(Self.attemptLimit))
    }

    /// Passes when one of the candidates has signed `token`, which `compact` was read from. Throws
    /// what `candidates` throws, `signature` when none has, and `unverifiable`.
    package func verify(
        _ compact: CompactToken, algorithm: SignatureAlgorithm, token: Span<UInt8>
    ) throws(TokenError) {
        let input = token.extracting(compact.signingInput)
        for key in try candidates(keyID: compact.keyID, algorithm: algorithm) {
            if try key.isValid(compact.signature.span, for: input, by: algorithm) { return }
        }
        throw .signature
    }
}
