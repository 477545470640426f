import Settings
import Testing

/// What `Deploy/gateway-conf.md` says of defaults and ranges, against what is read.
@Suite("Deploy/gateway-conf.md: values")
struct ReferenceValueTests {
    /// A row of the table under a heading that names a block.
    struct Row: Sendable, CustomTestStringConvertible {
        var block: String
        /// The word with its arguments.
        var line: String
        var standard: String
        var range: String

        var testDescription: String { "\(block) \(line)" }

        var name: Substring { line.prefix { $0 != " " } }
    }

    /// What stands around a directive of each block, whole but for what is tried.
    private static let blocks = [
        "Top": ("", ""), "log": ("log {", "}"), "limits": ("limits {", "}"),
        "listen": ("listen 127.0.0.1:2 {", "}"),
        "tls": ("listen 127.0.0.1:2 { tls { certificate self_signed", "} }"),
        "console": ("console 127.0.0.1:3 { token env:JWT_SECRET", "}"),
        "state": ("state /var/lib/gateway {", "}"),
        "jwt": ("jwt j { algorithms HS256; secret env:JWT_SECRET; audience a", "}"),
        "jwks": ("jwt j { algorithms RS256; audience a; jwks https://h.kr/ {", "} }"),
        "backend": ("backend b { server 127.0.0.1:9 max_connections=9", "}"),
        "backend.tls": ("backend b { server 127.0.0.1:9; tls {", "} }"),
        "sessions": ("sessions t { store query:t; limit other 1 block_new", "}"),
        "store": ("sessions t { store query:t; limit 1 block_new; store 1 {", "} }"),
        "defaults": ("defaults {", "}"), "route": ("route /x/{user_id} { backend app", "}"),
        "cors": ("route /x { backend app; cors https://a.kr {", "} }"),
        "Compression": ("route /x { backend app", "}"),
    ]

    private static let rows: [Row] = {
        let path = repository + "/Deploy/gateway-conf.md"
        let octets = (try? SystemConfigurationFiles().read(path, limit: 1 << 20)) ?? []
        var rows: [Row] = []
        var block = ""
        for line in String(decoding: octets, as: UTF8.self).split(separator: "\n") {
            if line.hasPrefix("## ") {
                block = String(line.dropFirst(3).prefix { $0 != " " }.filter { $0 != "`" })
            }
            guard line.hasPrefix("| `"), blocks[block] != nil else { continue }
            // A bar within a cell is escaped.
            let cells = line.replacing("\\|", with: "\u{1}").split(
                separator: "|", omittingEmptySubsequences: false
            ).map { $0.replacing("\u{1}", with: "|").trimmed }
            guard cells.count >= 6 else { continue }
            let word = cells[1].filter { $0 != "`" }
            // The parts of 'compress', but not the words that stand under it otherwise.
            rows.append(
                Row(
                    block: block, line: block == "Compression" ? "compress " + word : word,
                    standard: cells[3], range: cells[4]))
        }
        return rows
    }()

    private static func settings(_ row: Row, _ directive: String) -> (Settings?, [Diagnostic]) {
        let (opening, closing) = blocks[row.block] ?? ("", "")
        let result = read(prelude + opening + "\n" + directive + "\n" + closing)
        return (result.settings, result.diagnostics.filter { $0.severity == .error })
    }

    // MARK: Defaults

    /// Rows whose default begins with what could be written.
    private static let defaults = rows.filter { $0.standard.hasPrefix("`") }

    @Test("What stands for a default is what holds without it", arguments: defaults)
    func standard(row: Row) throws {
        let value = row.standard.dropFirst().prefix { $0 != "`" }
        let directive = "\(row.line.prefix { $0 != " " }) \(value)"
        if row.block == "Compression" {
            // A part stands behind the word.
            let part = row.line.split(separator: " ")[1]
            let context = part == "budget" ? " context dedicated" : ""
            let with = Self.settings(row, "compress\(context) \(part) \(value)")
            let base = Self.settings(row, "compress" + context)
            #expect(with.1.isEmpty && with.0 == base.0)
            return
        }
        let with = Self.settings(row, directive)
        #expect(with.1.map { $0.rendered() } == [])
        let expected = try #require(Self.settings(row, "").0)
        #expect(try #require(with.0) == expected)
    }

    @Test("Most rows with a default say one that can be tried") func countOfDefaults() {
        #expect(Self.defaults.count > 90)
    }

    // MARK: Ranges

    /// One number, or time, of a row and what it may be.
    struct Bound: Sendable, CustomTestStringConvertible {
        var row: Row
        /// The directive with `\0` in the place of the value.
        var template: String
        var least: Quantity
        var most: Quantity

        var testDescription: String { "\(template.replacing("\0", with: "…")) in \(row.block)" }
    }

    struct Quantity: Sendable {
        /// In milliseconds, octets, or as it is.
        var value: Int
        var unit: String

        private static let units = [
            "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
        ]
        private static let sizes = ["": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30]

