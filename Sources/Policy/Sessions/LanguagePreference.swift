/// The languages a client would like, best first: the primary subtags of its `Accept-Language`
/// (RFC 9110 §12.5.4). Texts are kept by primary subtag, so cutting `ko-KR` down to `ko` is the
/// Lookup of RFC 4647 §3.4.
package struct LanguagePreference: Sendable, Equatable {
    /// Further ones are ignored: nobody reads more, and a session keeps this as long as it lives.
    package static let most = 8

    /// Lower case. `*` stands for any language.
    package let languages: [String]

    /// Elements that are malformed are left out, as are those the client refuses (`q=0`).
    package init(acceptLanguage: String?) {
        guard let acceptLanguage, !acceptLanguage.isEmpty else {
            languages = []
            return
        }
        var wanted: [(language: String, quality: Int)] = []
        for element in acceptLanguage.utf8.split(separator: UInt8(ascii: ",")) {
            guard let range = Self.range(of: element), range.quality > 0 else { continue }
            if wanted.contains(where: { $0.language == range.language }) { continue }
            wanted.append(range)
            if wanted.count == Self.most { break }
        }
        // Stable: of equal qualities the first written wins.
        languages = wanted.enumerated().sorted {
            ($1.element.quality, $0.offset) < ($0.element.quality, $1.offset)
        }.map(\.element.language)
    }

    /// The one of `known` that the client likes best; the first of them for who likes none.
    package func best(of known: [String]) -> String {
        let fallback = known.first ?? ""
        let wanted = languages.lazy.map { $0 == "*" ? fallback : $0 }
        return wanted.first { known.contains($0) } ?? fallback
    }

    /// One element: `language-range [ OWS ";" OWS "q=" qvalue ]`, the quality in thousandths.
    private static func range(of element: Substring.UTF8View) -> (language: String, quality: Int)? {
        let parts = element.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard parts.count <= 2, let language = primarySubtag(trimmed(parts[0])) else { return nil }
        guard parts.count == 2 else { return (language, 1000) }
        let weight = trimmed(parts[1])
        guard let name = weight.first, name | 0x20 == UInt8(ascii: "q"),
            weight.dropFirst().first == UInt8(ascii: "="),
            let quality = thousandths(weight.dropFirst(2))
        else { return nil }
        return (language, quality)
    }

    /// The first subtag of a language range in lower case: 1 to 8 letters, or `*`.
    private static func primarySubtag(_ range: Substring.UTF8View) -> String? {
        let subtag = range.prefix { $0 != UInt8(ascii: "-") }
        if range.elementsEqual("*".utf8) { return "*" }
        let letters = subtag.map { $0 | 0x20 }
        guard (1...8).contains(letters.count), letters.allSatisfy({ $0 &- 0x61 < 26 }) else {
            return nil
        }
        return String(decoding: letters, as: UTF8.self)
    }

    /// `qvalue` (RFC 9110 §12.4.2): 0 or 1 with at most three decimals, not above 1.
    private static func thousandths(_ text: Substring.UTF8View) -> Int? {
        guard let first = text.first, first == 0x30 || first == 0x31 else { return nil }
        let whole = Int(first - 0x30) * 1000
        var decimals = text.dropFirst()
        guard let point = decimals.popFirst() else { return whole }
        guard point == UInt8(ascii: "."), decimals.count <= 3 else { return nil }
        var fraction = 0
        for (octet, place) in zip(decimals, [100, 10, 1]) {
            guard (0x30...0x39).contains(octet) else { return nil }
            fraction += Int(octet - 0x30) * place
        }
        return whole + fraction <= 1000 ? whole + fraction : nil
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        var text = text
        while let first = text.first, first == 0x20 || first == 0x09 { text.removeFirst() }
        while let last = text.last, last == 0x20 || last == 0x09 { text.removeLast() }
        return text
    }
}
