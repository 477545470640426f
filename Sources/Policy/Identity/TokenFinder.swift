import Bytes
package import HTTP
package import JWT
package import Settings

/// A token that nobody has looked at yet, and where it was.
package struct FoundToken: Sendable {
    package let token: Secret
    package let place: TokenSettings.Place
}

/// Finds the token of a request in the places a `jwt` block names, in that order.
package struct TokenFinder: Sendable {
    private let places: [TokenSettings.Place]

    package init(places: [TokenSettings.Place]) { self.places = places }

    /// The first token that is present, or nil. The others are ignored, whatever they hold.
    ///
    /// Throws `malformed` for a second line of the field it would be in: nobody could tell which
    /// one the upstream would believe.
    ///
    /// - Parameter message: the first message of a WebSocket; nil while there is none.
    package func find(
        in fields: Fields, query: QueryString, message: FirstMessage? = nil
    ) throws(TokenError) -> FoundToken? {
        for place in places {
            if let token = try token(at: place, fields, query, message), !token.isEmpty {
                return FoundToken(token: Secret(token), place: place)
            }
        }
        return nil
    }

    /// True when tokens are looked for in first messages.
    var readsMessages: Bool {
        places.contains { place in if case .message = place { true } else { false } }
    }

    private func token(
        at place: TokenSettings.Place, _ fields: Fields, _ query: QueryString,
        _ message: FirstMessage?
    ) throws(TokenError) -> [UInt8]? {
        switch place {
        case .bearer:
            guard fields.count(of: .authorization) <= 1 else { throw .malformed }
            return fields.range(of: .authorization).flatMap { Self.bearerToken(fields, $0) }
        case .subprotocol: return SubprotocolOffers(fields).token.map { Array($0.utf8) }
        case .cookie(let name): return CookieHeader(fields).first(name).map { Array($0.utf8) }
        case .query(let name): return query.first(name).map { Array($0.utf8) }
        case .message(let path): return message?.token(at: path)
        case .header(let name): return try Self.token(inField: name, fields)
        }
    }

    /// The value of the only field of this name, with or without `Bearer` in front.
    private static func token(
        inField name: String, _ fields: Fields
    ) throws(TokenError) -> [UInt8]? {
        let span = fields.bytes.span
        let wanted = name.utf8.span
        let lines = fields.lines.filter { span.extracting($0.name).readsAs(wanted) }
        guard let line = lines.first else { return nil }
        guard lines.count == 1 else { throw .malformed }
        guard span.extracting(line.name).matchesIgnoringCase(wanted) else { return nil }
        return bearerToken(fields, line.value) ?? Array(fields.bytes[line.value])
    }

    /// What follows `Bearer` and spaces (RFC 6750 §2.1); the scheme in any case.
    private static func bearerToken(_ fields: Fields, _ range: Range<Int>) -> [UInt8]? {
        let value = fields.bytes.span.extracting(range)
        guard TokenForm.isBearer(value) else { return nil }
        return value.extracting(
            value.trimmingWhitespace(TokenForm.schemeSize..<value.count)
        ).array
    }
}
