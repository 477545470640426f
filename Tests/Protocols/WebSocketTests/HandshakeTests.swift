import Testing

@testable import WebSocket

@Suite("Handshake values")
struct HandshakeTests {
    @Test("the accept input is the key and the GUID of RFC 6455 §1.3")
    func acceptInput() {
        #expect(
            String(
                decoding: Handshake.acceptInput(key: "dGhlIHNhbXBsZSBub25jZQ==".utf8.span),
                as: UTF8.self) == "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    }
}

@Suite("Subprotocol list")
struct SubprotocolListTests {
    private func read(_ lines: [String]) throws(HandshakeError) -> [String] {
        var list = SubprotocolList()
        for line in lines { try list.read(line.utf8.span) }
        return list.names
    }

    @Test(
        "tokens in the order of the lines",
        arguments: [
            (["chat"], ["chat"]), (["chat, superchat"], ["chat", "superchat"]),
            (["chat,superchat"], ["chat", "superchat"]),
            ([" \tchat\t , \tsuper \t"], ["chat", "super"]), (["a", "b, c"], ["a", "b", "c"]),
            (["a,,b,"], ["a", "b"]), ([",a"], ["a"]), (["A, a"], ["A", "a"]),
            ([""], []), ([" ,\t, "], []), (["a", ""], ["a"]), (["", "a"], ["a"]),
            (["app.v1, jwt.eyJh.eyJz.c2ln_-"], ["app.v1", "jwt.eyJh.eyJz.c2ln_-"]),
        ] as [([String], [String])])
    func legal(lines: [String], names: [String]) throws {
        #expect(try read(lines) == names)
    }

    @Test(
        "everything else is refused",
        arguments: [
            (["a b"], .malformedSubprotocols),
            (["a/b"], .malformedSubprotocols), (["\"a\""], .malformedSubprotocols),
            (["a;b"], .malformedSubprotocols), (["채팅"], .malformedSubprotocols),
            (["a\u{0}"], .malformedSubprotocols), (["a, b, a"], .duplicateSubprotocol),
            (["a", "a"], .duplicateSubprotocol),
        ] as [([String], HandshakeError)])
    func illegal(lines: [String], error: HandshakeError) {
        #expect(throws: error) { try read(lines) }
        #expect(!error.description.isEmpty)
    }

    @Test("there is a most")
    func limit() throws {
        let names = (0..<SubprotocolList.limit).map { "p\($0)" }
        #expect(try read([names.joined(separator: ",")]) == names)
        #expect(throws: HandshakeError.tooManySubprotocols) { try read(names + ["more"]) }
    }
}

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
