package import Settings

extension KeyRing {
    /// All the keys of a `jwt` block: the secrets of its settings, and what `documents` knows of
    /// its other sources now. Only its own sources are asked for, so that blocks never share keys.
    ///
    /// Throws when a secret makes no key.
    package init(
        _ settings: TokenSettings, documents: (KeySetSource) -> KeySetDocument?
    ) throws(UnusableKey) {
        let algorithms = settings.algorithms
        var keys: [VerificationKey] = []
        for key in settings.keys {
            if case .secret(let secret) = key.origin {
                keys.append(try VerificationKey(secret: secret.octets.span, algorithms: algorithms))
            } else if let source = KeySetSource(key.origin), let document = documents(source) {
                keys +=
                    document.keys(
                        for: algorithms, allowsWeakKeys: settings.allowsWeakKeys
                    ).usable
            }
        }
        self.init(keys)
    }
}
