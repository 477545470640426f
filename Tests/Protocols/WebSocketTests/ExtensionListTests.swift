import Testing

@testable import WebSocket

@Suite("Extension list")
struct ExtensionListTests {
    typealias Element = ExtensionList.Element
    typealias Parameter = ExtensionList.Parameter

    private func read(_ lines: [String]) throws(HandshakeError) -> [Element] {
        try extensions(lines).elements
    }

    static let allowed: [(lines: [String], elements: [Element])] = [
        (["foo"], [Element(name: "foo")]),
        (["foo, bar"], [Element(name: "foo"), Element(name: "bar")]),
        (["foo", "bar"], [Element(name: "foo"), Element(name: "bar")]),
        ([",, foo ,\t,bar,"], [Element(name: "foo"), Element(name: "bar")]),
        ([""], []), ([" "], []), ([","], []), ([",\t,"], []),
        (["", "foo"], [Element(name: "foo")]),
        (["foo", ""], [Element(name: "foo")]),
        // The examples of RFC 6455 §9.1.
        (
            ["bar; baz=2"],
            [Element(name: "bar", parameters: [Parameter(name: "baz", value: "2")])]
        ),
        (
            ["foo, bar; baz=2"],
            [
                Element(name: "foo"),
                Element(name: "bar", parameters: [Parameter(name: "baz", value: "2")]),
            ]
        ),
        (["deflate-stream"], [Element(name: "deflate-stream")]),
        (
            ["mux; max-channels=4; flow-control, deflate-stream"],
            [
                Element(
                    name: "mux",
                    parameters: [
                        Parameter(name: "max-channels", value: "4"),
                        Parameter(name: "flow-control"),
                    ]),
                Element(name: "deflate-stream"),
            ]
        ),
        (["a;b=\"c\""], [Element(name: "a", parameters: [Parameter(name: "b", value: "c")])]),
        (["a;b=\"\\c\\d\""], [Element(name: "a", parameters: [Parameter(name: "b", value: "cd")])]),
        (
            ["a ; b = c ;\td = \"e\" , f"],
            [
                Element(
                    name: "a",
                    parameters: [
                        Parameter(name: "b", value: "c"), Parameter(name: "d", value: "e"),
                    ]), Element(name: "f"),
            ]
        ),
        (
            ["a;b;b=1;b"],
            [
                Element(
                    name: "a",
                    parameters: [
                        Parameter(name: "b"), Parameter(name: "b", value: "1"),
                        Parameter(name: "b"),
                    ])
            ]
        ),
    ]

    @Test("what the grammar allows", arguments: allowed)
    func legal(lines: [String], elements: [Element]) throws {
        #expect(try read(lines) == elements)
    }

    @Test(
        "what it does not",
        arguments: [
            ";", "a;", "a;;b", ";a", "a b", "a;b c", "a;b=", "a;=c", "a;b==c",
            "a=b", "a;b=c=d", "a;b=\"\"", "a;b=\"c", "a;b=c\"", "a;b=\"c d\"", "a;b=\"c\"d",
            "a;b=\"c\\\"", "a;b=\"\\", "a;b=\"\\\"\"", "a;b=\"c,d\"", "a;b=\"c;d\"", "\"a\"",
            "a;\"b\"", "a/b", "a;b=[c]", "ä", "a\u{0}", "a;b=c\u{7F}", "a, b;", "a\r\nb",
        ])
    func illegal(line: String) {
        #expect(throws: HandshakeError.malformedExtensions) { try read([line]) }
        #expect(throws: HandshakeError.malformedExtensions) { try read(["foo", line]) }
    }

    @Test("there is a most of elements and of parameters")
    func limits() throws {
        let element = "a" + String(repeating: ";b", count: ExtensionList.parameterLimit)
        #expect(try read([element])[0].parameters.count == ExtensionList.parameterLimit)
        #expect(throws: HandshakeError.tooManyExtensions) { try read([element + ";c"]) }
        let list = [String](repeating: "a", count: ExtensionList.elementLimit)
        #expect(try read([list.joined(separator: ",")]).count == ExtensionList.elementLimit)
        #expect(throws: HandshakeError.tooManyExtensions) { try read(list + ["a"]) }
    }
}
