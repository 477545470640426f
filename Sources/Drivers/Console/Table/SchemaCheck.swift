import Bytes
import JSON

/// Why a value does not fit its schema, in a sentence for the client that sent it.
struct SchemaMismatch: Error, Sendable, Hashable {
    var message: String
}

/// Checks values against schemas.
struct SchemaCheck {
    /// What a member is called: `member` in a body, `parameter` in a query.
    var noun = "member"

    /// `value` as handlers get it: whole numbers are spelt as such, and what is not there has its
    /// fallback.
    ///
    /// - Parameter place: what the value is called in messages.
    func check(
        _ value: JSONValue, _ schema: Schema, at place: String = "the body"
    ) throws(SchemaMismatch) -> JSONValue {
        switch (schema, value) {
        case (.named(_, let inner), _): return try check(value, inner, at: place)
        case (.text(let rule), .string(let text)) where rule.allows(text): return value
        case (.integer(let range), .number(let number)):
            guard let integer = number.wholeValue, range.contains(integer) else { break }
            return .number(JSONNumber(integer))
        case (.number(let range), .number(let number)):
            let exact = number.double
            guard exact >= Double(range.lowerBound), exact <= Double(range.upperBound) else {
                break
            }
            return value
        case (.truth, .bool), (.null, .null), (.anything, _): return value
        case (.list(let element, let count), .array(let values)):
            guard count.contains(values.count) else { break }
            var checked: [JSONValue] = []
            for (index, value) in values.enumerated() {
                checked.append(try check(value, element, at: "\(place)[\(index)]"))
            }
            return .array(checked)
        case (.object(let schema), .object(let object)):
            return .object(try check(object, schema, in: place))
        case (.either(let schemas), _):
            for schema in schemas {
                if let checked = try? check(value, schema, at: place) { return checked }
            }
        case (.text, _), (.integer, _), (.number, _), (.truth, _), (.null, _), (.list, _),
            (.object, _):
            break
        }
        throw SchemaMismatch(message: "Expected \(schema.expectation) as \(place)")
    }

    /// - Parameter owner: nil for the whole of a query.
    func check(
        _ object: JSONObject, _ schema: ObjectSchema, in owner: String? = nil
    ) throws(SchemaMismatch) -> JSONObject {
        var checked = JSONObject()
        for entry in object.members {
            guard let member = schema.member(entry.name) else {
                throw SchemaMismatch(message: "Unknown \(noun) \(entry.name.quoted)")
            }
            checked[member.name] = try check(
                entry.value, member.schema, at: "\(noun) \(member.name.quoted)")
        }
        for member in schema.members where !checked.contains(member.name) {
            if member.isRequired {
                throw SchemaMismatch(message: "Missing \(noun) \(member.name.quoted)")
            }
            checked[member.name] = member.fallback
        }
        try checkForms(object, schema)
        return checked
    }

    private func checkForms(
        _ object: JSONObject, _ schema: ObjectSchema
    ) throws(SchemaMismatch) {
        if schema.forms.isEmpty { return }
        let named = object.members.map(\.name).filter(schema.isInForm)
        let fits = schema.forms.contains { form in
            form.required.allSatisfy(named.contains)
                && named.allSatisfy { form.required.contains($0) || form.optional.contains($0) }
        }
        guard !fits else { return }
        throw SchemaMismatch(message: "Expected \(schema.formsText)")
    }
}

extension TextRule {
    func allows(_ text: String) -> Bool {
        // A scalar has at most four octets: what is far too long is not counted.
        guard text.utf8.count <= 4 * length.upperBound,
            length.contains(text.unicodeScalars.count)
        else { return false }
        if let words { return words.contains { $0.isSpelled(text) } }
        return !isDateTime || DateTimeText.parse(text) != nil
    }
}

extension Schema {
    /// What fits, as the object of a sentence.
    var expectation: String {
        switch self {
        case .text(let rule):
            if let words = rule.words {
                words.map(\.quoted).joined(separator: " or ")
            } else if rule.isDateTime {
                "a date and time as in RFC 3339"
            } else {
                "a text of \(rule.length.lowerBound) to \(rule.length.upperBound) characters"
            }
        case .integer(let range):
            "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .truth: "true or false"
        case .null: "null"
        case .anything: "any value"
        case .list(_, let count): "a list of \(count.lowerBound) to \(count.upperBound) values"
        case .object: "an object"
        case .either(let schemas): schemas.map(\.expectation).joined(separator: " or ")
        case .named(_, let inner): inner.expectation
        }
    }

    /// The value that `text` stands for in a query or a path; nil when it stands for none.
    func value(of text: String) -> JSONValue? {
        switch self {
        case .text: return .string(text)
        case .integer, .number:
            // Without the white space that JSON allows around it.
            guard let first = text.utf8.first, let last = text.utf8.last, ASCII.isDigit(last),
                ASCII.isDigit(first) || first == UInt8(ascii: "-"),
                let value = try? JSONValue.decode(text.utf8.span), value.number != nil
            else { return nil }
            return value
        case .truth: return text == "true" ? .bool(true) : text == "false" ? .bool(false) : nil
        case .null, .anything, .list, .object: return nil
        case .either(let schemas):
            let values = schemas.compactMap { schema in
                schema.value(of: text).flatMap { try? SchemaCheck().check($0, schema) }
            }
            return values.first
        case .named(_, let inner): return inner.value(of: text)
        }
    }
}

extension ObjectSchema {
    /// Which sets of members exclude one another.
    var formsText: String {
        let texts = forms.map { form in
            let required = form.required.map(\.quoted).joined(separator: " and ")
            if form.optional.isEmpty { return required }
            return "\(required) (with or without "
                + form.optional.map(\.quoted).joined(separator: ", ") + ")"
        }
        return "exactly one of: " + texts.joined(separator: "; ")
    }
}

extension JSONNumber {
    /// The value when it is whole, however it is written: `1.0` and `1e3` are, for JSON Schema.
    fileprivate var wholeValue: Int64? {
        if let int64 { return int64 }
        let exact = double
        // Beyond 2^53 neighbours look the same.
        guard exact.rounded() == exact, abs(exact) <= 9_007_199_254_740_992 else { return nil }
        return Int64(exact)
    }
}

extension String {
    /// In quotes, and not longer than a sentence can bear.
    var quoted: String {
        let shown = unicodeScalars.prefix(64)
        let rest = shown.endIndex == unicodeScalars.endIndex ? "" : "…"
        return "'" + String(String.UnicodeScalarView(shown)) + rest + "'"
    }
}
