import Bytes
import Testing

@Suite struct SpansTests {
    @Test(arguments: [
        ("", "", true, true), ("a", "a", true, true), ("a", "A", false, true),
        ("Upgrade", "uPGRADE", false, true), ("a", "ab", false, false), ("ab", "a", false, false),
        ("a", "b", false, false), ("@", "`", false, false), ("[", "{", false, false),
        ("é", "é", true, true), ("é", "É", false, false),
    ])
    func `octets match with case and without`(
        left: String, right: String, exactly: Bool, ignoringCase: Bool
    ) {
        let octets = Array(left.utf8)
        #expect(octets.span.matches(right) == exactly)
        #expect(octets.span.matches(right.utf8.span) == exactly)
        #expect(octets.span.matchesIgnoringCase(right) == ignoringCase)
        #expect(octets.span.matchesIgnoringCase(right.utf8.span) == ignoringCase)
    }

    @Test(arguments: [
        ("jwt.abc", "jwt.", true), ("jwt.", "jwt.", true), ("jwt", "jwt.", false),
        ("Jwt.", "jwt.", false), ("", "", true), ("x", "", true), ("", "x", false),
    ])
    func `octets start with a text`(text: String, prefix: String, expected: Bool) {
        #expect(Array(text.utf8).span.starts(with: prefix) == expected)
    }

    @Test(
        arguments: [
            ("a,b,c", 0, 1), ("a,b,c", 1, 1), ("a,b,c", 2, 3), ("a,b,c", 4, nil), ("a,b,c", 5, nil),
            ("", 0, nil), (",", 0, 0),
        ] as [(String, Int, Int?)])
    func `the first octet at or after an index is found`(
        text: String, start: Int, expected: Int?
    ) {
        #expect(Array(text.utf8).span.firstIndex(of: UInt8(ascii: ","), from: start) == expected)
    }

    @Test(arguments: [
        ("  a b\t ", 0, 7, "a b"), ("a", 0, 1, "a"), (" \t ", 0, 3, ""), ("", 0, 0, ""),
        ("x y z", 1, 4, "y"), ("\na\r", 0, 3, "\na\r"), (" \u{B}a", 0, 3, "\u{B}a"),
    ])
    func `spaces and tabs at the ends of a range are trimmed, nothing else`(
        text: String, low: Int, high: Int, expected: String
    ) {
        let octets = Array(text.utf8)
        let range = octets.span.trimmingWhitespace(low..<high)
        #expect(octets.text(range) == expected)
        #expect(range.lowerBound >= low && range.upperBound <= high)
    }

    @Test(arguments: [[], [0], [0x41, 0xFF, 0x42], Array(0...255)] as [[UInt8]])
    func `copies hold the same octets`(octets: [UInt8]) {
        #expect(octets.span.array == octets)
        var appended: [UInt8] = [7]
        appended.append(copying: octets.span)
        #expect(appended == [7] + octets)
    }

    @Test func `what is not UTF-8 becomes U+FFFD`() {
        let octets: [UInt8] = [0x41, 0xFF, 0xEA, 0xB0, 0x80]
        #expect(octets.span.text == "A\u{FFFD}가")
        #expect(octets.text(2..<5) == "가")
        #expect(octets.text(1..<3) == "\u{FFFD}\u{FFFD}")
        #expect(octets.text(1..<1) == "")
    }

    @Test(arguments: [0, 1, 9, 10, 99, 1_234_567_890, -1, -10, .max, .min])
    func `numbers are appended in digits`(number: Int) {
        var octets = Array("n".utf8)
        octets.append(decimal: number)
        #expect(octets == Array("n\(number)".utf8))
    }

    @Test(arguments: [(0, "0"), (15, "f"), (16, "10"), (0xABC, "abc"), (65_536, "10000")])
    func `hexadecimal is in lower case without leading zeros`(number: Int, text: String) {
        var octets: [UInt8] = []
        octets.append(hexadecimal: number)
        octets.append("\r\n")
        #expect(octets == Array((text + "\r\n").utf8))
    }
}
