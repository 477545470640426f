import Bytes

/// One file, cut into lines, and what is wrong with its octets.
struct Source: Sendable {
    let path: String
    private(set) var lines: [String]
    /// Characters (from 0) of a line that must not be shown.
    var hidden: [Int: [Range<Int>]] = [:]

    /// Decodes `octets`; every line that is not UTF-8 or holds control characters is reported once
    /// and read on as well as it goes.
    init(path: String, file: Int, octets: [UInt8], findings: inout [Finding]) {
        self.path = path
        lines = []
        let start = octets.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        for piece in octets[start...].split(separator: 0x0A, omittingEmptySubsequences: false) {
            let line = Array(piece.last == 0x0D ? piece.dropLast() : piece)
            let place = SourceRange(file: file, line: lines.count + 1, column: 1, length: 1)
            lines.append(Self.decode(line, at: place, findings: &findings))
        }
    }

    private static func decode(
        _ octets: [UInt8], at place: SourceRange, findings: inout [Finding]
    ) -> String {
        var place = place
        do {
            _ = try UTF8Span(validating: octets.span)
        } catch {
            let before = octets.text(0..<min(error.byteOffsets.lowerBound, octets.count))
            place.column = before.count + 1
            findings.append(.init(.error, "this file is not UTF-8", place))
            return octets.text(octets.indices)
        }
        let text = octets.text(octets.indices)
        let forbidden = text.firstIndex { $0.unicodeScalars.contains(where: \.isForbidden) }
        if let forbidden {
            place.column = text.distance(from: text.startIndex, to: forbidden) + 1
            findings.append(.init(.error, controlMessage(text[forbidden]), place))
        }
        return text
    }

    private static func controlMessage(_ character: Character) -> String {
        let scalar = character.unicodeScalars.first(where: \.isForbidden)?.value ?? 0
        let digits = String(scalar, radix: 16, uppercase: true)
        let zeros = String(repeating: "0", count: max(0, 4 - digits.count))
        return "control character U+\(zeros)\(digits) (in a string, write it as \\u{\(digits)})"
    }

    /// The line as a diagnostic shows it, and how many of its characters stand before `column`.
    func shown(_ location: SourceRange) -> (line: String, offset: Int) {
        guard lines.indices.contains(location.line - 1) else { return ("", 0) }
        var characters = Array(lines[location.line - 1])
        for range in hidden[location.line] ?? [] {
            for index in range.clamped(to: characters.indices) { characters[index] = "*" }
        }
        let offset = location.column - 1
        if characters.count <= Self.longestShown {
            return (String(characters).printable(keepingTabs: true), offset)
        }
        let start = max(0, min(offset - Self.contextShown, characters.count - Self.longestShown))
        let end = min(characters.count, start + Self.longestShown)
        let piece = String(characters[start..<end]).printable(keepingTabs: true)
        let line = (start > 0 ? "…" : "") + piece + (end < characters.count ? "…" : "")
        return (line, offset - start + (start > 0 ? 1 : 0))
    }

    /// A longer line is cut to this many characters, so many of them before the place.
    private static let longestShown = 160
    private static let contextShown = 60
}

/// One thing to say, before its source line is looked up.
struct Finding: Sendable, Hashable {
    var severity: Diagnostic.Severity
    var message: String
    var location: SourceRange

    init(_ severity: Diagnostic.Severity, _ message: String, _ location: SourceRange) {
        self.severity = severity
        self.message = message
        self.location = location
    }
}
