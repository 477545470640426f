import HTTP
import Identity
import Testing

private func cookies(_ value: String) -> CookieHeader {
    CookieHeader(fields(["Host": "a", "Cookie": value]))
}

@Suite("Cookies")
struct CookieHeaderTests {
    @Test(
        "a value is found by the exact name",
        arguments: [
            ("t=abc", "abc"), ("a=1; t=abc", "abc"), ("a=1;t=abc;b=2", "abc"),
            ("t=\"abc\"", "abc"), ("t=a=b==", "a=b=="), ("t=", ""), ("t=\"", "\""), ("t=\"\"", ""),
            ("  t = abc  ; x=1", "abc"), (";;t=abc;;", "abc"), ("t=1; t=2", "1"),
            ("T=abc", nil), ("xt=abc", nil), ("t", nil), ("", nil), (";", nil), ("=abc", nil),
            ("a=t=abc", nil),
        ] as [(String, String?)])
    func lookup(value: String, expected: String?) {
        #expect(cookies(value).first("t") == expected)
    }

    @Test("one of several with the same name is no answer for a rule")
    func only() {
        #expect(cookies("t=1").only("t") == "1")
        #expect(cookies("t=1; t=2").only("t") == nil)
        #expect(cookies("a=1").only("t") == nil)
    }

    @Test(
        "cookies are removed and the others stay as they were",
        arguments: [
            ("t=abc", nil), ("a=1; t=abc; b=\"2\"", "a=1; b=\"2\""), ("t=1;a=1;t=2", "a=1"),
            ("a=1;b=2", "a=1; b=2"), ("t ; a", "a"), (" t =x;a=1", "a=1"), ("u=1", nil), ("", nil),
            ("T=1; xt=2", "T=1; xt=2"), ("a=\"x; t=abc\"", "a=\"x"),
        ] as [(String, String?)])
    func removing(value: String, expected: String?) {
        let remaining = cookies(value).removing(["t", "u"])
        #expect(remaining.map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    private static let token = "eyJhbGciOiJub25lIn0.e30.c2ln"

    @Test(
        "cookies are removed for what they hold where it is a token",
        arguments: [
            ("t=\(token); a=1", "a=1"), ("t=\"\(token)\"", nil), ("t=a.b.c", "t=a.b.c"),
            ("t=\(token).x", "t=\(token).x"), ("t=\(token)=", "t=\(token)="), ("t", "t"),
            ("t=", "t="), ("t=\(token.dropLast(4))", nil), ("x=\(token)", "x=\(token)"),
            ("u=1; t=1", "t=1"), ("t=eyJhbGciOiJub25lIn0.e30", "t=eyJhbGciOiJub25lIn0.e30"),
        ] as [(String, String?)])
    func removingTokens(value: String, expected: String?) {
        let remaining = cookies(value).removing(["u"], tokensIn: ["t"])
        #expect(remaining.map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test("several lines are one list, and octets that are not UTF-8 survive")
    func lines() {
        let bytes: [UInt8] = Array("Cookiea=".utf8) + [0xFF] + Array("Cookiet=1; b=2".utf8)
        let head = Fields(
            bytes: bytes,
            lines: [
                Fields.Line(name: 0..<6, value: 6..<9, known: .cookie),
                Fields.Line(name: 9..<15, value: 15..<bytes.count, known: .cookie),
            ])
        let header = CookieHeader(head)
        #expect(header.first("t") == "1")
        #expect(header.contains(anyOf: ["x", "b"]) && !header.contains(anyOf: ["x"]))
        #expect(header.removing(["t"]) == Array("a=".utf8) + [0xFF] + Array("; b=2".utf8))
    }
}

@Suite("Query strings")
struct QueryStringTests {
    @Test(
        "a value is decoded once",
        arguments: [
            ("t=abc", "abc"), ("a=1&t=abc", "abc"), ("t=a%2Eb", "a.b"), ("t=a+b%2B", "a b+"),
            ("%74=abc", "abc"), ("t=%2574", "%74"), ("t=%", "%"), ("t=%4", "%4"), ("t=%zz", "%zz"),
            ("t=a=b", "a=b"), ("t", ""), ("t=", ""), ("&&t=1&&", "1"), ("t=%EC%A0%91", "접"),
            ("t=1&t=2", "1"), ("T=1", nil), ("", nil), ("=1", nil), ("x=t=1", nil),
        ] as [(String, String?)])
    func lookup(text: String, expected: String?) {
        #expect(QueryString(text).first("t") == expected)
    }

    @Test(
        "parameters are removed however their names are written, the others stay as they were",
        arguments: [
            ("t=1", nil), ("a=%41&t=1&b=+", "a=%41&b=+"), ("%74=1&a=1", "a=1"), ("t&a", "a"),
            ("a=1&t=1&%74=2&t", "a=1"), ("T=1&tt=2", "T=1&tt=2"), ("", nil), ("t=1&", nil),
            ("&&", nil),
        ] as [(String, String?)])
    func removing(text: String, expected: String?) {
        let query = QueryString(text)
        #expect(query.removing(["t"]) == expected)
        #expect(query.contains(anyOf: ["x", "t"]) == (query.first("t") != nil))
    }

    @Test("one of several with the same name is no answer for a rule")
    func only() {
        #expect(QueryString("t=1&a=2").only("t") == "1")
        #expect(QueryString("t=1&%74=1").only("t") == nil)
        #expect(QueryString("a=2").only("t") == nil)
    }
}
