import Bytes
import Endings
import Identity
import JSON

/// The list of revocations, page by page. Entries come in the order of what they are about, so that
/// pages stay what they are while others are added and taken back.
enum RevocationPage {
    /// A target has room for it.
    private static let cursorLimit = 8192

    static let query = ObjectSchema([
        .init("limit", .integer(1...1000), "The most entries on one page", fallback: .whole(100)),
        .init(
            "after", .text(upTo: cursorLimit),
            "The `next` of the page before; without it, the first page"),
    ])

    static let schema = Schema.object(
        ObjectSchema([
            .init(
                "revocations", .list(of: RevocationText.entry, count: 0...1000),
                "The entries on this page", isRequired: true),
            .init("total", .count, "How many entries there are on all pages", isRequired: true),
            .init(
                "next", .text(upTo: cursorLimit),
                "The value of `after` for the next page; absent on the last page"),
        ]))

    static func answer(
        to request: ConsoleRequest, of revocations: [Revocation]
    ) -> ConsoleResponse {
        var after: [UInt8] = []
        if let text = request.query["after"]?.string {
            guard let key = Base64.decodeURL(text.utf8.span) else {
                return .problem(
                    Refusal(
                        .protocolError, status: 400,
                        message: "The parameter 'after' is not the 'next' of a page"))
            }
            after = key
        }
        let limit = Int(request.query["limit"]?.number?.int64 ?? 100)
        let entries = revocations.map { (key: key(of: $0), revocation: $0) }
            .filter { after.lexicographicallyPrecedes($0.key) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
        let page = entries.prefix(limit)
        var document: JSONObject = [
            "revocations": .array(page.map { RevocationText.document($0.revocation) }),
            "total": .whole(revocations.count),
        ]
        if page.count < entries.count, let last = page.last {
            let text = Base64.encodeURL(last.key.span)
            document["next"] = .string(String(decoding: text, as: UTF8.self))
        }
        return .json(200, .object(document))
    }

    /// Another one for every entry: names of rules hold no NUL.
    private static func key(of revocation: Revocation) -> [UInt8] {
        let about =
            switch revocation.target {
            case .issuedBefore(_, let user): user.map { "before user\0" + $0 } ?? "before\0"
            case .token(let id): "jti\0" + id
            case .user(let name): "user\0" + name
            }
        return Array((about + "\0" + (revocation.rule ?? "")).utf8)
    }
}
