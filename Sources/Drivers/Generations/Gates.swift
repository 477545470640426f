internal import Crypto
internal import Entry
package import Identity
package import KeySets
internal import Locks
internal import Settings
internal import Synchronization

/// The gates of a generation's routes. The control thread makes them anew when keys have changed,
/// and swaps them in one piece; workers have those that they know at hand (`GatesAtHand`).
package final class Gates: Sendable {
    /// All gates with the keys of one moment.
    package final class Snapshot: Sendable {
        /// `KeySetService.version` before the keys were asked for; 0 for secrets alone.
        package let version: UInt64
        fileprivate let rules: [Authenticator]
        private let gates: [TokenGate?]

        fileprivate init(_ version: UInt64, _ rules: [Authenticator], doors: [Door]) {
            self.version = version
            self.rules = rules
            gates = doors.map { $0.gate(among: rules) }
        }

        /// The gate of the route with this index; nil where everybody may pass.
        package func gate(ofRoute index: Int) -> TokenGate? { gates[index] }
    }

    private let tokens: [TokenSettings]
    private let doors: [Door]
    private let current: Guarded<Snapshot>
    /// The version of `current`.
    private let latest = Atomic<UInt64>(0)

    /// Knows the secrets of the settings only, until `renew` is called.
    init(_ settings: Settings, _ rules: [Authenticator]) {
        tokens = settings.tokens
        doors = settings.routes.map(Door.init)
        current = Guarded(Snapshot(0, rules, doors: doors))
    }

    /// The number of the gates that are there now.
    package var version: UInt64 { latest.load(ordering: .acquiring) }

    /// The gates that are there now.
    var snapshot: Snapshot { current.withLock { $0 } }

    /// Makes the gates anew with the keys as they are. Called by one thread alone.
    ///
    /// Blocks of which no source has changed keep their authenticator, and with it what workers
    /// remember of its tokens.
    package func renew(by service: KeySetService) {
        let version = service.version
        let before = snapshot
        guard version > before.version else { return }
        var rules = before.rules
        for (index, token) in tokens.enumerated() {
            let statuses = token.keySetSources.compactMap { service.current($0) }
            guard statuses.contains(where: { $0.version > before.version }) else { continue }
            let documents = Dictionary(
                statuses.map { ($0.source, $0.document) }, uniquingKeysWith: { first, _ in first })
            // Secrets have made keys before; without randomness the keys of before stay.
            if let ring = try? KeyRing(token, documents: { documents[$0] ?? nil }),
                let renewed = try? rules[index].replacingKeys(ring)
            {
                rules[index] = renewed
            }
        }
        let next = Snapshot(version, rules, doors: doors)
        current.withLock { $0 = next }
        latest.store(version, ordering: .releasing)
    }

    /// The `jwt` blocks with their secrets, in their order.
    static func authenticators(
        _ settings: Settings
    ) throws(Generation.BuildError) -> [Authenticator] {
        var authenticators: [Authenticator] = []
        for token in settings.tokens {
            do throws(CryptoError) {
                authenticators.append(try Authenticator(token))
            } catch {
                throw Generation.BuildError(position: token.position, message: error.description)
            }
        }
        return authenticators
    }
}
