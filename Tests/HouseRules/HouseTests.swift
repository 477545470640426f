import Testing

/// The rules, held against the house as it stands. Every rule is tried on small texts of its own
/// in the other files, so that none is here that cannot fail.
@Suite struct HouseTests {
    private let tree: SourceTree

    init() throws { tree = try SourceTree.standing.get() }

    private func report(_ findings: [Finding]) {
        for finding in findings { Issue.record("\(finding)") }
    }

    @Test func `the tree was found`() {
        #expect(tree.sources.count > 20)
        #expect(tree.files.contains { $0.path == "Tests/HouseRules/HouseTests.swift" })
        #expect(Set(tree.rooms.values) == Set(Floor.allCases))
    }

    @Test func `a room imports only what is below it`() {
        let rule = ImportRule(rooms: tree.rooms)
        report(tree.sources.flatMap(rule.findings))
    }

    @Test func `every exception to that is in use`() {
        #expect(ImportRule(rooms: tree.rooms).unusedExceptions(in: tree.sources) == [])
    }

    @Test(arguments: WordRule.all.map(\.word))
    func `nobody says`(word: String) {
        let rules = WordRule.all.filter { $0.word == word }
        report(tree.sources.flatMap { file in rules.flatMap { $0.findings(in: file) } })
    }

    @Test func `nobody says, tests neither`() {
        report(tree.files.flatMap { file in WordRule.everywhere.flatMap { $0.findings(in: file) } })
    }

    @Test func `machines name every state`() {
        #expect(tree.sources.filter(MachineRule.isMachine).count > 20)
        report(MachineRule.findings(in: tree.sources))
    }

    @Test func `nobody unwraps by force`() {
        report(tree.sources.flatMap(UnwrapRule.findings))
    }

    @Test func `every unsafe has its reason nearby`() {
        report(UnsafeRule.findings(in: tree.sources))
    }

    @Test func `lines fit into 100 columns`() {
        report(tree.files.flatMap(SizeRules.longLines))
    }

    @Test func `files are short`() {
        report(SizeRules.longFiles(in: tree.files))
    }

    @Test func `functions are short`() {
        report(SizeRules.longFunctions(in: tree.files))
    }

    @Test func `the map names every room`() {
        report(MapRule.findings(rooms: tree.rooms, map: tree.map))
    }
}
