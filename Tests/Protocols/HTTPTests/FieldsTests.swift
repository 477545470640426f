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
