package import JWT

/// Where a `jwt` block has keys from: `secret`, `public_key`, `jwk` or `jwks`.
package struct KeySource: Sendable, Equatable {
    package enum Origin: Sendable, Equatable {
        /// `secret env:NAME|file:PATH`.
        case secret(Secret)
        /// `public_key file:PATH [kid NAME]`: one public key, PEM. With an id it is for tokens of
        /// that `kid` and for those without one; without an id it is for every token.
        case publicKey(path: String, id: String?)
        /// `jwk file:PATH`: one key (RFC 7517 §4), which may be a secret (`oct`).
        case key(path: String)
        /// `jwks file:PATH`: a set of keys (RFC 7517 §5), read again when the file changes.
        case keySet(path: String)
        /// `jwks https://…`: a set that is fetched; secrets in it do not count.
        case remote(RemoteKeySet)
    }

    package var origin: Origin
    package var position: SourcePosition

    package init(_ origin: Origin, position: SourcePosition = .init()) {
        self.origin = origin
        self.position = position
    }

    /// True when keys of such a source can check signatures of `algorithm`, as far as one can tell
    /// without reading them.
    package func mayServe(_ algorithm: SignatureAlgorithm) -> Bool {
        switch origin {
        case .secret: algorithm.keyType == .octets
        case .publicKey, .remote: algorithm.keyType != .octets
        case .key, .keySet: true
        }
    }
}

/// `jwks https://HOST[:PORT][/PATH] { … }`.
package struct RemoteKeySet: Sendable, Hashable {
    /// As it is written; for messages.
    package var url: String
    /// A name in lower case or a numeric address, an IPv6 one without its brackets.
    package var host: String
    package var port: UInt16 = 443
    /// Path and query, as a request has them.
    package var target = "/"
    /// PEM: the authorities that may have signed the server's certificate; nil for those of the
    /// system.
    package var authorityPath: String?
    /// For one fetch in all, from the lookup of the name to the last octet.
    package var timeout: Duration = .seconds(5)
    /// The largest answer, in octets.
    package var size = 256 * 1024
    /// How long a set is good when the answer does not say so by `Cache-Control`.
    package var refresh: Duration = .minutes(10)

    /// What `Cache-Control` says counts within these bounds.
    package static let lifetimes: ClosedRange<Duration> = .seconds(30) ... .hours(24)

    package init(url: String, host: String) {
        self.url = url
        self.host = host
    }
}
