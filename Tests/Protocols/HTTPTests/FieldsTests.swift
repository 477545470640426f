import Bytes
import HTTP
import Testing

@Suite("Fields")
struct FieldsTests {
    let fields = Fields([
        ("Host", "a.example"), ("Connection", "close, , \tUpgrade ,x"), ("X-Thing", "1"),
        ("connection", "keep-alive"), ("X-thing", "2"),
    ])

    @Test("are found by field and by name, the first one first")
    func lookup() {
        #expect(fields.text(of: .host) == "a.example")
        #expect(fields.text(of: .cookie) == nil)
        #expect(fields.text(named: "X-THING") == "1")
        #expect(fields.text(named: "X-Other") == nil)
        #expect(fields.count(of: .connection) == 2)
        #expect(fields.count(of: .te) == 0)
        #expect(fields.contains(.connection))
        #expect(!fields.contains(.xRequestID))
    }

    @Test(
        "lists hold their elements without case, over all lines",
        arguments: [
            ("close", true), ("upgrade", true), ("X", true), ("Keep-Alive", true), ("clos", false),
            ("", false), ("close, ", false),
        ])
    func lists(token: String, isThere: Bool) {
        #expect(fields.list(.connection, contains: token) == isThere)
    }

    @Test(
        "a media type is wanted when Accept names it, unless with a weight of 0",
        arguments: [
            ("text/event-stream", true), ("application/json, text/event-stream", true),
            ("Text/Event-Stream;q=0.5", true), (" ,, text/event-stream ; charset=utf-8", true),
            ("text/event-stream;q=1.000", true), ("text/event-stream;q=0", false),
            ("text/event-stream; Q=0.000", false), ("text/event-stream;v=1;q=0.", false),
            ("*/*", false), ("text/*", false), ("text/event-streams", false), ("", false),
            ("text/html;p=text/event-stream", false), ("text/event-stream;q=", true),
        ])
    func accepted(value: String, isWanted: Bool) {
        let fields = Fields([("Accept", "text/html"), ("Accept", value)])
        #expect(fields.accepts(mediaType: "text/event-stream") == isWanted)
        #expect(!Fields([]).accepts(mediaType: "text/event-stream"))
    }

    @Test(
        "content is coded when Content-Encoding names what is a coding",
        arguments: [
            ([], false), ([""], false), (["identity"], false), (["Identity"], false),
            (["none"], false), ([" , ,"], false), (["identity, "], false), (["", "none"], false),
            (["gzip"], true), (["identity, br"], true), (["identity", "zstd"], true),
            ([",gzip"], true), (["unheard-of"], true),
        ] as [([String], Bool)])
    func coded(values: [String], isCoded: Bool) {
        #expect(Fields(values.map { ("Content-Encoding", $0) }).hasContentCoding == isCoded)
    }

    @Test(
        "a media type is told without its parameters",
        arguments: [
            ("text/event-stream", true), ("TEXT/event-stream ; charset=utf-8", true),
            ("text/event-stream;", true), ("text/event-streams", false), ("", false),
        ])
    func mediaType(value: String, isIt: Bool) {
        #expect(Fields([("Content-Type", value)]).mediaType(is: "text/event-stream") == isIt)
    }

    @Test("list elements come in order, without whitespace and empty ones")
    func elements() {
        var elements = ListElements(of: .connection, in: fields)
        var texts: [String] = []
        while let element = elements.next() { texts.append(fields.bytes.text(element)) }
        #expect(texts == ["close", "Upgrade", "x", "keep-alive"])
        var none = ListElements(of: .te, in: fields)
        #expect(none.next() == nil)
    }
}
