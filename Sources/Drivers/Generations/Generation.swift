internal import Crypto
package import Entry
package import HTTP1
package import Identity
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
        package var severity: Diagnostic.Severity
        /// What there is to say elsewhere about the same.
        package var notes: [BuildError]

        package init(
            position: SourcePosition, message: String,
            severity: Diagnostic.Severity = .error, notes: [BuildError] = []
        ) {
            self.position = position
            self.message = message
            self.severity = severity
            self.notes = notes
        }
    }

    /// A listener's side of things.
    package final class Entrance: Sendable {
        package let settings: ListenerSettings
        package let tls: TLSContext?
        /// The certificates of `tls`; the one for all names first.
        package let certificates: [CertificateFacts]

        init(
            _ settings: ListenerSettings, tls: TLSContext?, certificates: [CertificateFacts] = []
        ) {
            self.settings = settings
            self.tls = tls
            self.certificates = certificates
        }
    }

    package let number: UInt64
    package let settings: Settings
    package let entrances: [ListenerKey: Entrance]
    package let rules: Rulebook
    package let gates: Gates
    package let groups: [BackendGroup]
    package let identityNames: IdentityFieldNames
    package let headLimits: HeadLimits
    /// What can be served but should not: certificates that are out of date, logins that lead to
    /// nowhere.
    package let warnings: [BuildError]

    /// - Parameters:
    ///   - names: what is known of the names of servers.
    ///   - readFile: the content of a certificate or key file.
    /// - Throws: `BuildError` naming the line whose value does not work.
    package init(
        _ settings: Settings, number: UInt64, registry: UpstreamRegistry, tickets: TicketKeys,
        names: [NameRecord] = [], readFile: @escaping (String) -> [UInt8]?
    ) throws(BuildError) {
        self.number = number
        self.settings = settings
        var certificates = CertificateCache(readFile: readFile)
        entrances = try Self.entrances(settings, tickets, &certificates)
        try KeyFiles(readFile: readFile).check(settings.tokens)
        let authenticators = try Gates.authenticators(settings)
        rules = Rulebook(settings, number: number, authenticators)
        gates = Gates(settings, authenticators)
        let names = Dictionary(
            names.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let securities = try ServerSecurities(settings, &certificates)
        warnings =
            certificates.warnings + rules.loopingLogins.map(BuildError.init)
            + (try Self.unresolved(settings, names))
        let endpoints = names.mapValues(\.endpoints)
        groups = try settings.backends.map { backend throws(BuildError) in
            BackendGroup(
                backend, registry: registry, names: endpoints,
                security: securities.byGroup[backend.name],
                seal: try Self.seal(backend, registry.cookieKey))
        }
        identityNames = IdentityFieldNames(settings.tokens)
        headLimits = HeadLimits(
            size: settings.limits.requestHeadSize, fieldCount: settings.limits.requestFieldCount,
            targetSize: settings.limits.targetSize)
    }

    /// The `jwt` block that let somebody in.
    package func tokenSettings(of identity: VerifiedIdentity) -> TokenSettings? {
        settings.tokens.first { $0.name == identity.rule }
    }

    /// What is read again while this generation serves.
    package var keySetSources: Set<KeySetSource> {
        var sources = Set(settings.tokens.flatMap(\.keySetSources))
        for case let path? in settings.tokens.map(\.revocationFile) {
            sources.insert(.revocations(path: path))
        }
        return sources
    }

    /// - Parameter key: of cookies for which the configuration names no secret.
    private static func seal(
        _ settings: BackendSettings, _ key: [UInt8]
    ) throws(BuildError) -> StickySeal? {
        guard case .cookie(_, let secret) = settings.choice.sticky else { return nil }
        do throws(CryptoError) {
            let octets = secret?.octets ?? key
            return try StickySeal(secret: octets.span)
        } catch {
            throw BuildError(
                position: settings.position,
                message: "'sticky cookie' cannot be used with its secret: \(error.reason)")
        }
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
                listener, tls: context,
                certificates: listener.tls.map { certificates.facts(of: $0) } ?? [])
        }
        return entrances
    }
}

extension Generation.BuildError {
    fileprivate init(_ login: LoopingLogin) {
        self.init(
            position: login.position,
            message: "this leads to the route \(login.destination), which asks for a token itself,"
                + " so nobody is sent there (give the login a route with 'auth off')",
            severity: .warning)
    }
}
