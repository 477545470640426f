import Endings

extension Endpoint {
    /// The problems that come of what is declared, whatever the endpoint does.
    var usualProblems: [AnswerNote] {
        var notes: [AnswerNote] = [
            .problem(400, "The request does not fit what is declared here"),
            .problem(401, "The token is missing or wrong"),
            .problem(403, "The request comes from a web page"),
            .problem(408, "The request did not come in time"),
            .problem(414, "The target is too long"),
            .problem(417, "An expectation cannot be met"),
            .problem(429, "Too many attempts without the token"),
            .problem(431, "The head is too large"),
            .problem(504, "It takes too long"),
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
        case .allowed, .allowedOrNew: notes.append(.problem(412, "Another version is there now"))
        }
        return notes
    }

    /// `application/problem+json` (RFC 9457), as `ProblemDocument` writes it.
    static let problem = Schema.named(
        "Problem",
        .object(
            ObjectSchema([
                .init("type", .word(["about:blank"]), "Nothing more", isRequired: true),
                .init(
                    "title", .text(TextRule(length: 0...256)), "The phrase of the status",
                    isRequired: true),
                .init("status", .integer(400...599), "The status", isRequired: true),
                .init(
                    "detail", .text(TextRule(length: 0...4096)), "What is wrong",
                    isRequired: true),
                .init(
                    "reason", .word(EndReason.allCases.map(\.rawValue)), "For machines",
                    isRequired: true),
                .init(
                    "request_id", .text(upTo: 128),
                    "Which line of the log is about it; not there without the token"),
            ])))
}
