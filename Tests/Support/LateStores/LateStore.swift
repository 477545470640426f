package import Clock
import Locks
package import Sessions

/// A store of sessions that answers later, as one of several gateways does: what it is asked and
/// told waits until a test lets it happen (`next`), in the order it came for one store, in any
/// order among stores. What is not about one store alone waits for all that came before it, and all
/// that comes later waits for it. Behind it the rules are a table's.
package final class LateStore: SessionStore {
    private enum Request: Sendable {
        case arrival(Arrival)
        case question(StoreQuestion, number: UInt64)
        case fact(SessionFact)

        /// The store that it is about; nil when it is not one alone.
        var store: StoreKey? {
            switch self {
            case .arrival(let arrival): arrival.store
            case .question(.setLimit(let store, _, _), _), .question(.tryLimit(let store, _), _),
                .question(.clearLimit(let store, _), _):
                store
            case .question(.kick(let filter, _), _):
                filter.block.flatMap { block in
                    filter.store.map { StoreKey(block: block, store: $0) }
                }
            case .question(.adopt, _), .question(.list, _), .question(.stores, _),
                .question(.counts, _):
                nil
            case .fact(.depart(_, let store, _)), .fact(.answered(_, let store)),
                .fact(.silent(_, let store)):
                store
            case .fact(.tick): nil
            }
        }
    }

    private struct State: Sendable {
        var waiting: [(request: Request, now: Instant)] = []
        var isAway = false
    }

    private let table: SessionTable
    private let outlets: SessionOutlets
    private let state = Guarded(State())

    package init(_ outlets: SessionOutlets) {
        self.outlets = outlets
        table = SessionTable(deliver: outlets.deliver, report: outlets.report)
    }

    package func arrive(_ arrival: Arrival, now: Instant) -> SeatAnswer? {
        wait(.arrival(arrival), now)
        return nil
    }

    package func ask(_ question: StoreQuestion, number: UInt64, now: Instant) -> StoreAnswer? {
        wait(.question(question, number: number), now)
        return nil
    }

    package func tell(_ fact: SessionFact, now: Instant) { wait(.fact(fact), now) }

    package var nextDeadline: Instant? { table.nextDeadline }

    private func wait(_ request: Request, _ now: Instant) {
        state.withLock { $0.waiting.append((request, now)) }
    }

    // MARK: What a test does

    /// What it was asked and told and has not come to.
    package var waitingCount: Int { state.withLock { $0.waiting.count } }

    package func waitingCount(of store: StoreKey) -> Int {
        state.withLock { $0.waiting.count { $0.request.store == store } }
    }

    /// From now on it says of everything that it cannot answer, though it does what it is asked.
    package func goAway() { state.withLock { $0.isAway = true } }

    /// The next thing happens, whichever `random` picks of those that may.
    ///
    /// - Returns: false when nothing waits.
    @discardableResult
    package func next(using random: inout some RandomNumberGenerator) -> Bool {
        let taken = state.withLock { state in
            Self.candidates(state.waiting).randomElement(using: &random).map {
                (state.waiting.remove(at: $0), state.isAway)
            }
        }
        guard let ((request, now), isAway) = taken else { return false }
        carryOut(request, now, isAway: isAway)
        return true
    }

    /// Everything happens that waits, in the order it came, and what follows from it.
    package func catchUp() {
        while let (request, now) = state.withLock({ state in
            state.waiting.isEmpty ? nil : state.waiting.removeFirst()
        }) {
            carryOut(request, now, isAway: state.withLock(\.isAway))
        }
    }

    /// What may happen next, by its place.
    private static func candidates(_ waiting: [(request: Request, now: Instant)]) -> [Int] {
        var found: [Int] = []
        var met: Set<StoreKey> = []
        for (place, item) in waiting.enumerated() {
            guard let store = item.request.store else {
                return place == 0 ? [0] : found
            }
            if met.insert(store).inserted { found.append(place) }
        }
        return found
    }

    private func carryOut(_ request: Request, _ now: Instant, isAway: Bool) {
        switch request {
        case .arrival(let arrival):
            guard let answer = table.arrive(arrival, now: now) else { return }
            outlets.deliver(
                .answer(isAway ? .unavailable : answer, arrival.id, arrival.connection))
        case .question(let question, let number):
            guard let answer = table.ask(question, number: number, now: now) else { return }
            outlets.answered(number, isAway ? .unavailable : answer)
        case .fact(let fact): table.tell(fact, now: now)
        }
    }

    /// What came of everything that has happened.
    package var counts: StoreCounts {
        guard case .counts(let counts) = table.ask(.counts, number: 0, now: .zero) else {
            return StoreCounts()
        }
        return counts
    }
}
