internal import Locks
internal import Sessions
internal import Transport

/// A question to workers about sessions of theirs, answered once: when all have answered, or with
/// what has come when they are waited for no longer.
final class FigureRound: Sendable {
    typealias Figures = [SessionID: SessionFigures]

    static let patience: Duration = .seconds(1)

    private struct State: Sendable {
        var missing: Int
        var figures: Figures = [:]
        var completion: (@Sendable (Figures) -> Void)?
    }

    private let state: Guarded<State>

    /// - Parameter completion: called on the thread of a worker, or on the control thread.
    private init(workerCount: Int, _ completion: @escaping @Sendable (Figures) -> Void) {
        state = Guarded(State(missing: workerCount, completion: completion))
    }

    /// Asks the workers of these sessions.
    static func ask(
        _ sessions: [ListedSession], _ shared: SharedState,
        _ completion: @escaping @Sendable (Figures) -> Void
    ) {
        let byWorker = Dictionary(grouping: sessions) { Int($0.connection.worker) }
        if byWorker.isEmpty { return completion([:]) }
        let round = FigureRound(workerCount: byWorker.count, completion)
        for (worker, sessions) in byWorker {
            let places = sessions.map { (connection: $0.connection.connection, session: $0.id) }
            shared.mailboxes[worker].post(.figures(places, round))
        }
        shared.control.post(.figures(round))
    }

    /// A worker has answered.
    func add(_ figures: [(SessionID, SessionFigures)]) {
        finish { state in
            for (id, figures) in figures { state.figures[id] = figures }
            state.missing -= 1
            return state.missing == 0
        }
    }

    func giveUp() { finish { _ in true } }

    private func finish(when isOver: (inout State) -> Bool) {
        let done = state.withLock { state -> (@Sendable (Figures) -> Void, Figures)? in
            guard isOver(&state), let completion = state.completion else { return nil }
            state.completion = nil
            return (completion, state.figures)
        }
        if let (completion, figures) = done { completion(figures) }
    }
}
