import Settings
import Testing

@Suite("Secrets stay secret")
struct SecrecyTests {
    /// Ways to get it wrong, with `hunter2` as the secret.
    static let leaks = [
        "jwt a { secret hunter2; algorithms HS256 }", "jwt a { secret \"hunter2\" }",
        "jwt a { secrt hunter2 }", "jwt a { scret hunter2 }", "jwt a { Secret hunter2 }",
        "jwt a { client_secret hunter2 }", "jwt a { secret_key hunter2 hunter2 }",
        "jwt a { password hunter2 }", "secret hunter2", "secret\n    hunter2",
        "secret\n\n  # so\n hunter2 x", "jwt a { secret=hunter2 }", "jwt a { secret:hunter2; }",
        "JWT_SECRET=hunter2", "\"secret\": \"hunter2\"", "jwt a { secret = hunter2 }",
        "jwt a { secret x;hunter2 }", "jwt a { secret x}hunter2", "jwt a { secret x{hunter2 }",
        "jwt a { secret { hunter2 } }", "jwt a { secret {\n hunter2\n }\n }",
        "jwt a { secret x#hunter2 }", "jwt a { secret x\"y hunter2 }", "jwt a { secret \"hunter2 }",
        "jwt a { secret \"x\\qhunter2\" }", "jwt a { secret 'hunter2 x' }",
        "jwt a { secret hunter2; leeway hunter2s; from qurey:hunter2 }",
        "jwt a { secret env:A hunter2 }", "jwt a { secret file: hunter2 }",
        "jwt a { secret evn:hunter2 }", "backend a { secver hunter2:80 }",
        "jwt a { secret \u{1}hunter2 }", "jwt a { secret x\u{3000}hunter2 }",
        "route / { respond 200 { secret hunter2 } }",
        "backend a { server 127.0.0.1:1; sticky cookie a secret hunter2 }",
        "backend a { server 127.0.0.1:1; sticky cookie secret hunter2 hunter2 }",
        "console 127.0.0.1:9 { token hunter2 }", "console 127.0.0.1:9 { tokn hunter2 }",
        "console 127.0.0.1:9 { token=hunter2 }", "console 127.0.0.1:9 { token\n hunter2 }",
        "jwt a { jwks https://me:hunter2@h.kr/; secret env:JWT_SECRET; algorithms RS256 }",
        "jwt a { jwks https://hunter2@h.kr { timeout 1s } }", "jwt a { jwk https://h:hunter2@k }",
        "jwt a { jwks \"http://me:hunter2@h.kr/\" }", "jwt a { jwkss https://me:hunter2@h.kr }",
    ]

    @Test("A secret written out is an error that does not repeat it", arguments: leaks)
    func literal(text: String) {
        let result = read(prelude + text + "\n")
        #expect(result.settings == nil)
        for diagnostic in result.diagnostics {
            #expect(!diagnostic.rendered().contains("hunter2"))
            #expect(!diagnostic.rendered(color: true).contains("hunter2"))
            #expect(!String(reflecting: diagnostic).contains("hunter2"))
        }
    }

    @Test("The line of a secret is shown without it") func redaction() {
        let text = prelude + "jwt a { algorithms HS256; audience x; secret hunter2 } # mine\n"
        #expect(
            rendered(text) == """
                gateway.conf:2:46: error: a secret must not be written into the configuration: \
                write env:NAME for an environment variable or file:PATH for a file that contains it
                    2 | jwt a { algorithms HS256; audience x; secret ******* } # mine
                      |                                              ^~~~~~~
                """)
    }

    @Test("What only names a secret stays readable") func references() {
        let text = prelude + "jwt a { algorithms HS256; secret env:NOPE }\n"
        #expect(rendered(text).contains("algorithms HS256; secret env:NOPE }"))
    }

    @Test("Settings never print one", arguments: ["env:JWT_SECRET", "file:secrets/jwt"])
    func settings(source: String) throws {
        let text = prelude + "jwt b { algorithms HS512; secret \(source) }\n"
        let result = read(text)
        let settings = try #require(result.settings)
        #expect(settings.tokens[1].secrets.map(\.octets) == [Array(Desk.secret.utf8)])
        var dumped = ""
        dump(result, to: &dumped)
        for printed in [dumped, String(describing: settings), String(reflecting: result)] {
            #expect(!printed.contains(Desk.secret.prefix(12)))
            #expect(!printed.contains("99, 111, 114, 114, 101, 99, 116"))
            #expect(printed.contains("(secret)"))
        }
    }

    @Test(
        "One line break at the end of a file is no part of the secret",
        arguments: [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), (" a ", " a ")])
    func trailing(content: String, secret: String) throws {
        let text =
            prelude
            + "jwt b { algorithms HS512; secret file:s; audience x; allow_weak_keys on }\n"
        let settings = try #require(read(text, at: .usual.with("s", content)).settings)
        #expect(settings.tokens[1].secrets.map(\.octets) == [Array(secret.utf8)])
    }
}
