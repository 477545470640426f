package import Settings

/// Something outside the configuration that is read while the gateway runs: keys from a file or an
/// issuer, or a list of revoked tokens. Equal sources are read once, however many blocks name them.
package enum KeySetSource: Sendable, Hashable {
    case remote(RemoteKeySet)
    /// `jwks file:PATH`.
    case keySet(path: String)
    /// `jwk file:PATH`.
    case key(path: String)
    /// `public_key file:PATH [kid NAME]`.
    case publicKey(path: String, id: String?)
    /// `revoked file:PATH`.
    case revocations(path: String)

    /// Nil for a secret, which is part of the configuration.
    package init?(_ origin: KeySource.Origin) {
        switch origin {
        case .secret: return nil
        case .publicKey(let path, let id): self = .publicKey(path: path, id: id)
        case .key(let path): self = .key(path: path)
        case .keySet(let path): self = .keySet(path: path)
        case .remote(let set): self = .remote(set)
        }
    }

    /// The file; nil for a set that is fetched.
    package var path: String? {
        switch self {
        case .remote: nil
        case .keySet(let path), .key(let path), .publicKey(let path, _), .revocations(let path):
            path
        }
    }

    /// For messages and metrics: the URL without its query, or the path.
    package var name: String {
        switch self {
        case .remote(let set): String(set.url.prefix { $0 != "?" })
        case .keySet, .key, .publicKey, .revocations: path ?? ""
        }
    }
}

extension TokenSettings {
    /// Where this block has its keys from, besides the secrets in the configuration.
    package var keySetSources: [KeySetSource] { keys.compactMap { KeySetSource($0.origin) } }
}
