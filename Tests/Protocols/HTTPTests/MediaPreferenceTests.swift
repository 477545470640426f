import HTTP
import Testing

/// RFC 9110 §12.5.1.
@Suite struct MediaPreferenceTests {
    private func prefersPage(_ lines: [String]) -> Bool {
        MediaPreference(Fields(lines.map { ("Accept", $0) }))
            .prefers("text/html", to: ["application/problem+json", "application/json"])
    }

    @Test(
        arguments: [
            (["text/html"], true), (["TEXT/HTML"], true), (["text/html;charset=utf-8"], true),
            (["text/html, */*"], true), (["*/*, text/html"], true), (["text/html", "*/*"], true),
            (["text/html;q=0.9, */*;q=0.8"], true), (["text/html;q=0.001"], true),
            (["text/html ; Q=0.9"], true), (["text/html,,"], true),
            (["text/html;q=0.5, */*"], false), (["text/html, application/json"], false),
            (["text/html;q=0.9, application/json"], false),
            (["text/html, application/json;q=0.9"], true),
            (["text/html;q=0.9, application/*"], false), (["text/html, application/*"], true),
            (["text/*"], false), (["*/*"], false), ([], false), ([""], false),
            (["text/html;q=0"], false), (["text/html;q=0, */*"], false),
            (["text/html;q=2"], false), (["text/html;q=x"], false), (["text/html;q=0.1234"], false),
            (["text/html;q="], false), (["text/htmlx"], false), (["xtext/html"], false),
            (["application/xhtml+xml"], false), (["text/html;q=1.5"], true),
        ])
    func `a type that is named goes before what a wildcard stands for`(
        lines: [String], expected: Bool
    ) {
        #expect(prefersPage(lines) == expected)
    }

    @Test func `no more than some ranges are looked at`() {
        let many = Array(repeating: "a/b", count: 40).joined(separator: ",")
        #expect(!prefersPage([many + ", text/html"]))
        #expect(prefersPage(["text/html, " + many]))
    }
}
