/// `header NAME …`, and `response_header NAME …`: what becomes of a field.
package struct HeaderRule: Sendable, Equatable {
    package enum Action: Sendable, Equatable {
        /// This is the value, whatever was there before.
        case set(Template)
        /// As `set`, with what nobody may see.
        case credentials(Secret)
        case remove
    }

    package var name: String
    package var action: Action

    package init(name: String, _ action: Action) {
        self.name = name
        self.action = action
    }

    package init(name: String, value: Template) { self.init(name: name, .set(value)) }
}

/// What `Strict-Transport-Security` says (RFC 6797 §6.1).
package struct StrictTransport: Sendable, Hashable {
    package var maxAge: Duration
    package var includesSubdomains = false
    package var isPreloaded = false

    package init(maxAge: Duration) { self.maxAge = maxAge }

    /// The value of the field.
    package var text: String {
        "max-age=\(maxAge.components.seconds)" + (includesSubdomains ? "; includeSubDomains" : "")
            + (isPreloaded ? "; preload" : "")
    }
}

/// `hsts …` of a route.
package enum TransportRule: Sendable, Hashable {
    /// The route says nothing: what the listener says counts.
    case listeners
    case off
    case said(StrictTransport)
}
