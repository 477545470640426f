import Testing

@Suite struct SwiftTextTests {
    @Test(arguments: [
        ("let a = 1 // try! b", "let a = 1          "),
        ("a /* b /* c */ d */ e", "a                   e"),
        (#"let s = "try! x""#, #"let s = "      ""#),
        (#"f("a\"b", c)"#, #"f("    ", c)"#),
        (#"f("\\", c)"#, #"f("  ", c)"#),
        (#"f("a\(b + "c" + (d))e", g)"#, #"f("   b + " " + (d)) ", g)"#),
        ("f(#\"a\"b\\(c)\"#, g)", "f(#\"       \"#, g)"),
        ("f(#\"a\\#(b)c\"#, g)", "f(#\"    b) \"#, g)"),
        ("func `a try! \"b`() {}", "func `_________`() {}"),
        ("#if os(Linux)", "#if os(Linux)"),
        (###"##"a"#b"##c"###, ###"##"    "##c"###),
        ("a / b", "a / b"),
        (#""한글" // x"#, #""      "     "#),
        ("let u = \"http://x\" + y", "let u = \"        \" + y"),
    ])
    func `comments, strings and quoted names are blanked`(line: String, code: String) {
        #expect(SwiftText(line).code == [code])
    }

    @Test func `strings and comments of several lines are blanked, with their lines kept`() {
        let text = SwiftText(
            """
            let a = \"\"\"
                try! "b" \\(c) \\
                // d
                \"\"\" + e
            /* f
             g */ h
            """)
        #expect(
            text.code == [
                "let a = \"\"\"", "               c)  ", "        ", "    \"\"\" + e", "    ",
                "      h",
            ])
        #expect(text.hasComment == [false, false, false, false, true, true])
        #expect(text.lines.count == 6)
    }

    @Test func `a string that is left open ends with its line`() {
        #expect(SwiftText("let a = \"b\nlet c = d").code == ["let a = \" ", "let c = d"])
    }

    @Test(arguments: [
        ("try! f()", "try!", true), ("retry! f()", "try!", false), ("unsafe f()", "unsafe", true),
        ("UnsafePointer", "unsafe", false), ("unsafely", "unsafe", false),
        ("nonisolated(unsafe) let a", "unsafe", true), ("print(a)", "print(", true),
        ("blueprint(a)", "print(", false), ("debug.print(a)", "print(", true),
        ("default: a", "default:", true), ("\"try!\"", "try!", false),
        ("\"\\(try! f())\"", "try!", true), ("// try!", "try!", false), ("", "try!", false),
        ("republic", "public", false), ("public let", "public", true), ("가try!", "try!", false),
        ("try !f()", "try!", false), ("enum State {", "enum State", true),
        ("enum StateOfAffairs {", "enum State", false),
    ])
    func `a word is found in code and by itself`(line: String, word: String, isThere: Bool) {
        #expect(SwiftText(line).lines(with: word) == (isThere ? [1] : []))
    }

    @Test func `functions are measured from their first word to their last brace`() {
        let text = SwiftText(
            """
            struct S {
                var stored = 1
                var closure: () -> Void = { }
                var computed: Int {
                    1
                }
                init?(a: Int = { 1 }()) {
                    self.init()
                }
                func `a name`(
                    b: [Int]
                ) throws(E) -> Int where T: P {
                    func inner() { "}" }
                    return 1
                }
                subscript(i: Int) -> Int { i }
                deinit {
                }
            }
            protocol P {
                func none() -> Int
                var none: Int { get }
                init(none: Int)
            }
            """)
        let functions = Function.all(in: text).map { "\($0.line)+\($0.length) \($0.name)" }
        #expect(
            functions == [
                "4+3 var computed: Int {", "7+3 init?(a: Int = { 1 }()) {", "10+6 func `a name`(",
                "13+1 func inner() { \"}\" }", "16+1 subscript(i: Int) -> Int { i }",
                "17+2 deinit {", "22+1 var none: Int { get }",
            ])
    }
}
