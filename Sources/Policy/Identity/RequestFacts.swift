import Bytes
package import HTTP
package import JSON
package import Settings

/// What rules about a request may refer to.
package struct RequestFacts: Sendable {
    /// The claims of the verified token; nil without one.
    package var claims: JSONObject?
    /// What the path pattern captured, decoded, by name: that of the rewrite or that of the route,
    /// whose rule it is.
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
        case .claim(let path): claims?.value(at: path)?.comparableText
        case .path(let name): captures[name]
        }
    }

    /// The roles that a value names: a claim may be an array of them.
    package func roles(of source: ValueSource) -> [String] {
        if case .claim(let path) = source, case .array(let elements) = claims?.value(at: path) {
            return elements.compactMap(\.comparableText)
        }
        return text(of: source).map { [$0] } ?? []
    }

    /// The elements of a value that is a list; empty when the value is missing.
    ///
    /// - A claim: the elements of an array that have a text; the words of a string, parted by
    ///   spaces as in an OAuth scope (RFC 6749 §3.3); any other value is a list of itself.
    /// - Any other source: what stands between commas and white space.
    func list(of source: ValueSource) -> [String] {
        guard case .claim(let path) = source else {
            return text(of: source).map { Self.words($0, separators: [0x20, 0x2C, 0x09]) } ?? []
        }
        switch claims?.value(at: path) {
        case nil, .null, .object: return []
        case .array(let elements): return elements.compactMap(\.comparableText)
        case .string(let text): return Self.words(text, separators: [0x20])
        case .bool(let truth): return [truth ? "true" : "false"]
        case .number(let number): return [number.text]
        }
    }

    private static func words(_ text: String, separators: [UInt8]) -> [String] {
        text.utf8.split { separators.contains($0) }.map { String(Substring($0)) }
    }

    /// Nil also beside a field that the upstream may read under the same name (`X_Tenant`).
    private func onlyField(_ name: String) -> String? {
        let wanted = name.utf8.span
        let span = fields.bytes.span
        var value: Range<Int>?
        for line in fields.lines where span.extracting(line.name).readsAs(wanted) {
            guard value == nil, span.extracting(line.name).matchesIgnoringCase(wanted) else {
                return nil
            }
            value = line.value
        }
        return value.map { fields.bytes.text($0) }
    }
}
