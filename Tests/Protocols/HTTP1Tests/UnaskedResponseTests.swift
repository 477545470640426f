import HTTP1
import Testing

@Suite("Responses that nobody asked for")
struct UnaskedResponseTests {
    @Test(
        "only a 408 is said on purpose",
        arguments: [
            ("HTTP/1.1 408 Request Timeout\r\n", true), ("HTTP/1.0 408 Request Time-out\r\n", true),
            ("HTTP/1.1 408", true), ("HTTP/1.1 40", false), ("", false), ("x", false),
            ("HTTP/1.1 200 OK\r\n", false), ("HTTP/1.1 4080", true), ("HTTP/2.0 408 x", false),
            ("http/1.1 408 x", false), ("HTTP/1.1  408", false),
        ])
    func timeout(text: String, isTimeout: Bool) {
        #expect(UnaskedResponse.isTimeout(text.utf8.span) == isTimeout)
    }
}
