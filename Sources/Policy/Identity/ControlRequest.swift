import Bytes
package import Endings
import JSON
import JWT
package import Settings

/// What a client may ask of the gateway itself, in a text message of the subprotocol `gateway.v1`:
///
///     {"type":"auth.refresh","token":"…"}
///
/// Read strictly: one JSON object with exactly these members.
package enum ControlRequest: Sendable, Equatable {
    /// Go on under this token. It is not verified yet.
    case refresh(token: Secret)

    /// The name in `Sec-WebSocket-Protocol`.
    package static let subprotocol = "gateway.v1"
    /// Octets of the longest message that is looked at: a token and what is around it.
    package static let octetLimit = CompactToken.octetLimit + 256

    /// The request that a whole text message makes. What is wrong with it is told to the client
    /// (`ControlReply.error`); the connection need not end for it.
    package static func decode(_ message: Span<UInt8>) throws(ControlError) -> ControlRequest {
        var limits = JSONLimits()
        limits.octets = octetLimit
        limits.depth = 4
        limits.values = 32
        let object: JSONObject
        do {
            guard let decoded = try JSONValue.decode(message, limits: limits).object else {
                throw ControlError.malformed
            }
            object = decoded
        } catch let error as JSONError where error.reason == .tooLarge {
            throw .tooLarge
        } catch {
            throw .malformed
        }
        guard let type = object["type"]?.string else { throw .malformed }
        guard type.isSpelled("auth.refresh") else { throw .unknownType }
        guard object.members.count == 2, let token = object["token"]?.string, !token.isEmpty else {
            throw .malformed
        }
        return .refresh(token: Secret(Array(token.utf8)))
    }
}

/// Why a message is no request.
package enum ControlError: String, Error, Sendable, CaseIterable {
    case tooLarge = "control_too_large"
    /// No JSON, no object, a member that is missing, too many, or of the wrong kind.
    case malformed = "control_malformed"
    case unknownType = "control_unknown_type"

    /// What the client is told; nothing of the message is in it.
    package var refusal: Refusal {
        switch self {
        case .tooLarge: Refusal(.tooBig, detail: rawValue, message: "Control message too large")
        case .malformed:
            Refusal(.invalidPayload, detail: rawValue, message: "Control message malformed")
        case .unknownType:
            Refusal(
                .protocolError, detail: rawValue, message: "Control message of an unknown type")
        }
    }
}
