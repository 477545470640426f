import Bytes
import Crypto
import Identity
import JSON
import JWT
import Settings

/// What signs tokens: a secret that both ends know, or the private key of their issuer, which no
/// configuration names.
struct TokenSigner {
    private enum Key {
        case secret([UInt8])
        case privateKey(PrivateKey)
    }

    /// Why a file holds no such key: the end of a sentence that begins with the file.
    struct Problem: Error {
        var text: String
    }

    /// The `kid` of the key, when the file says it.
    let keyID: String?
    private let key: Key
    /// The one algorithm it is for; nil for any that fits.
    private let onlyAlgorithm: SignatureAlgorithm?

    init(_ secret: Secret) {
        key = .secret(secret.octets)
        keyID = nil
        onlyAlgorithm = nil
    }

    /// A private key in PEM text, or a secret as a JSON Web Key (`oct`).
    init(file octets: [UInt8]) throws(Problem) {
        guard octets.first(where: { !Self.isSpace($0) }) == UInt8(ascii: "{") else {
            do throws(KeyError) {
                key = .privateKey(try PrivateKey(pem: octets.span))
            } catch .noKey {
                throw Problem(text: "no private key in PEM form found")
            } catch {
                throw Problem(text: error.description)
            }
            keyID = nil
            onlyAlgorithm = nil
            return
        }
        let found = try Self.jsonWebKey(octets)
        guard case .secret(let secret) = found.material else {
            throw Self.aSet
        }
        key = .secret(secret.octets)
        keyID = found.keyID
        onlyAlgorithm = found.algorithm
    }

    private static func jsonWebKey(_ octets: [UInt8]) throws(Problem) -> JSONWebKey {
        let type = (try? JSONValue.decode(octets.span))?.object?["kty"]?.string
        guard type.flatMap(JSONWebKey.KeyType.init) ?? .octets == .octets else {
            throw Problem(text: "private keys are read in PEM form, not as JSON")
        }
        let set: JSONWebKeySet
        do throws(JSONWebKeyError) {
            set = try JSONWebKeySet(octets.span)
        } catch {
            throw Problem(text: error.description)
        }
        guard set.keys.count == 1, set.skipped.isEmpty, let key = set.keys.first else {
            throw Self.aSet
        }
        return key
    }

    private static let aSet = Problem(text: "expected one secret, not a set of keys")

    private static func isSpace(_ octet: UInt8) -> Bool {
        octet == ASCII.space || (ASCII.tab...ASCII.carriageReturn).contains(octet)
    }

    /// For messages: `a secret`, `an RSA key`.
    var kind: String {
        switch key {
        case .secret: onlyAlgorithm.map { "a secret for \($0.rawValue)" } ?? "a secret"
        case .privateKey(let key):
            (key.publicKey.kind == .rsa ? "an " : "a ") + "\(key.publicKey.kind) key"
        }
    }

    func signs(_ algorithm: SignatureAlgorithm) -> Bool {
        if let onlyAlgorithm, onlyAlgorithm != algorithm { return false }
        return switch (key, algorithm.method) {
        case (.secret, .code): true
        case (.privateKey(let key), .signature(let scheme)): key.publicKey.kind == scheme.keyKind
        case (.secret, .signature), (.privateKey, .code): false
        }
    }

    /// The signature of `input` by an algorithm that it `signs`.
    func sign(
        _ input: Span<UInt8>, _ algorithm: SignatureAlgorithm
    ) throws(CryptoError) -> [UInt8] {
        switch (key, algorithm.method) {
        case (.secret(let secret), .code(let hash)):
            try HMACKey(hash, secret: secret.span).authenticationCode(for: input)
        case (.privateKey(let key), .signature(let scheme)): try key.sign(input, scheme)
        case (.secret, .signature), (.privateKey, .code):
            throw CryptoError("sign", reason: "\(kind) cannot be used with \(algorithm.rawValue)")
        }
    }
}
