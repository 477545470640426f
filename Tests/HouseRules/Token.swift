/// A word or a mark of code, and the line where it begins, from 1.
struct Token: Sendable {
    var text: String
    var line: Int
    /// Nothing stands between it and the one before.
    var isJoined = false

    var isWord: Bool { text.utf8.first.map { isWordOctet($0) || $0 == UInt8(ascii: "`") } ?? false }

    /// Of code whose comments and strings are blanked.
    static func all(in code: [UInt8]) -> [Token] {
        var tokens: [Token] = []
        var line = 1
        var index = 0
        var end = -1
        while index < code.count {
            let octet = code[index]
            let start = index
            index += 1
            if octet == UInt8(ascii: " ") { continue }
            if octet == UInt8(ascii: "\n") {
                line += 1
                continue
            }
            if isWordPart[Int(octet)] {
                while index < code.count, isWordPart[Int(code[index])] { index += 1 }
            }
            let text = String(decoding: code[start..<index], as: UTF8.self)
            tokens.append(Token(text: text, line: line, isJoined: start == end))
            end = index
        }
        return tokens
    }

    /// By octet.
    private static let isWordPart: [Bool] = (0...255).map {
        isWordOctet($0) || $0 == UInt8(ascii: "`")
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
