internal import Bytes
internal import HTTP
internal import HTTP1
internal import Settings

/// `X-Forwarded-Prefix`: below which path clients see an app that is sent its paths without it
/// (`strip`). What a trusted proxy stripped before comes first.
enum ForwardedPrefix {
    private static let name = "X-Forwarded-Prefix"

    static func append(
        _ prefix: PathSettings.Prefix?, _ fields: Fields, _ vouched: VouchedFields,
        to output: inout [UInt8]
    ) {
        guard let prefix, !vouched.isConfigured(name) else { return }
        let outer = vouched.isTrusted ? outer(fields) : ""
        HeadEncoder.appendField(name: name, value: outer + prefix.text, to: &output)
    }

    /// True for a line of somebody else's that the gateway's own takes the place of.
    static func isNamed(by name: Span<UInt8>) -> Bool { name.readsAs(self.name) }

    /// What proxies in front say, joined; nothing when some of it is no path.
    private static func outer(_ fields: Fields) -> String {
        let comma = UInt8(ascii: ",")
        var prefixes: [String] = []
        for line in fields.lines where isNamed(by: fields.bytes.span.extracting(line.name)) {
            let elements = fields.bytes[line.value].split(
                separator: comma, omittingEmptySubsequences: true)
            for element in elements {
                let span = fields.bytes.span
                let range = span.trimmingWhitespace(element.startIndex..<element.endIndex)
                guard let prefix = prefix(span.extracting(range)) else { return "" }
                prefixes.append(prefix)
            }
        }
        return prefixes.joined()
    }

    /// A path without a slash at the end; nil for what is none.
    private static func prefix(_ text: Span<UInt8>) -> String? {
        let slash = UInt8(ascii: "/")
        guard text.count > 0, text[0] == slash, text.count < 2 || text[1] != slash else {
            return text.isEmpty ? "" : nil
        }
        for index in text.indices where !ASCII.isVisible(text[index]) { return nil }
        let isClosed = text[text.count - 1] == slash
        return text.extracting(0..<(isClosed ? text.count - 1 : text.count)).text
    }
}
