import JSON

/// What a value of a request or an answer looks like: declared once, checked by `SchemaCheck` and
/// written into the OpenAPI document by `SchemaDocument`.
indirect enum Schema: Sendable, Hashable {
    /// Any value; in answers only.
    case anything
    case text(TextRule)
    case integer(ClosedRange<Int64>)
    /// Any number between two whole ones.
    case number(ClosedRange<Int64>)
    case truth
    case null
    case list(of: Schema, count: ClosedRange<Int>)
    case object(ObjectSchema)
    /// Any one of them; the first that fits counts.
    case either([Schema])
    /// A schema with a name of its own in the document. One name stands for one schema.
    case named(String, Schema)

    /// A text of 1 to `limit` characters.
    static func text(upTo limit: Int) -> Schema { .text(TextRule(length: 1...limit)) }

    /// One of these words.
    static func word(_ words: [String]) -> Schema {
        .text(TextRule(length: 0...Int(UInt16.max), words: words))
    }

    /// A date and time of RFC 3339.
    static let dateTime = Schema.text(TextRule(length: 20...64, isDateTime: true))

    func orNull() -> Schema { .either([self, .null]) }
}

/// What a text may be. Lengths are in Unicode scalars, as JSON Schema counts them.
struct TextRule: Sendable, Hashable {
    var length: ClosedRange<Int>
    /// Nil for any text.
    var words: [String]?
    var isDateTime = false

    init(length: ClosedRange<Int>, words: [String]? = nil, isDateTime: Bool = false) {
        self.length = length
        self.words = words
        self.isDateTime = isDateTime
    }
}

/// The members of a JSON object, or the parameters of a query; others are errors.
struct ObjectSchema: Sendable, Hashable {
    struct Member: Sendable, Hashable {
        var name: String
        var schema: Schema
        var summary: String
        var isRequired: Bool
        /// What counts when it is not there.
        var fallback: JSONValue?

        init(
            _ name: String, _ schema: Schema, _ summary: String, isRequired: Bool = false,
            fallback: JSONValue? = nil
        ) {
            self.name = name
            self.schema = schema
            self.summary = summary
            self.isRequired = isRequired
            self.fallback = fallback
        }
    }

    /// One of several sets of members that exclude one another.
    struct Form: Sendable, Hashable {
        var required: [String]
        var optional: [String] = []
    }

    var members: [Member]
    /// When there are any, exactly one of them holds; a member that none of them names may stand
    /// with all. Members that forms name are not `isRequired`.
    var forms: [Form] = []

    init(_ members: [Member] = [], forms: [Form] = []) {
        self.members = members
        self.forms = forms
    }

    func member(_ name: String) -> Member? { members.first { $0.name.isSpelled(name) } }

    /// True when some form names it.
    func isInForm(_ name: String) -> Bool {
        forms.contains { $0.required.contains(name) || $0.optional.contains(name) }
    }
}

extension String {
    /// Equality of code points. `==` would also take strings for equal that merely look the same.
    func isSpelled(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
