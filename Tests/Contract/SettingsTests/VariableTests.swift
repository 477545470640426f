import Randomness
import Settings
import Testing

@Suite("Variables of the environment")
struct VariableTests {
    private var desk: Desk {
        var desk = Desk.usual
        desk.variables["PORT"] = "8001"
        desk.variables["TEXT"] = "a b;c#d {e} \"f\" \\n 한국"
        desk.variables["CODE"] = "env:JWT_SECRET"
        desk.variables["DOLLAR"] = "${PORT}"
        desk.variables["LINES"] = "a\nb"
        return desk
    }

    /// What `respond 200 …` says then.
    private func answer(_ text: String) -> String? {
        let settings = read(prelude + "route /x { respond 200 \(text) }", at: desk).settings
        guard case .respond(_, let body)? = settings?.routes.last?.destination else { return nil }
        return body
    }

    @Test(
        "What they stand for is a part of the word, whatever it is",
        arguments: [
            ("${PORT}", "8001"), ("\"${PORT}\"", "8001"), ("a${PORT}b", "a8001b"),
            ("${PORT}${PORT}", "80018001"), ("\"x ${PORT} y\"", "x 8001 y"),
            ("${TEXT}", "a b;c#d {e} \"f\" \\n 한국"),
            ("\"<${TEXT}>\"", "<a b;c#d {e} \"f\" \\n 한국>"),
            ("${DOLLAR}", "${PORT}"), ("${NOBODY:-x}", "x"), ("${NOBODY:-}", ""),
            ("${EMPTY:-x}", "x"), ("${EMPTY}", ""), ("${PORT:-x}", "8001"),
            ("${NOBODY:-a b;c#d}", "a b;c#d"), ("\"${NOBODY:-a b}\"", "a b"),
            ("$${PORT}", "${PORT}"), ("\"$${PORT}\"", "${PORT}"), ("$$${PORT}", "$${PORT}"),
            ("$", "$"), ("$PORT", "$PORT"), ("a$", "a$"), ("$$", "$$"), ("\"$\"", "$"),
            ("${PORT}#", nil), ("{id}${PORT}", "{id}8001"), ("${PORT}{id}", "8001{id}"),
        ] as [(String, String?)])
    func values(text: String, value: String?) {
        #expect(answer(text) == value)
    }

