/// A word or a mark of code, and the line where it begins, from 1.
struct Token: Sendable {
    var text: String
    var line: Int

    var isWord: Bool { text.utf8.first.map { isWordOctet($0) || $0 == UInt8(ascii: "`") } ?? false }

    static func all(in text: SwiftText) -> [Token] {
        var tokens: [Token] = []
        for (line, code) in text.code.enumerated() {
            var word = ""
            for octet in Array(code.utf8) + [UInt8(ascii: " ")] {
                if isWordOctet(octet) || octet == UInt8(ascii: "`") {
                    word.append(Character(UnicodeScalar(octet)))
                    continue
                }
                if !word.isEmpty { tokens.append(Token(text: word, line: line + 1)) }
                word = ""
                if octet != UInt8(ascii: " ") {
                    tokens.append(Token(text: String(UnicodeScalar(octet)), line: line + 1))
                }
            }
        }
        return tokens
    }
}

extension [Token] {
    /// The index of the brace that closes the one at `open`.
    func end(ofBraceAt open: Int) -> Int? {
        var depth = 0
        for index in indices.dropFirst(open) {
            if self[index].text == "{" { depth += 1 }
            if self[index].text == "}" { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }
}
