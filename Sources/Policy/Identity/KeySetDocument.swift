package import Crypto
package import JWT

/// What a source of keys said, read and found good: at least one key that could verify something.
/// Which of the keys a `jwt` block can use is for its algorithms to say.
package struct KeySetDocument: Sendable {
    private enum Content: Sendable {
        case set(JSONWebKeySet)
        case publicKey(PublicKey, id: String?)
        case other
    }

    /// Why there is no key in a text. Nothing of the text is in it.
    package enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        case json(JSONWebKeyError)
        case pem(KeyError)
        /// A set in which no key is usable, and why the first one is not.
        case noUsableKey(String?)

        package var description: String {
            switch self {
            case .json(let error): error.description
            case .pem(let error): error.description
            case .noUsableKey(nil): "no key in it"
            case .noUsableKey(let reason?): "no usable key in it: \(reason)"
            }
        }
    }

    /// A key that is not used, and why.
    package struct Unusable: Sendable, Hashable {
        package var keyID: String?
        package var reason: String
    }

    /// The largest file that is read.
    package static let sizeLimit = JSONWebKeySet.octetLimit

    /// As it was read. Two documents with the same octets are the same.
    package let octets: [UInt8]
    private let content: Content

    /// A list of revoked tokens is any text, and read by others from `octets`.
    package init(_ octets: [UInt8], of source: KeySetSource) throws(Problem) {
        self.octets = octets
        switch source {
        case .revocations: content = .other
        case .publicKey(_, let id):
            do throws(KeyError) {
                content = .publicKey(try PublicKey(pem: octets.span), id: id)
            } catch {
                throw .pem(error)
            }
        case .remote: content = .set(try Self.set(octets, isRemote: true))
        case .key, .keySet: content = .set(try Self.set(octets, isRemote: false))
        }
    }

    private static func set(
        _ octets: [UInt8], isRemote: Bool
    ) throws(Problem) -> JSONWebKeySet {
        let set: JSONWebKeySet
        do throws(JSONWebKeyError) {
            set = try JSONWebKeySet(octets.span)
        } catch {
            throw .json(error)
        }
        // A secret that everybody can fetch is not secret.
        let believed = isRemote ? set.withoutSecrets : set
        let (usable, unusable) = KeyRing.keys(
            of: believed, algorithms: SignatureAlgorithm.allCases)
        guard usable.isEmpty else { return believed }
        throw .noUsableKey(
            unusable.first?.reason.description ?? set.skipped.first?.reason.description)
    }

    /// The keys that can be used with `algorithms`, and why the others cannot. Weak keys are used
    /// only if `allowsWeakKeys` says so.
    package func keys(
        for algorithms: [SignatureAlgorithm], allowsWeakKeys: Bool
    ) -> (usable: [VerificationKey], unusable: [Unusable]) {
        let (found, refused) = candidates(algorithms)
        var unusable = refused
        let usable = found.filter { key in
            guard let weakness = key.weakness, !allowsWeakKeys else { return true }
            unusable.append(Unusable(keyID: key.keyID, reason: weakness.description))
            return false
        }
        return (usable, unusable)
    }

    private func candidates(
        _ algorithms: [SignatureAlgorithm]
    ) -> (usable: [VerificationKey], unusable: [Unusable]) {
        switch content {
        case .other: return ([], [])
        case .set(let set):
            let (usable, unusable) = KeyRing.keys(of: set, algorithms: algorithms)
            let skipped = set.skipped.map {
                Unusable(keyID: nil, reason: "key \($0.index + 1): \($0.reason.description)")
            }
            return (
                usable,
                unusable.map { Unusable(keyID: $0.keyID, reason: $0.reason.description) } + skipped
            )
        case .publicKey(let key, let id):
            do throws(UnusableKey) {
                return ([try VerificationKey(keyID: id, key, algorithms: algorithms)], [])
            } catch {
                return ([], [Unusable(keyID: id, reason: error.description)])
            }
        }
    }

    /// How many keys it holds, for messages and metrics.
    package var keyCount: Int {
        switch content {
        case .set(let set): set.keys.count
        case .publicKey: 1
        case .other: 0
        }
    }
}
