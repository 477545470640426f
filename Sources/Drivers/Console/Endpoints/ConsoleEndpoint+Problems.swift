import Endings

extension ConsoleEndpoint {
    /// The problems that come of what is declared, whatever the endpoint does.
    var usualProblems: [AnswerNote] {
        var notes: [AnswerNote] = [
            .problem(400, "The request does not match this document"),
            .problem(401, "The console's token is missing or wrong"),
            .problem(403, "The request comes from a web page"),
            .problem(408, "The request did not arrive in time"),
            .problem(414, "The target is too long"),
            .problem(417, "The field Expect asks for something that is not supported"),
            .problem(429, "Too many requests without the right token"),
            .problem(431, "The header of the request is too large"),
            .problem(504, "The answer takes too long"),
        ]
        if body != nil {
            notes += [
                .problem(411, "The length of the body is missing"),
                .problem(413, "The body is too large"),
                .problem(415, "The body is not JSON"),
            ]
        }
        switch precondition {
        case .none: break
        case .required:
            notes.append(.problem(428, "If-Match is missing"))
            fallthrough
        case .allowed, .allowedOrNew:
            notes.append(.problem(412, "The version has changed; read it again"))
        }
        return notes
    }

    /// `application/problem+json` (RFC 9457), as `ProblemDocument` writes it.
    static let problem = Schema.named(
        "Problem",
        .object(
            ObjectSchema([
                .init("type", .word(["about:blank"]), "Always about:blank", isRequired: true),
                .init(
                    "title", .text(TextRule(length: 0...256)), "The usual phrase of the status",
                    isRequired: true),
                .init("status", .integer(400...599), "The HTTP status", isRequired: true),
                .init(
                    "detail", .text(TextRule(length: 0...4096)), "What is wrong, in one sentence",
                    isRequired: true),
                .init(
                    "reason", .word(EndReason.allCases.map(\.rawValue)),
                    "The reason as one word, for programs",
                    isRequired: true),
                .init(
                    "request_id", .text(upTo: 128),
                    "The id of the log line about this request; absent without the token"),
            ])))
}
