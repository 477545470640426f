import Bytes
import Forwarding

extension PathPattern {
    /// The captures, in order.
    var captures: [String] {
        segments.compactMap { segment in
            if case .capture(let name) = segment { name } else { nil }
        }
    }

    /// Reads the part of `word` from character `start` on: `/ws/journey/{user_id}`.
    static func read(_ word: Word, from start: Int = 0, _ reading: inout Reading) -> PathPattern? {
        let text = String(word.text.dropFirst(start))
        guard text.hasPrefix("/") else {
            reading.error("a path begins with '/', not as in \(word.shown)", at: word)
            return nil
        }
        guard text != "/" else { return PathPattern(segments: [], hasTrailingSlash: true) }
        var parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let hasTrailingSlash = parts.last?.isEmpty ?? false
        if hasTrailingSlash { parts.removeLast() }
        var pattern = PathPattern(segments: [], hasTrailingSlash: hasTrailingSlash)
        var offset = start + 1
        for part in parts {
            if let problem = problem(with: part, after: pattern.captures) {
                reading.error(problem, at: word, offset: offset, length: max(1, part.count))
                return nil
            }
            pattern.segments.append(
                part.hasPrefix("{")
                    ? .capture(String(part.dropFirst().dropLast())) : .literal(String(part)))
            offset += part.count + 1
        }
        return pattern
    }

    private static func problem(with part: Substring, after captures: [String]) -> String? {
        if part.isEmpty { return "an empty segment: paths are compared without doubled slashes" }
        if part == "." || part == ".." { return "paths are compared without '.' and '..'" }
        if part.contains(where: { $0 == "?" || $0 == "#" }) {
            return "a path holds no query and no fragment"
        }
        if part.unicodeScalars.contains(where: { $0.isUnprintable || $0 == " " }) {
            return "a path holds no spaces and no control characters"
        }
        guard part.contains(where: { $0 == "{" || $0 == "}" }) else { return nil }
        guard part.hasPrefix("{"), part.hasSuffix("}") else {
            return "a capture is a whole segment, as in '/ws/{name}'"
        }
        let name = part.dropFirst().dropLast()
        let isName = name.utf8.allSatisfy { ASCII.isAlpha($0) || ASCII.isDigit($0) || $0 == 0x5F }
        if name.isEmpty || !isName { return "a capture is named with letters, digits and '_'" }
        return captures.contains(String(name)) ? "'{\(name)}' is captured twice" : nil
    }
}

extension HostPattern {
    /// `api.example.kr` or `*.example.kr`, in any case; nil when it is no host name.
    init?(_ text: String) {
        let folded = text.lowercased()
        let isSuffix = folded.hasPrefix("*.")
        let name = isSuffix ? String(folded.dropFirst(2)) : folded
        guard Self.isName(name) else { return nil }
        self = isSuffix ? .suffix(name) : .exact(name)
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
            reading.error("\(word.shown) is no host name", at: word)
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
            "\(word.shown) is no request method"
                + (isAll ? " (leave 'methods' out to let all of them pass)" : hint), at: word)
        return nil
    }
}
