import Bytes
package import Clock
package import Endings
import JSON

/// What the gateway itself says to a client, as a text message of a WebSocket that speaks
/// `gateway.v1`, or as the data of an event.
package enum ControlReply: Sendable, Equatable {
    /// `{"type":"token_expiring","expires_in":60}`: a new token is due within so many seconds.
    case tokenExpiring(expiresInSeconds: Int64)
    /// `{"type":"auth.refreshed","expires_in":3600}`: the new token counts from now on.
    /// `expires_in` is left out for a token without an end.
    case refreshed(expiresInSeconds: Int64?)
    /// `{"type":"error","error":{"message":…,"code":4001,"details":{"reason":…},"timestamp":…}}`.
    case error(Refusal, at: WallTime)

    /// The answer to a refresh that was accepted at `now`.
    package init(refreshed identity: VerifiedIdentity, now: WallTime) {
        let left = identity.expires.map { $0.duration(since: now).components.seconds }
        self = .refreshed(expiresInSeconds: left.map { max(0, $0) })
    }

    /// As UTF-8; never holds a line break.
    package var octets: [UInt8] {
        var body: [UInt8] = []
        body.beginJSONObject()
        switch self {
        case .tokenExpiring(let seconds):
            body.appendMember("type", "token_expiring")
            body.appendMember("expires_in", Int(seconds))
        case .refreshed(let seconds):
            body.appendMember("type", "auth.refreshed")
            if let seconds { body.appendMember("expires_in", Int(seconds)) }
        case .error(let refusal, let time):
            body.appendMember("type", "error")
            body.beginJSONObject(member: "error")
            body.appendMember("message", refusal.message)
            body.appendMember("code", Int(refusal.reason.closeCode))
            body.beginJSONObject(member: "details")
            body.appendMember("reason", refusal.detail ?? refusal.reason.rawValue)
            body.endJSONObject()
            body.appendMember("timestamp", time.rfc3339())
            body.endJSONObject()
        }
        body.endJSONObject()
        return body
    }
}
