import Bytes
import HTTP
import Testing

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
        #expect(Authority(text)?.host == host)
        #expect(Authority(text)?.text == text)
    }

    @Test(
        "have no user, path, blanks, escapes, lists or stray brackets",
        arguments: [
            "", ":80", ".", ".:80", "a:65536", "a:123456", "a:8x", "a b", "u@a", "a/b", "a,b",
            "a%2eb", "a\\b",
            "[::1", "::1]", "[]", "[:]", "[::1]x", "[::1]:8080x", "[fe80::1%25eth0]", "[v1.a]",
            "가.kr", "a:1:2", "a\u{0}", "a\"b", "<a>", "a?b", "a#b",
        ])
    func illegal(text: String) {
        let isLegal = Authority.isLegal(text.utf8.span)
        #expect(!isLegal)
        #expect(Authority(text) == nil)
    }

    static let ports: [(String, UInt16?, String)] = [
        ("a", nil, "a"), ("a:", nil, "a"), ("A.b.:8443", 8443, "a.b"), ("a:0", 0, "a"),
        ("a:00080", 80, "a"), ("a:65535", 65535, "a"), ("[::1]", nil, "[::1]"),
        ("[2001:DB8::1]:443", 443, "[2001:db8::1]"), ("10.0.0.1:1", 1, "10.0.0.1"),
    ]

    @Test("have a port, and a host that fits into a URI", arguments: ports)
    func parts(text: String, port: UInt16?, uriHost: String) throws {
        let authority = try #require(Authority(text))
        #expect(authority.port == port)
        #expect(authority.uriHost == uriHost)
        #expect(authority.port(unless: port ?? 80) == nil)
        #expect(Authority(uriHost + ":1")?.host == authority.host)
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
