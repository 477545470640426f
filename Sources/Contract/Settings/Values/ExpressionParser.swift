import Bytes

/// Why a regular expression is none that can be used.
struct ExpressionError: Error, Hashable {
    var message: String
    /// In characters of the expression.
    var offset: Int
    var length = 1
}

/// Reads the regular expressions of rewrites: what most languages have in common (`.` `[…]` `\d`
/// `\w` `*` `+` `?` `{n,m}` `|` `(?:…)` `(?<name>…)`), and nothing that takes more than one step a
/// character.
struct ExpressionParser {
    /// What an expression says, before it is written out as instructions.
    private indirect enum Node {
        case character(PathExpression.CharacterClass)
        case sequence([Node])
        case choice([Node])
        case capture(Int, Node)
        /// `most` nil for no end.
        case repeated(Node, least: Int, most: Int?, isGreedy: Bool)
    }

    private let text: [Character]
    private var index = 0
    private var depth = 0
    private var names: [String] = []
    private var instructions: [PathExpression.Instruction] = []

    static func parse(_ text: String) throws(ExpressionError) -> PathExpression {
        var parser = ExpressionParser(text)
        return try parser.parse(text)
    }

    private init(_ text: String) { self.text = Array(text) }

    private mutating func parse(_ whole: String) throws(ExpressionError) -> PathExpression {
        guard !text.isEmpty else { throw error("the expression is empty", 0) }
        guard whole.unicodeScalars.count <= PathExpression.lengthLimit else {
            throw error(
                "an expression has at most \(PathExpression.lengthLimit) characters", 0, text.count)
        }
        // The expression is for the whole path anyway.
        if text[0] == "^" { index = 1 }
        let node = try choice()
        if index < text.count { throw error("this ')' has no '(' before it", index) }
        try write(node)
        instructions.append(.match)
        return PathExpression(text: whole, captureNames: names, instructions: instructions)
    }

    private func error(
        _ message: String, _ offset: Int, _ length: Int = 1
    ) -> ExpressionError {
        ExpressionError(message: message, offset: offset, length: length)
    }

    private var next: Character? { index < text.count ? text[index] : nil }

    private mutating func take(_ character: Character) -> Bool {
        guard next == character else { return false }
        index += 1
        return true
    }

    // MARK: Reading

    private mutating func choice() throws(ExpressionError) -> Node {
        var choices = [try sequence()]
        while take("|") { choices.append(try sequence()) }
        return choices.count == 1 ? choices[0] : .choice(choices)
    }

    private mutating func sequence() throws(ExpressionError) -> Node {
        var nodes: [Node] = []
        while let character = next, character != "|", character != ")" {
            if character == "$", index == text.count - 1 {
                index += 1
                break
            }
            let start = index
            let node = try atom()
            nodes.append(try repeated(node, from: start))
        }
        return .sequence(nodes)
    }

    private mutating func atom() throws(ExpressionError) -> Node {
        let start = index
        let character = text[index]
        index += 1
        switch character {
        case "(": return try group(from: start)
        case "[": return .character(try characterClass(from: start))
        case ".": return .character(.init(ranges: [], isNegated: true))
        case "\\": return .character(try escape(from: start))
        case "*", "+", "?": throw error("there is nothing before '\(character)' to repeat", start)
        case "{", "}":
            throw error(
                "there is nothing before '\(character)' to repeat (the bracket itself is"
                    + " '\\\(character)')", start)
        case "^", "$":
            throw error(
                "an expression is for the whole path: '\(character)' is allowed only at its"
                    + " \(character == "^" ? "beginning" : "end")", start)
        default: return .character(try literal(character, at: start))
        }
    }

    private func literal(
        _ character: Character, at place: Int
    ) throws(ExpressionError) -> PathExpression.CharacterClass {
        let value = try scalar(character, at: place)
        return .init(ranges: [value...value])
    }

    private func scalar(
        _ character: Character, at place: Int
    ) throws(ExpressionError) -> UInt32 {
        guard let scalar = character.unicodeScalars.first, character.unicodeScalars.count == 1
        else {
            throw error("this character consists of several; write them as a group", place)
        }
        if scalar.value < 0x20 || scalar.value == 0x7F {
            throw error("a path must not contain control characters", place)
        }
        return scalar.value
    }

