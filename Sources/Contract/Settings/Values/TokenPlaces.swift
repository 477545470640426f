internal import Bytes
internal import HTTP

extension ValueKind where Value == TokenSettings.Place {
    /// Where a token may be found.
    static let tokenPlace = ValueKind { word, reading in
        switch word.text {
        case "bearer": return .bearer
        case "subprotocol": return .subprotocol
        default: break
        }
        if word.text.hasPrefix(MessagePath.prefix) {
            return MessagePath.read(word, &reading).map { .message($0) }
        }
        guard let (kind, name) = Prefixed.split(word, SourceKind.self) else {
            reading.error(Prefixed.message(word, placeForms, placePrefixes), at: word)
            return nil
        }
        switch kind {
        case .cookie: return name.isNamed(kind, word, &reading) ? .cookie(name) : nil
        case .query: return name.isNamed(kind, word, &reading) ? .query(name) : nil
        case .header:
            return name.isNamed(kind, word, &reading) && mayHoldToken(name, word, &reading)
                ? .header(name) : nil
        case .claim, .path:
            reading.error(Prefixed.message(word, placeForms, placePrefixes), at: word)
            return nil
        }
    }

    private static let placeForms = [
        "bearer", "subprotocol", "cookie:NAME", "query:NAME", "header:NAME", "message:PATH",
    ]
    private static let placePrefixes = ["cookie", "query", "header", "message"]

    /// The places that have a word of their own, and fields that say something else.
    private static func mayHoldToken(
        _ name: String, _ word: Word, _ reading: inout Reading
    ) -> Bool {
        let meant: String
        switch KnownField(name: name.utf8.span) {
        case .other:
            // The values of these headers are chosen by the browser, or by the gateway itself.
            let folded = name.foldedFieldName
            guard folded.hasPrefix("sec-") || folded == "set-cookie" else { return true }
            meant = ""
        case .authorization: meant = " (write 'bearer')"
        case .cookie: meant = " (write 'cookie:NAME')"
        case .secWebSocketProtocol: meant = " (write 'subprotocol')"
        default: meant = ""
        }
        reading.error(
            "no token is looked for in the header '\(name.printable())'\(meant)", at: word)
        return false
    }
}

extension String {
    fileprivate func isNamed(_ kind: SourceKind, _ word: Word, _ reading: inout Reading) -> Bool {
        guard let problem = kind.problem(self) else { return true }
        reading.error(problem, at: word)
        return false
    }
}

extension ValueKind where Value == String {
    /// The name of a claim, or the path to one: `realm_access.roles`. In quotes it is taken as it
    /// stands.
    static let claimPath = ValueKind { word, reading in
        let text = word.text
        if text.isEmpty || word.isQuoted { return ValueKind.text.read(word, &reading) }
        if let (kind, name) = Prefixed.split(word, SourceKind.self), !name.isEmpty {
            let hint = kind == .claim ? " (write '\(name.printable())')" : ""
            reading.error("expected the name of a claim, not \(word.shown)\(hint)", at: word)
        } else if text.hasPrefix("$") || text.contains("[") {
            reading.error(
                "\(word.shown) is not a claim: nested names are joined by dots, as in"
                    + " 'realm_access.roles' (put a name that contains dots itself in quotes)",
                at: word)
        } else if text.hasPrefix(".") || text.hasSuffix(".") || text.contains("..") {
            reading.error("a name is missing beside a dot in \(word.shown)", at: word)
        }
        return text
    }
}

/// `message:payload.Authorization`: names of members, from the outermost to the innermost.
private enum MessagePath {
    static let prefix = "message:"
    private static let mostNames = 8

    static func read(_ word: Word, _ reading: inout Reading) -> [String]? {
        let text = word.text.dropFirst(prefix.count)
        let names = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let isPlain = names.allSatisfy { name in
            !name.isEmpty && !name.unicodeScalars.contains { $0.isUnprintable || $0 == " " }
        }
        guard isPlain else {
            reading.error(
                "after 'message:', write the names of members, joined by dots, as in"
                    + " message:payload.Authorization", at: word)
            return nil
        }
        guard names.count <= mostNames else {
            reading.error("at most \(mostNames) names may come after 'message:'", at: word)
            return nil
        }
        return names
    }
}
