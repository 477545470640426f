import Randomness
import Synchronization
import Testing

@testable import Deflate

@Suite("Deflate budget")
struct DeflateBudgetTests {
    /// Keeps reservations, which cannot be copied, until it goes.
    private final class Holder {
        var reservation: DeflateBudget.Reservation?

        init(_ reservation: consuming DeflateBudget.Reservation?) { self.reservation = reservation }
    }

    private final class Tally: Sendable {
        let most = Atomic<Int>(0)
        let granted = Atomic<Int>(0)
        let refused = Atomic<Int>(0)
    }

    @Test("what is reserved is given back with the reservation")
    func givenBack() {
        let budget = DeflateBudget()
        do {
            let first = Holder(budget.reserve(60, within: 100))
            #expect(first.reservation?.octets == 60 && budget.reserved == 60)
            do {
                let second = Holder(budget.reserve(40, within: 100))
                #expect(second.reservation?.octets == 40 && budget.reserved == 100)
            }
            #expect(budget.reserved == 60)
            first.reservation = nil
            #expect(budget.reserved == 0)
        }
        #expect(budget.reserved == 0)
    }

    @Test(
        "nothing is reserved beyond the limit",
        arguments: [
            (0, 0, 0, true), (0, 1, 0, false), (0, 100, 100, true), (0, 101, 100, false),
            (60, 40, 100, true), (60, 41, 100, false), (60, 0, 50, false), (60, 0, 60, true),
            (60, 1, .max, true), (60, .max, .max, false), (60, .max - 60, .max, true),
            (0, 1, -1, false), (60, 0, .min, false), (0, .max, .max, true),
        ])
    func limit(taken: Int, octets: Int, limit: Int, isReserved: Bool) {
        let budget = DeflateBudget()
        let before = Holder(budget.reserve(taken, within: .max))
        let holder = Holder(budget.reserve(octets, within: limit))
        #expect((holder.reservation != nil) == isReserved)
        #expect(budget.reserved == taken + (isReserved ? octets : 0))
        #expect(before.reservation?.octets == taken)
    }

    @Test("threads that race never go beyond the limit, and leave nothing behind")
    func race() async {
        let budget = DeflateBudget()
        let limit = 1000
        let tally = Tally()
        await withTaskGroup { group in
            for seed: UInt64 in 0..<8 {
                group.addTask {
                    var generator = SeededGenerator(seed: seed)
                    var held: [Holder] = []
                    for _ in 0..<20_000 {
                        let octets = Int.random(in: 0...200, using: &generator)
                        let holder = Holder(budget.reserve(octets, within: limit))
                        tally.most.max(budget.reserved, ordering: .relaxed)
                        if holder.reservation == nil {
                            tally.refused.add(1, ordering: .relaxed)
                            held.removeAll()
                        } else {
                            tally.granted.add(1, ordering: .relaxed)
                            held.append(holder)
                        }
                    }
                }
            }
        }
        #expect(budget.reserved == 0)
        let most = tally.most.load(ordering: .relaxed)
        #expect(most <= limit && most > limit / 2, "\(most)")
        #expect(tally.granted.load(ordering: .relaxed) > 1000)
        #expect(tally.refused.load(ordering: .relaxed) > 1000)
    }
}
