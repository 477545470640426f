import Bytes

/// How one argument is understood. Reading answers nil after saying what is wrong with the word.
struct ValueKind<Value: Sendable>: Sendable {
    let read: @Sendable (_ word: Word, _ reading: inout Reading) -> Value?

    init(_ read: @escaping @Sendable (_ word: Word, _ reading: inout Reading) -> Value?) {
        self.read = read
    }

    /// The kind of value for an optional setting; `keyword`, if there is one, stands for nil.
    func optional(_ keyword: String? = nil) -> ValueKind<Value?> {
        ValueKind<Value?> { word, reading in
            guard let keyword else { return self.read(word, &reading).map(Optional.some) }
            if word.text == keyword { return .some(nil) }
            if Spelling.closest(to: word.text, among: [keyword]) != nil {
                reading.error("\(word.shown) is unknown (did you mean '\(keyword)'?)", at: word)
                return nil
            }
            if keyword == "off", self.meansOff(word, reading) {
                reading.error("\(word.shown) is unknown (did you mean 'off'?)", at: word)
                return nil
            }
            return self.read(word, &reading).map(Optional.some)
        }
    }

    /// Other languages' words for "no limit", where they are no value of this kind.
    private func meansOff(_ word: Word, _ reading: Reading) -> Bool {
        let words = ["0", "no", "none", "never", "false", "disabled", "unlimited"]
        guard words.contains(word.text.lowercased()) else { return false }
        return [word.text, word.text + "s"].allSatisfy { text in
            var (trial, word) = (reading, word)
            word.text = text
            return read(word, &trial) == nil
        }
    }
}

extension ValueKind where Value == String {
    /// Any text but the empty one.
    static let text = ValueKind { word, reading in
        if word.text.isEmpty { reading.error("this value must not be empty", at: word) }
        return word.text
    }

    /// The name of a block: letters, digits, `_`, `-` and `.`.
    static let name = ValueKind { word, reading in
        let isName = word.text.utf8.allSatisfy { $0.isNamePart }
        if word.text.isEmpty || word.text.count > 64 || !isName {
            reading.error(
                "\(word.shown) is not a name (letters, digits, '_', '-' and '.')", at: word)
        } else if ["off", "or", "optional"].contains(word.text) {
            reading.error(
                "\(word.shown) is a word of the configuration; choose another name", at: word)
        }
        return word.text
    }

    /// An HTTP field name (RFC 9110 §5.1).
    static let fieldName = ValueKind { word, reading in
        let octets = Array(word.text.utf8)
        if octets.isEmpty || !octets.allSatisfy(ASCII.isToken) {
            reading.error("\(word.shown) is not a header name", at: word)
        }
        return word.text
    }

    /// The name of a cookie (RFC 6265 §4.1.1).
    static let cookieName = ValueKind { word, reading in
        if word.text.isEmpty || !word.text.utf8.allSatisfy(ASCII.isToken) {
            reading.error("\(word.shown) is not a cookie name", at: word)
        }
        return word.text
    }

    /// The path of a file that must be there, seen from the configuration file.
    static let existingFile = ValueKind { word, reading in
        let path = reading.resolve(word.text, from: word)
        if word.text.isEmpty || word.text.contains("\0") {
            reading.error("expected the path of a file", at: word)
        } else if !reading.world.exists(path) {
            let place = path == word.text ? "" : " (looked for '\(path.printable())')"
            reading.error("no such file: \(word.shown)\(place)", at: word)
        }
        return path
    }

    /// The path of a folder that may be made when it is needed, seen from the configuration file:
    /// the one it lies in must be there.
    static let folderToMake = ValueKind { word, reading in
        if word.text.isEmpty || word.text.contains("\0") {
            reading.error("expected the path of a folder", at: word)
            return nil
        }
        var path = reading.resolve(word.text, from: word)
        while path.hasSuffix("/"), path.count > 1 { path.removeLast() }
        let parent = FilePaths.directory(of: path)
        if !parent.isEmpty, !reading.world.exists(path), !reading.world.exists(parent) {
            reading.error(
                "no such folder: '\(parent.printable())' (the gateway makes only the last part of"
                    + " the path)",
                at: word)
        }
        return path
    }
}

extension ValueKind where Value == String? {
    static let text = ValueKind<String>.text.optional()
}

extension ValueKind where Value == Bool {
    static let onOff = ValueKind { word, reading in
        switch word.text {
        case "on": return true
        case "off": return false
        default:
            let meant = ["yes": "on", "true": "on", "no": "off", "false": "off"]
            let guess = meant[word.text.lowercased()] ?? word.text
            let hint = Spelling.hint(for: guess, among: ["on", "off"])
            reading.error("expected on or off, not \(word.shown)\(hint)", at: word)
            return nil
        }
    }
}

extension ValueKind where Value: RawRepresentable<String> & CaseIterable {
    /// One of the words of an enumeration.
    static var choice: ValueKind {
        ValueKind { word, reading in
            if let value = Value(rawValue: word.text) { return value }
            let words = Value.allCases.map(\.rawValue)
            reading.error(Choice.message(word, among: words), at: word)
            return nil
        }
    }

    /// One of the words of an enumeration, or `keyword` for nil.
    static func choice(or keyword: String) -> ValueKind<Value?> {
        ValueKind<Value?> { word, reading in
            if word.text == keyword { return .some(nil) }
            if let value = Value(rawValue: word.text) { return value }
            let words = Value.allCases.map(\.rawValue) + [keyword]
            reading.error(Choice.message(word, among: words), at: word)
            return nil
        }
    }
}

enum Choice {
    static func message(_ word: Word, among words: [String]) -> String {
        let hint = word.isHidden ? "" : Spelling.hint(for: word.text, among: words)
        return "expected \(list(words)), not \(word.shown)\(hint)"
    }

    /// `a, b or c`.
    static func list(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }
}

extension UInt8 {
    /// ASCII letters, digits, `_`, `-` and `.`.
    var isNamePart: Bool {
        ASCII.isAlpha(self) || ASCII.isDigit(self) || [0x5F, 0x2D, 0x2E].contains(self)
    }
}
