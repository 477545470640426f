import Testing

@Suite struct WordRulesTests {
    private func words(_ path: String, _ text: String) -> [String] {
        let file = SourceFile(path: path, text)
        return WordRule.all.filter { !$0.findings(in: file).isEmpty }.map(\.word)
    }

    @Test(arguments: [
        ("let a = try! b()", "try!"), ("let a = b as! C", "as!"),
        ("fatalError(\"a\")", "fatalError("), ("public struct A {}", "public"),
        ("let now = Date()", "Date()"), ("print(a)", "print("),
        ("let a = unsafe b", "unsafe"), ("nonisolated(unsafe) var a = 1", "unsafe"),
        ("final class A: @unchecked Sendable {}", "@unchecked Sendable"),
    ])
    func `a banned word is found in code and nowhere else`(line: String, word: String) {
        #expect(words("Sources/Policy/Sessions/A.swift", "\n" + line) == [word])
        #expect(words("Sources/Policy/Sessions/A.swift", "// " + line) == [])
    }

    @Test(arguments: ["let a = Mutex<Int>(0)", "private let a: Mutex<[Int]>"])
    func `tests may not say everything either`(line: String) {
        let file = SourceFile(path: "Tests/Policy/SessionsTests/A.swift", line)
        #expect(WordRule.everywhere.flatMap { $0.findings(in: file) }.count == 1)
    }

    @Test func `some places may say what others may not`() {
        #expect(words("Sources/gateway/main.swift", "print(a)") == [])
        #expect(words("Sources/Adapters/TLS/A.swift", "unsafe a()") == [])
        #expect(words("Sources/Adapters/TLS/A.swift", "print(a)") == ["print("])
    }

    @Test(arguments: [
        ("private enum State { case b }", true), ("    enum Phase: Int {", true),
        ("enum Statement { case b }", false), ("// enum State", false), ("var state: State", false),
    ])
    func `a machine has no default`(declaration: String, isMachine: Bool) {
        let file = SourceFile(
            path: "Sources/A/B/C.swift",
            declaration + "\nswitch a {\ncase .b: c\n@unknown default: d\n}")
        let found = MachineRule.findings(in: [file], allowed: [:])
        #expect(found.map(\.line) == (isMachine ? [4] : []))
        #expect(MachineRule.findings(in: [file], allowed: [file.path: 1]).isEmpty == isMachine)
    }

    @Test func `a finding says where`() {
        let file = SourceFile(path: "Sources/A.swift", "\nlet a = try! b()\n")
        let finding = WordRule.all.flatMap { $0.findings(in: file) }.first
        #expect(finding?.description.hasPrefix("Sources/A.swift:2: `try!`") == true)
    }

    @Test(arguments: [
        ("let a = b!", true), ("f(b!.c)", true), ("a()!", true), ("a[0]!", true),
        ("var a: Int!", true), ("a?.b!", true), ("let a = !b", false), ("a != b", false),
        ("a!= b", false), ("if !(a) {", false), ("try! a()", false), ("a as! B", false),
        ("\"a!\"", false), ("// a!", false), ("f(!a)", false),
    ])
    func `a forced unwrap is a mark behind a value`(line: String, isFound: Bool) {
        let file = SourceFile(path: "Sources/A.swift", line)
        #expect(UnwrapRule.findings(in: file).isEmpty != isFound)
    }
}
