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
            reading.error("this placeholder is not available here", at: word)
            return
        }
        var message = "no placeholder '{\(String(name.prefix(40)).printable())}' here"
        let bare = String(name.drop { $0 == "." || $0 == "*" }.prefix { $0 != "." && $0 != ":" })
        if known.contains(bare) {
            message += " (write '{\(bare)}')"
        } else if let guess = Spelling.closest(to: name, among: known) {
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

/// Placeholders as other servers write them, which would be sent as they stand.
enum ForeignPlaceholder {
    /// What nginx, Apache, Traefik and HAProxy call them.
    private static let meanings: [(text: String, placeholder: Placeholder)] = [
        ("$request_uri", .requestTarget), ("%{REQUEST_URI}", .requestTarget),
        ("$http_host", .requestHost), ("%{HTTP_HOST}", .requestHost), ("$host", .requestHost),
        ("$server_name", .requestHost), ("$scheme", .requestScheme),
        ("$request_method", .requestMethod), ("$remote_addr", .clientAddress),
        ("$document_uri", .requestPath), ("$uri", .requestPath),
    ]

    /// - Parameter isPath: the word is the new path of a rewrite, where only captures are known.
    static func check(_ word: Word, isPath: Bool, _ reading: inout Reading) {
        let text = Array(word.text)
        for index in text.indices {
            let rest = String(text[index...])
            if let known = meanings.first(where: { rest.hasPrefix($0.text) }) {
                let hint =
                    isPath
                    ? " (the query is kept anyway; captures are written '{name}')"
                    : " (write '{\(known.placeholder.rawValue)}')"
                return reading.error(
                    "'\(known.text)' is not a placeholder\(hint)", at: word, offset: index,
                    length: known.text.count)
            }
            guard let length = captureLength(text[index...], isPath: isPath) else { continue }
            let shown = String(text[index..<index + length]).printable()
            return reading.error(
                "'\(shown)' is not a placeholder (a capture of the path is written by its name, as"
                    + " in '{name}')", at: word, offset: index, length: length)
        }
    }

    /// `$1`, `\1`, `${name}`, and, as whole segments, `*`, `:name`, `<name>`.
    private static func captureLength(_ text: ArraySlice<Character>, isPath: Bool) -> Int? {
        let (first, second) = (text.first, text.dropFirst().first)
        if first == "$" || first == "\\", let second, second.isASCII, second.isNumber { return 2 }
        if first == "$", second == "{" { return 2 }
        guard isPath, first == "/" else { return nil }
        let segment = text.dropFirst().prefix { $0 != "/" }
        let isCapture =
            segment.first == "*" || segment.first == ":" && segment.count > 1
            || segment.first == "<" && segment.last == ">"
        return isCapture ? segment.count + 1 : nil
    }
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
