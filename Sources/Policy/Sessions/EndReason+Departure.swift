package import Endings

extension EndReason {
    /// Whether the device of a connection that ended so may be back in a moment: then its place is
    /// kept a little.
    package var departure: Departure {
        switch self {
        case .clientGone, .upstreamClosed, .upstreamUnavailable, .internalError, .slowConsumer,
            .overloaded:
            .abnormal
        case .normal, .protocolError, .invalidPayload, .policy, .tooBig, .draining, .rateLimited,
            .unauthenticated, .forbidden, .connectionRejected, .forceDisconnect, .replaced,
            .timeout:
            .normal
        }
    }
}
