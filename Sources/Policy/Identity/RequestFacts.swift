import Bytes
package import HTTP
package import JSON
package import Settings

/// What rules about a request may refer to.
package struct RequestFacts: Sendable {
    /// Of the verified token; nil without one.
    package var claims: JSONObject?
    /// What the path pattern captured, decoded, by name.
    package var captures: [String: String]
    package var query: QueryString
    package var fields: Fields

    package init(
        claims: JSONObject?, captures: [String: String], query: QueryString, fields: Fields
    ) {
        self.claims = claims
        self.captures = captures
        self.query = query
        self.fields = fields
    }

    /// The text of a value; nil when it is missing, when it is a claim without comparable text, and
    /// when a client sent it more than once, because the upstream might believe the other one.
    package func text(of source: ValueSource) -> String? {
        switch source {
        case .query(let name): query.only(name)
        case .header(let name): onlyField(name)
        case .cookie(let name): CookieHeader(fields).only(name)
        case .claim(let name): claims?[name]?.comparableText
        case .path(let name): captures[name]
        }
    }

    private func onlyField(_ name: String) -> String? {
        let wanted = name.utf8.span
        var value: Range<Int>?
        for line in fields.lines
        where fields.bytes.span.extracting(line.name).matchesIgnoringCase(wanted) {
            if value != nil { return nil }
            value = line.value
        }
        return value.map { fields.bytes.text($0) }
    }
}
