import Bytes
import JSON

/// The members of a key, one by one.
extension JSONWebKey {
    static func text(
        _ name: String, of object: JSONObject
    ) throws(JSONWebKeyError) -> String? {
        guard let value = object[name] else { return nil }
        guard let text = value.string else { throw .member(name) }
        return text
    }

    static func keyType(of object: JSONObject) throws(JSONWebKeyError) -> KeyType {
        guard let name = try text("kty", of: object) else { throw .member("kty") }
        guard let type = KeyType(exactly: name) else { throw .keyType }
        return type
    }

    /// `use` (RFC 7517 §4.2): absent or `sig`.
    static func checkUse(of object: JSONObject) throws(JSONWebKeyError) {
        guard let use = try text("use", of: object) else { return }
        guard use.utf8.elementsEqual("sig".utf8) else { throw .use }
    }

    /// `key_ops` (§4.3): absent, or different texts with `verify` among them.
    static func checkOperations(of object: JSONObject) throws(JSONWebKeyError) {
        guard let value = object["key_ops"] else { return }
        guard let operations = value.array, operations.allSatisfy({ $0.string != nil }),
            Set(operations).count == operations.count
        else { throw .member("key_ops") }
        guard operations.contains(.string("verify")) else { throw .use }
    }

    static func algorithm(
        of object: JSONObject
    ) throws(JSONWebKeyError) -> SignatureAlgorithm? {
        guard let name = try text("alg", of: object) else { return nil }
        guard let algorithm = SignatureAlgorithm(spelled: name) else { throw .algorithm }
        return algorithm
    }

    static func material(
        _ type: KeyType, _ object: JSONObject
    ) throws(JSONWebKeyError) -> Material {
        switch type {
        case .rsa:
            return .rsa(
                modulus: try octets("n", of: object), exponent: try octets("e", of: object))
        case .ellipticCurve:
            let curve = try curve(of: object, type)
            return .ellipticCurve(
                curve, x: try coordinate("x", of: object, curve),
                y: try coordinate("y", of: object, curve))
        case .octetKeyPair:
            return .ed25519(try coordinate("x", of: object, curve(of: object, type)))
        case .octets:
            return .secret(SharedSecret(octets: try octets("k", of: object)))
        }
    }

    private static func curve(
        of object: JSONObject, _ type: KeyType
    ) throws(JSONWebKeyError) -> Curve {
        guard let name = try text("crv", of: object) else { throw .member("crv") }
        guard let curve = Curve(exactly: name), curve.keyType == type else { throw .curve }
        return curve
    }

    private static func coordinate(
        _ name: String, of object: JSONObject, _ curve: Curve
    ) throws(JSONWebKeyError) -> [UInt8] {
        let coordinate = try octets(name, of: object)
        guard coordinate.count == curve.coordinateLength else { throw .member(name) }
        return coordinate
    }

    /// At least one octet, in strict base64url.
    private static func octets(
        _ name: String, of object: JSONObject
    ) throws(JSONWebKeyError) -> [UInt8] {
        guard let text = try text(name, of: object), let octets = Base64.decodeURL(text.utf8.span),
            !octets.isEmpty
        else { throw .member(name) }
        return octets
    }
}
