/// Where a directive may stand: the top level of a file, or a block by the word that opens it.
package enum Place: String, Sendable, CaseIterable {
    case top = ""
    case log, limits, resolver, console, state, listen, tls, host, jwt, jwks, backend, sessions,
        store, rewrite, route, defaults, cors, socketio
    /// `tls` in a `backend`, which has other words than that of a listener.
    case serverTLS = "backend.tls"
}

/// One word of the language at one place, as it is documented and checked.
package struct Entry: Sendable, Hashable {
    package enum Block: Sendable {
        case none, optional, required
    }

    package var name: String
    /// The arguments, as error messages and the reference write them.
    package var synopsis: String
    /// How many arguments there are.
    var arity: ClosedRange<Int>
    var block: Block = .none
    var isRepeatable = false
    /// The block is incomplete without it.
    var isRequired = false

    /// Takes as many arguments as there are.
    var isList: Bool { arity.upperBound == .max }

    /// `limit N block_new|eject_old`.
    var usage: String {
        let line = synopsis.isEmpty ? name : name + " " + synopsis
        return block == .required ? line + " { … }" : line
    }
}

/// An entry, and what it does to the block being read.
struct Rule<Draft>: Sendable {
    typealias Read =
        @Sendable (_ draft: inout Draft, _ directive: Directive, _ reading: inout Reading)
        -> Void

    private(set) var entry: Entry
    /// Called with as many arguments as the entry allows.
    let read: Read

    init(_ name: String, _ synopsis: String, _ arity: Arity, _ read: @escaping Read) {
        entry = Entry(name: name, synopsis: synopsis, arity: arity.range)
        self.read = read
    }

    /// One argument, one setting.
    init<Value>(
        _ name: String, _ synopsis: String, _ kind: ValueKind<Value>,
        _ path: any WritableKeyPath<Draft, Value> & Sendable
    ) {
        self.init(name, synopsis, .one) { draft, directive, reading in
            if let value = kind.read(directive.arguments[0], &reading) {
                draft[keyPath: path] = value
            }
        }
    }

    /// May be given again and again.
    var repeatable: Rule { with { $0.isRepeatable = true } }
    var required: Rule { with { $0.isRequired = true } }
    var withBlock: Rule { with { $0.block = .required } }
    var withOptionalBlock: Rule { with { $0.block = .optional } }

    private func with(_ change: (inout Entry) -> Void) -> Rule {
        var rule = self
        change(&rule.entry)
        return rule
    }
}

/// How many arguments.
struct Arity: Sendable {
    let range: ClosedRange<Int>

    static let none = Arity(range: 0...0)
    static let one = Arity(range: 1...1)
    static let two = Arity(range: 2...2)
    static let three = Arity(range: 3...3)
    static let any = Arity(range: 0...Int.max)
    static let atLeastOne = Arity(range: 1...Int.max)
    static func atLeast(_ least: Int) -> Arity { Arity(range: least...Int.max) }
    static func from(_ least: Int, to most: Int) -> Arity { Arity(range: least...most) }
}

/// The words of one place.
struct Vocabulary<Draft>: Sendable {
    let place: Place
    let rules: [Rule<Draft>]

    init(_ place: Place, _ rules: [Rule<Draft>]) {
        self.place = place
        self.rules = rules
    }

    /// Reads the directives of one block. `owner` is the word that opened it, to be pointed at
    /// when something is missing.
    func read(
        _ directives: [Directive], of owner: Word? = nil, into draft: inout Draft,
        _ reading: inout Reading
    ) {
        var seen: [Entry: SourceRange] = [:]
        for directive in directives {
            guard let rule = rule(for: directive, &reading) else { continue }
            let place = directive.name.location
            if let first = seen[rule.entry], !rule.entry.isRepeatable {
                let line = reading.firstSet(first, seenFrom: place)
                reading.error("\(directive.name.shown) is set twice\(line)", at: directive.name)
                continue
            }
            if seen[rule.entry] == nil { seen[rule.entry] = place }
            // Arguments are hidden when a secret is written out on their line, which is an error.
            let isHidden = directive.arguments.contains(where: \.isHidden)
            if isHidden && !Grammar.confidential.contains(rule.entry.name) { continue }
            guard let directive = fitted(directive, to: rule.entry, &reading) else { continue }
            rule.read(&draft, directive, &reading)
        }
        guard let owner else { return }
        for rule in rules where rule.entry.isRequired && seen[rule.entry] == nil {
            reading.error("'\(place.rawValue)' needs '\(rule.entry.usage)'", at: owner)
        }
    }

