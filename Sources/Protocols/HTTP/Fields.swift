import Bytes

/// The field lines of one message (RFC 9110 §5), in the order they came, as ranges into one array
/// of octets. Names are tokens and values are legal: the decoder saw to it.
package struct Fields: Sendable {
    /// One field line: where its name and its value (without surrounding whitespace) are.
    package struct Line: Sendable {
        package var name: Range<Int>
        package var value: Range<Int>
        package var known: KnownField

        package init(name: Range<Int>, value: Range<Int>, known: KnownField) {
            self.name = name
            self.value = value
            self.known = known
        }
    }

    /// The octets that `lines` point into: the head as it was received, start line included.
    package private(set) var bytes: [UInt8]
    package private(set) var lines: [Line]
    /// Bit `1 << KnownField.rawValue` is set when that field is there at least once.
    private var present: UInt64

    package init(bytes: [UInt8], lines: [Line]) {
        self.bytes = bytes
        self.lines = lines
        present = lines.reduce(0) { $0 | 1 << UInt64($1.known.rawValue) }
    }

    /// Fields made from text, for tests and for messages of our own. The caller answers for names
    /// and values being legal.
    package init(_ pairs: [(name: String, value: String)]) {
        var bytes: [UInt8] = []
        var lines: [Line] = []
        for (name, value) in pairs {
            let nameStart = bytes.count
            bytes.append(name)
            let valueStart = bytes.count
            bytes.append(value)
            let nameRange = nameStart..<valueStart
            lines.append(
                Line(
                    name: nameRange, value: valueStart..<bytes.count,
                    known: KnownField(name: bytes.span.extracting(nameRange))))
        }
        self.init(bytes: bytes, lines: lines)
    }

    package func contains(_ field: KnownField) -> Bool {
        present >> UInt64(field.rawValue) & 1 == 1
    }

    /// How many lines carry `field`.
    package func count(of field: KnownField) -> Int {
        guard contains(field) else { return 0 }
        return lines.reduce(0) { $0 + ($1.known == field ? 1 : 0) }
    }

    /// The range of the first value of `field` in `bytes`, or nil.
    package func range(of field: KnownField) -> Range<Int>? {
        guard contains(field) else { return nil }
        for line in lines where line.known == field { return line.value }
        return nil
    }

    /// The first value of `field` as text, or nil.
    package func text(of field: KnownField) -> String? { range(of: field).map { bytes.text($0) } }

    /// The first value of the field with this name, without regard to case, or nil.
    package func text(named name: String) -> String? {
        let wanted = name.utf8.span
        for line in lines where bytes.span.extracting(line.name).matchesIgnoringCase(wanted) {
            return bytes.text(line.value)
        }
        return nil
    }

    /// True when a line of `field`, read as a comma-separated list of tokens (RFC 9110 §5.6.1),
    /// holds `token`, without regard to case.
    package func list(_ field: KnownField, contains token: String) -> Bool {
        guard contains(field) else { return false }
        let wanted = token.utf8.span
        let span = bytes.span
        var elements = ListElements(of: field, in: self)
        while let element = elements.next() {
            if span.extracting(element).matchesIgnoringCase(wanted) { return true }
        }
        return false
    }
}

/// The elements of a field that is a comma-separated list (RFC 9110 §5.6.1), over all its lines, as
/// ranges into `Fields.bytes` without surrounding whitespace. Empty elements are passed over.
package struct ListElements: IteratorProtocol {
    private let field: KnownField
    private let fields: Fields
    private var nextLine: Int
    /// What is left of the current line.
    private var rest: Range<Int>

    package init(of field: KnownField, in fields: Fields) {
        self.field = field
        self.fields = fields
        nextLine = fields.contains(field) ? 0 : fields.lines.count
        rest = 0..<0
    }

    package mutating func next() -> Range<Int>? {
        while true {
            while !rest.isEmpty {
                let element = cut()
                if !element.isEmpty { return element }
            }
            while nextLine < fields.lines.count, fields.lines[nextLine].known != field {
                nextLine += 1
            }
            guard nextLine < fields.lines.count else { return nil }
            rest = fields.lines[nextLine].value
            nextLine += 1
        }
    }

    /// Takes what comes before the next comma off the rest of the line.
    private mutating func cut() -> Range<Int> {
        let line = rest
        let bytes = fields.bytes
        let span = bytes.span
        var comma = line.lowerBound
        while comma < line.upperBound, span[comma] != UInt8(ascii: ",") { comma += 1 }
        rest = min(comma + 1, line.upperBound)..<line.upperBound
        return span.trimmingWhitespace(line.lowerBound..<comma)
    }
}
