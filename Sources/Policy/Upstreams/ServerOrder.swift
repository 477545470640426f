package import Clock
import Synchronization

/// What an operator ordered of a server. It holds until it is taken back, over reloads, for as long
/// as any generation uses the server; a restart forgets it.
package final class ServerOrder: Sendable {
    package enum Standing: Sendable, Hashable {
        /// Nothing was ordered: the server is used.
        case serve
        /// No exchange is begun with the server.
        ///
        /// - Parameters:
        ///   - since: when that was ordered first.
        /// - keepsLive: WebSockets and event streams that it has stay; else they are ended, little
        ///     by little.
        case drain(since: Instant, keepsLive: Bool)
    }

    /// Nanoseconds of an `Instant`, the last bit of which says whether what lives is kept; `serve`
    /// while nothing is ordered.
    private let word = Atomic(serve)

    private static let serve = Int64.min

    init() {}

    package var standing: Standing {
        let word = word.load(ordering: .relaxed)
        if word == Self.serve { return .serve }
        return .drain(since: Instant(nanoseconds: word & ~1), keepsLive: word & 1 == 1)
    }

    /// No exchange is begun with the server. Asked whenever one is chosen.
    package var isDraining: Bool { word.load(ordering: .relaxed) != Self.serve }

    /// What lives on the server ends.
    package var endsLive: Bool {
        if case .drain(_, keepsLive: false) = standing { true } else { false }
    }

    /// No exchange is begun with the server from now on. One that was ordered before stays as old
    /// as it was; whether what lives is kept is as it was ordered last.
    package func drain(at now: Instant, keepingLive: Bool) {
        var since = now
        if case .drain(let first, _) = standing { since = first }
        word.store(since.nanoseconds & ~1 | (keepingLive ? 1 : 0), ordering: .relaxed)
    }

    /// The server is used again.
    ///
    /// - Returns: false when nothing was ordered.
    package func withdraw() -> Bool {
        word.exchange(Self.serve, ordering: .relaxed) != Self.serve
    }
}