        init?(_ text: some StringProtocol, _ placeholder: String) {
            let digits = text.prefix(while: \.isNumber)
            guard let number = Int(digits) else { return nil }
            let suffix = String(text.dropFirst(digits.count))
            switch placeholder {
            case "DURATION":
                unit = "ms"
                guard let factor = Self.units[suffix] ?? (number == 0 ? 1 : nil) else { return nil }
                value = number * factor
            default:
                unit = ""
                guard let factor = Self.sizes[suffix] else { return nil }
                value = number * factor
            }
        }

        func text(_ difference: Int) -> String { "\(value + difference)\(unit)" }
    }

    private static let placeholders = ["DURATION", "SIZE", "N", "PORT", "STATUS"]
    /// What else may stand in an alternative.
    private static let samples = [
        "ADDRESS": "127.0.0.1:8", "FROM": "/a", "TEXT": "x", "NAME": "n", "ROLE…": "r",
        "SOURCE": "address",
    ]

    private static let bounds: [Bound] = rows.flatMap { row -> [Bound] in
        let parts = row.range.replacing(" burst ", with: " ").split { ",;".contains($0) }
        let ranges = parts.compactMap { part -> (Substring, Substring)? in
            let words = part.split(separator: " ").filter {
                !["weight", "max_connections", "grace"].contains($0)
            }
            guard words.count == 3, words[1] == "to" else { return nil }
            return (words[0], words[2])
        }
        guard !ranges.isEmpty else { return [] }
        let line = row.line.replacing("N/s|m|h", with: "N ~/s")
        let alternatives = line.split(separator: " | ").map(String.init)
        let name = alternatives.count > 1 ? String(row.name) + " " : ""
        let chosen = alternatives.enumerated().compactMap { index, text -> [String]? in
            let words = words(of: (index > 0 ? name : "") + text)
            return words.contains(where: placeholders.contains) ? words : nil
        }.first
        guard let words = chosen else { return [] }
        let places = words.indices.filter { placeholders.contains(words[$0]) }
        return zip(places, ranges).compactMap { place, range in
            guard let least = Quantity(range.0, words[place]),
                let most = Quantity(range.1, words[place])
            else { return nil }
            let others = zip(places, ranges).filter { $0.0 != place }
            var template = words
            template[place] = "\0"
            for (other, range) in others { template[other] = String(range.1) }
            return Bound(
                row: row,
                template: template.joined(separator: " ").replacing("= ", with: "=")
                    .replacing(" ~", with: ""), least: least, most: most)
        }
    }

    /// The words of one alternative: optional ones only with a value in them, of several the one
    /// that is a value.
    private static func words(of text: String) -> [String] {
        var words: [String] = []
        let spaced = text.replacing("[", with: " [ ").replacing("]", with: " ] ")
            .replacing("=", with: "= ")
        var optional: [String]?
        for part in spaced.split(separator: " ").map(String.init) {
            let choices = part.split(separator: "|").map(String.init)
            let word = choices.first(where: placeholders.contains) ?? choices[0]
            switch part {
            case "[": optional = []
            case "]":
                if let group = optional, group.contains(where: placeholders.contains),
                    !group.contains("level") || group.count == 2
                {
                    words += group.filter { $0 != "claim:NAME" && $0 != "or" }
                }
                optional = nil
            default:
                let meant = samples[word] ?? word
                if optional != nil { optional?.append(meant) } else { words.append(meant) }
            }
        }
        return words
    }

    @Test("What is in the range passes, and what is not does not", arguments: bounds)
    func range(bound: Bound) {
        func complaints(_ text: String) -> [String] {
            var directive = bound.template.replacing("\0", with: text)
            // What has to go with it.
            if bound.row.name == "ping" { directive += "; silence 1d" }
            if directive.hasPrefix("compress budget") { directive += " context dedicated" }
            return Self.settings(bound.row, directive).1.map(\.message).filter {
                // Rules across settings are asked when each is right by itself.
                !$0.contains("must be longer than 'ping'") && !$0.contains("has one of 'backend'")
            }
        }
        #expect(complaints(bound.least.text(0)) == [])
        #expect(complaints(bound.most.text(0)) == [])
        #expect(complaints(bound.most.text(1)) != [])
        if bound.least.value > 0 { #expect(complaints(bound.least.text(-1)) != []) }
    }

    /// Ports, shares, and what stands in other files.
    private static let otherwise: Set = [
        "Top console", "Top listen", "console token", "jwt secret", "jwt public_key",
        "backend retry_budget", "backend retry_on",
    ]

    @Test("Every row with a range is tried") func countOfRanges() {
        let tried = Set(Self.bounds.map { $0.row.block + " " + $0.row.name })
        let ranged = Self.rows.filter { $0.range.contains(" to ") }
            .map { $0.block + " " + $0.name }
        #expect(Set(ranged).subtracting(tried) == Self.otherwise)
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        let start = drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }
}
