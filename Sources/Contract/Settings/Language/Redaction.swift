/// Finds the words that may be secrets written out, before anything is said about the text: a
/// literal after `secret` (or what looks like it), also on the next line, in a block, or glued on
/// with `=`. `env:` and `file:` only name a secret and stay readable.
struct Redaction {
    /// Where they stand.
    private(set) var places: [SourceRange] = []
    private var isHiding = false
    private var hasHidden = false
    private var isStart = true
    private var depth = 0
    /// `secret` stood alone on its line.
    private var isWaiting = false
    /// The statement names a URL, which may hold a password.
    private var namesURL = false

    /// Marks the words of `tokens` that must not be shown.
    mutating func mark(_ tokens: inout [Token]) {
        for index in tokens.indices {
            switch tokens[index] {
            case .word(var word):
                if isStart, word.text == "header" || word.text == "sticky" {
                    markSecret(in: &tokens, from: index + 1)
                }
                read(&word)
                tokens[index] = .word(word)
                isStart = false
            case .open:
                if isHiding { depth += 1 }
                isStart = true
                namesURL = false
            case .close:
                depth = max(0, depth - 1)
                endStatement(isLineEnd: false)
            case .separator(let isLineEnd): endStatement(isLineEnd: isLineEnd)
            }
        }
    }

    private mutating func read(_ word: inout Word) {
        if isHiding || hasHidden {
            hide(&word)
            isWaiting = false
        } else if namesURL {
            hideCredentials(&word)
        } else if isStart {
            namesURL = word.text.lowercased().hasPrefix("jwk")
            if Self.isSecret(word.text) {
                isHiding = true
                isWaiting = true
                // `secret=hunter2`: the name and the value are one word.
                if word.text.contains(where: { $0 == "=" || $0 == ":" }) { hide(&word) }
            } else if isWaiting {
                isWaiting = false
                if !Grammar.allWords.contains(word.text) {
                    isHiding = true
                    hide(&word)
                }
            }
        }
    }

    private mutating func hide(_ word: inout Word) {
        let isReference = word.text.hasPrefix("env:") || word.text.hasPrefix("file:")
        // What a variable holds may be the secret itself.
        if isReference && word.written == nil && !word.isBroken && !hasHidden { return }
        word.isHidden = true
        hasHidden = true
        var place = word.location
        // What broke the word may have cut it short.
        if word.isBroken { place.length = Int(Int32.max) }
        places.append(place)
    }

    /// `header NAME [TEXT] secret …` and `sticky cookie [NAME] secret …`, where no reference to a
    /// secret follows, and the literal value of a field that lets in.
    private mutating func markSecret(in tokens: inout [Token], from start: Int) {
        var words: [(index: Int, word: Word)] = []
        for index in start..<tokens.count {
            guard case .word(let word) = tokens[index] else { break }
            words.append((index, word))
        }
        let values = words.dropFirst()
        let mark = values.firstIndex { $0.word.text == "secret" && !$0.word.isQuoted }
        let isLiteral =
            mark == nil && HeaderNames.holdsCredentials(words.first?.word.text ?? "")
            && values.first?.word.text != "remove"
        let behind = mark.map { values[($0 + 1)...] } ?? []
        for (index, word) in isLiteral ? values : behind {
            if word.text.hasPrefix("env:") || word.text.hasPrefix("file:") { continue }
            var hidden = word
            hidden.isHidden = true
            tokens[index] = .word(hidden)
            places.append(word.location)
        }
    }

    /// `https://user:password@host/`, the whole of it.
    private mutating func hideCredentials(_ word: inout Word) {
        guard let start = word.text.firstRange(of: "//")?.upperBound,
            word.text[start...].prefix(while: { $0 != "/" }).contains("@")
        else { return }
        word.isHidden = true
        places.append(word.location)
    }

    /// A literal may hold `;` or `}`, so whatever follows it on its line stays hidden.
    private mutating func endStatement(isLineEnd: Bool) {
        isStart = true
        namesURL = false
        if isLineEnd { hasHidden = false }
        if depth == 0 && !hasHidden { isHiding = false }
    }

    private static func isSecret(_ text: String) -> Bool {
        let name = text.lowercased().prefix { $0 != "=" && $0 != ":" }
        if ["secret", "password", "passwd"].contains(where: name.contains) { return true }
        if name == "token" { return true }
        if Grammar.allWords.contains(String(name)) { return false }
        return name.count <= 8 && Spelling.distance(String(name), "secret") <= 2
            || name.count <= 6 && Spelling.distance(String(name), "token") <= 1
    }
}
