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
    /// `{"type":"session","session":"…","expires_in":3600}`: the first message; the name is what a
    /// `RefreshOrder` says. `expires_in` as above.
    case session(String, expiresInSeconds: Int64?)
    /// `{"type":"error","error":{"message":…,"code":4001,"details":{"reason":…},"timestamp":…}}`.
    case error(Refusal, at: WallTime)

    /// The answer to a refresh that was accepted at `now`.
    package init(refreshed identity: VerifiedIdentity, now: WallTime) {
        self = .refreshed(expiresInSeconds: Self.secondsLeft(of: identity, now: now))
    }

    package init(session: String, of identity: VerifiedIdentity, now: WallTime) {
        self = .session(session, expiresInSeconds: Self.secondsLeft(of: identity, now: now))
    }

    private static func secondsLeft(of identity: VerifiedIdentity, now: WallTime) -> Int64? {
        identity.expires.map { max(0, $0.duration(since: now).components.seconds) }
    }

    /// The name of the event that carries it on an event stream.
    package var eventName: String {
        switch self {
        case .tokenExpiring: "token_expiring"
        case .refreshed: "auth.refreshed"
        case .session: "session"
        case .error: "error"
        }
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
        case .session(let session, let seconds):
            body.appendMember("type", "session")
            body.appendMember("session", session)
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
