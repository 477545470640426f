import Bytes

extension PathPattern {
    /// What a pattern is for.
    enum Use {
        /// The pattern of a route: it matches everything below its path, too.
        case route
        /// The pattern of a rewrite: it matches one path.
        case rewrite
    }

    /// Reads the part of `word` from character `start` on: `/ws/journey/{user_id}`.
    static func read(
        _ word: Word, from start: Int = 0, for use: Use, _ reading: inout Reading
    ) -> PathPattern? {
        let text = String(word.text.dropFirst(start))
        guard text.hasPrefix("/") else {
            let hint = text.hasPrefix("^") ? PathProblem.noExpression(use) : ""
            reading.error("a path must begin with '/', unlike \(word.shown)\(hint)", at: word)
            return nil
        }
        guard text != "/" else { return PathPattern(segments: [], hasTrailingSlash: true) }
        var parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let hasTrailingSlash = parts.last?.isEmpty ?? false
        if hasTrailingSlash { parts.removeLast() }
        var pattern = PathPattern(segments: [], hasTrailingSlash: hasTrailingSlash)
        var offset = start + 1
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            let problem = PathProblem(
                part, below: String(text.dropFirst(0).prefix(offset - start)), isLast: isLast,
                isClosed: hasTrailingSlash, after: pattern.captures, use)
            if let problem {
                reading.error(
                    problem.message, at: word, offset: offset, length: max(1, part.count))
                return nil
            }
            pattern.append(part)
            offset += part.count + 1
        }
        return pattern
    }

    /// Adds a part that nothing is wrong with.
    private mutating func append(_ part: Substring) {
        guard part.hasPrefix("{") else { return segments.append(.literal(String(part))) }
        let name = part.dropFirst().dropLast()
        if name.hasSuffix("...") {
            rest = String(name.dropLast(3))
            hasTrailingSlash = true
        } else {
            segments.append(.capture(String(name)))
        }
    }
}

/// What is wrong with a segment of a pattern, and what to write instead. Much of it is how other
/// servers and frameworks write what is said in another way here: taken for a literal, it would
/// match nothing, and leave open what it was meant to guard.
private struct PathProblem {
    let message: String

    init?(
        _ part: Substring, below: String, isLast: Bool, isClosed: Bool, after captures: [String],
        _ use: PathPattern.Use
    ) {
        let isEnd = isLast && !isClosed
        guard
            let message = Self.simple(part, use) ?? Self.foreign(part, below, isEnd: isLast, use)
                ?? Self.escaped(part, use)
                ?? Self.capture(part, below, isEnd: isEnd, after: captures)
        else { return nil }
        self.message = message
    }

    private static func simple(_ part: Substring, _ use: PathPattern.Use) -> String? {
        if part.isEmpty {
            return "this path has an empty segment, but paths are compared without doubled slashes"
        }
        if part == "." || part == ".." { return "paths are compared without '.' and '..'" }
        if part.unicodeScalars.contains(where: { $0.isUnprintable || $0 == " " }) {
            return "a path must not contain spaces or control characters"
        }
        if part.hasPrefix("{") { return nil }
        if part.contains(where: { $0 == "?" || $0 == "#" }) {
            let isExpression = part.contains("(") || part.contains("\\")
            return "a path must not contain a query or a fragment"
                + (isExpression ? noExpression(use) : "")
        }
        return nil
    }

    /// Characters that a literal does not hold, or that others use for captures and patterns.
    private static func foreign(
        _ part: Substring, _ below: String, isEnd: Bool, _ use: PathPattern.Use
    ) -> String? {
        if part.hasPrefix("{") { return nil }
        let isAll = part.allSatisfy { $0 == "*" } || part == ".*" || part == ".+"
        if isAll, isEnd {
            let meant = below.printable()
            switch use {
            case .route where below == "/":
                return "'\(part)' is not a wildcard: a route for '/' matches every path (write '/')"
            case .route:
                return "'\(part)' is not a wildcard: a route matches everything below its path"
                    + " (write '\(meant)', or '\(meant){rest...}' to capture it)"
            case .rewrite:
                return "'\(part)' is not a wildcard (write '\(meant){rest...}' to capture all that"
                    + " follows)"
            }
        }
        if isAll {
            return "'\(part)' is not a wildcard (write '{name}' to capture one segment)"
        }
        if part.contains("*") {
            return "wildcards within a segment are not supported ('*' itself is '%2A')"
                + (use == .rewrite ? noExpression(use) : "")
        }
        if let name = captureName(part) {
            return "'\(String(part).printable())' captures nothing (write '{\(name)}')"
        }
        if part.hasPrefix(":") { return "':' at the front is written '%3A'" }
        if part.hasSuffix("$"), isEnd {
            return "'$' at the end is written '%24'" + noExpression(use)
        }
        return unsafeCharacter(part).map { found in
            "'\(found)' must be escaped in a path" + noExpression(use)
        }
    }

