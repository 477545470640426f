import Clock
import Endings
import Testing

@testable import Entry

/// How long a request that has waited for keys before waits for them again.
@Suite struct KeyWaitTests {
    private func wait(from start: Int, to deadline: Int) -> KeyWait {
        KeyWait(
            refusal: .keysUnavailable, start: .zero + .seconds(start),
            deadline: .zero + .seconds(deadline))
    }

    @Test func `the first time as long as it takes`() throws {
        let first = try #require(wait(from: 20, to: 26).within(nil))
        #expect(first.deadline == .zero + .seconds(26))
    }

    @Test func `never longer than the first time, and not for what begins after that`() throws {
        let sooner = try #require(wait(from: 2, to: 8).within(.zero + .seconds(6)))
        #expect(sooner.deadline == .zero + .seconds(6))
        let shorter = try #require(wait(from: 1, to: 3).within(.zero + .seconds(6)))
        #expect(shorter.deadline == .zero + .seconds(3))
        #expect(wait(from: 6, to: 12).within(.zero + .seconds(6)) == nil)
        #expect(wait(from: 30, to: 36).within(.zero + .seconds(6)) == nil)
    }
}
