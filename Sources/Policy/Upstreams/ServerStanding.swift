package import Clock

/// What operators are told about a server: whether it is used, and why not.
package struct ServerStanding: Sendable, Hashable {
    package enum State: String, Sendable, CaseIterable {
        case up
        /// The server cannot be used for now.
        case down
        /// No exchange is begun with the server, and some are under way.
        case draining
        /// No exchange is begun with the server, and none is under way.
        case drained
    }

    package enum Why: String, Sendable, CaseIterable {
        /// The line of the server says `down`.
        case configured
        /// An operator ordered it.
        case ordered
        /// The last attempt to connect to the server failed.
        case unreachable
        /// Checks say that the server is down.
        case checks
        /// The server is left out for a time because so many answers in a row failed.
        case ejected
    }

    package var state: State
    /// Nil for a server that is up.
    package var why: Why?
    /// Since when; nil for a server that was never anything else.
    package var since: Instant?
}

extension ServerState {
    package func standing(at now: Instant) -> ServerStanding {
        if case .drain(let since, _) = order.standing {
            return ServerStanding(
                state: active > 0 ? .draining : .drained, why: .ordered, since: since)
        }
        let changed = outageTimes
        if skippedUntil != nil {
            return ServerStanding(state: .down, why: .unreachable, since: changed.began)
        }
        if let finding = health.finding, !finding.isUp {
            return ServerStanding(state: .down, why: .checks, since: finding.since)
        }
        if !health.allows(at: now) {
            return ServerStanding(state: .down, why: .ejected, since: health.ejectionBegan)
        }
        return ServerStanding(state: .up, why: nil, since: changed.ended)
    }
}

extension GroupMembers.Server {
    package func standing(at now: Instant) -> ServerStanding {
        guard isDown, !state.order.isDraining else { return state.standing(at: now) }
        return ServerStanding(state: .down, why: .configured)
    }
}
