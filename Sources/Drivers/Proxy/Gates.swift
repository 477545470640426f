internal import Crypto
internal import Identity
internal import KeySets
internal import Locks
internal import Settings

/// The gates of a generation's routes, with the keys as they are now. Shared by the workers: the
/// first one that asks after keys have changed makes them anew.
final class Gates: Sendable {
    /// Which `jwt` blocks let in at a route, and on what terms.
    struct Door: Sendable {
        /// Indices into the blocks; none for a route without `auth`.
        var rules: [Int]
        var allowsAnonymous: Bool
        var acceptsTickets: Bool

        init(_ route: RouteSettings) {
            rules = route.auth
            allowsAnonymous = route.allowsAnonymous
            acceptsTickets = route.destination != .ticket
        }
    }

    private struct State: Sendable {
        /// `KeySetService.version` before the keys at hand were asked for.
        var seen: UInt64 = 0
        var rules: [Authenticator]
        var gates: [TokenGate?]
    }

    private let tokens: [TokenSettings]
    private let doors: [Door]
    private let state: Guarded<State>

    /// Knows the secrets of the settings only, until it is asked with a service.
    init(_ settings: Settings) throws(Generation.BuildError) {
        tokens = settings.tokens
        doors = settings.routes.map(Door.init)
        var rules: [Authenticator] = []
        for token in settings.tokens { rules.append(try Self.authenticator(token)) }
        state = Guarded(State(rules: rules, gates: Self.gates(of: doors, rules)))
    }

    /// The gate of the route with this index, nil where everybody may pass, and the version of the
    /// keys that it knows (`KeySetService.askForUnknownKey`).
    func gate(ofRoute index: Int, _ service: KeySetService) -> (gate: TokenGate, seen: UInt64)? {
        if doors[index].rules.isEmpty { return nil }
        let version = service.version
        return state.withLock { state in
            if state.seen < version { update(&state, to: version, service) }
            return state.gates[index].map { ($0, state.seen) }
        }
    }

    /// As above, with whatever keys are at hand: for questions that no key answers.
    func gate(ofRoute index: Int) -> TokenGate? { state.withLock { $0.gates[index] } }

    /// Blocks of which no source has changed keep their authenticator, and with it what workers
    /// remember of its tokens.
    private func update(_ state: inout State, to version: UInt64, _ service: KeySetService) {
        for (index, token) in tokens.enumerated() {
            let statuses = token.keySetSources.compactMap { service.current($0) }
            guard statuses.contains(where: { $0.version > state.seen }) else { continue }
            let documents = Dictionary(
                statuses.map { ($0.source, $0.document) }, uniquingKeysWith: { first, _ in first })
            // Secrets have made keys before; without randomness the keys of before stay.
            if let ring = try? KeyRing(token, documents: { documents[$0] ?? nil }),
                let renewed = try? state.rules[index].replacingKeys(ring)
            {
                state.rules[index] = renewed
            }
        }
        state.seen = version
        state.gates = Self.gates(of: doors, state.rules)
    }

    private static func gates(of doors: [Door], _ rules: [Authenticator]) -> [TokenGate?] {
        doors.map { door in
            if door.rules.isEmpty { return nil }
            return TokenGate(
                rules: door.rules.map { rules[$0] }, allowsAnonymous: door.allowsAnonymous,
                acceptsTickets: door.acceptsTickets)
        }
    }

    private static func authenticator(
        _ settings: TokenSettings
    ) throws(Generation.BuildError) -> Authenticator {
        do throws(CryptoError) {
            return try Authenticator(settings)
        } catch {
            throw Generation.BuildError(position: settings.position, message: error.description)
        }
    }
}
