import Bytes
import Endings
import JSON

/// Lists come in pages: `limit` says how long, `after` takes the `next` of the page before.
enum Page {
    private static let usual = 100
    /// A target has room for it.
    private static let cursorLimit = 4096

    static func limit(_ most: Int) -> ObjectSchema.Member {
        .init(
            "limit", .integer(1...Int64(most)), "The most entries on one page",
            fallback: .whole(usual))
    }

    static let after = ObjectSchema.Member(
        "after", .text(upTo: cursorLimit),
        "The `next` of the page before; without it, the first page")

    static func schema(
        _ name: String, _ element: Schema, _ most: Int, _ summary: String
    ) -> Schema {
        .object(
            ObjectSchema([
                .init(name, .list(of: element, count: 0...most), summary, isRequired: true),
                .init(
                    "next", .text(upTo: cursorLimit),
                    "The value of `after` for the next page; absent on the last page"),
            ]))
    }

    static func limit(of request: ConsoleRequest) -> Int {
        Int(request.query["limit"]?.number?.int64 ?? Int64(usual))
    }

    /// Where the page before ended; nil for the first page.
    static func cursor<Cursor>(
        _ request: ConsoleRequest, _ read: (String) -> Cursor?
    ) throws(Refusal) -> Cursor? {
        guard let text = request.query["after"]?.string else { return nil }
        if let cursor = read(text) { return cursor }
        throw Refusal(
            .protocolError, status: 400,
            message: "The parameter 'after' is not the 'next' of a page")
    }

    static func document(
        _ name: String, _ elements: [JSONValue], _ next: String?
    ) -> JSONValue {
        var document: JSONObject = [name: .array(elements)]
        document["next"] = next.map { .string($0) }
        return .object(document)
    }

    /// Names as one opaque text.
    static func cursor(of names: [String]) -> String {
        var octets: [UInt8] = []
        octets.appendJSON(.array(names.map { .string($0) }))
        return String(decoding: Base64.encodeURL(octets.span), as: UTF8.self)
    }

    /// Reads what `cursor(of:)` wrote; nil for anything else.
    static func names(in cursor: String, count: Int) -> [String]? {
        guard let octets = Base64.decodeURL(cursor.utf8.span),
            let names = (try? JSONValue.decode(octets.span))?.array?.compactMap(\.string)
        else { return nil }
        return names.count == count ? names : nil
    }
}
