import Clock
import Testing

@testable import Relays

/// When a client that is not read from is asked whether it has left.
@Suite struct LeaveQuestionTests {
    /// The seconds behind the last question, or behind the moment it was read from no more.
    private func pauses(_ answers: [Bool]) -> [Int64?] {
        var question = LeaveQuestion()
        let now = Instant.zero + .seconds(1000)
        var pauses: [Int64?] = []
        for isPossible in answers {
            pauses.append(question.next(after: now).map { ($0 - now).wholeMilliseconds / 1000 })
            question.asked(isPossible)
        }
        pauses.append(question.next(after: now).map { ($0 - now).wholeMilliseconds / 1000 })
        return pauses
    }

    @Test func `it is asked more and more seldom, and not for ever`() {
        let expected: [Int64?] = [5, 10, 20, 40, 60, 60, 60, 60, 60, 60, 60, 60, nil]
        #expect(pauses(Array(repeating: true, count: 12)) == expected)
    }

    @Test func `who cannot be asked is not tried again`() {
        #expect(pauses([false]) == [5, nil])
        #expect(pauses([true, false]) == [5, 10, nil])
    }
}
