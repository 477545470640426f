import Bytes
import JSON

/// Reads the query of a target against a schema: `name=value` pairs between `&`, percent-encoded,
/// `+` for a space.
struct QueryReader {
    let schema: ObjectSchema

    /// The parameters by name, checked. A parameter whose schema is a list may come several times.
    func read(_ query: String) throws(SchemaMismatch) -> JSONObject {
        var object = JSONObject()
        for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
            let halves = pair.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = try Self.decode(halves[0])
            guard let member = schema.member(name) else {
                throw SchemaMismatch(message: "Unknown parameter \(name.quoted)")
            }
            let text = try Self.decode(halves.count == 2 ? halves[1] : "".utf8[...])
            try add(text, to: &object, member)
        }
        return try SchemaCheck(noun: "parameter").check(object, schema)
    }

    private func add(
        _ text: String, to object: inout JSONObject, _ member: ObjectSchema.Member
    ) throws(SchemaMismatch) {
        let place = "parameter \(member.name.quoted)"
        if case .list(let element, _) = member.schema {
            let value = try Self.value(of: text, element, at: place)
            object[member.name] = .array((object[member.name]?.array ?? []) + [value])
            return
        }
        guard !object.contains(member.name) else {
            throw SchemaMismatch(message: "The \(place) occurs more than once")
        }
        object[member.name] = try Self.value(of: text, member.schema, at: place)
    }

    /// The value that `text` stands for, checked.
    static func value(
        of text: String, _ schema: Schema, at place: String
    ) throws(SchemaMismatch) -> JSONValue {
        guard let value = schema.value(of: text) else {
            throw SchemaMismatch(message: "Expected \(schema.expectation) as \(place)")
        }
        return try SchemaCheck(noun: "parameter").check(value, schema, at: place)
    }

    /// Strict: a broken escape, or what is not UTF-8 in the end, is refused.
    static func decode(
        _ text: some Sequence<UInt8>, plusIsSpace: Bool = true
    ) throws(SchemaMismatch) -> String {
        let octets = Array(text)
        var decoded: [UInt8] = []
        var index = 0
        while index < octets.count {
            var octet = octets[index]
            if octet == UInt8(ascii: "%") {
                guard index + 2 < octets.count, let high = ASCII.hexValue(octets[index + 1]),
                    let low = ASCII.hexValue(octets[index + 2])
                else { throw SchemaMismatch(message: "The target has a malformed percent-escape") }
                octet = high << 4 | low
                index += 2
            } else if plusIsSpace, octet == UInt8(ascii: "+") {
                octet = ASCII.space
            }
            decoded.append(octet)
            index += 1
        }
        guard let text = String(validating: decoded, as: UTF8.self) else {
            throw SchemaMismatch(message: "The target is not UTF-8")
        }
        return text
    }
}
