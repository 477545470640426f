package import Clock

/// When a client is asked whether it is still there that is not read from: more and more seldom,
/// and not for ever, since some count what is said to them besides the response.
package struct LeaveQuestion: Sendable {
    private static let first: Duration = .seconds(5)
    private static let longest: Duration = .seconds(60)
    /// Below what common clients take without a word of the response.
    private static let limit = 12

    private var pause = Self.first
    private var count = 0

    package init() {}

    /// When it is asked next; nil when it was asked often enough.
    package func next(after now: Instant) -> Instant? { count < Self.limit ? now + pause : nil }

    /// - Parameter isPossible: false where there is no way to ask.
    package mutating func asked(_ isPossible: Bool) {
        count = isPossible ? count + 1 : Self.limit
        pause = min(pause * 2, Self.longest)
    }
}