    private mutating func group(from start: Int) throws(ExpressionError) -> Node {
        guard depth < PathExpression.depthLimit else {
            throw error("groups may be nested at most \(PathExpression.depthLimit) deep", start)
        }
        depth += 1
        defer { depth -= 1 }
        let name = take("?") ? try groupName(from: start) : nil
        let inner = try choice()
        guard take(")") else { throw error("this '(' is never closed", start) }
        return name.map { .capture($0, inner) } ?? inner
    }

    /// Behind `(?`: the number of a capture; nil for `(?:`.
    private mutating func groupName(from start: Int) throws(ExpressionError) -> Int? {
        if take(":") { return nil }
        let mark = index
        _ = take("P")
        guard take("<"), let first = next, first != "=", first != "!" else {
            let end = min(text.count, mark + 1)
            throw error(
                "of the groups that begin with '(?', only '(?<name>…)' and '(?:…)' are supported",
                start, end - start)
        }
        let begin = index
        while let character = next, character != ">" {
            guard character.isASCII, character.isLetter || character.isNumber || character == "_"
            else {
                throw error("the name of a capture must consist of letters, digits and '_'", index)
            }
            index += 1
        }
        let name = String(text[begin..<index])
        guard take(">"), !name.isEmpty else {
            throw error("the name of a capture must end with '>'", start, index - start)
        }
        if names.contains(name) {
            throw error("'\(name)' is captured twice", begin, name.count)
        }
        guard names.count < PathExpression.captureLimit else {
            throw error("there are at most \(PathExpression.captureLimit) captures", start)
        }
        names.append(name)
        return names.count - 1
    }

    private mutating func repeated(_ node: Node, from start: Int) throws(ExpressionError) -> Node {
        let mark = index
        let least: Int
        let most: Int?
        switch next {
        case "*": (least, most) = (0, nil)
        case "+": (least, most) = (1, nil)
        case "?": (least, most) = (0, 1)
        case "{": (least, most) = try bounds()
        default: return node
        }
        if text[mark] != "{" { index += 1 }
        let isGreedy = !take("?")
        if let character = next, "*+?{".contains(character) {
            throw error("a repetition cannot be repeated again (write a group)", index)
        }
        return .repeated(node, least: least, most: most, isGreedy: isGreedy)
    }

    /// `{2}`, `{2,}`, `{2,3}`.
    private mutating func bounds() throws(ExpressionError) -> (least: Int, most: Int?) {
        let start = index
        index += 1
        let least = number()
        var most = least
        if take(",") { most = number() }
        guard let least, take("}") else {
            throw error(
                "expected '{2}', '{2,}' or '{2,3}' (the bracket itself is '\\{')", start)
        }
        if let most, most < least {
            throw error("the first number is larger than the second", start, index - start)
        }
        if max(least, most ?? 0) > PathExpression.instructionLimit {
            throw error(
                "repeats at most \(PathExpression.instructionLimit) times", start, index - start)
        }
        return (least, most)
    }

    private mutating func number() -> Int? {
        let start = index
        while let character = next, character.isASCII, character.isNumber { index += 1 }
        return Int(String(text[start..<index]))
    }

    // MARK: Characters

    private typealias CharacterClass = PathExpression.CharacterClass

    private static let digits: [ClosedRange<UInt32>] = [0x30...0x39]
    private static let wordCharacters: [ClosedRange<UInt32>] = [
        0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A,
    ]

    /// Behind a backslash.
    private mutating func escape(from start: Int) throws(ExpressionError) -> CharacterClass {
        guard let character = next else {
            throw error("there is nothing after this backslash", start)
        }
        index += 1
        switch character {
        case "d": return .init(ranges: Self.digits)
        case "D": return .init(ranges: Self.digits, isNegated: true)
        case "w": return .init(ranges: Self.wordCharacters)
        case "W": return .init(ranges: Self.wordCharacters, isNegated: true)
        default:
            if character.isASCII, character.isNumber {
                throw error("references to captures are not supported", start, 2)
            }
            guard character.isASCII, !character.isLetter else {
                throw error(
                    "unknown escape (there are \\d \\D \\w \\W, and '\\' before punctuation)",
                    start, 2)
            }
            return try literal(character, at: start)
        }
    }

