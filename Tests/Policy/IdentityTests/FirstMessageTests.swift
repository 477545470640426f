import HTTP
import Identity
import JWT
import Settings
import Testing

private func found(
    _ places: [TokenSettings.Place], in message: String, isText: Bool = true
) throws -> String? {
    let message = FirstMessage(Array(message.utf8), isText: isText)
    return try TokenFinder(places: places).find(
        in: fields([:]), query: QueryString(""), message: message
    ).map { String(decoding: $0.token.octets, as: UTF8.self) }
}

private let deep =
    String(repeating: #"{"a":"#, count: 40) + #""x""# + String(repeating: "}", count: 40)

@Suite("First messages of WebSockets")
struct FirstMessageTests {
    @Test(
        "the token is the string at the end of the path",
        arguments: [
            (["token"], #"{"type":"auth","token":"a.b.c"}"#, "a.b.c"),
            (["payload", "Authorization"], #"{"payload":{"Authorization":"Bearer a"}}"#, "a"),
            (["payload", "Authorization"], #"{"payload":{"Authorization":"bearer  a"}}"#, "a"),
            (["token"], #"{"token":"Basic a"}"#, "Basic a"),
            (["token"], #"{"token":"Bearer "}"#, "Bearer "),
            (["token"], #"{"token":""}"#, nil), (["token"], #"{"token":7}"#, nil),
            (["token"], #"{"token":null}"#, nil), (["token"], #"{"token":{"token":"a"}}"#, nil),
            (["token"], #"{"Token":"a"}"#, nil), (["token"], #"{"x":{"token":"a"}}"#, nil),
            (["payload", "token"], #"{"payload":"a"}"#, nil),
            (["payload", "token"], #"{"payload":["token","a"]}"#, nil),
            (["token"], #"[{"token":"a"}]"#, nil), (["token"], #""token""#, nil),
            (["token"], "", nil), (["token"], #"{"token":"a""#, nil),
            (["token"], #"{"token":"a","token":"b"}"#, nil), (["token"], deep, nil),
            (["token"], #"{"token":"a"} {"token":"b"}"#, nil),
        ] as [([String], String, String?)])
    func token(path: [String], message: String, expected: String?) throws {
        #expect(try found([.message(path)], in: message) == expected)
    }

    @Test("a binary message holds no token, and one that is too large none")
    func none() throws {
        let place = TokenSettings.Place.message(["token"])
        #expect(try found([place], in: #"{"token":"a"}"#, isText: false) == nil)
        let filler = String(repeating: "x", count: FirstMessage.octetLimit)
        #expect(try found([place], in: #"{"token":"a","x":"\#(filler)"}"#) == nil)
    }

    @Test("places are asked in their order")
    func order() throws {
        let both = #"{"a":"1","b":"2"}"#
        #expect(try found([.message(["b"]), .message(["a"])], in: both) == "2")
        #expect(try found([.bearer, .message(["a"])], in: both) == "1")
    }

    @Test(
        "the app hears the message without tokens, and else as it came",
        arguments: [
            (#"{"type":"auth","token":"a"}"#, #"{"type":"auth"}"#),
            (#"{"token":{"x":1},"n":1.50}"#, #"{"n":1.50}"#),
            (#"{"payload":{"token":"a","x":[1,"é"]}}"#, #"{"payload":{"x":[1,"é"]}}"#),
            (#"{"payload":{"token":"a"}}"#, #"{"payload":{}}"#),
            (#"{ "type" : "hello" }"#, #"{ "type" : "hello" }"#), ("hello", "hello"),
            (#"{"token":"a","token":"b"}"#, #"{"token":"a","token":"b"}"#),
        ])
    func withoutTokens(message: String, expected: String) {
        let octets = FirstMessage(Array(message.utf8), isText: true)
            .withoutTokens(at: [["token"], ["payload", "token"]])
        #expect(String(decoding: octets, as: UTF8.self) == expected)
    }

    @Test("the object may stand behind something else, which the app hears as it came")
    func behind() throws {
        let octets = Array(#"40/admin,{"token":"a","x":1}"#.utf8)
        let message = FirstMessage(octets, object: 9..<octets.count)
        let place = TokenSettings.Place.message(["token"])
        let found = try TokenFinder(places: [place]).find(
            in: fields([:]), query: QueryString(""), message: message)
        #expect(found?.token.octets == Array("a".utf8))
        #expect(message.withoutTokens(at: [["token"]]) == Array(#"40/admin,{"x":1}"#.utf8))
        #expect(message.withoutTokens(at: [["x", "y"]]) == octets)
        let bare = FirstMessage(Array("40".utf8), object: 2..<2)
        #expect(bare.withoutTokens(at: [["token"]]) == Array("40".utf8))
    }

    @Test(
        "the subprotocol is the best that the app speaks, else the first that is offered",
        arguments: [
            ("a, b", ["b", "a"], "b"), ("a, b", ["c"], "a"), ("a, b", [], "a"),
            ("jwt.x, a", [], "a"), ("gateway.v1, a", [], "a"), ("gateway.v1", [], "gateway.v1"),
            ("jwt.x", [], "jwt.x"), ("", ["a"], nil),
        ] as [(String, [String], String?)])
    func subprotocol(offers: String, spoken: [String], expected: String?) {
        let head = fields(["Sec-WebSocket-Protocol": offers])
        #expect(SubprotocolOffers(head).choice(among: spoken) == expected)
    }
}
