/// Why an exchange or a session ended: the one table of the contract. Every row gives all its
/// faces; nothing else in the code base knows a close code.
///
/// The raw value is the word in logs, metric labels, problem documents and events.
package enum EndReason: String, Sendable, CaseIterable {
    case normal
    case clientGone = "client_gone"
    case upstreamClosed = "upstream_closed"
    case protocolError = "protocol_error"
    case invalidPayload = "invalid_payload"
    case policy
    case tooBig = "too_big"
    case internalError = "internal_error"
    case upstreamUnavailable = "upstream_unavailable"
    case draining
    case overloaded
    case rateLimited = "rate_limited"
    case slowConsumer = "slow_consumer"
    case unauthenticated
    case forbidden
    case connectionRejected = "connection_rejected"
    case forceDisconnect = "force_disconnect"
    case replaced
    case timeout

    /// The WebSocket close code we send (RFC 6455 §7.4; 4000-4999 are ours).
    package var closeCode: UInt16 {
        switch self {
        case .normal: 1000
        case .clientGone, .upstreamClosed, .timeout: 1001
        case .protocolError: 1002
        case .invalidPayload: 1007
        case .policy: 1008
        case .tooBig: 1009
        case .internalError: 1011
        case .draining: 1012
        case .upstreamUnavailable, .overloaded, .rateLimited: 1013
        case .unauthenticated: 4001
        case .forbidden: 4003
        case .slowConsumer: 4008
        case .connectionRejected: 4009
        case .forceDisconnect: 4010
        case .replaced: 4011
        }
    }

    /// The HTTP status when nothing more exact is known (a `Refusal` may name a sibling, such as
    /// 404 for `policy`); nil for reasons that never answer a request.
    package var status: Int? {
        switch self {
        case .normal, .clientGone, .upstreamClosed, .slowConsumer, .forceDisconnect, .replaced: nil
        case .protocolError, .invalidPayload: 400
        case .unauthenticated: 401
        case .policy, .forbidden: 403
        case .timeout: 408
        case .connectionRejected: 409
        case .tooBig: 413
        case .rateLimited: 429
        case .internalError: 500
        case .upstreamUnavailable: 502
        case .draining, .overloaded: 503
        }
    }

    /// An end by the rules about tokens, roles and devices, for which front ends of this gateway
    /// are written.
    package var isAboutClient: Bool {
        switch self {
        case .unauthenticated, .forbidden, .connectionRejected, .forceDisconnect, .replaced: true
        case .normal, .clientGone, .upstreamClosed, .protocolError, .invalidPayload, .policy,
            .tooBig, .internalError, .upstreamUnavailable, .draining, .overloaded, .rateLimited,
            .slowConsumer, .timeout:
            false
        }
    }
}
