package import Clock

/// How long one request waits for a server, however often it tries meanwhile. Its worker says when
/// it is its turn (`WaitingRoom`).
///
///     none --no server reached--> waiting --its turn--> trying --reached, or given up--> over
///                                 waiting <--in vain--- trying
package struct ServerWait: Sendable {
    package enum State: Hashable, Sendable { case none, waiting, trying, over }

    package private(set) var state = State.none
    /// When it has waited long enough, counted from the first time.
    package private(set) var deadline = Instant.never

    package init() {}

    /// The request waits still.
    package var isActive: Bool { state == .waiting || state == .trying }

    /// No server was reached: it waits, for the first time or once more.
    ///
    /// - Returns: false when it has waited for as long as it may.
    package mutating func begin(at now: Instant, patience: Duration) -> Bool {
        if state == .none { deadline = now + patience }
        guard now < deadline else { return false }
        state = .waiting
        return true
    }

    /// The turn of this request has come.
    ///
    /// - Returns: false for one that does not wait any more.
    package mutating func tryNow() -> Bool {
        guard state == .waiting else { return false }
        state = .trying
        return true
    }

    /// - Returns: false when there was nothing to be ended.
    package mutating func end() -> Bool {
        guard isActive else { return false }
        state = .over
        return true
    }
}
