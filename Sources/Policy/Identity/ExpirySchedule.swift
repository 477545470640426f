package import Clock
package import Settings

/// When the holder of a live connection is told that its token is about to end, and when the
/// connection ends with it. A value that its driver asks again whenever `next` has come; a refresh
/// makes a new one.
///
///     now ──────────── notice ──────────── expires ── grace ── end
///
/// The notice comes `expiring` before the token's end; at once, where less than that is left. Where
/// connections outlive their tokens (`on_expiry ignore`), and for tokens without an end, nothing is
/// ever due.
package struct ExpirySchedule: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        /// Tell the client that its token is accepted for so many more seconds: whole ones, cut
        /// off below.
        case notify(expiresInSeconds: Int64)
        /// End the connection (`unauthenticated`, `token_expired`). Nothing is due any more.
        case end
    }

    private let expires: WallTime?
    private var notice: WallTime?
    private var end: WallTime?

    /// - Parameters:
    ///   - expires: the end of the token, leeway included (`VerifiedIdentity.expires`).
    ///   - notice: how long before that the client is told; nil for not at all.
    ///   - now: when the connection, or the refresh, was let in.
    package init(
        expires: WallTime?, onExpiry: TokenSettings.OnExpiry, notice: Duration?, now: WallTime
    ) {
        self.expires = expires
        guard let expires else { return }
        switch onExpiry {
        case .ignore: return
        case .close: end = expires
        case .grace(let grace): end = expires.advanced(by: grace)
        }
        if let notice { self.notice = max(now, expires.advanced(by: .zero - notice)) }
    }

    /// When to ask again; nil for never.
    package var next: WallTime? { notice ?? end }

    /// How long from `now` until then, at least nothing; nil for never.
    package func delay(from now: WallTime) -> Duration? {
        next.map { max(.zero, $0.duration(since: now)) }
    }

    /// What is due at `now`, each thing once; nil for nothing yet. To be asked until it is nil.
    package mutating func takeDue(at now: WallTime) -> Action? {
        if let end, now >= end {
            self.end = nil
            notice = nil
            return .end
        }
        guard let notice, now >= notice, let expires else { return nil }
        self.notice = nil
        let left = expires.duration(since: now)
        return .notify(expiresInSeconds: max(0, left.components.seconds))
    }
}
