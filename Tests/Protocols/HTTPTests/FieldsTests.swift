import Bytes
import HTTP
import Testing

@Suite("Fields")
struct FieldsTests {
    let fields = Fields([
        ("Host", "a.example"), ("Connection", "close, , \tUpgrade ,x"), ("X-Thing", "1"),
        ("connection", "keep-alive"), ("X-thing", "2"),
    ])

    @Test("are found by field and by name, the first one first")
    func lookup() {
        #expect(fields.text(of: .host) == "a.example")
        #expect(fields.text(of: .cookie) == nil)
        #expect(fields.text(named: "X-THING") == "1")
        #expect(fields.text(named: "X-Other") == nil)
        #expect(fields.count(of: .connection) == 2)
        #expect(fields.count(of: .te) == 0)
        #expect(fields.contains(.connection))
        #expect(!fields.contains(.xRequestID))
    }

    @Test(
        "lists hold their elements without case, over all lines",
        arguments: [
            ("close", true), ("upgrade", true), ("X", true), ("Keep-Alive", true), ("clos", false),
            ("", false), ("close, ", false),
        ])
    func lists(token: String, isThere: Bool) {
        #expect(fields.list(.connection, contains: token) == isThere)
    }

    @Test("list elements come in order, without whitespace and empty ones")
    func elements() {
        var elements = ListElements(of: .connection, in: fields)
        var texts: [String] = []
        while let element = elements.next() { texts.append(fields.bytes.text(element)) }
        #expect(texts == ["close", "Upgrade", "x", "keep-alive"])
        var none = ListElements(of: .te, in: fields)
        #expect(none.next() == nil)
    }
}

@Suite("Authorities")
struct AuthorityTests {
    @Test(
        "are names and addresses with or without a port",
        arguments: [
            ("example.kr", "example.kr"), ("Example.KR:8443", "example.kr"), ("a_b-c.d", "a_b-c.d"),
            ("localhost:", "localhost"), ("10.0.0.1:65535", "10.0.0.1"), ("[::1]", "::1"),
            ("[2001:DB8::a]:80", "2001:db8::a"), ("[::ffff:1.2.3.4]", "::ffff:1.2.3.4"),
            ("example.kr.", "example.kr"), ("EXAMPLE.kr.:1", "example.kr"),
        ])
    func legal(text: String, host: String) {
        let isLegal = Authority.isLegal(text.utf8.span)
        #expect(isLegal)
        #expect(Authority.host(of: text) == host)
    }

    @Test(
        "have no user, path, blanks, escapes, lists or stray brackets",
        arguments: [
            "", ":80", "a:65536", "a:123456", "a:8x", "a b", "u@a", "a/b", "a,b", "a%2eb", "a\\b",
            "[::1", "::1]", "[]", "[:]", "[::1]x", "[::1]:8080x", "[fe80::1%25eth0]", "[v1.a]",
            "가.kr", "a:1:2", "a\u{0}", "a\"b", "<a>", "a?b", "a#b",
        ])
    func illegal(text: String) {
        let isLegal = Authority.isLegal(text.utf8.span)
        #expect(!isLegal)
    }

    @Test(
        "begin after the scheme of an absolute URI",
        arguments: [
            ("http://a/b", 7), ("HTTPS://a", 8), ("http://", nil), ("ftp://a/", nil),
            ("/http://a", nil),
            ("ws://a/", nil),
        ] as [(String, Int?)])
    func absolute(text: String, start: Int?) {
        let found = Authority.start(ofAbsolute: text.utf8.span)
        #expect(found == start)
    }
}
