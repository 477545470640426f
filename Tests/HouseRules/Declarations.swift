/// A type, or an extension of one, as a file declares it.
struct TypeDeclaration: Sendable {
    var name: String
    var isExtension: Bool
    /// Within another one's braces.
    var isNested: Bool
    var line: Int
    /// From the line of its first word to that of its last brace.
    var length: Int
    /// Of an instance; none in an extension.
    var storedProperties: Int
}

/// A function, initialiser, property or constant, wherever it stands.
struct NamedDeclaration: Sendable {
    var name: String
    var line: Int
    var isPrivate: Bool
    /// Named by the parameters and the result.
    var signature: [String]
    var isFunction: Bool
}

/// What one file declares, and which words it uses.
struct Declarations: Sendable {
    private(set) var types: [TypeDeclaration] = []
    private(set) var names: [NamedDeclaration] = []
    /// How often each word occurs in code.
    private(set) var words: [String: Int] = [:]

    private static let starters = kinds.union(["extension", "func", "var", "let", "init"])
    private static let kinds: Set<String> = ["struct", "class", "enum", "actor", "protocol"]

    init(_ text: SwiftText) {
        let tokens = text.tokens
        words = text.wordCounts
        var ends: [Int] = []
        for index in text.places(of: Self.starters) {
            ends.removeAll { $0 < index }
            if let type = Self.type(at: index, in: tokens), let open = type.open,
                let end = tokens.end(ofBraceAt: open)
            {
                types.append(
                    TypeDeclaration(
                        name: type.name, isExtension: tokens[index].text == "extension",
                        isNested: !ends.isEmpty, line: tokens[index].line,
                        length: tokens[end].line - tokens[index].line + 1,
                        storedProperties: tokens[index].text == "protocol"
                            ? 0 : Self.storedProperties(from: open, to: end, in: tokens)))
                ends.append(end)
            }
            if let name = Self.named(at: index, in: tokens) { names.append(name) }
        }
    }

    private static func type(
        at index: Int, in tokens: [Token]
    ) -> (name: String, open: Int?)? {
        let text = tokens[index].text
        let previous = index > 0 ? tokens[index - 1].text : ""
        guard kinds.contains(text) || text == "extension", previous != ".", previous != ":",
            index + 1 < tokens.count, tokens[index + 1].isWord,
            tokens[index + 1].text != "func", tokens[index + 1].text != "var"
        else { return nil }
        let open = tokens.indices.dropFirst(index).first { tokens[$0].text == "{" }
        return (tokens[index + 1].text, open)
    }

    /// `let` and `var` right within the braces that have no body of their own, but for observers.
    private static func storedProperties(
        from open: Int, to end: Int, in tokens: [Token]
    ) -> Int {
        var depth = 0
        var count = 0
        for index in open...end {
            switch tokens[index].text {
            case "{", "(", "[": depth += 1
            case "}", ")", "]": depth -= 1
            case "let", "var":
                guard depth == 1, !isStatic(index, in: tokens) else { continue }
                if tokens[index].text == "let" || isStored(index, to: end, in: tokens) {
                    count += 1
                }
            default: break
            }
        }
        return count
    }

    private static func isStatic(_ index: Int, in tokens: [Token]) -> Bool {
        let line = tokens[index].line
        return tokens[..<index].reversed().prefix { $0.line == line }
            .contains { $0.text == "static" || $0.text == "case" }
    }

    private static func isStored(_ index: Int, to end: Int, in tokens: [Token]) -> Bool {
        var depth = 0
        for next in index + 1..<end {
            switch tokens[next].text {
            case "(", "[", "<": depth += 1
            case ")", "]", ">": depth -= 1
            case "=": return true
            case "{" where depth <= 0:
                return ["didSet", "willSet"].contains(tokens[next + 1].text)
            default: break
            }
            let isNextDeclaration =
                tokens[next].line > tokens[index].line
                && ["var", "let", "func", "init", "private", "case", "package", "static", "}"]
                    .contains(tokens[next].text)
            if isNextDeclaration, depth <= 0 { return true }
        }
        return true
    }

    private static func named(at index: Int, in tokens: [Token]) -> NamedDeclaration? {
        let kind = tokens[index].text
        guard ["func", "var", "let", "init"].contains(kind), index + 1 < tokens.count,
            index == 0 || tokens[index - 1].text != "."
        else { return nil }
        let line = tokens[index].line
        let modifiers = tokens[..<index].reversed().prefix { $0.line == line }.map(\.text)
        let signature = kind == "func" || kind == "init" ? signature(at: index, in: tokens) : []
        if kind == "init", signature.isEmpty { return nil }
        guard kind == "init" || tokens[index + 1].isWord else { return nil }
        return NamedDeclaration(
            name: kind == "init" ? "init" : tokens[index + 1].text, line: line,
            isPrivate: modifiers.contains("private") || modifiers.contains("fileprivate"),
            signature: signature, isFunction: kind == "func" || kind == "init")
    }

    /// The words between the name and the body.
    private static func signature(at index: Int, in tokens: [Token]) -> [String] {
        var depth = 0
        var words: [String] = []
        for next in tokens.indices.dropFirst(index + 1) {
            let text = tokens[next].text
            if text == "(" { depth += 1 }
            if text == ")" { depth -= 1 }
            if depth == 0, text == "{" || text == "}" { break }
            if depth == 0, next > index + 2, ["func", "var", "let", "init"].contains(text) {
                break
            }
            if tokens[next].isWord, depth > 0 { words.append(text) }
        }
        return words
    }
}
