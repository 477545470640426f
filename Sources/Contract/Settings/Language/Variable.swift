/// What stands between the brackets of `${NAME}` and `${NAME:-default}`.
struct Variable {
    let name: String
    /// Taken when the variable is not set, or empty; nil when there is none.
    private let fallback: String?

    /// Nil for what is neither.
    init?(_ text: some Collection<Character>) {
        let characters = Array(text)
        let length = characters.prefix(while: \.isNamePart).count
        let rest = characters.dropFirst(length)
        guard let first = characters.first, length > 0, !first.isNumber else { return nil }
        name = String(characters.prefix(length))
        if rest.isEmpty {
            fallback = nil
        } else {
            let text = String(rest.dropFirst(2))
            // A variable within the text would end with the bracket of this one.
            guard rest.starts(with: ":-"), !text.contains("${"), !text.contains("\"") else {
                return nil
            }
            fallback = text
        }
    }

    /// Nil for one that is not set.
    func value(_ environment: (String) -> String?) -> String? {
        let value = environment(name)
        guard let fallback else { return value }
        return value.flatMap { $0.isEmpty ? nil : $0 } ?? fallback
    }
}

extension Word {
    /// Takes over characters as they were written, the first of them so far from its start.
    mutating func append(_ characters: some Collection<Character>, writtenAt offset: Int) {
        for (index, character) in characters.enumerated() {
            text.append(character)
            offsets.append(offset + index)
        }
    }

    /// Takes over the value of a variable: an error in it is shown where the variable stands.
    mutating func append(_ value: String, writtenAt place: Range<Int>) {
        text.append(value)
        guard !value.isEmpty else { return }
        offsets += Array(repeating: place.lowerBound, count: value.count - 1)
        offsets.append(place.upperBound - 1)
    }
}

extension Character {
    /// True for a character of the name of an environment variable (POSIX.1 §8.1).
    fileprivate var isNamePart: Bool { isASCII && (isLetter || isNumber || self == "_") }
}
