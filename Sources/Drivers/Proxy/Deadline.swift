internal import Clock

/// When something is to be done for a member of a worker. Moving it later costs nothing: the wheel
/// wakes the member at the old time and is told the new one then.
struct Deadline {
    private(set) var due: Instant = .never
    /// When the wheel will wake the member at the latest; `.never` when it will not.
    private var wake: Instant = .never

    mutating func set(_ instant: Instant, for token: UInt64, in worker: Worker) {
        due = instant
        guard instant < wake else { return }
        wake = instant
        worker.schedule(token, at: instant)
    }

    mutating func clear() { due = .never }

    /// The wheel woke the member. True when the deadline has come, which clears it.
    mutating func fired(for token: UInt64, in worker: Worker) -> Bool {
        guard worker.now >= wake else { return false }
        wake = .never
        if worker.now >= due {
            due = .never
            return true
        }
        if due != .never { set(due, for: token, in: worker) }
        return false
    }
}
