/// An exchange that ends before it began: the reason, and what to tell whom. Whole: whoever answers
/// it needs to know nothing else of why the request was refused.
package struct Refusal: Error, Sendable, Equatable {
    /// What a front end is told that waits for a place among devices.
    package struct Notice: Sendable, Equatable {
        /// The name of the event that says so.
        package var event: String
        /// The object that it carries, or a text message of a WebSocket does.
        package var object: [UInt8]
        /// When an event stream may come back; nil for not by itself.
        package var retryMilliseconds: Int?

        package init(event: String, object: [UInt8], retryMilliseconds: Int? = nil) {
            self.event = event
            self.object = object
            self.retryMilliseconds = retryMilliseconds
        }
    }

    package var reason: EndReason
    /// The HTTP status; `reason.status` unless a step knows better.
    package var status: Int
    /// A finer word for machines, such as `token_expired`; nil when `reason` says it all.
    package var detail: String?
    /// One sentence for people. Never a path, a version, a token or anything the client sent.
    package var message: String
    /// Seconds for `Retry-After`.
    package var retryAfterSeconds: Int?
    /// The value of `WWW-Authenticate`, when it is for want of a good token (RFC 9110 §11.6.1).
    package var challenge: String?
    /// The methods that are served instead, for `Allow` of a 405 (RFC 9110 §10.2.1).
    package var allow: [String] = []
    /// Where a person is sent to sign in who visits a page without a good token.
    package var login: String?
    /// Why there is no place among the devices of a store.
    package var notice: Notice?
    /// The refusal counts against the address that the request came from.
    package var isFailedAttempt = false

    package init(
        _ reason: EndReason, status: Int? = nil, detail: String? = nil, message: String,
        retryAfterSeconds: Int? = nil
    ) {
        self.reason = reason
        self.status = status ?? reason.status ?? 500
        self.detail = detail
        self.message = message
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// The method is not served, others are.
    package static func notAllowed(
        _ message: String = "The method is not allowed here", allow: [String]
    ) -> Refusal {
        var refusal = Refusal(.policy, status: 405, message: message)
        refusal.allow = allow
        return refusal
    }

    /// This refusal, counted against the address that the request came from.
    package var asFailedAttempt: Refusal {
        var refusal = self
        refusal.isFailedAttempt = true
        return refusal
    }

    /// The finest word there is for it.
    package var word: String { detail ?? reason.rawValue }
}
