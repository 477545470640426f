import HTTP
import JSON

/// One thing that can be asked of the console: a row of the table from which requests are routed
/// and checked, and from which the OpenAPI document is written.
struct ConsoleEndpoint: Sendable {
    /// Gets a request that fits what is declared here, on the console's thread, where it must not
    /// take long: what does is answered later, from wherever.
    typealias Handler = @Sendable (ConsoleRequest, Responder) -> Void

    /// What a request may say about the version it means (RFC 9110 §13.1.1).
    enum Precondition: Sendable {
        case none
        /// `If-Match` is read.
        case allowed
        /// As `allowed`, and `If-None-Match: *` is read as well.
        case allowedOrNew
        /// Without `If-Match` the answer is 428.
        case required
    }

    var method: Method
    var path: PathTemplate
    /// Unique in the table.
    var name: String
    var summary: String
    /// One for each capture of `path`, by name.
    var captures: [ObjectSchema.Member] = []
    var query = ObjectSchema()
    /// JSON; nil when there is none.
    var body: Schema?
    var precondition = Precondition.none
    /// False for what anybody may ask who reaches the console.
    var needsToken = true
    /// What is answered besides the problems that every endpoint of this shape has.
    var answers: [AnswerNote]
    var handler: Handler

    /// The shape that routes compare: the path without the names of its captures.
    var route: String {
        path.segments.reduce(into: method.name) { text, segment in
            text += "/"
            if case .literal(let word) = segment { text += word } else { text += "{}" }
        }
    }
}

/// What is said about one status of an endpoint.
struct AnswerNote: Sendable {
    enum Content: Sendable {
        case none
        case json(Schema)
        case text(type: String)
        case problem
    }

    var status: Int
    var summary: String
    var content: Content
    /// The answer has an `ETag`.
    var hasEntityTag = false

    static func json(
        _ status: Int, _ summary: String, _ schema: Schema, hasEntityTag: Bool = false
    ) -> AnswerNote {
        AnswerNote(
            status: status, summary: summary, content: .json(schema), hasEntityTag: hasEntityTag)
    }

    static func empty(_ status: Int, _ summary: String) -> AnswerNote {
        AnswerNote(status: status, summary: summary, content: .none)
    }

    static func problem(_ status: Int, _ summary: String) -> AnswerNote {
        AnswerNote(status: status, summary: summary, content: .problem)
    }
}

extension AnswerNote {
    static let noRoom = AnswerNote.problem(507, "There is no room left to store the change")
    static let cannotKeep = AnswerNote.problem(503, "The change cannot be stored at present")
}
