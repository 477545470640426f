import Clock
import Endings
import Identity
import JSON
import JWT

/// How revocations are written, in orders and in answers.
enum RevocationText {
    /// One entry, as an order in a body or a query.
    static func schema(adding further: [ObjectSchema.Member] = []) -> ObjectSchema {
        ObjectSchema(
            [
                .init("jti", .text(upTo: nameLimit), "The claim `jti` of the token to revoke"),
                .init("user", .text(upTo: nameLimit), "The user whose tokens to revoke"),
                .init(
                    "before", .either([.dateTime, .number(dates)]),
                    "Revoke tokens that were issued before this time: RFC 3339, or seconds since"
                        + " 1970 as in a token. Tokens without a time of issue (`iat`) are"
                        + " revoked, too"),
                .init(
                    "rule", .text(upTo: 256),
                    "The name of the `jwt` block whose tokens to revoke; without it, the tokens of"
                        + " all blocks"
                ),
            ] + further,
            forms: [
                .init(required: ["jti"]), .init(required: ["user"]),
                .init(required: ["before"], optional: ["user"]),
            ])
    }

    static let forgetAfter = ObjectSchema.Member(
        "forget_after", .integer(1...secondsLimit),
        "After this many seconds the entry is removed, because by then all its tokens have"
            + " expired; without it, never")

    /// An entry of the list.
    static let entry = Schema.named("Revocation", .object(schema(adding: [forgottenFrom])))

    private static let forgottenFrom = ObjectSchema.Member(
        "forgotten_from", .dateTime, "When the entry is removed by itself")

    /// The most characters of a name, so that one fits into a target, and into the `next` of a
    /// page.
    private static let nameLimit = 1024
    /// To the end of the year 9999.
    private static let dates: ClosedRange<Int64> = 0...253_402_300_799
    /// A hundred years.
    private static let secondsLimit: Int64 = 3_155_760_000

    /// What an order means that fits the schema.
    static func revocation(_ order: JSONObject, now: WallTime) -> Revocation? {
        guard let target = target(order) else { return nil }
        var revocation = Revocation(target, rule: order["rule"]?.string)
        if let seconds = order["forget_after"]?.number?.int64 {
            revocation.forgottenFrom = now.advanced(by: .seconds(seconds))
        }
        return revocation
    }

    /// For what the schema does not let through.
    static let misread = Refusal(
        .internalError, message: "The request was checked but could not be read")

    static func document(_ revocation: Revocation) -> JSONValue {
        var document = JSONObject()
        switch revocation.target {
        case .token(let id): document["jti"] = .string(id)
        case .user(let name): document["user"] = .string(name)
        case .issuedBefore(let moment, let user):
            document["before"] = date(moment)
            document["user"] = user.map { .string($0) }
        }
        document["rule"] = revocation.rule.map { .string($0) }
        document["forgotten_from"] = revocation.forgottenFrom.map(date)
        return .object(document)
    }

    private static func target(_ order: JSONObject) -> Revocation.Target? {
        if let id = order["jti"]?.string { return .token(id: id) }
        let user = order["user"]?.string
        guard let before = order["before"] else { return user.map { .user($0) } }
        return moment(before).map { .issuedBefore($0, user: user) }
    }

    private static func moment(_ value: JSONValue) -> WallTime? {
        if let text = value.string { return DateTimeText.parse(text) }
        return NumericDate(value).map {
            WallTime(seconds: $0.seconds, nanoseconds: $0.nanoseconds)
        }
    }

    private static func date(_ time: WallTime) -> JSONValue {
        .string(time.rfc3339(milliseconds: time.nanoseconds != 0))
    }
}
