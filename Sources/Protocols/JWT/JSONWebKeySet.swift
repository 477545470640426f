import JSON

/// The keys of one issuer (RFC 7517 §5).
package struct JSONWebKeySet: Sendable, Hashable {
    /// The longest text that is looked at; a hundred RSA keys with their certificates take less.
    package static let octetLimit = 512 * 1024
    package static let keyLimit = 100

    /// An element of `keys` that is not used, and why.
    package struct Skipped: Sendable, Hashable {
        /// Counted from 0.
        package let index: Int
        package let reason: JSONWebKeyError
    }

    /// In the order of the text; several may have the same `kid`.
    package private(set) var keys: [JSONWebKey]
    /// What RFC 7517 §5 says to ignore: unknown types, other uses, members that are missing.
    package let skipped: [Skipped]

    /// Reads a set, or a single key as a set of one. In a set, a key that cannot be used is
    /// skipped; alone it is an error.
    package init(_ text: Span<UInt8>) throws(JSONWebKeyError) {
        let object = try Self.object(text)
        guard let value = object["keys"] else {
            guard object.contains("kty") else { throw .noKeys }
            keys = [try JSONWebKey(object)]
            skipped = []
            return
        }
        guard let elements = value.array else { throw .member("keys") }
        guard elements.count <= Self.keyLimit else { throw .tooManyKeys }
        var keys: [JSONWebKey] = []
        var skipped: [Skipped] = []
        for (index, element) in elements.enumerated() {
            do throws(JSONWebKeyError) {
                guard let object = element.object else { throw .member("keys") }
                keys.append(try JSONWebKey(object))
            } catch {
                skipped.append(Skipped(index: index, reason: error))
            }
        }
        self.keys = keys
        self.skipped = skipped
    }

    /// The set without its shared secrets.
    package var withoutSecrets: JSONWebKeySet {
        var copy = self
        copy.keys.removeAll { key in
            if case .secret = key.material { true } else { false }
        }
        return copy
    }

    private static func object(_ text: Span<UInt8>) throws(JSONWebKeyError) -> JSONObject {
        guard text.count <= octetLimit else { throw .tooLarge }
        guard let value = try? JSONValue.decode(text), let object = value.object else {
            throw .notJSON
        }
        return object
    }
}
