import Endings
import JSON

/// A request as its endpoint declares it: checked, with fallbacks filled in.
struct ConsoleRequest: Sendable {
    /// By name; of the captures in the path.
    var captures = JSONObject()
    var query = JSONObject()
    var body: JSONValue?
    /// `If-Match`, if there is one.
    var entityTags: EntityTags?
    /// `If-None-Match: *`: there must be no version.
    var mustBeNew = false
}

/// What an endpoint answers.
struct ConsoleResponse: Sendable {
    enum Content: Sendable {
        case none
        case octets([UInt8], type: String)
        case problem(Refusal)
    }

    var status: Int
    var content: Content
    /// Further field lines.
    var fields: [(name: String, value: String)] = []

    /// - Parameter entityTag: without its quotes, see `EntityTags.isLegal`.
    static func json(
        _ status: Int = 200, _ value: JSONValue, entityTag: String? = nil
    ) -> ConsoleResponse {
        var octets: [UInt8] = []
        octets.appendJSON(value)
        var response = ConsoleResponse(
            status: status, content: .octets(octets, type: "application/json"))
        if let entityTag { response.fields.append(("ETag", "\"\(entityTag)\"")) }
        return response
    }

    static func empty(_ status: Int = 204) -> ConsoleResponse {
        ConsoleResponse(status: status, content: .none)
    }

    static func problem(_ refusal: Refusal) -> ConsoleResponse {
        var response = ConsoleResponse(status: refusal.status, content: .problem(refusal))
        if let seconds = refusal.retryAfterSeconds {
            response.fields.append(("Retry-After", String(seconds)))
        }
        return response
    }
}
