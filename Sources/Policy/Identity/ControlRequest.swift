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
        let object: JSONObject
        do throws(ControlError) {
            object = try self.object(in: message)
        } catch {
            throw isOfAnotherType(message) ? .unknownType : error
        }
        guard let type = object["type"]?.string else { throw .unknownType }
        guard type.isSpelled(typeOfRefresh) else { throw .unknownType }
        guard object.members.count == 2, let token = object["token"]?.string, !token.isEmpty else {
            throw .malformed
        }
        return .refresh(token: Secret(Array(token.utf8)))
    }

    /// True when a text message is meant for the gateway and not for the upstream: it is an object,
    /// or begins as one, and says `"auth.refresh"` somewhere. What else it says is for `decode`; a
    /// message of another type that merely mentions the word (`unknownType`) is the upstream's.
    package static func isMeant(by message: Span<UInt8>) -> Bool {
        var start = 0
        while start < message.count, isSpace(message[start]) { start += 1 }
        guard start < message.count, message[start] == UInt8(ascii: "{") else { return false }
        // The word stands at the beginning of a message that is too long.
        let end = message.count <= octetLimit ? message.count : 512
        let wanted = refreshType
        guard end - start >= wanted.count else { return false }
        for place in start...(end - wanted.count) where message[place] == wanted[0] {
            if (0..<wanted.count).allSatisfy({ message[place + $0] == wanted[$0] }) { return true }
        }
        return false
    }

    private static let typeOfRefresh = "auth.refresh"
    private static let refreshType = Array("\"\(typeOfRefresh)\"".utf8)

    /// True of a message that is too long, or of too much, for a request, and says that it is none.
    private static func isOfAnotherType(_ message: Span<UInt8>) -> Bool {
        let object = (try? JSONValue.decode(message, limits: JSONLimits()))?.object
        return object.map { !($0["type"]?.string?.isSpelled(typeOfRefresh) ?? false) } ?? false
    }

    private static func isSpace(_ octet: UInt8) -> Bool {
        octet == ASCII.space || octet == ASCII.tab || octet == ASCII.lineFeed
            || octet == ASCII.carriageReturn
    }

    /// Reads an object of few values and little depth.
    fileprivate static func object(in message: Span<UInt8>) throws(ControlError) -> JSONObject {
        var limits = JSONLimits()
        limits.octets = octetLimit
        limits.depth = 4
        limits.values = 32
        do {
            guard let object = try JSONValue.decode(message, limits: limits).object else {
                throw ControlError.malformed
            }
            return object
        } catch let error as JSONError where error.reason == .tooLarge {
            throw .tooLarge
        } catch {
            throw .malformed
        }
    }
}

/// The body of a request for a refresh, for clients that cannot send messages:
///
///     {"session":"…","token":"…"}
///
/// Read strictly, as a `ControlRequest`.
package struct RefreshOrder: Sendable, Equatable {
    /// The path such a request is sent to.
    package static let path = "/.gateway/refresh"

    /// As the gateway has named it.
    package let session: String
    /// Not verified yet.
    package let token: Secret

    package init(_ body: Span<UInt8>) throws(ControlError) {
        let object = try ControlRequest.object(in: body)
        guard object.members.count == 2, let session = object["session"]?.string,
            let token = object["token"]?.string, !token.isEmpty
        else { throw .malformed }
        self.session = session
        self.token = Secret(Array(token.utf8))
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
