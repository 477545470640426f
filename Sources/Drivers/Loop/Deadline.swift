package import Clock

/// When something is to be done for a member of a loop. Moving it later costs nothing: the wheel
/// wakes the member at the old time and is told the new one then.
// Seen into from other rooms: whoever has one need not have it checked that nobody else changes it.
package struct Deadline {
    package enum Firing {
        /// The deadline has come, and is cleared.
        case due
        /// The deadline has moved: the wheel has to be told.
        case moved(to: Instant)
        case early
    }

    @usableFromInline var due: Instant = .never
    /// When the wheel will wake the member at the latest; `.never` when it will not.
    @usableFromInline var wake: Instant = .never

    package init() {}

    /// - Returns: true when the wheel has to be told, because it would wake the member too late.
    @inlinable
    package mutating func set(_ instant: Instant) -> Bool {
        due = instant
        guard instant < wake else { return false }
        wake = instant
        return true
    }

    @inlinable
    package mutating func clear() { due = .never }

    /// The wheel woke the member.
    package mutating func fired(at now: Instant) -> Firing {
        guard now >= wake else { return .early }
        wake = .never
        if now >= due {
            due = .never
            return .due
        }
        return due != .never && set(due) ? .moved(to: due) : .early
    }
}
