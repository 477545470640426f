import Testing

@Suite struct SizeRulesTests {
    private let ratchet = Ratchet(what: "lines", limit: 10, allowed: ["A": 15])

    @Test(
        arguments: [
            (10, nil), (11, "lines: 11, at most 10"),
        ] as [(Int, String?)])
    func `what is not listed keeps to the limit`(size: Int, message: String?) {
        let rule = Ratchet(what: "lines", limit: 10, allowed: [:])
        #expect(rule.findings(for: [("B", "B", 3, size)]).first?.message == message)
    }

    @Test(
        arguments: [
            (16, "lines: 16, it was 15"), (15, nil), (14, "lines: 14, lower the list's 15"),
            (10, "lines: 10 is allowed to all: take it off the list"),
        ] as [(Int, String?)])
    func `what is listed may only get smaller`(size: Int, message: String?) {
        #expect(ratchet.findings(for: [("A", "A", 3, size)]).first?.message == message)
    }

    @Test func `what is listed and gone is found`() {
        #expect(ratchet.findings(for: []).map(\.message) == ["lines is gone: take it off the list"])
    }

    @Test func `columns are counted in characters`() {
        let text = [100, 101].map { String(repeating: "가", count: $0) }.joined(separator: "\n")
        let findings = SizeRules.longLines(in: SourceFile(path: "A.swift", text))
        #expect(findings.map(\.description) == ["A.swift:2: columns: 101, at most 100"])
    }

    @Test(arguments: [(450, true), (451, false)])
    func `a file has at most 450 lines`(count: Int, isShort: Bool) {
        let file = SourceFile(path: "A.swift", String(repeating: "a\n", count: count))
        #expect(SizeRules.longFiles(in: [file], allowed: [:]).isEmpty == isShort)
        let unended = SourceFile(path: "A.swift", String(repeating: "a\n", count: count - 1) + "a")
        #expect(SizeRules.longFiles(in: [unended], allowed: [:]).isEmpty == isShort)
        let listed = SizeRules.longFiles(in: [file], allowed: ["A.swift": 451])
        #expect(listed.isEmpty == !isShort)
    }

    @Test(arguments: [(70, true), (71, false)])
    func `a function has at most 70 lines`(count: Int, isShort: Bool) {
        let body = String(repeating: "a\n", count: count - 2)
        let file = SourceFile(path: "A.swift", "\nfunc f() {\n\(body)}\n")
        let findings = SizeRules.longFunctions(in: [file], allowed: [:])
        #expect(findings.map(\.line) == (isShort ? [] : [2]))
        let listed = SizeRules.longFunctions(in: [file], allowed: ["A.swift: func f() {": 71])
        #expect(listed.isEmpty == !isShort)
    }

    @Test(arguments: [
        ("// why\nunsafe a()", 0), ("unsafe a() // why", 0), ("// why\n\n\nunsafe a()", 0),
        ("// why\n\n\n\nunsafe a()", 1), ("unsafe a()\n// why", 1), ("unsafe a()\nunsafe b()", 2),
        ("/* why\n\n\n\n */ unsafe a()", 0), ("safe()", 0), ("\"unsafe\"", 0),
        ("@unsafe struct A {}", 1),
    ])
    func `unsafe wants its reason above it or beside it`(text: String, count: Int) {
        let path = "Sources/Adapters/TLS/A.swift"
        let findings = UnsafeRule.findings(in: [SourceFile(path: path, text)], allowed: [:])
        #expect(findings.isEmpty == (count == 0))
        #expect(findings.allSatisfy { $0.message.contains(": \(count), at most 0") })
    }

    @Test func `the map is missed where it names a room only within a longer word`() {
        let rooms: [String: Floor] = ["HTTP": .protocols, "HTTP1": .protocols, "Bytes": .ground]
        let findings = MapRule.findings(rooms: rooms, map: "- `HTTP1` and Bytes.")
        #expect(findings.map(\.message) == ["does not mention HTTP"])
    }
}
