import Bytes
import HTTP
import HTTP1
package import Settings

/// What becomes of one field of a message because the configuration says so: nothing that anybody
/// else says under its name travels on.
package struct ConfiguredField: Sendable {
    package enum Value: Sendable {
        case text(String)
        case credentials(Secret)
        /// There is none.
        case none
    }

    package let name: String
    package let value: Value

    package init(name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    package func append(to output: inout [UInt8]) {
        switch value {
        case .text(let text): HeadEncoder.appendField(name: name, value: text, to: &output)
        case .credentials(let secret):
            HeadEncoder.appendField(name: name, value: secret.octets.span, to: &output)
        case .none: break
        }
    }
}

/// What the configuration says of the fields of an answer, be it the application's or our own:
/// `response_header` of the route and its rewrite, and `hsts`. Names are compared without case, as
/// clients do.
package struct AnswerFields: Sendable {
    package var configured: [ConfiguredField] = []
    /// The value of `Strict-Transport-Security`; nil where it says nothing, as over http
    /// (RFC 6797 §7.2).
    private(set) var transport: String?
    /// Only the gateway says it here, or nobody.
    private var ownsTransport = false

    private static let transportName = "Strict-Transport-Security"

    package init() {}

    /// For an answer before any route is known.
    ///
    /// - Parameter rule: the listener's.
    package init(_ rule: StrictTransport?, isSecure: Bool) {
        if let rule { note(.said(rule), isSecure: isSecure) }
    }

    /// - Parameter isSecure: the client speaks TLS, with us or with a trusted proxy.
    package mutating func note(_ rule: TransportRule, isSecure: Bool) {
        switch rule {
        case .listeners: break
        case .off:
            transport = nil
            ownsTransport = false
        case .said(let said):
            transport = isSecure ? said.text : nil
            ownsTransport = true
        }
    }

    /// True when what the application says under this name does not travel on.
    package func replaces(_ name: Span<UInt8>) -> Bool {
        if ownsTransport, name.matchesIgnoringCase(Self.transportName) { return true }
        return configured.contains { name.matchesIgnoringCase($0.name) }
    }

    package func replaces(_ name: String) -> Bool { replaces(name.utf8.span) }

    /// - Parameter own: what the answer says itself, which counts more.
    package func append(besides own: [(name: String, value: String)] = [], to output: inout [UInt8])
    {
        for field in configured
        where !own.contains(where: { $0.name.utf8.span.matchesIgnoringCase(field.name) }) {
            field.append(to: &output)
        }
        guard let transport else { return }
        HeadEncoder.appendField(name: Self.transportName, value: transport, to: &output)
    }
}
