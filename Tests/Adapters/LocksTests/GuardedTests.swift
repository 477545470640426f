import Locks
import Testing

@Suite("A guarded value")
struct GuardedTests {
    @Test("is changed by one at a time")
    func isExclusive() async {
        let counter = Guarded(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<10_000 { counter.withLock { $0 += 1 } } }
            }
        }
        #expect(counter.withLock { $0 } == 80_000)
    }

    @Test("is unlocked again when the body throws")
    func unlocksAfterAnError() throws {
        struct Refused: Error {}
        let text = Guarded("a")
        #expect(throws: Refused.self) {
            try text.withLock { text throws(Refused) in
                text = "b"
                throw Refused()
            }
        }
        #expect(text.withLock { $0 } == "b")
    }
}
