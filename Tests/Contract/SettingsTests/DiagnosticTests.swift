import Settings
import Testing

@Suite("Diagnostics, as a person sees them")
struct DiagnosticTests {
    @Test("Place, severity, message, the line and a caret") func plain() {
        let diagnostic = Diagnostic(
            severity: .error, position: .init(file: "gateway.conf", line: 31, column: 9),
            message: "unknown directive 'polcy' in 'sessions' (did you mean 'policy'?)", length: 5,
            sourceLine: "        polcy block_new")
        #expect(
            diagnostic.rendered() == """
                gateway.conf:31:9: error: unknown directive 'polcy' in 'sessions' \
                (did you mean 'policy'?)
                   31 |         polcy block_new
                      |         ^~~~~
                """)
    }

    @Test("A file as a whole has no line to show") func wholeFile() {
        let result = SettingsReader(files: Desk()).read("nowhere.conf")
        #expect(result.settings == nil)
        #expect(
            result.diagnostics.map { $0.rendered() } == [
                "nowhere.conf: error: cannot read the file: no such file"
            ])
    }

    @Test("Colours frame the words and change nothing else") func colours() {
        let diagnostic = Diagnostic(
            severity: .warning, position: .init(file: "a", line: 1, column: 2), message: "m",
            length: 2, sourceLine: "abc")
        let text = diagnostic.rendered(color: true)
        let head = "\u{1B}[1ma:1:2:\u{1B}[0m \u{1B}[1;35mwarning:\u{1B}[0m \u{1B}[1mm\u{1B}[0m"
        #expect(text == head + "\n    1 | abc\n      |  \u{1B}[1;35m^~\u{1B}[0m")
        #expect(diagnostic.rendered() == "a:1:2: warning: m\n    1 | abc\n      |  ^~")
    }

    @Test("Tabs stay tabs in the line of the caret") func tabs() {
        let text = rendered(prelude + "\tlog\t{\n\t\tlevel\tloud\n\t}\n")
        #expect(
            text == """
                gateway.conf:3:9: error: expected debug, info, warning or error, not 'loud'
                    3 | \t\tlevel\tloud
                      | \t\t     \t^~~~
                """)
    }

    @Test("Columns count characters; the caret stands under wide ones") func wide() {
        let text = rendered(prelude + "route /한글/경로 { respond 200 \"접속\" \"너무\" }\n")
        #expect(
            text == """
                gateway.conf:2:33: error: unexpected '너무' after 'respond' \
                (expected: respond STATUS [TEXT] | ready)
                    2 | route /한글/경로 { respond 200 "접속" "너무" }
                      |                                       ^~~~~~
                """)
    }

    @Test("A very long line is cut around the place") func longLine() throws {
        let blank = String(repeating: " ", count: 300)
        let text = prelude + "log {\(blank)level loud\(blank)}\n"
        let diagnostic = try #require(read(text).diagnostics.first)
        #expect(diagnostic.position.column == 312)
        let lines = diagnostic.rendered().split(separator: "\n")
        #expect(lines[1].count < 180)
        let caret = try #require(lines[2].firstIndex(of: "^"))
        let offset = lines[2].distance(from: lines[2].startIndex, to: caret)
        #expect(lines[1].dropFirst(offset).hasPrefix("loud"))
    }

    @Test("A terminal is never handed control characters") func controls() throws {
        let text = prelude + "log { level \u{1B}[31m\u{202E}x }\n"
        let all = rendered(text)
        #expect(!all.unicodeScalars.contains { $0.value == 0x1B || $0.value == 0x202E })
        #expect(
            all == """
                gateway.conf:2:13: error: control character U+001B (in a string, write it as \
                \\u{1B})
                    2 | log { level ␛[31m\u{FFFD}x }
                      |             ^
                """)
    }

    @Test("Two hundred are enough") func bounded() throws {
        let text = prelude + String(repeating: "nonsense\n", count: 250)
        let diagnostics = read(text).diagnostics
        #expect(diagnostics.count == 201)
        #expect(diagnostics.last?.severity == .note)
        #expect(diagnostics.last?.message == "50 more messages are not shown")
    }

    @Test("Errors are not crowded out by warnings") func errorsFirst() {
        let text = prelude + String(repeating: "listen 0.0.0.0:1\n", count: 250) + "nonsense\n"
        let result = read(text)
        #expect(result.settings == nil)
        #expect(
            result.diagnostics.contains {
                $0.message == "'0.0.0.0:1' is used by two listeners (first set at line 2)"
            })
        let plain = (1...250).map { "listen 0.0.0.0:\($0)" }.joined(separator: "\n")
        let last = read(prelude + plain + "\nnonsense\n").diagnostics
        #expect(
            last.map(\.message) == [
                "unknown directive 'nonsense'", "250 more messages are not shown",
            ])
    }
}
