import Clock
import Sessions

extension SessionStore {
    func admit(_ arrival: Arrival, now: Instant) -> SeatQuestion.Outcome {
        SeatQuestion.ask(arrival, of: self, now: now)
    }
}

extension SessionTable {
    /// A table answers at once.
    func ask(_ question: StoreQuestion, now: Instant) -> StoreAnswer? {
        ask(question, number: 0, now: now)
    }

    private var sums: StoreCounts {
        guard case .counts(let counts) = ask(.counts, now: .zero) else { return StoreCounts() }
        return counts
    }

    /// Live sessions.
    var count: Int { sums.blocks.values.reduce(0) { $0 + $1.sessions } }

    var storeCount: Int { sums.blocks.values.reduce(0) { $0 + $1.stores } }

    var tallies: SessionTallies { sums.tallies }
}
