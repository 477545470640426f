/// The placeholders of `header` values and `redirect` locations, besides the captures of the path.
/// Captures hold no dot, so the two never meet.
package enum Placeholder: String, Sendable, CaseIterable {
    /// The address the client is believed to come from (after `trust`).
    case clientAddress = "client.address"
    case requestID = "request.id"
    case requestMethod = "request.method"
    /// `http` or `https`, as the client sees it.
    case requestScheme = "request.scheme"
    /// The host as the client wrote it, with its port if it wrote one.
    case requestHost = "request.host"
    case requestPath = "request.path"
    /// Path and query.
    case requestTarget = "request.target"
    /// The user and the role of the token; empty without one.
    case authUser = "auth.user"
    case authRole = "auth.role"
}
