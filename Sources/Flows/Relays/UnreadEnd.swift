package import Clock

/// The end of a client's input, while what comes before it is not read.
///
/// A client that left while nobody read from it has its end behind octets that its system could not
/// send, and nothing of that is seen here: it has to be asked (`LeaveQuestion`), or its octets read
/// ahead.
package struct UnreadEnd: Sendable {
    /// The client finished sending, and octets that are not wanted yet come before that.
    package private(set) var hasCome = false
    private var question = LeaveQuestion()
    /// The client is read ahead from, since the process stops: its end may follow what it has sent.
    package private(set) var isLookedFor = false

    package init() {}

    /// Another request begins, or none.
    package mutating func forgetRequest() {
        question = LeaveQuestion()
        isLookedFor = false
    }

    package mutating func came() { hasCome = true }

    package mutating func lookFor() { isLookedFor = true }

    /// - Parameters:
    ///   - isSilent: nothing is heard of the client, and it may be asked.
    ///   - isSet: when it is asked is settled.
    /// - Returns: when the client is to be asked.
    package func watch(isSilent: Bool, isSet: Bool, at now: Instant) -> TimerChange {
        guard isSilent else { return isSet ? .clear : .none }
        guard !isSet, let next = question.next(after: now) else { return .none }
        return .set(at: next)
    }

    /// - Parameter isPossible: false where there is no way to ask.
    package mutating func asked(_ isPossible: Bool) { question.asked(isPossible) }
}
