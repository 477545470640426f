import JSON

/// Writes schemas as JSON Schema (2020-12), the language of OpenAPI 3.1.
struct SchemaDocument {
    /// The schemas with names that were met, by name.
    private(set) var named = JSONObject()
    private var schemas: [String: Schema] = [:]

    mutating func document(_ schema: Schema) -> JSONValue {
        switch schema {
        case .anything: return [:]
        case .text(let rule): return Self.document(rule)
        case .integer(let range): return Self.document("integer", range)
        case .number(let range): return Self.document("number", range)
        case .truth: return ["type": "boolean"]
        case .null: return ["type": "null"]
        case .list(let element, let count):
            return [
                "type": "array", "items": document(element),
                "minItems": .whole(count.lowerBound), "maxItems": .whole(count.upperBound),
            ]
        case .object(let object): return document(object)
        case .either(let schemas): return ["anyOf": .array(schemas.map { document($0) })]
        case .named(let name, let inner):
            precondition(schemas[name] ?? inner == inner, "two schemas are called \(name)")
            if schemas.updateValue(inner, forKey: name) == nil {
                // The name gets its place first, so that the order is that of the first mention.
                named[name] = .null
                named[name] = document(inner)
            }
            return ["$ref": .string("#/components/schemas/" + name)]
        }
    }

    /// One closed object, or one a form: those are closed as well, so exactly one fits.
    private mutating func document(_ object: ObjectSchema) -> JSONValue {
        if object.forms.isEmpty { return document(object.members, required: []) }
        let common = object.members.filter { !object.isInForm($0.name) }
        return [
            "oneOf": .array(
                object.forms.map { form in
                    let own = (form.required + form.optional).compactMap(object.member)
                    return document(own + common, required: form.required)
                })
        ]
    }

    private mutating func document(
        _ members: [ObjectSchema.Member], required: [String]
    ) -> JSONValue {
        var properties = JSONObject()
        for member in members {
            properties[member.name] = describe(member)
        }
        let names = members.filter { $0.isRequired || required.contains($0.name) }.map(\.name)
        var document: JSONObject = [
            "type": "object", "properties": .object(properties), "additionalProperties": false,
        ]
        if !names.isEmpty { document["required"] = .array(names.map { .string($0) }) }
        return .object(document)
    }

    /// The schema of a member with what is said about it.
    private mutating func describe(_ member: ObjectSchema.Member) -> JSONValue {
        guard case .object(var document) = valueDocument(of: member) else { return .null }
        document["description"] = .string(member.summary)
        return .object(document)
    }

    /// The schema of a member's value, with its fallback.
    mutating func valueDocument(of member: ObjectSchema.Member) -> JSONValue {
        guard case .object(var document) = document(member.schema) else { return .null }
        document["default"] = member.fallback
        return .object(document)
    }

    private static func document(_ rule: TextRule) -> JSONValue {
        if let words = rule.words {
            return ["type": "string", "enum": .array(words.map { .string($0) })]
        }
        var document: JSONObject = [
            "type": "string", "minLength": .whole(rule.length.lowerBound),
            "maxLength": .whole(rule.length.upperBound),
        ]
        if rule.isDateTime { document["format"] = "date-time" }
        return .object(document)
    }

    private static func document(_ type: String, _ range: ClosedRange<Int64>) -> JSONValue {
        [
            "type": .string(type), "minimum": .number(JSONNumber(range.lowerBound)),
            "maximum": .number(JSONNumber(range.upperBound)),
        ]
    }
}
