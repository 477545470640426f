import Bytes

extension ValueKind where Value == String {
    /// `file:PATH`, a file that must be there, seen from the configuration file.
    static let fileReference = ValueKind { word, reading in
        FileReference.read(word, orElse: "", &reading)
    }
}

extension ValueKind where Value == KeySource.Origin {
    /// `file:PATH` or `https://…`.
    static let keySet = ValueKind { word, reading in
        let scheme = word.text.lowercased().prefix { $0 != ":" }
        if scheme == "http" {
            let hint = word.isHidden ? "" : " (did you mean 'https\(word.text.dropFirst(4))'?)"
            reading.error("keys can be fetched over https only\(hint)".printable(), at: word)
            return nil
        }
        if scheme == "https" { return RemoteKeySet.read(word, &reading).map { .remote($0) } }
        return FileReference.read(word, orElse: " or https://HOST/PATH", &reading)
            .map { .keySet(path: $0) }
    }
}

private enum FileReference {
    static func read(_ word: Word, orElse others: String, _ reading: inout Reading) -> String? {
        let prefix = "file:"
        let isReference = word.text.hasPrefix(prefix)
        let name = isReference ? String(word.text.dropFirst(prefix.count)) : word.text
        let path = reading.resolve(name, from: word)
        let exists = !name.isEmpty && !name.contains("\0") && reading.world.exists(path)
        guard isReference, !name.isEmpty, !name.contains("\0") else {
            let isPath = exists && !word.isHidden
            let hint = isPath ? " (did you mean 'file:\(name.printable())'?)" : ""
            reading.error("expected file:PATH\(others), not \(word.shown)\(hint)", at: word)
            return nil
        }
        guard exists else {
            let place = path == name ? "" : " (looked for '\(path.printable())')"
            reading.error("no such file: '\(name.printable())'\(place)", at: word)
            return nil
        }
        return path
    }
}

extension RemoteKeySet {
    /// `https://HOST[:PORT][/PATH][?QUERY]` (RFC 9110 §4.2.2).
    static func read(_ word: Word, _ reading: inout Reading) -> RemoteKeySet? {
        let rest = word.text.dropFirst("https:".count)
        let authority = rest.dropFirst(2).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let target = rest.dropFirst(2 + authority.count)
        if let problem = problem(rest, authority, target) {
            reading.error(problem, at: word)
            return nil
        }
        let (host, port) = split(authority)
        guard let port, let pattern = HostPattern(String(host)), case .exact(let name) = pattern
        else {
            reading.error("expected https://HOST[:PORT]/PATH, not \(word.shown)", at: word)
            return nil
        }
        let bracketed = name.hasPrefix("[")
        var set = RemoteKeySet(
            url: word.text, host: bracketed ? String(name.dropFirst().dropLast()) : name)
        set.port = port
        set.target = target.hasPrefix("/") ? String(target) : "/" + target
        return set
    }

    private static func problem(
        _ rest: Substring, _ authority: Substring, _ target: Substring
    ) -> String? {
        if !rest.hasPrefix("//") { return "expected https://HOST/PATH" }
        if authority.contains("@") { return "this URL must not contain a user or a password" }
        if target.contains("#") { return "this URL must not contain a fragment" }
        let isPlain = target.utf8.allSatisfy(ASCII.isVisible)
        return isPlain ? nil : "write spaces, and characters outside ASCII, as %XX"
    }

    /// Host and port; a nil port for one that is none.
    private static func split(_ authority: Substring) -> (host: Substring, port: UInt16?) {
        guard let colon = authority.lastIndex(of: ":"), authority.last != "]" else {
            return (authority, 443)
        }
        let digits = authority[authority.index(after: colon)...]
        let isNumber = !digits.isEmpty && digits.utf8.allSatisfy(ASCII.isDigit)
        let port = isNumber ? UInt16(digits) : nil
        return (authority[..<colon], port == 0 ? nil : port)
    }
}
