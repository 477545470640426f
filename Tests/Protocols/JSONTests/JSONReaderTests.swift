import Bytes
import JSON
import Testing

private func decode(_ text: String) throws -> JSONValue {
    try JSONValue.decode(text.utf8.span)
}

private func reason(_ octets: [UInt8], _ limits: JSONLimits = JSONLimits()) -> JSONError.Reason? {
    do {
        _ = try JSONValue.decode(octets.span, limits: limits)
        return nil
    } catch {
        return error.reason
    }
}

private func reason(_ text: String, _ limits: JSONLimits = JSONLimits()) -> JSONError.Reason? {
    reason(Array(text.utf8), limits)
}

@Suite("Reading JSON")
struct JSONReaderTests {
    @Test(
        "a text is read as the value it stands for",
        arguments: [
            ("null", JSONValue.null),
            ("true", .bool(true)),
            (" \t\r\n false \n", .bool(false)),
            (#""""#, .string("")),
            (#""a b""#, .string("a b")),
            (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
            (#""\u0041\u00e9\uAC00""#, .string("A\u{E9}\u{AC00}")),
            (#""\ud83d\ude00!""#, .string("\u{1F600}!")),
            (#""\uD800\uDC00\uDBFF\uDFFF""#, .string("\u{10000}\u{10FFFF}")),
            (#""\u0000""#, .string("\u{0}")),
            ("\"접속\u{1F600}\"", .string("접속\u{1F600}")),
            ("[]", .array([])),
            ("[ ]", .array([])),
            (
                "[1,[2],[]]",
                .array([
                    .number(JSONNumber(1)), .array([.number(JSONNumber(2))]), .array([]),
                ])
            ),
            ("{ }", .object(JSONObject())),
        ])
    func value(text: String, expected: JSONValue) throws {
        #expect(try decode(text) == expected)
    }

    @Test("members keep their order and are found by name")
    func members() throws {
        let object = try #require(try decode(#"{"b":1, "a" : {"c":[true]} ,"":null}"#).object)
        #expect(object.members.map(\.name) == ["b", "a", ""])
        #expect(object["b"]?.number?.int64 == 1)
        #expect(object["a"]?.object?["c"] == .array([.bool(true)]))
        #expect(object[""] == .null)
        #expect(object["c"] == nil)
    }

    @Test(
        "a number keeps its text and gives views",
        arguments: [
            ("0", Int64(0), 0.0), ("-0", 0, -0.0), ("7", 7, 7), ("-12", -12, -12),
            ("9223372036854775807", .max, 9.223372036854775807e18),
            ("9223372036854775808", nil, 9.223372036854775808e18),
            ("1.5", nil, 1.5), ("7.0", nil, 7), ("1e3", nil, 1000), ("-2.5E-1", nil, -0.25),
            ("1E+2", nil, 100), ("1e400", nil, .infinity), ("-1e400", nil, -.infinity),
            ("1e-400", nil, 0),
        ] as [(String, Int64?, Double)])
    func number(text: String, int64: Int64?, double: Double) throws {
        let number = try #require(try decode(text).number)
        #expect(number.text == text)
        #expect(number.int64 == int64)
        #expect(number.double == double)
    }

    @Test(
        "what is no JSON text is refused with the reason",
        arguments: [
            ("", .unexpectedEnd), ("   ", .unexpectedEnd), ("nul", .unexpectedEnd),
            ("nulL", .unexpectedOctet), ("True", .unexpectedOctet), ("NaN", .unexpectedOctet),
            ("Infinity", .unexpectedOctet), ("'a'", .unexpectedOctet), ("a", .unexpectedOctet),
            ("1 2", .trailingOctets), ("{}}", .trailingOctets), ("{}\u{0}", .trailingOctets),
            ("null,", .trailingOctets), ("truefalse", .trailingOctets),
            ("\u{FEFF}1", .unexpectedOctet), ("1\u{FEFF}", .trailingOctets),
            ("\u{A0}1", .unexpectedOctet), ("// c\n1", .unexpectedOctet),
            ("[1,]", .unexpectedOctet), ("[,1]", .unexpectedOctet), ("[1 2]", .unexpectedOctet),
            ("[1}", .unexpectedOctet), ("]", .unexpectedOctet),
            ("{\"a\"}", .unexpectedOctet), ("{\"a\":}", .unexpectedOctet),
            ("{\"a\":1,}", .unexpectedOctet), ("{a:1}", .unexpectedOctet),
            ("{1:1}", .unexpectedOctet), ("{\"a\":1]", .unexpectedOctet),
            ("01", .invalidNumber), ("-01", .invalidNumber), ("-a", .invalidNumber),
            ("00", .invalidNumber), ("1.e1", .invalidNumber), ("[1.]", .invalidNumber),
            ("-", .unexpectedEnd), ("1e", .unexpectedEnd), ("1e+", .unexpectedEnd),
            ("1e+-1", .invalidNumber), (".5", .unexpectedOctet), ("+1", .unexpectedOctet),
            ("0x10", .trailingOctets), ("1_000", .trailingOctets),
            ("\"\n\"", .controlCharacter), ("\"\t\"", .controlCharacter),
            ("\"\u{0}\"", .controlCharacter), ("\"\u{1F}\"", .controlCharacter),
            (#""\x41""#, .invalidEscape), (#""\u12G4""#, .invalidEscape),
            (#""\u+123""#, .invalidEscape), (#""\U0041""#, .invalidEscape),
            (#""\'""#, .invalidEscape),
            (#""\ud800""#, .loneSurrogate), (#""\ud800x""#, .loneSurrogate),
            (#""\ud800\n""#, .loneSurrogate), (#""\ud800\ud800""#, .loneSurrogate),
            (#""\ud800\u0041""#, .loneSurrogate), (#""\ud800\ue000""#, .loneSurrogate),
            (#""\udc00""#, .loneSurrogate), (#""\udfff\ud800""#, .loneSurrogate),
            (#"{"a":1,"a":1}"#, .duplicateMember), (#"{"a":1,"\u0061":2}"#, .duplicateMember),
            (#"{"":1,"":2}"#, .duplicateMember), (#"[{"x":{"y":1,"y":2}}]"#, .duplicateMember),
        ] as [(String, JSONError.Reason)])
    func refused(text: String, expected: JSONError.Reason) {
        #expect(reason(text) == expected)
    }

    @Test(
        "octets that are not UTF-8 are refused wherever they stand",
        arguments: [
            [0x80], [0xBF], [0xC0, 0xAF], [0xC1, 0x81], [0xE0, 0x80, 0xAF], [0xC3],
            [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5], [0xFF],
            [0xE2, 0x82],
        ] as [[UInt8]])
    func notUTF8(octets: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        #expect(reason([quote] + octets + [quote]) == .notUTF8)
        #expect(reason([quote, UInt8(ascii: "\\"), UInt8(ascii: "n")] + octets) == .notUTF8)
        #expect(reason(Array("{}".utf8) + octets) == .notUTF8)
        #expect(reason(octets) == .notUTF8)
    }

    @Test("an error tells where it was found")
    func offset() {
        #expect(throws: JSONError.self) { try decode(#"{"a":1,"a":2}"#) }
        do {
            _ = try JSONValue.decode(#"{"a":1,"a":2}"#.utf8.span)
        } catch {
            #expect(error.offset == 7)
        }
    }

    @Test("every prefix of a text is refused, and so is every octet after it")
    func cuts() throws {
        let text = Array(#"{"a":[1.5e3,"\ud83d\ude00 é",null,true],"b":{"c":-0}}"#.utf8)
        #expect(reason(text) == nil)
        for end in text.indices { #expect(reason(Array(text[..<end])) != nil, "prefix of \(end)") }
        for octet in UInt8.min...UInt8.max {
            let isWhitespace = [0x20, 0x09, 0x0A, 0x0D].contains(octet)
            #expect((reason(text + [octet]) == nil) == isWhitespace, "trailing \(octet)")
        }
    }

    @Test("depth, size and number of values have limits that are exact")
    func limits() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(reason(nested(32)) == nil)
        #expect(reason(nested(33)) == .tooDeep)
        #expect(reason(String(repeating: "[", count: 100_000)) == .tooDeep)
        #expect(reason(String(repeating: #"{"a":"#, count: 100_000)) == .tooDeep)
        #expect(reason("[[],[[]],[]]") == nil)
        var limits = JSONLimits()
        limits.octets = 3
        #expect(reason("[1]", limits) == nil)
        #expect(reason("[1 ]", limits) == .tooLarge)
        limits = JSONLimits()
        limits.values = 3
        #expect(reason("[1,2]", limits) == nil)
        #expect(reason("[1,2,3]", limits) == .tooManyValues)
        #expect(reason(#"{"a":1,"b":2,"c":3}"#, limits) == .tooManyValues)
    }

    @Test("duplicates are found in objects of any size", arguments: [2, 15, 16, 17, 18, 40, 2000])
    func manyMembers(count: Int) throws {
        let names = (0..<count).map { "\"n\($0)\":\($0)" }
        let object = try #require(try decode("{" + names.joined(separator: ",") + "}").object)
        #expect(object.members.count == count)
        for index in [0, count / 2, count - 1] {
            let text = "{" + (names + [names[index]]).joined(separator: ",") + "}"
            #expect(reason(text) == .duplicateMember)
        }
    }

    @Test("names and strings that merely look alike are different")
    func codePoints() throws {
        let object = try #require(
            try decode(#"{"\u00e9":1,"e\u0301":2,"\u212a":3,"K":4}"#).object)
        #expect(object["\u{E9}"]?.number?.text == "1")
        #expect(object["e\u{301}"]?.number?.text == "2")
        #expect(object["\u{212A}"]?.number?.text == "3")
        #expect(object["K"]?.number?.text == "4")
        #expect(JSONValue.string("\u{212A}") != .string("K"))
        let many = (0..<20).map { "\"n\($0)\":0" } + [#""\u212a":0"#, #""K":0"#]
        #expect(reason("{" + many.joined(separator: ",") + "}") == nil)
    }

    @Test("a rule compares strings, numbers by their text, and truth values; nothing else")
    func comparableText() throws {
        let table: [(String, String?)] = [
            (#""7""#, "7"), ("7", "7"), ("7.0", "7.0"), ("true", "true"), ("false", "false"),
            ("null", nil), ("[7]", nil), ("{}", nil), (#""""#, ""),
        ]
        for (text, expected) in table { #expect(try decode(text).comparableText == expected) }
    }
}
