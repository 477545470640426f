import Bytes
import Testing

@Suite struct PrintableTests {
    static let texts = [
        ("", ""), ("plain", "plain"), ("전광판 é 👩‍⚕️", "전광판 é 👩‍⚕️"),
        ("a\nb\r\u{0}", "a␊b␍␀"), ("\u{1B}[2J", "␛[2J"), ("\u{7F}\u{9B}2J", "\u{FFFD}\u{FFFD}2J"),
        ("one\u{2028}two\u{2029}", "one\u{FFFD}two\u{FFFD}"),
        ("abc\u{202E}fed\u{2066}\u{61C}", "abc\u{FFFD}fed\u{FFFD}\u{FFFD}"), ("a\tb", "a␉b"),
    ]

    @Test(arguments: texts)
    func `what would leave its line or order a terminal about is shown instead`(
        text: String, shown: String
    ) {
        #expect(text.printable() == shown)
        #expect(shown.printable() == shown)
    }

    @Test func `a tab may stay`() {
        #expect("a\tb\n".printable(keepingTabs: true) == "a\tb␊")
    }
}
