import Bytes

/// The prefixes of `query:NAME header:NAME cookie:NAME claim:NAME path:NAME`.
enum SourceKind: String, CaseIterable, Sendable {
    case query, header, cookie, claim, path

    func source(_ name: String) -> ValueSource {
        switch self {
        case .query: .query(name)
        case .header: .header(name)
        case .cookie: .cookie(name)
        case .claim: .claim(name)
        case .path: .path(name)
        }
    }

    /// What is wrong with `name` behind this prefix, or nil.
    func problem(_ name: String) -> String? {
        if name.isEmpty { return "a name is missing after '\(rawValue):'" }
        if name.unicodeScalars.contains(where: { $0.isUnprintable || $0 == " " }) {
            return "a name must not contain spaces or control characters"
        }
        switch self {
        case .header, .cookie:
            return name.utf8.allSatisfy(ASCII.isToken) ? nil : "this is not a \(rawValue) name"
        case .query, .claim, .path: return nil
        }
    }
}

extension ValueKind where Value == ValueSource {
    /// Where in a request a value is found.
    static let source = ValueKind { word, reading in
        let expected = SourceKind.allCases.map { $0.rawValue + ":NAME" }
        guard let (kind, name) = Prefixed.split(word, SourceKind.self) else {
            reading.error(
                Prefixed.message(word, expected, SourceKind.allCases.map(\.rawValue)), at: word)
            return nil
        }
        if let problem = kind.problem(name) {
            reading.error(problem, at: word)
            return nil
        }
        return kind.source(name)
    }
}

/// Words of the form `prefix:rest`.
enum Prefixed {
    static func split<Kind: RawRepresentable<String>>(
        _ word: Word, _ kind: Kind.Type
    ) -> (Kind, String)? {
        guard let colon = word.text.firstIndex(of: ":"),
            let kind = Kind(rawValue: String(word.text[..<colon]))
        else { return nil }
        return (kind, String(word.text[word.text.index(after: colon)...]))
    }

    /// `qurey:token` -> `query:token`, and `bearr` -> `bearer`.
    static func suggestion(_ word: Word, _ prefixes: [String]) -> String? {
        guard let colon = word.text.firstIndex(of: ":") else { return nil }
        let prefix = String(word.text[..<colon])
        return Spelling.closest(to: prefix, among: prefixes).map { $0 + word.text[colon...] }
    }

    static func message(_ word: Word, _ expected: [String], _ prefixes: [String]) -> String {
        let plain = expected.filter { !$0.contains(":") }
        let guess =
            suggestion(word, prefixes) ?? Spelling.closest(to: word.text, among: plain)
        let hint = guess.map { " (did you mean '\($0.printable())'?)" } ?? ""
        return "expected \(Choice.list(expected)), not \(word.shown)\(hint)"
    }
}
