internal import Bytes

extension Template {
    /// Reads the placeholders of `word`; names that are not in `known` are reported where they
    /// stand.
    init(_ word: Word, known: [String], _ reading: inout Reading) {
        let characters = Array(word.text)
        var parts: [Part] = []
        var text = ""
        var index = 0
        while index < characters.count {
            let character = characters[index]
            let isDoubled = index + 1 < characters.count && characters[index + 1] == character
            switch character {
            case "{", "}":
                if isDoubled {
                    text.append(character)
                    index += 2
                } else if character == "{", let end = characters[index...].firstIndex(of: "}") {
                    let name = String(characters[(index + 1)..<end])
                    Self.check(name, at: index, known, word, &reading)
                    if !text.isEmpty { parts.append(.text(text)) }
                    parts.append(.placeholder(name))
                    text = ""
                    index = end + 1
                } else {
                    reading.error(
                        "a single '\(character)' (write '\(character)\(character)' for the"
                            + " bracket itself)", at: word, offset: index, length: 1)
                    index += 1
                }
            default:
                text.append(character)
                index += 1
            }
        }
        if !text.isEmpty { parts.append(.text(text)) }
        self.init(parts: parts)
    }

    private static func check(
        _ name: String, at index: Int, _ known: [String], _ word: Word, _ reading: inout Reading
    ) {
        guard !known.contains(name) else { return }
        if word.isHidden {
            reading.error("there is no such placeholder here", at: word)
            return
        }
        var message = "no placeholder '{\(String(name.prefix(40)).printable())}' here"
        if let guess = Spelling.closest(to: name, among: known) {
            message += " (did you mean '{\(guess)}'?)"
        } else if known.isEmpty {
            message += " (there are none)"
        } else {
            message += " (known: \(known.map { "{\($0)}" }.joined(separator: " ")))"
        }
        reading.error(message, at: word, offset: index, length: name.count + 2)
    }

    /// The text without placeholders.
    var fixedText: String { expanded { _ in nil } }
}

extension String {
    /// As apps may read the name of a field: in lower case, and `-` for whatever is neither letter
    /// nor digit.
    var foldedFieldName: String {
        String(
            decoding: utf8.map {
                ASCII.isAlpha($0) || ASCII.isDigit($0) ? ASCII.lowercased($0) : 0x2D
            }, as: UTF8.self)
    }
}
