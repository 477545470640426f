import Clock
import HTTP
import Testing

@Suite struct HTTPDateTests {
    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_795_226_400, "Sat, 21 Nov 2026 02:00:00 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        ])
    func `a date is written as HTTP has it`(seconds: Int64, text: String) {
        #expect(HTTPDate.text(WallTime(seconds: seconds)) == text)
    }
}
