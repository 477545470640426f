import Bytes
import HTTP1
import JSON

/// The bodies of errors over HTTP.
package enum ProblemDocument {
    package static let contentType = "application/problem+json"

    /// `application/problem+json` (RFC 9457): `reason` is the row of the table of endings, and
    /// `details.reason`, where there is one, the finer word, as in the messages on WebSockets.
    /// Without a `requestID` it is the same for every request.
    package static func encode(_ refusal: Refusal, requestID: String?) -> [UInt8] {
        var body: [UInt8] = []
        body.beginJSONObject()
        body.appendMember("type", "about:blank")
        body.appendMember("title", ReasonPhrase.standard(for: refusal.status))
        body.appendMember("status", refusal.status)
        body.appendMember("detail", refusal.message)
        body.appendMember("reason", refusal.reason.rawValue)
        if let word = refusal.detail {
            body.beginJSONObject(member: "details")
            body.appendMember("reason", word)
            body.endJSONObject()
        }
        if let requestID { body.appendMember("request_id", requestID) }
        body.endJSONObject()
        return body
    }
}
