internal import Clock

/// How long one request waits for a server, however often it tries meanwhile. Its worker says when
/// it is its turn (`WaitingRoom`).
///
///     none --no server reached--> waiting --its turn--> trying --reached, or given up--> over
///                                 waiting <--in vain--- trying
struct ServerWait {
    enum State: Hashable { case none, waiting, trying, over }

    private(set) var state = State.none
    /// When it has waited long enough, counted from the first time.
    private(set) var deadline = Instant.never

    /// It has not been given up.
    var isActive: Bool { state == .waiting || state == .trying }

    /// No server was reached: it waits, for the first time or once more.
    ///
    /// - Returns: false when it has waited for as long as it may.
    mutating func begin(at now: Instant, patience: Duration) -> Bool {
        if state == .none { deadline = now + patience }
        guard now < deadline else { return false }
        state = .waiting
        return true
    }

    /// It is its turn.
    ///
    /// - Returns: false for one that does not wait any more.
    mutating func tryNow() -> Bool {
        guard state == .waiting else { return false }
        state = .trying
        return true
    }

    /// - Returns: false when there was nothing to be ended.
    mutating func end() -> Bool {
        guard isActive else { return false }
        state = .over
        return true
    }
}
