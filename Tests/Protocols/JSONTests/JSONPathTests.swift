import JSON
import Testing

@Suite("Members of members")
struct JSONPathTests {
    private func object(_ text: String) throws -> JSONObject {
        try #require(JSONValue.decode(text.utf8.span).object)
    }

    @Test(
        "a path leads to the member of exactly its name, or else through the longest names",
        arguments: [
            (#"{"a":1}"#, "a", "1"), (#"{"a":{"b":2}}"#, "a.b", "2"),
            (#"{"a":{"b":2},"a.b":3}"#, "a.b", "3"),
            (#"{"a.b":{"c":4},"a":{"b":{"c":5}}}"#, "a.b.c", "4"),
            (#"{"a.b":{"d":4},"a":{"b":{"c":5}}}"#, "a.b.c", nil),
            (#"{"a":{"b.c":6}}"#, "a.b.c", "6"),
            (#"{"a":"x"}"#, "a.b", nil), (#"{"a":[{"b":1}]}"#, "a.b", nil), (#"{}"#, "a", nil),
            (#"{"https://x.y/r":7}"#, "https://x.y/r", "7"), (#"{"c:g":8}"#, "c:g", "8"),
            (#"{"a":{"":9}}"#, "a.", "9"), (#"{"":{"a":1}}"#, ".a", "1"), (#"{"a":1}"#, "", nil),
            (#"{"a":{"b":1}}"#, "a..b", nil), (#"{"A":1}"#, "a", nil),
        ] as [(String, String, String?)])
    func values(text: String, path: String, expected: String?) throws {
        #expect(try object(text).value(at: path)?.comparableText == expected)
    }

    @Test(
        "what is set is found, and what is no object is not overwritten",
        arguments: [
            ("{}", "a", #"{"a":1}"#), ("{}", "a.b.c", #"{"a":{"b":{"c":1}}}"#),
            (#"{"a":{"x":2}}"#, "a.b", #"{"a":{"x":2,"b":1}}"#), (#"{"a":2}"#, "a.b", nil),
            (#"{"a":{"b":[]}}"#, "a.b.c", nil), (#"{"a.b":2}"#, "a.b", #"{"a.b":1}"#),
            (#"{"a.b":{}}"#, "a.b.c", #"{"a.b":{"c":1}}"#), (#"{"a":2}"#, "a", #"{"a":1}"#),
        ] as [(String, String, String?)])
    func setting(text: String, path: String, expected: String?) throws {
        var changed = try object(text)
        let isSet = changed.set(.number(JSONNumber(1)), at: path)
        #expect(isSet == (expected != nil))
        #expect(try changed == object(expected ?? text))
        if isSet { #expect(changed.value(at: path)?.comparableText == "1") }
    }
}
