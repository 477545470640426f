import ArgumentParser
import JSON

/// `NAME=TEXT`, `NAME[]=TEXT,…` for a list of texts, or `NAME:=JSON` for any other value.
struct TokenClaim: ExpressibleByArgument {
    let name: String
    let value: JSONValue

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "=") else { return nil }
        let before = argument[..<equals]
        let text = String(argument[argument.index(after: equals)...])
        if before.last == ":" {
            guard let json = try? JSONValue.decode(text.utf8.span) else { return nil }
            name = String(before.dropLast())
            value = json
        } else if before.hasSuffix("[]") {
            name = String(before.dropLast(2))
            value = .array(text.split(separator: ",").map { .string(String($0)) })
        } else {
            name = String(before)
            value = .string(text)
        }
        if name.isEmpty { return nil }
    }
}

/// A time as the configuration writes it, in whole seconds: `30s`, `15m`, `1h`, `7d`.
struct TokenLifetime: ExpressibleByArgument {
    static let standard = TokenLifetime(seconds: 3600, text: "1h")

    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    /// A hundred years; dates beyond are of no use.
    private static let longest: Int64 = 100 * 365 * 86_400

    let seconds: Int64
    private let text: String

    private init(seconds: Int64, text: String) {
        self.seconds = seconds
        self.text = text
    }

    init?(argument: String) {
        guard let unit = argument.last, let factor = Self.units[unit],
            argument.dropLast().utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int64(argument.dropLast()), number <= Self.longest / factor
        else { return nil }
        self.init(seconds: number * factor, text: argument)
    }

    var defaultValueDescription: String { text }
}
