package import Endings
package import WebSocket

/// How requests end that are not let in, where no room of Policy says it.
extension Refusal {
    /// For what would begin while the process stops.
    package static let draining = Refusal(
        .draining, message: "The gateway is about to stop", retryAfterSeconds: 1)

    /// One more failed than its address may. Its connection ends with that (`endsConnection`).
    package static let tooManyAttempts = Refusal(
        .rateLimited, detail: "attempts", message: "Too many failed attempts",
        retryAfterSeconds: 1)

    /// There has never been a key to check such a token with: that is not the client's fault.
    package static let keysUnavailable = Refusal(
        .upstreamUnavailable, status: 503, detail: "keys",
        message: "The keys to check the token with cannot be had", retryAfterSeconds: 5)

    /// More requests wait for keys than may.
    static let tooManyWait = Refusal(
        .overloaded, detail: "keys", message: "Too many requests wait for keys",
        retryAfterSeconds: 30)

    /// For a response that is there, and waits neither for a store nor for those who have the
    /// seats.
    package static let seatIsUnknown = Refusal(
        .overloaded, detail: "seat", message: "It is not known whether there is a place",
        retryAfterSeconds: 3)

    static let bodyTooSlow = Refusal(.timeout, message: "The request body did not come in time")

    static let messageTooSlow = Refusal(
        .timeout, detail: "first_message", message: "The first message did not come in time")

    static let noWebSocket = Refusal(.policy, status: 404, message: "No WebSocket is served here")

    /// No further request is read behind such an answer: where the request ends is not known for
    /// sure, or the client is up to something.
    package var endsConnection: Bool { reason == .protocolError || self == .tooManyAttempts }
}

extension HandshakeError {
    /// How a request with such a handshake ends.
    package var refusal: Refusal { Refusal(.protocolError, status: status, message: message) }
}
