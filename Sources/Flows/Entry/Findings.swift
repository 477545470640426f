package import Identity
package import Routing
package import Sessions
package import Settings

/// What admission finds out about a request, for whoever answers it, forwards it or writes it down.
package struct Findings: Sendable {
    /// The path and the query the client asked for, tokens redacted; for the log.
    package var path = ""
    /// An index into the routes.
    package var route: Int?
    /// An index into the rewrites.
    package var rewrite: Int?
    /// What it asks for; known with its route.
    package var kind = RequestKind.plain
    package var identity: VerifiedIdentity?
    /// Where its token was; nil for nobody, and for a ticket.
    package var tokenPlace: TokenSettings.Place?
    /// The client reads what the gateway itself says: its subprotocol, or events of its own.
    package var speaksControl = false
    /// In which languages the client is told that its connection ends.
    package var languages = LanguagePreference(acceptLanguage: nil)
    /// A device is handed out its name with it.
    package var setCookie: String?
    /// What the answer says about pages of other origins, on a route with `cors`.
    package var crossOrigin: [CrossOriginRule.Field] = []
    /// What the configuration says in the answer, whoever gives it.
    package var answerFields = AnswerFields()

    package init() {}

    /// All of it, moved and not copied; nothing is left.
    mutating func take() -> Findings {
        var taken = Findings()
        swap(&taken, &self)
        return taken
    }
}
