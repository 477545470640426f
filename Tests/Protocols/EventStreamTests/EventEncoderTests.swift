import EventStream
import Testing

@Suite("Writing events")
struct EventEncoderTests {
    private func event(
        event: String? = nil, id: String? = nil, retryMilliseconds: Int? = nil,
        data: String? = nil
    ) -> String {
        var output: [UInt8] = []
        EventEncoder.append(
            event: event, id: id, retryMilliseconds: retryMilliseconds, data: data, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test("all fields come in order, closed by an empty line")
    func allFields() {
        #expect(
            event(event: "connection_rejected", id: "7", retryMilliseconds: 86_400_000, data: "{}")
                == "retry: 86400000\nevent: connection_rejected\nid: 7\ndata: {}\n\n")
        #expect(event(retryMilliseconds: -1) == "retry: 0\n\n")
        #expect(event(data: "") == "data: \n\n")
    }

    @Test(
        "data of several lines stays one event",
        arguments: [
            ("a\nb", "data: a\ndata: b\n\n"), ("a\r\nb", "data: a\ndata: b\n\n"),
            ("a\rb", "data: a\ndata: b\n\n"), ("a\n\nb", "data: a\ndata: \ndata: b\n\n"),
            ("a\n", "data: a\ndata: \n\n"), ("\r\r\n", "data: \ndata: \ndata: \n\n"),
            (" a", "data:  a\n\n"), ("가: x", "data: 가: x\n\n"),
        ])
    func lines(data: String, text: String) {
        #expect(event(data: data) == text)
    }

    @Test("names and ids cannot break out of their line")
    func breaks() {
        #expect(event(event: "a\r\ndata: x\n\n", data: "y") == "event: a  data: x  \ndata: y\n\n")
        #expect(event(id: "1\u{0}\n2") == "id: 1  2\n\n")
    }

    @Test("comments are comments on every line")
    func comments() {
        var output: [UInt8] = []
        EventEncoder.appendComment(to: &output)
        EventEncoder.appendComment("hi\nevent: x\r\n\r\ny", to: &output)
        #expect(
            String(decoding: output, as: UTF8.self) == ":\n\n: hi\n: event: x\n: \n: y\n\n")
    }

    @Test("what was written ends at a boundary", arguments: ["", "a", "a\n\nb", "\r", ":\n\n"])
    func boundary(text: String) {
        var output: [UInt8] = []
        EventEncoder.append(event: text, id: text, retryMilliseconds: 1, data: text, to: &output)
        EventEncoder.appendComment(text, to: &output)
        var scanner = EventBoundary()
        let end = scanner.scan(output.span)
        #expect(end == output.count)
        #expect(scanner.isAtBoundary)
    }
}