    /// `:id`, `<id>`, `<int:id>`, `[id]`, `$id`: what frameworks call `id`.
    private static func captureName(_ part: Substring) -> String? {
        let isBracketed =
            part.hasPrefix("<") && part.hasSuffix(">") || part.hasPrefix("[") && part.hasSuffix("]")
        guard isBracketed || part.hasPrefix(":") || part.hasPrefix("$") else { return nil }
        var name = part.dropFirst()
        if isBracketed {
            name.removeLast()
            if name.hasPrefix("...") {
                name = name.dropFirst(3)
                return isName(name) ? name + "..." : nil
            }
            if let colon = name.lastIndex(of: ":") { name = name[name.index(after: colon)...] }
        } else {
            name = name.prefix { $0 != "(" && $0 != "?" }
        }
        return isName(name) ? String(name) : nil
    }

    private static func isName(_ name: Substring) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { ASCII.isAlpha($0) || ASCII.isDigit($0) || $0 == 0x5F }
    }

    /// What a client's path never holds as it is (RFC 3986 §3.3), so that nothing would match.
    private static func unsafeCharacter(_ part: Substring) -> Character? {
        part.first { "\\^|`\"<>[]".contains($0) }
    }

    static func noExpression(_ use: PathPattern.Use) -> String {
        switch use {
        case .route:
            " (a path is not a regular expression: write captures such as '/a/{name}')"
        case .rewrite:
            " (a path is not a regular expression: write captures such as '/a/{name}', or 'rewrite"
                + " path matches REGEX to …')"
        }
    }

    /// Escapes are compared decoded.
    private static func escaped(_ part: Substring, _ use: PathPattern.Use) -> String? {
        let octets = Array(part.utf8)
        for index in octets.indices where octets[index] == UInt8(ascii: "%") {
            guard index + 2 < octets.count, let high = ASCII.hexValue(octets[index + 1]),
                let low = ASCII.hexValue(octets[index + 2])
            else { return "this escape is malformed ('%' itself is '%25')" }
            switch high << 4 | low {
            case UInt8(ascii: "/"), UInt8(ascii: "\\"):
                if use == .route {
                    return
                        "a route's own path must not contain an escaped slash: apps read it in two"
                        + " ways (see 'encoded_slashes')"
                }
            case 0..<ASCII.space, 0x7F: return "a path must not contain control characters"
            default: break
            }
        }
        return nil
    }

    private static func capture(
        _ part: Substring, _ below: String, isEnd: Bool, after captures: [String]
    ) -> String? {
        guard part.contains(where: { $0 == "{" || $0 == "}" }) else { return nil }
        guard part.hasPrefix("{"), part.hasSuffix("}") else {
            let name = part.dropFirst().prefix { $0 != "?" && $0 != ":" }
            if part.hasPrefix("{"), isName(name) {
                return "a capture must end with '}' (write '{\(name)}')"
            }
            return "a capture must be a whole segment, as in '/ws/{name}'"
        }
        var name = part.dropFirst().dropLast()
        if name.hasSuffix("...") {
            name = name.dropLast(3)
            if !isEnd {
                return "'\(part)' captures everything that follows, so it must be at the end"
            }
        }
        guard isName(name) else {
            let meant = meantName(name).map { " (write '{\($0)}')" } ?? ""
            return "the name of a capture must consist of letters, digits and '_'" + meant
        }
        return captures.contains(String(name)) ? "'{\(name)}' is captured twice" : nil
    }

    /// `{id:int}`, `{id?}`, `{*rest}`, `{...rest}`, `{path:path}`: what is meant by others.
    private static func meantName(_ name: Substring) -> String? {
        let isRest =
            name.hasPrefix("*") || name.hasPrefix("...") || name.hasSuffix("*")
            || name.hasSuffix(":path") || name.hasSuffix(":.*") || name.hasSuffix(":.+")
        let bare = name.drop { $0 == "*" || $0 == "." || $0 == "{" }
            .prefix { $0 != ":" && $0 != "?" && $0 != "*" && $0 != "=" && $0 != "}" }
        return isName(bare) ? bare + (isRest ? "..." : "") : nil
    }
}
