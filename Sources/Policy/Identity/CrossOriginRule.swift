import Bytes
package import Endings
package import HTTP
package import Settings

/// `cors` of a route: which pages of other origins may make requests that are not plain, and read
/// the answers (Fetch, CORS protocol). What the application says about it itself is replaced.
package struct CrossOriginRule: Sendable {
    package typealias Field = (name: String, value: String)

    private struct Entry: Sendable {
        /// Nil for any.
        let origins: Set<WebOrigin>?
        let allowsCredentials: Bool

        init(_ settings: RouteSettings.CrossOrigin) {
            switch settings.origins {
            case .any: origins = nil
            case .listed(let texts):
                origins = Set(texts.compactMap { WebOrigin($0.utf8.span) })
            }
            allowsCredentials = settings.allowsCredentials
        }
    }

    /// The entries of all routes; what one of them allows is allowed.
    private let entries: [Entry]
    /// Empty for whichever is asked for.
    private let methods: [String]
    private let headers: [String]
    private let exposed: [String]
    private let maxAgeSeconds: Int64

    /// - Parameter methods: those of the route, where `cors` names none.
    package init(_ settings: RouteSettings.CrossOrigin, methods: [String] = []) {
        entries = [Entry(settings)]
        self.methods = settings.methods.isEmpty ? methods : settings.methods
        headers = settings.headers
        exposed = settings.exposed
        maxAgeSeconds = settings.maxAge.components.seconds
    }

    /// For what is served to the pages of several routes; nil when none of them has `cors`.
    package init?(joining settings: [RouteSettings.CrossOrigin], methods: [String]) {
        guard let maxAge = settings.map(\.maxAge).min() else { return nil }
        entries = settings.map(Entry.init)
        self.methods = methods
        headers = []
        exposed = RouteSettings.CrossOrigin.usualExposed
        maxAgeSeconds = maxAge.components.seconds
    }

    /// True when the answer is the same for every page, wherever it comes from.
    private var isPublic: Bool { entries.allSatisfy { $0.origins == nil } }

    // MARK: Answers

    /// The fields of an answer to a request with these fields.
    package func answer(to fields: Fields) -> [Field] {
        guard let grant = grant(fields) else { return vary("Origin") }
        var answer = vary("Origin") + grant
        if !exposed.isEmpty {
            answer.append(("Access-Control-Expose-Headers", exposed.joined(separator: ", ")))
        }
        return answer
    }

    /// The fields of the 204 that answers a preflight.
    ///
    /// Throws for a page of another origin. One that asks for a method or for headers that are not
    /// allowed reads so in the answer.
    package func answer(to preflight: Preflight) throws(Refusal) -> [Field] {
        guard let grant = grant(preflight.fields) else {
            throw Refusal(
                .policy, detail: "origin", message: "Pages of this origin are not allowed here")
        }
        let methods = methods.isEmpty ? [preflight.method.name] : methods
        var answer =
            vary("Origin, Access-Control-Request-Method, Access-Control-Request-Headers") + grant
        answer.append(("Access-Control-Allow-Methods", methods.joined(separator: ", ")))
        if let headers = headers.isEmpty ? preflight.headers : headers.joined(separator: ", ") {
            answer.append(("Access-Control-Allow-Headers", headers))
        }
        answer.append(("Access-Control-Max-Age", String(maxAgeSeconds)))
        return answer
    }

    /// The fields of a refused preflight.
    package var refusedPreflight: [Field] { vary("Origin") }

    /// True for a field that only the gateway says on a route with `cors`.
    package static func isOwn(fieldName name: Span<UInt8>) -> Bool {
        let prefix = "access-control-"
        return name.count > prefix.utf8.count
            && name.extracting(0..<prefix.utf8.count).matchesIgnoringCase(prefix)
    }

    /// Nil when the page that asks is none of those; a page of the same origin needs no grant.
    private func grant(_ fields: Fields) -> [Field]? {
        if isPublic { return [("Access-Control-Allow-Origin", "*")] }
        guard let origin = WebOrigin(of: fields), let range = fields.range(of: .origin) else {
            return nil
        }
        let matching = entries.filter { $0.origins?.contains(origin) ?? true }
        if matching.isEmpty { return nil }
        var grant: [Field] = [("Access-Control-Allow-Origin", fields.bytes.text(range))]
        if matching.contains(where: \.allowsCredentials) {
            grant.append(("Access-Control-Allow-Credentials", "true"))
        }
        return grant
    }

    private func vary(_ names: String) -> [Field] { isPublic ? [] : [("Vary", names)] }

    // MARK: Preflights

    /// The question that a browser asks before it makes a request that is not plain (Fetch,
    /// CORS-preflight request). It has neither token nor cookie.
    package struct Preflight: Sendable {
        /// The method of the request that would follow.
        package let method: Method
        /// The names of its headers as they came; nil for none.
        package let headers: String?
        let fields: Fields

        /// Nil for every other request.
        package init?(_ head: RequestHead) {
            guard head.method == .options, head.fields.count(of: .origin) == 1 else { return nil }
            let span = head.fields.bytes.span
            var method: Method?
            var headers: String?
            for line in head.fields.lines where line.known == .other {
                let (name, value) = (span.extracting(line.name), span.extracting(line.value))
                if name.matchesIgnoringCase("access-control-request-method") {
                    guard method == nil, Self.isToken(value) else { return nil }
                    method = Method(value)
                } else if name.matchesIgnoringCase("access-control-request-headers") {
                    guard headers == nil, Self.isList(value) else { return nil }
                    headers = value.text
                }
            }
            guard let method else { return nil }
            self.method = method
            self.headers = headers.flatMap { $0.isEmpty ? nil : $0 }
            fields = head.fields
        }

        private static func isToken(_ text: Span<UInt8>) -> Bool {
            for index in text.indices where !ASCII.isToken(text[index]) { return false }
            return !text.isEmpty
        }

        private static func isList(_ text: Span<UInt8>) -> Bool {
            for index in text.indices
            where !ASCII.isToken(text[index]) && text[index] != UInt8(ascii: ",")
                && text[index] != ASCII.space
            {
                return false
            }
            return true
        }
    }
}
