import Bytes

/// How long a response stays fresh (RFC 9111 §4.2, §5.2), for one who keeps it to himself: what is
/// said to shared caches does not count.
package enum CacheControl {
    /// The seconds for which a response with `fields` is fresh from now on: `max-age` less `Age`.
    /// 0 when it must not be kept or what it says makes no sense; nil when it does not say.
    package static func freshSeconds(_ fields: Fields) -> Int? {
        var maxAge: Int?
        var isUseless = false
        for line in fields.lines where fields.isNamed("cache-control", line) {
            var directives = Directives(fields.bytes.span.extracting(line.value).array)
            while let (name, value) = directives.next() {
                switch name {
                case "no-store", "no-cache": isUseless = true
                case "max-age":
                    guard let seconds = deltaSeconds(value.span) else {
                        isUseless = true
                        continue
                    }
                    // The first one counts (§4.2.1).
                    maxAge = maxAge ?? seconds
                default: break
                }
            }
        }
        if isUseless { return 0 }
        return maxAge.map { max(0, $0 - age(fields)) }
    }

    /// `Age` (§5.1): what a cache on the way says it has held the response; 0 for nothing sensible.
    private static func age(_ fields: Fields) -> Int {
        for line in fields.lines where fields.isNamed("age", line) {
            return deltaSeconds(fields.bytes.span.extracting(line.value)) ?? 0
        }
        return 0
    }

    /// `delta-seconds` (§1.2.2): digits; what is too large is as large as it gets.
    private static func deltaSeconds(_ text: Span<UInt8>) -> Int? {
        if text.isEmpty { return nil }
        var seconds = 0
        for index in text.indices {
            guard ASCII.isDigit(text[index]) else { return nil }
            seconds = min(seconds * 10 + Int(text[index] - 0x30), 1 << 31)
        }
        return seconds
    }
}

extension Fields {
    fileprivate func isNamed(_ name: String, _ line: Line) -> Bool {
        bytes.span.extracting(line.name).matchesIgnoringCase(name)
    }
}

/// The elements `token[=token|quoted-string]` of a list (RFC 9111 §5.2). What is between two commas
/// that are in no quotes and has another form is passed over.
private struct Directives: IteratorProtocol {
    private let octets: [UInt8]
    private var index = 0

    init(_ octets: [UInt8]) { self.octets = octets }

    /// The name in lower case, and the value without quotes; empty for none.
    mutating func next() -> (name: String, value: [UInt8])? {
        while index < octets.count {
            let element = nextElement()
            let parts = element.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].map(ASCII.lowercased)
            guard !name.isEmpty, name.allSatisfy(ASCII.isToken) else { continue }
            return (
                String(decoding: name, as: UTF8.self), parts.count == 2 ? Array(parts[1]) : []
            )
        }
        return nil
    }

    /// What comes before the next comma outside quotes, without those and without whitespace.
    private mutating func nextElement() -> [UInt8] {
        var element: [UInt8] = []
        var isQuoted = false
        while index < octets.count {
            let octet = octets[index]
            index += 1
            if octet == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if isQuoted, octet == UInt8(ascii: "\\"), index < octets.count {
                element.append(octets[index])
                index += 1
            } else if !isQuoted, octet == UInt8(ascii: ",") {
                break
            } else if isQuoted || octet != ASCII.space && octet != ASCII.tab {
                element.append(octet)
            }
        }
        return element
    }
}
