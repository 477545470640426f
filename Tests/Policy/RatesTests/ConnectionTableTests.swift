import Rates
import Testing

@Suite("Connections by address")
struct ConnectionTableTests {
    @Test("so many from one address, and others are not affected")
    func bound() {
        let table = ConnectionTable()
        var leases = (0..<3).map { _ in table.enter(1, most: 3) }
        #expect(leases.allSatisfy { $0 != nil })
        #expect(table.enter(1, most: 3) == nil)
        #expect(table.count(of: 1) == 3)
        let other = table.enter(2, most: 3)
        #expect(other != nil && table.addressCount == 2)
        leases[0]?.end()
        let next = table.enter(1, most: 3)
        #expect(next != nil && table.enter(1, most: 3) == nil)
        other?.end()
        leases = []
        next?.end()
        #expect(table.addressCount == 0)
    }

    @Test("a place is given back once, by the end or with the last reference")
    func leases() {
        let table = ConnectionTable()
        do {
            let (first, second) = (table.enter(1, most: 2), table.enter(1, most: 2))
            first?.end()
            first?.end()
            #expect(table.count(of: 1) == 1)
            withExtendedLifetime(second) { #expect(table.count(of: 1) == 1) }
        }
        #expect(table.count(of: 1) == 0 && table.addressCount == 0)
    }

    @Test("whoever came without a limit counts when there is one, and a lower one ends nobody")
    func reload() {
        let table = ConnectionTable()
        let leases = (0..<5).map { _ in table.enter(1, most: nil) }
        #expect(table.count(of: 1) == 5)
        for most in 1...5 { #expect(table.enter(1, most: most) == nil) }
        #expect(table.count(of: 1) == 5)
        leases[0]?.end()
        let next = table.enter(1, most: 5)
        #expect(next != nil)
        withExtendedLifetime((leases, next)) {}
    }

    @Test("many threads at once: never one more, and nothing stays")
    func threads() async {
        let table = ConnectionTable()
        let most = 7
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for round in 0..<2000 {
                        let lease = table.enter(UInt64(round % 3), most: most)
                        if table.count(of: UInt64(round % 3)) > most { return false }
                        lease?.end()
                    }
                    return true
                }
            }
            for await isRight in group { #expect(isRight) }
        }
        #expect(table.addressCount == 0)
    }
}
