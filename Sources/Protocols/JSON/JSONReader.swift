import Bytes

extension JSONValue {
    /// The value of one whole JSON text (RFC 8259), read strictly: UTF-8 without a byte order
    /// mark, no duplicate member names, no lone surrogates, nothing but whitespace around it.
    package static func decode(
        _ input: Span<UInt8>, limits: JSONLimits = JSONLimits()
    ) throws(JSONError) -> JSONValue {
        guard input.count <= limits.octets else { throw JSONError(.tooLarge, at: limits.octets) }
        do {
            _ = try UTF8Span(validating: input)
        } catch {
            throw JSONError(.notUTF8, at: error.byteOffsets.lowerBound)
        }
        var reader = JSONReader(limits: limits)
        return try reader.readText(input)
    }
}

/// Reads one text by recursive descent; `input` is valid UTF-8.
struct JSONReader {
    private let limits: JSONLimits
    var index = 0
    private var depth = 0
    private var values = 0
    /// Objects up to this many members are searched for duplicates one by one, larger ones by hash.
    private static let linearSearchMembers = 16

    init(limits: JSONLimits) { self.limits = limits }

    mutating func readText(_ input: Span<UInt8>) throws(JSONError) -> JSONValue {
        let value = try readValue(input)
        skipWhitespace(input)
        guard index == input.count else { throw JSONError(.trailingOctets, at: index) }
        return value
    }

    private mutating func readValue(_ input: Span<UInt8>) throws(JSONError) -> JSONValue {
        values += 1
        guard values <= limits.values else { throw JSONError(.tooManyValues, at: index) }
        skipWhitespace(input)
        switch try peek(input) {
        case UInt8(ascii: "{"): return .object(try readObject(input))
        case UInt8(ascii: "["): return .array(try readArray(input))
        case UInt8(ascii: "\""): return .string(try readString(input))
        case UInt8(ascii: "t"): return try readWord("true", .bool(true), input)
        case UInt8(ascii: "f"): return try readWord("false", .bool(false), input)
        case UInt8(ascii: "n"): return try readWord("null", .null, input)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .number(try readNumber(input))
        default: throw JSONError(.unexpectedOctet, at: index)
        }
    }

    private mutating func readObject(_ input: Span<UInt8>) throws(JSONError) -> JSONObject {
        try enter()
        defer { depth -= 1 }
        var members: [JSONObject.Member] = []
        var names: Set<[UInt8]> = []
        if try closes(UInt8(ascii: "}"), input) { return JSONObject() }
        repeat {
            skipWhitespace(input)
            let start = index
            guard try peek(input) == UInt8(ascii: "\"") else {
                throw JSONError(.unexpectedOctet, at: index)
            }
            let name = try readString(input)
            guard Self.isNew(name, in: members, &names) else {
                throw JSONError(.duplicateMember, at: start)
            }
            skipWhitespace(input)
            guard try peek(input) == UInt8(ascii: ":") else {
                throw JSONError(.unexpectedOctet, at: index)
            }
            index += 1
            members.append(JSONObject.Member(name: name, value: try readValue(input)))
        } while try continues(until: UInt8(ascii: "}"), input)
        return JSONObject(checked: members)
    }

    private mutating func readArray(_ input: Span<UInt8>) throws(JSONError) -> [JSONValue] {
        try enter()
        defer { depth -= 1 }
        var elements: [JSONValue] = []
        if try closes(UInt8(ascii: "]"), input) { return elements }
        repeat {
            elements.append(try readValue(input))
        } while try continues(until: UInt8(ascii: "]"), input)
        return elements
    }

    private mutating func readWord(
        _ word: String, _ value: JSONValue, _ input: Span<UInt8>
    ) throws(JSONError) -> JSONValue {
        for octet in word.utf8 {
            guard try peek(input) == octet else { throw JSONError(.unexpectedOctet, at: index) }
            index += 1
        }
        return value
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?` (RFC 8259 §6).
    private mutating func readNumber(_ input: Span<UInt8>) throws(JSONError) -> JSONNumber {
        let start = index
        _ = skip(UInt8(ascii: "-"), input)
        let integer = index
        try readDigits(input)
        if input[integer] == UInt8(ascii: "0"), index > integer + 1 {
            throw JSONError(.invalidNumber, at: integer)
        }
        if skip(UInt8(ascii: "."), input) { try readDigits(input) }
        if skip(UInt8(ascii: "e"), input) || skip(UInt8(ascii: "E"), input) {
            if !skip(UInt8(ascii: "+"), input) { _ = skip(UInt8(ascii: "-"), input) }
            try readDigits(input)
        }
        return JSONNumber(checked: input.extracting(start..<index).text)
    }

    private mutating func readDigits(_ input: Span<UInt8>) throws(JSONError) {
        let start = index
        while index < input.count, ASCII.isDigit(input[index]) { index += 1 }
        if index == start {
            throw JSONError(index == input.count ? .unexpectedEnd : .invalidNumber, at: index)
        }
    }

    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= limits.depth else { throw JSONError(.tooDeep, at: index) }
        index += 1
    }

    /// After the opening bracket: true when `bracket` follows at once.
    private mutating func closes(
        _ bracket: UInt8, _ input: Span<UInt8>
    ) throws(JSONError) -> Bool {
        skipWhitespace(input)
        _ = try peek(input)
        return skip(bracket, input)
    }

    /// After an element: true for a comma, false for `bracket`.
    private mutating func continues(
        until bracket: UInt8, _ input: Span<UInt8>
    ) throws(JSONError) -> Bool {
        skipWhitespace(input)
        _ = try peek(input)
        if skip(UInt8(ascii: ","), input) { return true }
        if skip(bracket, input) { return false }
        throw JSONError(.unexpectedOctet, at: index)
    }

    private mutating func skip(_ octet: UInt8, _ input: Span<UInt8>) -> Bool {
        guard index < input.count, input[index] == octet else { return false }
        index += 1
        return true
    }

    private mutating func skipWhitespace(_ input: Span<UInt8>) {
        while index < input.count {
            switch input[index] {
            case ASCII.space, ASCII.tab, ASCII.lineFeed, ASCII.carriageReturn: index += 1
            default: return
            }
        }
    }

    func peek(_ input: Span<UInt8>) throws(JSONError) -> UInt8 {
        guard index < input.count else { throw JSONError(.unexpectedEnd, at: index) }
        return input[index]
    }

    private static func isNew(
        _ name: String, in members: [JSONObject.Member], _ names: inout Set<[UInt8]>
    ) -> Bool {
        if members.count < linearSearchMembers {
            return !members.contains { $0.name.utf8.elementsEqual(name.utf8) }
        }
        if names.isEmpty { names = Set(members.map { Array($0.name.utf8) }) }
        return names.insert(Array(name.utf8)).inserted
    }
}
