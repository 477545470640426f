internal import HTTP1
internal import Identity
internal import Rates
internal import Routing
internal import Sessions
package import Settings
package import TLS
package import Upstreams

/// A configuration made ready: everything that serves by it, built before the first connection is.
/// Immutable. Every request is judged by the newest one, and so is every new token and, at a
/// reload, everybody who is connected; what was begun is finished by the one it was begun with.
package final class Generation: Sendable {
    /// Why a valid configuration cannot be served, or should not be: what it names does not fit.
    package struct BuildError: Error, Sendable {
        package var position: SourcePosition
        package var message: String
        package var severity = Diagnostic.Severity.error
        /// What there is to say elsewhere about the same.
        package var notes: [BuildError] = []
    }

    /// A listener's side of things.
    struct Entrance: Sendable {
        var settings: ListenerSettings
        var tls: TLSContext?
    }

    /// A route with what its steps need; an object, because whatever lasts longer holds on to it.
    final class Route: Sendable {
        let settings: RouteSettings
        /// Which pages may open a WebSocket here, and which may make requests with a cookie.
        let socketOrigins: OriginRule
        let requestOrigins: OriginRule
        let crossOrigin: CrossOriginRule?
        let access: AccessRule
        let stripping: TokenStripping
        /// Limits that are asked before the token is looked at, and those that count by what it
        /// says.
        let earlyRates: [RateRule]
        let lateRates: [RateRule]
        /// As the configuration writes it, for the log.
        let name: String

        init(_ settings: RouteSettings, _ tokens: [TokenSettings]) {
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

        var authenticates: Bool { !settings.auth.isEmpty }
    }

    struct SessionBlock: Sendable {
        var settings: SessionSettings
        var rules: SessionRules
        var messages: SessionMessages

        init(_ settings: SessionSettings, generation: UInt64) {
            self.settings = settings
            rules = SessionRules(settings, generation: generation)
            messages = SessionMessages(settings.messages)
        }
    }

    package let number: UInt64
    package let settings: Settings
    let entrances: [ListenerKey: Entrance]
    let rules: Rulebook
    /// Pages that may renew tokens: those that any route with `auth` is for.
    let refreshOrigins: CrossOriginRule?
    let groups: [BackendGroup]
    let sessionBlocks: [SessionBlock]
    let identityNames: IdentityFieldNames
    let headLimits: HeadLimits
    /// What can be served but should not: certificates that are out of date, logins that lead to
    /// nowhere.
    package let warnings: [BuildError]
    /// Routes whose `login` is turned away in its turn: nobody is sent there.
    let loopingLogins: Set<Int>
    /// Query parameters that hold a token or a ticket of some `jwt` block.
    let tokenParameters: [String]
    /// Query parameters whose values appear in no log: wherever a token may stand, and the names
    /// under which apps of all kinds expect one.
    let redactedQueryNames: [String]

    /// - Parameter readFile: the content of a certificate or key file.
    /// - Throws: `BuildError` naming the line whose value does not work.
    package init(
        _ settings: Settings, number: UInt64, registry: UpstreamRegistry, tickets: TicketKeys,
        readFile: @escaping (String) -> [UInt8]?
    ) throws(BuildError) {
        self.number = number
        self.settings = settings
        var certificates = CertificateCache(readFile: readFile)
        entrances = try Self.entrances(settings, tickets, &certificates)
        try KeyFiles(readFile: readFile).check(settings.tokens)
        refreshOrigins = CrossOriginRule(
            joining: settings.routes.filter { !$0.auth.isEmpty }.compactMap(\.crossOrigin),
            methods: ["POST"])
        rules = try Rulebook(settings)
        let loops = rules.loopingLogins
        loopingLogins = Set(loops.map(\.route))
        warnings = certificates.warnings + loops.map(\.warning)
        groups = settings.backends.map { BackendGroup($0, registry: registry) }
        sessionBlocks = settings.sessions.map {
            SessionBlock($0, generation: number)
        }
        identityNames = IdentityFieldNames(settings.tokens)
        tokenParameters = TokenStripping(settings.tokens).queryNames
        redactedQueryNames =
            tokenParameters
            + ["token", "access_token", "id_token", "jwt", "ticket", "api_key", "password"]
        headLimits = HeadLimits(
            size: settings.limits.requestHeadSize, fieldCount: settings.limits.requestFieldCount,
            targetSize: settings.limits.targetSize)
    }

    var routes: [Route] { rules.routes }
    var gates: Gates { rules.gates }

    /// The `jwt` block that let somebody in.
    func tokenSettings(of identity: VerifiedIdentity) -> TokenSettings? {
        settings.tokens.first { $0.name == identity.rule }
    }

    /// What is read again while this generation serves.
    var keySetSources: Set<KeySetSource> {
        var sources = Set(settings.tokens.flatMap(\.keySetSources))
        for case let path? in settings.tokens.map(\.revocationFile) {
            sources.insert(.revocations(path: path))
        }
        return sources
    }

    private static func entrances(
        _ settings: Settings, _ tickets: TicketKeys, _ certificates: inout CertificateCache
    ) throws(BuildError) -> [ListenerKey: Entrance] {
        var entrances: [ListenerKey: Entrance] = [:]
        for listener in settings.listeners {
            let context = try listener.tls.map { tls throws(BuildError) in
                try certificates.context(for: tls, at: listener.position, tickets: tickets)
            }
            entrances[ListenerKey(address: listener.address)] = Entrance(
                settings: listener, tls: context)
        }
        return entrances
    }
}

extension HostPattern {
    /// As the configuration writes it.
    var text: String {
        switch self {
        case .any: ""
        case .exact(let name): name
        case .suffix(let name): "*." + name
        }
    }
}
