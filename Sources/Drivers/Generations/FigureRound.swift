internal import Locks
package import Sessions

/// A question to workers about sessions of theirs, answered once: when all have answered, or with
/// what has come when they are waited for no longer.
package final class FigureRound: Sendable {
    package typealias Figures = [SessionID: SessionFigures]

    package static let patience: Duration = .seconds(1)

    private struct State: Sendable {
        var missing: Int
        var figures: Figures = [:]
        var completion: (@Sendable (Figures) -> Void)?
    }

    private let state: Guarded<State>

    /// - Parameter completion: called on the thread of a worker, or on the control thread.
    init(workerCount: Int, _ completion: @escaping @Sendable (Figures) -> Void) {
        state = Guarded(State(missing: workerCount, completion: completion))
    }

    /// A worker has answered.
    package func add(_ figures: [(SessionID, SessionFigures)]) {
        finish { state in
            for (id, figures) in figures { state.figures[id] = figures }
            state.missing -= 1
            return state.missing == 0
        }
    }

    package func giveUp() { finish { _ in true } }

    private func finish(when isOver: (inout State) -> Bool) {
        let done = state.withLock { state -> (@Sendable (Figures) -> Void, Figures)? in
            guard isOver(&state), let completion = state.completion else { return nil }
            state.completion = nil
            return (completion, state.figures)
        }
        if let (completion, figures) = done { completion(figures) }
    }
}
