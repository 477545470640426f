import Bytes
import JSON

/// What the query of a request says that begins, or goes on with, a session of Engine.IO
/// (engine.io-protocol, "Handshake"). Of a parameter that comes twice nobody knows what it says.
package struct EngineHandshake: Sendable, Equatable {
    private static let version = "4"

    /// `EIO`.
    private let version: String?
    private let transport: String?
    /// True when the request continues a session (`sid`).
    package let hasSession: Bool

    package init(version: String?, transport: String?, hasSession: Bool) {
        self.version = version
        self.transport = transport
        self.hasSession = hasSession
    }

    /// False for what only lies beside: the file of the client's library, for one.
    package var isMeant: Bool { version != nil || transport != nil || hasSession }

    /// Why no session can be opened that begins with a WebSocket; nil when one can be.
    package func objection(isWebSocket: Bool) -> EngineError? {
        guard transport == "websocket" else { return .unknownTransport }
        if hasSession { return .unknownSession }
        if !isWebSocket { return .badRequest }
        return version == Self.version ? nil : .unsupportedVersion
    }
}

/// Why a server of Engine.IO refuses a request, by the numbers that clients are told.
package enum EngineError: Int, Sendable, CaseIterable {
    case unknownTransport = 0
    case unknownSession = 1
    case badRequest = 3
    case unsupportedVersion = 5

    /// For logs.
    package var word: String {
        switch self {
        case .unknownTransport: "engineio_transport"
        case .unknownSession: "engineio_session"
        case .badRequest: "engineio_request"
        case .unsupportedVersion: "engineio_version"
        }
    }

    private var message: String {
        switch self {
        case .unknownTransport: "Transport unknown"
        case .unknownSession: "Session ID unknown"
        case .badRequest: "Bad request"
        case .unsupportedVersion: "Unsupported protocol version"
        }
    }

    /// `{"code":0,"message":"Transport unknown"}`: the body of a 400.
    package var body: [UInt8] {
        var body: [UInt8] = []
        body.beginJSONObject()
        body.appendMember("code", rawValue)
        body.appendMember("message", message)
        body.endJSONObject()
        return body
    }
}
