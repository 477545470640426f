internal import Bytes
internal import Entry
internal import Generations
internal import HTTP
internal import Identity
internal import Settings

/// The fields of one request that an upstream believes because the gateway says them. From a client
/// they are forgeries, in the head and in the trailers, in every spelling that apps may take for
/// the same name (`Span.readsAs`). With them go the fields that brought a token of the gateway's.
struct VouchedFields {
    private let plan: ForwardPlan
    private let configured: [ConfiguredField]
    private let context: RequestContext
    /// What proxies claim is believed of who connected.
    let isTrusted: Bool

    init(plan: ForwardPlan, context: RequestContext) {
        self.plan = plan
        configured = plan.fields
        self.context = context
        isTrusted = context.origin.provenance.isForwarded
    }

    /// True when the configuration says a field of this name: its line is the only one.
    func isConfigured(_ name: Span<UInt8>) -> Bool {
        configured.contains { name.readsAs($0.name) }
    }

    func isConfigured(_ name: String) -> Bool { isConfigured(name.utf8.span) }

    /// True for a line of the client's that must not travel on.
    func forbids(_ line: Fields.Line, of fields: Fields) -> Bool {
        if plan.route.stripping.takes(
            line, of: fields, context.found.identity, context.found.tokenPlace)
        {
            return true
        }
        switch line.known {
        // Written by `ForwardedFields`.
        case .xForwardedFor, .xForwardedHost, .xForwardedProto, .xRequestID, .forwarded:
            return true
        case .other: return forbids(fields.bytes.span.extracting(line.name))
        default: return isConfigured(fields.bytes.span.extracting(line.name))
        }
    }

    private func forbids(_ name: Span<UInt8>) -> Bool {
        // The gateway acted upon the field itself, the app would upon its double.
        if KnownField(mistaking: name) != .other { return true }
        // CGI programs take it for their own way out (httpoxy, RFC 3875 §4.1.18).
        if name.readsAs("proxy") { return true }
        if ProxyClaims.contains(name), !isTrusted || !name.isUnmistakable { return true }
        return context.generation.identityNames.contains(name)
            || context.session != nil && name.readsAs("x-client-id")
            || context.found.speaksControl && name.readsAs(EventControl.field)
            || plan.route.settings.paths.prefix != nil && ForwardedPrefix.isNamed(by: name)
            || isConfigured(name)
    }
}
