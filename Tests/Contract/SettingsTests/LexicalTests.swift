import Settings
import Testing

@Suite("Words, strings, brackets")
struct LexicalTests {
    @Test("Lines, semicolons and blocks on one line are the same thing")
    func forms() throws {
        let spread = read(
            """
            listen 127.0.0.1:1 {
              tls {
                certificate tls/fullchain.pem
                key tls/privkey.pem
              }
            }
            backend app {
              server 127.0.0.1:8000
            }
            route / {
              backend app
            }
            """)
        let dense = read(
            "listen 127.0.0.1:1{tls {certificate tls/fullchain.pem;key tls/privkey.pem}}"
                + "backend app{ server 127.0.0.1:8000 };;route /{backend app;}# the end")
        var settings = try #require(spread.settings)
        var other = try #require(dense.settings)
        #expect(spread.diagnostics.isEmpty && dense.diagnostics.isEmpty)
        for path in [\Settings.listeners[0].position, \.backends[0].position, \.routes[0].position]
        {
            settings[keyPath: path] = .init()
            other[keyPath: path] = .init()
        }
        for path in [\Settings.listeners[0].addressPosition] {
            settings[keyPath: path] = .init()
            other[keyPath: path] = .init()
        }
        settings.listeners[0].tls?.words = .init()
        other.listeners[0].tls?.words = .init()
        #expect(settings == other)
    }

    @Test("CRLF and a byte order mark are fine") func windows() throws {
        let text = "\u{FEFF}" + prelude.replacing("\n", with: "\r\n") + "workers 3\r\n"
        #expect(complaints(text) == "")
        #expect(read(text).settings?.workers == 3)
    }

    @Test(
        "Strings hold what words cannot",
        arguments: [
            (#""ok""#, "ok"), (#""""#, ""), (#""a b # ; { }""#, "a b # ; { }"),
            (#""\n\t\"\\""#, "\n\t\"\\"), (#""\u{AC00}\u{1F600}""#, "가😀"),
            ("plain", "plain"), ("접속", "접속"), ("a'b", "a'b"), ("{not.a.block}", "{not.a.block}"),
        ])
    func strings(written: String, meant: String) throws {
        let settings = try #require(Bench.bareRoute.settings(with: "respond 200 \(written)"))
        #expect(settings.routes[1].destination == .respond(status: 200, body: meant))
    }

    @Test("A placeholder is part of its word, a bracket after a space opens a block")
    func placeholders() throws {
        let settings = try #require(
            read(prelude + "route /ws/{user_id}{ backend app; header X a{client.address}b }")
                .settings)
        #expect(
            settings.routes[1].path
                == PathPattern(
                    segments: [.literal("ws"), .capture("user_id")], hasTrailingSlash: false))
        #expect(
            settings.routes[1].headers == [
                HeaderRule(
                    name: "X",
                    value: Template(parts: [
                        .text("a"), .placeholder("client.address"), .text("b"),
                    ]))
            ])
    }

    static let mistakes: [Mistake] = [
        .init(.bareRoute, #"respond 200 "ok"#, "13: this string is never closed"),
        .init(.bareRoute, #"respond 200 "ok; "#, "13: this string is never closed"),
        .init(
            .bareRoute, #"respond 200 "a\qb""#, #"15: unknown escape (there are \n \t \" \\ \u{…})"#
        ),
        .init(
            .bareRoute, #"respond 200 "\u{110000}""#,
            #"14: expected \u{…} with the number of a character in hexadecimal"#),
        .init(
            .bareRoute, #"respond 200 "\u{0}""#,
            #"14: expected \u{…} with the number of a character in hexadecimal"#),
        .init(.bareRoute, #"respond 200 "a"b"#, "16: a space is missing after the string"),
        .init(
            .bareRoute, #"respond 200 a"b c""#,
            "14: a quote inside a word; put the quotes around all of it"),
        .init(
            .bareRoute, #"respond 200 a"b"#,
            "14: a quote inside a word; put the quotes around all of it"),
        .init(.bareRoute, "respond 200 'ok then'", "13: strings need double quotes"),
        .init(
            .bareRoute, "respond 200 a#b",
            "14: a value with '#' needs quotes; a comment needs a space before"),
        .init(
            .top, "route /x { respond 200 a#b#c }",
            "25: a value with '#' needs quotes; a comment needs a space before"),
        .init(
            .bareRoute, "respond 200\u{3000}ok",
            "12: this is a special kind of space; use an ordinary space"),
        .init(
            .bareRoute, "respond\u{A0}200 ok",
            "8: this is a special kind of space; use an ordinary space"),
        .init(
            .bareRoute, "respond 200 \"a\0b\"",
            #"15: control character U+0000 (in a string, write it as \u{0})"#),
        .init(
            .bareRoute, "respond 200 ok # \u{7F}",
            #"18: control character U+007F (in a string, write it as \u{7F})"#),
        .init(.top, "}", "1: this '}' has no '{' before it"),
        .init(.bareRoute, "{ }\nrespond 200", "1: a block needs a directive before its '{'"),
    ]

    @Test("What is no word says where", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("Octets that are no UTF-8 are found, once a line") func invalidUTF8() {
        var desk = Desk.usual
        desk.files["gateway.conf"] =
            Array((prelude + "# é ").utf8) + [0xFF, 0xFE, 0x0A]
            + Array("log { level ".utf8) + [0xC3, 0x28] + Array(" }\n".utf8)
        let result = SettingsReader(files: desk).read("gateway.conf")
        #expect(
            result.diagnostics.map { $0.rendered() }.joined(separator: "\n") == """
                gateway.conf:2:5: error: this file is not UTF-8
                    2 | # é \u{FFFD}\u{FFFD}
                      |     ^
                gateway.conf:3:13: error: this file is not UTF-8
                    3 | log { level \u{FFFD}( }
                      |             ^
                """)
    }

    @Test("A file of more than a megabyte is refused, one of a megabyte is not") func size() {
        let filler = String(repeating: " ", count: 1024 * 1024 - prelude.utf8.count)
        #expect(complaints(prelude + filler) == "")
        #expect(
            complaints(prelude + filler + " ") == "0:0: error: cannot read the file: larger than 1m"
        )
    }
}