    /// Behind `[`.
    private mutating func characterClass(
        from start: Int
    ) throws(ExpressionError) -> CharacterClass {
        var ranges: [ClosedRange<UInt32>] = []
        let isNegated = take("^")
        let first = index
        while let character = next, character != "]" || index == first {
            let place = index
            index += 1
            if character == "[", next == ":" {
                throw error("classes such as '[:alpha:]' are not supported (write 'a-z')", place, 2)
            }
            var lower: CharacterClass
            if character == "\\" {
                lower = try escape(from: place)
                guard !lower.isNegated else {
                    throw error("'\\D' and '\\W' are not allowed within '[…]'", place, 2)
                }
            } else {
                lower = try literal(character, at: place)
            }
            if next == "-", index + 1 < text.count, text[index + 1] != "]" {
                lower = try range(from: lower, place)
            }
            ranges += lower.ranges
        }
        guard take("]") else { throw error("this '[' is never closed", start) }
        return CharacterClass(ranges: ranges, isNegated: isNegated)
    }

    /// At the `-` behind `lower`.
    private mutating func range(
        from lower: CharacterClass, _ start: Int
    ) throws(ExpressionError) -> CharacterClass {
        index += 1
        let place = index
        let character = text[index]
        index += 1
        let upper = try character == "\\" ? escape(from: place) : literal(character, at: place)
        guard lower.ranges.count == 1, upper.ranges.count == 1, !upper.isNegated,
            let from = lower.ranges.first, let to = upper.ranges.first, from.count == 1,
            to.count == 1, from.lowerBound <= to.lowerBound
        else {
            throw error(
                "a range must go from a lower character to a higher one", start, index - start)
        }
        return CharacterClass(ranges: [from.lowerBound...to.lowerBound])
    }

    // MARK: Writing

    private mutating func add(
        _ instruction: PathExpression.Instruction
    ) throws(ExpressionError) {
        // One more is to come: `match`.
        guard instructions.count + 1 < PathExpression.instructionLimit else {
            throw error(
                "too long when repetitions are written out (at most"
                    + " \(PathExpression.instructionLimit) steps)", 0, text.count)
        }
        instructions.append(instruction)
    }

    private mutating func write(_ node: Node) throws(ExpressionError) {
        switch node {
        case .character(let wanted): try add(.character(wanted))
        case .sequence(let nodes): for node in nodes { try write(node) }
        case .capture(let number, let inner):
            try add(.save(2 * number))
            try write(inner)
            try add(.save(2 * number + 1))
        case .choice(let nodes): try write(choice: nodes)
        case .repeated(let inner, let least, let most, let isGreedy):
            for _ in 0..<least {
                let start = instructions.count
                try write(inner)
                // An empty expression stays empty, however often it is repeated; repetitions of it
                // within each other would be written out without end.
                if instructions.count == start { return }
            }
            if let most {
                try write(inner, atMost: most - least, isGreedy)
            } else {
                try write(endless: inner, isGreedy)
            }
        }
    }

    private mutating func write(choice nodes: [Node]) throws(ExpressionError) {
        var jumps: [Int] = []
        for (number, node) in nodes.enumerated() {
            let split = instructions.count
            let isLast = number == nodes.count - 1
            if !isLast { try add(.split(split + 1, 0)) }
            try write(node)
            if isLast { break }
            jumps.append(instructions.count)
            try add(.jump(0))
            instructions[split] = .split(split + 1, instructions.count)
        }
        for jump in jumps { instructions[jump] = .jump(instructions.count) }
    }

    /// Each time is a choice, within the one before.
    private mutating func write(
        _ inner: Node, atMost count: Int, _ isGreedy: Bool
    ) throws(ExpressionError) {
        var splits: [Int] = []
        for _ in 0..<count {
            splits.append(instructions.count)
            try add(.split(0, 0))
            try write(inner)
        }
        for split in splits {
            let (on, out) = (split + 1, instructions.count)
            instructions[split] = isGreedy ? .split(on, out) : .split(out, on)
        }
    }

    private mutating func write(endless inner: Node, _ isGreedy: Bool) throws(ExpressionError) {
        let split = instructions.count
        try add(.split(0, 0))
        try write(inner)
        try add(.jump(split))
        let (on, out) = (split + 1, instructions.count)
        instructions[split] = isGreedy ? .split(on, out) : .split(out, on)
    }
}
