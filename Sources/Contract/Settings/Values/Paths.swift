import Bytes
import Forwarding

extension HostPattern {
    /// `api.example.kr` or `*.example.kr`, in any case; nil when it is no host name.
    init?(_ text: String) {
        let folded = text.lowercased()
        let isSuffix = folded.hasPrefix("*.")
        let name = isSuffix ? String(folded.dropFirst(2)) : folded
        guard Self.isName(name) else { return nil }
        self = isSuffix ? .suffix(name) : .exact(name)
    }

    /// What to write instead of `text`, which is no host name.
    static func hint(for text: String) -> String {
        if text == "*" { return " (leave it out: a route without a host is for every host)" }
        if text == "~" || text == "~*" || text == "^~" || text == "=" || text.contains("^") {
            return " (regular expressions are not supported: write a path with captures such as"
                + " '/a/{name}')"
        }
        if text.hasPrefix("."), HostPattern("*" + text) != nil { return " (write '*\(text)')" }
        if text.hasSuffix(":"), text.dropLast().allSatisfy({ $0.isASCII && $0.isLetter }) {
            return " (leave the scheme out: a route begins with its host or its path)"
        }
        if let colon = text.lastIndex(of: ":"), HostPattern(String(text[..<colon])) != nil {
            return " (leave the port out: write '\(text[..<colon].lowercased())')"
        }
        if text.contains(where: { "*{}:<>$".contains($0) }) {
            return " (the only wildcard is '*.' at the front, as in '*.example.kr')"
        }
        return ""
    }

    /// RFC 1123 §2.1, with the `_` that private networks use; also numeric addresses.
    private static func isName(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let areLabels = labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { $0.isNamePart && $0 != 0x2E }
        }
        if areLabels && text.utf8.count <= 253 { return true }
        return text.hasPrefix("[") && text.hasSuffix("]")
            && NumericAddress(String(text.dropFirst().dropLast())) != nil
    }
}

extension ValueKind where Value == String {
    /// A server name of TLS: `api.example.kr` or `*.example.kr`, in lower case.
    static let serverName = ValueKind { word, reading in
        guard HostPattern(word.text) != nil, !word.text.hasPrefix("[") else {
            let hint = HostPattern.hint(for: word.text)
            reading.error("\(word.shown) is not a host name\(hint)", at: word)
            return nil
        }
        return word.text.lowercased()
    }

    /// A serialised origin (RFC 6454 §6.2) in lower case: `scheme://host[:port]`, or what browsers
    /// say of pages without one, `null` and `file://`. `keywords` is what else may stand there.
    static func origin(or keywords: String) -> ValueKind {
        ValueKind { word, reading in readOrigin(word, keywords, &reading) }
    }

    private static func readOrigin(
        _ word: Word, _ keywords: String, _ reading: inout Reading
    ) -> String? {
        let text = word.text.lowercased()
        if text == "null" || text == "file://" { return text }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let isScheme =
            parts[0].utf8.allSatisfy { $0.isNamePart } && parts[0].first?.isLetter ?? false
        guard parts.count == 2, parts[1].hasPrefix("//"), isScheme,
            isAuthority(parts[1].dropFirst(2))
        else {
            let isCut = parts.count == 2 && parts[1].hasPrefix("//") && parts[1].count > 2
            let host = isCut ? String(parts[1].dropFirst(2).prefix { $0 != "/" }) : word.text
            let guess = "\(isCut ? String(parts[0]) : "https")://\(host)"
            let isGuess = isAuthority(guess.split(separator: "/").last ?? "")
            let hint =
                switch text {
                case "*": " (did you mean 'any'?)"
                case "same": " (pages of the same origin need no permission)"
                default: isGuess ? " (did you mean '\(guess)'?)" : ""
                }
            reading.error(
                "expected \(keywords) or an origin such as https://app.example.kr,"
                    + " not \(word.shown)\(hint)", at: word)
            return nil
        }
        // Browsers leave the default port out.
        let standard = ["http": ":80", "https": ":443"][String(parts[0])]
        if let standard, text.hasSuffix(standard) { return String(text.dropLast(standard.count)) }
        return text
    }

    /// `HOST` or `HOST:PORT`.
    private static func isAuthority(_ text: Substring) -> Bool {
        var host = text
        if let colon = text.lastIndex(of: ":"), text.last != "]" {
            let digits = text[text.index(after: colon)...]
            guard !digits.isEmpty, digits.utf8.allSatisfy(ASCII.isDigit), UInt16(digits) != nil
            else { return false }
            host = text[..<colon]
        }
        return !host.hasPrefix("*") && HostPattern(String(host)) != nil
    }

    /// A request method, in upper case.
    static let method = ValueKind { word, reading in
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
        if known.contains(word.text) { return word.text }
        let guess = Spelling.closest(to: word.text, among: known)
        let isMethod =
            word.text.utf8.contains(where: ASCII.isAlpha)
            && word.text.utf8.allSatisfy(ASCII.isToken) && word.text.uppercased() == word.text
        if isMethod && guess == nil { return word.text }
        let isAll = ["*", "any", "all"].contains(word.text.lowercased())
        let hint = guess.map { " (did you mean '\($0)'?)" } ?? ""
        reading.error(
            "\(word.shown) is not a request method"
                + (isAll ? " (leave 'methods' out to allow all methods)" : hint), at: word)
        return nil
    }
}
