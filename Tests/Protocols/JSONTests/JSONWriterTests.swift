import Bytes
import JSON
import Testing

private func written(_ body: (inout [UInt8]) -> Void) -> String {
    var output: [UInt8] = []
    body(&output)
    return String(decoding: output, as: UTF8.self)
}

@Suite("Writing JSON")
struct JSONWriterTests {
    @Test("members and elements are separated, what begins and ends is not")
    func structure() {
        let text = written { line in
            line.append("data: ")
            line.beginJSONObject()
            line.appendMember("type", "error")
            line.beginJSONObject(member: "error")
            line.appendMember("code", 4001)
            line.appendMember("retry", false)
            line.beginJSONObject(member: "empty")
            line.endJSONObject()
            line.endJSONObject()
            line.appendMember("c", [0x64].span)
            line.appendMember("list", .array([.null, .array([.bool(true)])]))
            line.appendMember("claims", .object(JSONObject()))
            line.endJSONObject()
            line.append("\n[")
            line.appendElement(1)
            line.appendElement("b")
            line.append("]")
        }
        #expect(
            text == #"data: {"type":"error","error":{"code":4001,"retry":false,"empty":{}},"#
                + #""c":"d","list":[null,[true]],"claims":{}}"# + "\n" + #"[1,"b"]"#)
    }

    @Test(
        "a string is escaped where it must be and nowhere else",
        arguments: [
            ("", ""), ("plain", "plain"), ("접속 é \u{1F600}", "접속 é \u{1F600}"),
            ("\"", #"\""#), ("\\", #"\\"#), ("/", "/"), ("a\"b\\c", #"a\"b\\c"#),
            ("\n\r\t", #"\n\r\t"#), ("\u{0}\u{8}\u{1F}\u{7F}", #"\u0000\u0008\u001f\u007f"#),
            ("\u{80}\u{9B}2J\u{9F}", #"\u0080\u009b2J\u009f"#), ("\u{A0}é", "\u{A0}é"),
            ("a\u{2028}b\u{2029}", #"a\u2028b\u2029"#), ("\u{2027}\u{202A}", "\u{2027}\u{202A}"),
            ("ends [", "ends ["), ("{", "{"), (",", ","),
        ])
    func escapes(text: String, expected: String) {
        #expect(written { $0.appendJSON(text) } == "\"\(expected)\"")
        #expect(written { $0.appendJSON(text.utf8.span) } == "\"\(expected)\"")
        #expect(written { $0.appendMember(text, text) } == "\"\(expected)\":\"\(expected)\"")
    }

    @Test("a member after a value that ends in a bracket within its quotes gets its comma")
    func bracketsInStrings() {
        let text = written { line in
            line.beginJSONObject()
            line.appendMember("a", "{")
            line.appendMember("[", "[")
            line.endJSONObject()
        }
        #expect(text == #"{"a":"{","[":"["}"#)
    }

    @Test(
        "octets that are not UTF-8 become U+FFFD",
        arguments: [
            ([0x61, 0xFF, 0x62], "a\u{FFFD}b"), ([0xC3], "\u{FFFD}"),
            ([0xE2, 0x80], "\u{FFFD}"), ([0x22, 0x80, 0x0A], "\\\"\u{FFFD}\\n"),
        ] as [([UInt8], String)])
    func repairs(octets: [UInt8], expected: String) {
        #expect(written { $0.appendJSON(octets.span) } == "\"\(expected)\"")
    }

    @Test("integers are written in full", arguments: [0, -1, 9, 10, Int.max, Int.min])
    func integers(number: Int) {
        #expect(written { $0.appendMember("n", number) } == "\"n\":\(number)")
    }

    @Test("an object is changed member by member")
    func object() {
        var object = JSONObject()
        object["a"] = .number(JSONNumber(1))
        object["b"] = .null
        object["a"] = .string("x")
        #expect(written { $0.appendJSON(object) } == #"{"a":"x","b":null}"#)
        object["a"] = nil
        object["c"] = nil
        #expect(written { $0.appendJSON(object) } == #"{"b":null}"#)
        #expect(object.contains("b") && !object.contains("a"))
    }

    @Test("every single code point survives writing and reading")
    func codePoints() throws {
        var text: [UInt8] = []
        text.append("[")
        let ranges = [
            0x0...0x7FF, 0x2000...0x2100, 0xD7F0...0xD7FF, 0xE000...0xE010, 0xFFF0...0x10010,
        ]
        let scalars = ranges.joined().compactMap { Unicode.Scalar(UInt32($0)) } + ["\u{10FFFF}"]
        for scalar in scalars { text.appendElement("<\(Character(scalar))>") }
        text.append("]")
        let expected = scalars.map { JSONValue.string("<\(Character($0))>") }
        #expect(try JSONValue.decode(text.span) == .array(expected))
    }
}