    /// The rule for a directive. A misspelt word is reported and then read as what was meant, so
    /// that what its block holds is checked, too.
    private func rule(for directive: Directive, _ reading: inout Reading) -> Rule<Draft>? {
        let name = directive.name.text
        if directive.name.written != nil {
            reading.error(
                "variables are for values: the name of a directive must be written out",
                at: directive.name)
            return nil
        }
        let candidates = rules.filter { $0.entry.name == name }
        if !candidates.isEmpty {
            let hasBlock = directive.block != nil
            return candidates.first { ($0.entry.block != .none) == hasBlock } ?? candidates[0]
        }
        var message = "unknown directive \(directive.name.shown)"
        if place != .top { message += " in '\(place.rawValue)'" }
        if directive.name.isHidden {
            reading.error(message, at: directive.name)
            return nil
        }
        let homes = Grammar.homes(of: name).filter { $0 != place }
        if !homes.isEmpty {
            reading.error(message + Self.belongs(homes), at: directive.name)
            return nil
        }
        let words = rules.map(\.entry.name) + ["include"]
        let meant = Grammar.foreign[name].flatMap { words.contains($0) ? $0 : nil }
        let guess = meant ?? Spelling.closest(to: name, among: words)
        if let guess { message += " (did you mean '\(guess)'?)" }
        reading.error(message, at: directive.name)
        guard meant == nil else { return nil }
        return rules.first { $0.entry.name == guess }
    }

    private static func belongs(_ homes: [Place]) -> String {
        let blocks = Choice.list(homes.filter { $0 != .top }.map { "'\($0.rawValue)'" })
        let parts = (homes.contains(.top) ? ["at the top level"] : [])
        return " (it belongs \(Choice.list(parts + (blocks.isEmpty ? [] : ["in " + blocks]))))"
    }

    /// The directive with as many arguments as the entry wants. Too few or too many are reported;
    /// then a block is still worth reading, with broken words for what is missing.
    private func fitted(
        _ directive: Directive, to entry: Entry, _ reading: inout Reading
    ) -> Directive? {
        var directive = directive
        checkBlock(directive, entry, &reading)
        let count = directive.arguments.count
        if entry.arity.contains(count) {
            if entry.isList { partedBySpaces(&directive.arguments, &reading) }
            return directive.block == nil && entry.block == .required ? nil : directive
        }
        if !directive.isBroken { reportArity(directive, entry, &reading) }
        guard directive.block != nil, entry.block != .none else { return nil }
        var missing = Word(text: "", location: directive.name.location)
        missing.isBroken = true
        while directive.arguments.count < entry.arity.lowerBound {
            directive.arguments.append(missing)
        }
        directive.arguments = Array(directive.arguments.prefix(entry.arity.upperBound))
        return directive
    }

    /// Other languages part the elements of a list by commas. Here a comma would belong to the
    /// element, which most kinds of elements have no objection to.
    private func partedBySpaces(_ words: inout [Word], _ reading: inout Reading) {
        var isSaid = false
        for index in words.indices where words[index].endsWithComma {
            var meant = words[index]
            meant.text.removeLast()
            if !isSaid {
                let hint = meant.text.isEmpty ? "" : " (did you mean \(meant.shown)?)"
                reading.error(
                    "the elements of a list are separated by spaces, without ','\(hint)",
                    at: words[index])
            }
            isSaid = true
            meant.isBroken = true
            words[index] = meant
        }
    }

    /// How other languages switch a word on or off that stands alone here.
    private static var switches: Set<String> { ["on", "off", "yes", "no", "true", "false"] }

    private func checkBlock(_ directive: Directive, _ entry: Entry, _ reading: inout Reading) {
        if let opening = directive.opening, entry.block == .none {
            reading.error("\(directive.name.shown) takes no block", at: opening)
        }
        if directive.block == nil, entry.block == .required,
            entry.arity.contains(directive.arguments.count)
        {
            reading.error(
                "\(directive.name.shown) needs a block (expected: \(entry.usage))",
                at: directive.name)
        }
    }

    private func reportArity(_ directive: Directive, _ entry: Entry, _ reading: inout Reading) {
        let expected = " (expected: \(entry.usage))"
        if directive.arguments.count < entry.arity.lowerBound {
            reading.error("\(directive.name.shown) is incomplete\(expected)", at: directive.name)
            return
        }
        let extra = directive.arguments[entry.arity.upperBound]
        let looksLikeBlock = extra.text.hasPrefix("{") && !extra.isQuoted && entry.block != .none
        let isSwitch = entry.arity.upperBound == 0 && Self.switches.contains(extra.text)
        let hint =
            looksLikeBlock
            ? " (a block needs a space after its '{')"
            : isSwitch ? " (it takes no value: leave it out to switch it off)" : expected
        reading.error("unexpected \(extra.shown) after \(directive.name.shown)\(hint)", at: extra)
    }
}
