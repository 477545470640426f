import Bytes

/// JSON written straight into octets, without a tree in between: for log lines and protocol
/// messages. Begin and end objects, append members and elements; commas come by themselves, because
/// what was written last tells whether one is due.
///
///     line.beginJSONObject()
///     line.appendMember("status", 200)
///     line.appendMember("path", path)
///     line.endJSONObject()
///
/// The caller answers for pairs of begin and end, and for names that differ.
extension Array where Element == UInt8 {
    /// Begins an object that is the whole text.
    package mutating func beginJSONObject() { append(UInt8(ascii: "{")) }

    /// Begins an object as a member of the one that is open.
    package mutating func beginJSONObject(member name: String) {
        appendName(name)
        append(UInt8(ascii: "{"))
    }

    package mutating func endJSONObject() { append(UInt8(ascii: "}")) }

    package mutating func appendMember(_ name: String, _ value: String) {
        appendName(name)
        appendJSON(value)
    }

    /// A member whose text is given in octets; what is not UTF-8 becomes U+FFFD.
    package mutating func appendMember(_ name: String, _ value: Span<UInt8>) {
        appendName(name)
        appendJSON(value)
    }

    package mutating func appendMember(_ name: String, _ value: Int) {
        appendName(name)
        append(decimal: value)
    }

    package mutating func appendMember(_ name: String, _ value: Bool) {
        appendName(name)
        append(value ? "true" : "false")
    }

    package mutating func appendMember(_ name: String, _ value: JSONValue) {
        appendName(name)
        appendJSON(value)
    }

    package mutating func appendElement(_ value: String) {
        separate()
        appendJSON(value)
    }

    package mutating func appendElement(_ value: Int) {
        separate()
        append(decimal: value)
    }

    package mutating func appendElement(_ value: JSONValue) {
        separate()
        appendJSON(value)
    }

    /// Appends a value and nothing before it.
    package mutating func appendJSON(_ value: JSONValue) {
        switch value {
        case .null: append("null")
        case .bool(let truth): append(truth ? "true" : "false")
        case .number(let number): append(number.text)
        case .string(let text): appendJSON(text)
        case .array(let elements):
            append(UInt8(ascii: "["))
            for element in elements { appendElement(element) }
            append(UInt8(ascii: "]"))
        case .object(let object): appendJSON(object)
        }
    }

    /// Appends an object and nothing before it.
    package mutating func appendJSON(_ object: JSONObject) {
        append(UInt8(ascii: "{"))
        for member in object.members { appendMember(member.name, member.value) }
        append(UInt8(ascii: "}"))
    }

    /// Appends a string in quotes and nothing before it.
    package mutating func appendJSON(_ text: String) {
        append(UInt8(ascii: "\""))
        appendEscaped(text.utf8.span)
        append(UInt8(ascii: "\""))
    }

    /// Appends octets as a string in quotes and nothing before it; what is not UTF-8 becomes
    /// U+FFFD.
    package mutating func appendJSON(_ octets: Span<UInt8>) {
        for index in octets.indices where octets[index] >= 0x80 {
            return appendJSON(octets.text)
        }
        append(UInt8(ascii: "\""))
        appendEscaped(octets)
        append(UInt8(ascii: "\""))
    }

    /// A comma unless the object or the array has just begun.
    private mutating func separate() {
        if let last, last != UInt8(ascii: "{"), last != UInt8(ascii: "[") {
            append(UInt8(ascii: ","))
        }
    }

    private mutating func appendName(_ name: String) {
        separate()
        appendJSON(name)
        append(UInt8(ascii: ":"))
    }

    /// `octets` is valid UTF-8.
    private mutating func appendEscaped(_ octets: Span<UInt8>) {
        var start = 0
        var index = 0
        while index < octets.count {
            let length = JSONEscapes.length(in: octets, at: index)
            if length > 0 {
                append(copying: octets.extracting(start..<index))
                JSONEscapes.append(octets, at: index, to: &self)
                start = index + length
                index = start
            } else {
                index &+= 1
            }
        }
        append(copying: octets.extracting(start..<octets.count))
    }
}

/// What a string may not hold as it is: RFC 8259 §7, the two line separators of JavaScript, and
/// what orders a terminal about (DEL, and U+0080 to U+009F).
private enum JSONEscapes {
    /// The octets at `index` that one escape stands for; 0 when the octet needs none.
    static func length(in octets: Span<UInt8>, at index: Int) -> Int {
        switch octets[index] {
        case 0..<0x20, 0x7F, UInt8(ascii: "\""), UInt8(ascii: "\\"): 1
        case 0xC2 where index + 1 < octets.count && (0x80..<0xA0).contains(octets[index + 1]): 2
        case 0xE2 where isLineSeparator(octets, at: index): 3
        default: 0
        }
    }

    static func append(_ octets: Span<UInt8>, at index: Int, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\\"))
        switch octets[index] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(octets[index])
        case ASCII.lineFeed: output.append(UInt8(ascii: "n"))
        case ASCII.carriageReturn: output.append(UInt8(ascii: "r"))
        case ASCII.tab: output.append(UInt8(ascii: "t"))
        case 0xE2: output.append(octets[index + 2] == 0xA8 ? "u2028" : "u2029")
        case 0xC2: append(number: octets[index + 1], to: &output)
        case let octet: append(number: octet, to: &output)
        }
    }

    /// A character below U+0100 by its number.
    private static func append(number: UInt8, to output: inout [UInt8]) {
        output.append("u00")
        output.append(digits[Int(number >> 4)])
        output.append(digits[Int(number & 15)])
    }

    private static let digits = [UInt8]("0123456789abcdef".utf8)

    private static func isLineSeparator(_ octets: Span<UInt8>, at index: Int) -> Bool {
        index + 2 < octets.count && octets[index + 1] == 0x80
            && (octets[index + 2] == 0xA8 || octets[index + 2] == 0xA9)
    }
}
