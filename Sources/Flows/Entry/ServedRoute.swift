package import Identity
import Rates
package import Sessions
package import Settings

/// A route with what the steps of admission need; an object, because whatever lasts longer holds on
/// to it.
package final class ServedRoute: Sendable {
    package let settings: RouteSettings
    /// Which pages may open a WebSocket here, and which may make requests with a cookie.
    let socketOrigins: OriginRule
    let requestOrigins: OriginRule
    let crossOrigin: CrossOriginRule?
    let access: AccessRule
    package let stripping: TokenStripping
    /// Limits that are asked before the token is looked at, and those that count by what it says.
    let earlyRates: [RateRule]
    let lateRates: [RateRule]
    /// As the configuration writes it, for the log.
    package let name: String

    package init(_ settings: RouteSettings, _ tokens: [TokenSettings]) {
        self.settings = settings
        socketOrigins = OriginRule(settings.origins)
        requestOrigins = OriginRule(settings.origins, besides: settings.crossOrigin)
        crossOrigin = settings.crossOrigin.map {
            CrossOriginRule($0, methods: settings.methods)
        }
        access = AccessRule(
            roles: settings.roles, require: settings.require, reportOnly: settings.reportOnly)
        stripping = TokenStripping(
            settings.auth.map { tokens[$0] }, among: tokens,
            settings.forwardsTokens
                ? .forwarded : settings.auth.isEmpty ? .open : .authenticated)
        let name = settings.host.text + settings.path.text
        let rates = settings.rates.map {
            RateRule($0, route: name, methods: settings.methods)
        }
        earlyRates = rates.filter { !$0.limit.needsIdentity }
        lateRates = rates.filter(\.limit.needsIdentity)
        self.name = name
    }

    package var authenticates: Bool { !settings.auth.isEmpty }

    /// A client that fails at the rule of its tokens is refused, not only reported about.
    var enforcesTokens: Bool { !settings.reportOnly.contains(.auth) }

    /// A `websocket` route takes handshakes only, one with `events` or `stream` takes none.
    func takes(webSocket isWebSocket: Bool) -> Bool {
        switch settings.kind {
        case .any: true
        case .webSocket: isWebSocket
        case .events, .stream: !isWebSocket
        }
    }
}

/// A `sessions` block made ready.
package struct SessionBlock: Sendable {
    package var settings: SessionSettings
    package var rules: SessionRules
    package var messages: SessionMessages

    package init(_ settings: SessionSettings, generation: UInt64) {
        self.settings = settings
        rules = SessionRules(settings, generation: generation)
        messages = SessionMessages(settings.messages)
    }
}

extension HostPattern {
    /// As the configuration writes it.
    package var text: String {
        switch self {
        case .any: ""
        case .exact(let name): name
        case .suffix(let name): "*." + name
        }
    }
}