    @Test("Several values of a list are one word") func lists() {
        #expect(
            complaints(prelude + "trust ${TEXT}", at: desk).hasPrefix(
                "2:7: error: expected a network such as 10.0.0.0/8, not '${TEXT}'"))
    }

    private static let form =
        "expected ${NAME} or ${NAME:-default} for an environment variable ('$${' is '${' itself)"

    @Test(
        "What is none is an error with its place",
        arguments: [
            (
                "${NOBODY}",
                "24: error: the environment variable 'NOBODY' is not set (${NOBODY:-text} gives a"
                    + " default)"
            ),
            (
                "\"한 ${NOBODY}\"",
                "27: error: the environment variable 'NOBODY' is not set (${NOBODY:-text} gives a"
                    + " default)"
            ),
            (
                "${LINES}",
                "24: error: the environment variable 'LINES' holds a line break or another control"
                    + " character"
            ),
            ("${}", "24: error: \(form)"), ("${1A}", "24: error: \(form)"),
            ("${PORT-x}", "24: error: \(form)"), ("a${PORT:x}", "25: error: \(form)"),
            ("\"${PO RT}\"", "25: error: \(form)"), ("\"${PORT\"", "25: error: \(form)"),
            ("${A:-${PORT}}", "24: error: \(form)"),
        ])
    func mistakes(text: String, complaint: String) {
        let heard = complaints(prelude + "route /x { respond 200 \(text) \n}", at: desk)
        #expect(heard.split(separator: "\n").contains { $0 == "2:\(complaint)" }, "\(heard)")
    }

    @Test("They are words of their own kind everywhere") func everywhere() throws {
        let text = """
            listen 127.0.0.1:${PORT}
            log { level ${LEVEL:-warning} }
            backend b${PORT} { server 127.0.0.1:${PORT} }
            route /${NOBODY:-files}/ { backend b${PORT}; ping ${PING:-5}s }
            include ${NOBODY:-conf}.d/*.conf
            """
        let result = read(prelude + text, at: desk)
        #expect(result.diagnostics.isEmpty)
        let settings = try #require(result.settings)
        #expect(settings.listeners.last?.address == .ip(address: "127.0.0.1", port: 8001))
        #expect(settings.log.level == .warning)
        #expect(settings.backends.last?.name == "b8001")
        #expect(settings.routes.last?.pingInterval == .seconds(5))
    }

    @Test(
        "Neither secrets nor the words of directives come out of them",
        arguments: [
            "jwt j { algorithms HS256; secret ${JWT_SECRET}; audience a }",
            "jwt j { algorithms HS256; secret env:${JWT_SECRET}; audience a }",
            "jwt j { algorithms HS256; secret file:${JWT_SECRET}; audience a }",
            "jwt j { algorithms HS256; secret \"${JWT_SECRET}\"; audience a }",
            "jwt j { algorithms HS256; secret ${CODE}; audience a }",
            "console 127.0.0.1:2 { token ${JWT_SECRET} }",
        ])
    func secrets(text: String) {
        let heard = rendered(prelude + text, at: desk)
        #expect(heard.contains("error: a secret is named here, not inserted: write env:NAME"))
        #expect(!heard.contains(Desk.secret) && !heard.contains("audience'"))
    }

    @Test("The word of a directive is written out") func directives() {
        for text in ["${NOBODY:-route} / { }", "${NOBODY:-include} x", "route / { ${PORT} 1 }"] {
            #expect(
                complaints(prelude + text, at: desk).contains(
                    "variables are for values: the name of a directive must be written out"))
        }
    }

    @Test(
        "No message repeats what a variable holds",
        arguments: [
            "workers ${JWT_SECRET}", "log { level ${JWT_SECRET} }", "trust ${JWT_SECRET}",
            "route ${JWT_SECRET} { backend app }", "route / { backend ${JWT_SECRET} }",
            "route / { backend app; auth ${JWT_SECRET} }", "listen ${JWT_SECRET}",
            "route / { backend app; rate ${JWT_SECRET} by user }",
            "limits { memory ${JWT_SECRET} }",
            "route / { backend app; require ${JWT_SECRET} == a }",
            "route / { backend app; header ${JWT_SECRET}: x }",
            "route / { backend app; compress ${JWT_SECRET} }",
            "route / { backend app; origins ${JWT_SECRET} }",
            "jwt j { algorithms ${JWT_SECRET}; secret env:JWT_SECRET; audience a }",
            "jwt j { algorithms HS256; jwks ${JWT_SECRET}; audience a }",
            "jwt j { algorithms HS256; secret env:JWT_SECRET; from ${JWT_SECRET}; audience a }",
        ])
    func silence(text: String) {
        let heard = rendered(prelude + text, at: desk)
        #expect(heard.contains("error: "))
        #expect(!heard.contains(Desk.secret), "\(heard)")
    }

    @Test("Whatever is written, places stay in the line") func fuzz() {
        var generator = SeededGenerator(seed: fuzzSeed)
        let pieces = [
            "${", "}", "$$", "$", "PORT", ":-", "\"", "{", "#", ";", " ", "\\", "가", "-", "x",
        ]
        for _ in 0..<fuzzIterations {
            let count = Int.random(in: 1...12, using: &generator)
            let line = (0..<count).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &generator)]
            }.joined()
            for diagnostic in read("respond 200 \(line)\n", at: desk).diagnostics {
                let length = 12 + line.count
                #expect((0...length + 1).contains(diagnostic.position.column), "\(line)")
                #expect(diagnostic.caretOffset <= length, "\(line)")
            }
        }
    }
}
