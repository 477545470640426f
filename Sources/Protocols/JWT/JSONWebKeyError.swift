/// Why a JSON text holds no keys, or an object in it no key for verifying signatures. Nothing of
/// what it holds is in it.
package enum JSONWebKeyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The text is longer than `JSONWebKeySet.octetLimit`.
    case tooLarge
    /// Not a JSON object, read strictly.
    case notJSON
    /// Neither a key (`kty`) nor an array `keys`.
    case noKeys
    /// More than `JSONWebKeySet.keyLimit`.
    case tooManyKeys
    /// A member is missing, or has a form it must not have.
    case member(String)
    /// A type of key that no signature algorithm here uses.
    case keyType
    /// A curve that no signature algorithm here uses.
    case curve
    /// For encryption, or not for verifying.
    case use
    /// For an algorithm that does not exist here, or is none for keys of this type.
    case algorithm

    package var description: String {
        switch self {
        case .tooLarge: "more than \(JSONWebKeySet.octetLimit) octets"
        case .notJSON: "not a JSON object"
        case .noKeys: "neither a key nor a set of keys"
        case .tooManyKeys: "more than \(JSONWebKeySet.keyLimit) keys"
        case .member(let name): "'\(name)' is missing or malformed"
        case .keyType: "keys of this type ('kty') are not supported"
        case .curve: "keys on this curve ('crv') are not supported"
        case .use: "the key is not for verifying signatures ('use', 'key_ops')"
        case .algorithm: "the key is for another algorithm ('alg')"
        }
    }
}
