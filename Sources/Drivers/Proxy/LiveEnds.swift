internal import Clock
internal import Relays
internal import Upstreams

/// Ends of WebSockets and event streams of one thread that have no fault of theirs: those of the
/// process, and of servers that operators drain or that are down. They end one by one, as
/// `SpreadEnds` says.
struct LiveEnds {
    enum Cause {
        /// The process stops.
        case stop
        /// An operator drains the server.
        case server(ServerState)
        /// Checks say that the server is down (`on_down close`).
        case down(ServerState)

        /// Nil where all servers are meant.
        fileprivate var server: ServerState? {
            switch self {
            case .stop: nil
            case .server(let server), .down(let server): server
            }
        }
    }

    private struct Round {
        var ends: SpreadEnds
        let cause: Cause
    }

    /// How the thread itself comes to its end.
    var drain = DrainSchedule()
    private var rounds: [Round] = []

    var isEmpty: Bool { rounds.isEmpty }

    /// When the next one ends; nil when none will.
    var nextDue: Instant? { rounds.compactMap(\.ends.nextDue).min() }

    /// These end for this cause from now on. The process stops once, and a server is drained once:
    /// what was ordered for the same cause before is forgotten, and behind a stop nothing is
    /// ordered.
    mutating func begin(_ ends: SpreadEnds, _ cause: Cause) {
        if let server = cause.server { forget(server) } else { rounds = [] }
        if ends.count > 0 { rounds.append(Round(ends: ends, cause: cause)) }
    }

    /// What lives on the server stays.
    mutating func forget(_ server: ServerState) {
        rounds.removeAll { $0.cause.server === server }
    }

    /// Those who end by now, `most` for each cause.
    mutating func takeDue(at now: Instant, most: Int) -> [(SpreadEnds.Due, Cause)] {
        var due: [(SpreadEnds.Due, Cause)] = []
        for index in rounds.indices {
            let cause = rounds[index].cause
            due += rounds[index].ends.takeDue(at: now, most: most).map { ($0, cause) }
        }
        rounds.removeAll { $0.ends.count == 0 }
        return due
    }
}
