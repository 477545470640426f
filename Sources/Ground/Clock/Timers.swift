extension Instant {
    /// Later than any clock will show.
    package static let never = Instant(nanoseconds: .max)
}

/// When something is due, each purpose by itself: to set one never moves another. The owner asks to
/// be woken at `next`, takes what is due then, and asks again.
///
/// `Purpose` is an enumeration over `Int`, numbered from 0, of at most ten cases.
package struct Timers<Purpose: CaseIterable & RawRepresentable<Int>> {
    private var instants = InlineArray<10, Instant>(repeating: .never)

    package init() {}

    /// When the purpose is due; `.never` while it is not set.
    package subscript(purpose: Purpose) -> Instant {
        get { instants[purpose.rawValue] }
        set { instants[purpose.rawValue] = newValue }
    }

    package mutating func clear(_ purpose: Purpose) { self[purpose] = .never }

    /// Clears all but this one.
    package mutating func clearAll(but purpose: Purpose) {
        let kept = self[purpose]
        self = Timers()
        self[purpose] = kept
    }

    /// The earliest of all; `.never` when none is set.
    package var next: Instant {
        var earliest = Instant.never
        for index in instants.indices { earliest = min(earliest, instants[index]) }
        return earliest
    }

    /// The purpose that was due first, which is cleared; nil when none is due yet.
    package mutating func takeDue(at now: Instant) -> Purpose? {
        var first: Purpose?
        for purpose in Purpose.allCases where self[purpose] <= now {
            if self[purpose] < (first.map { self[$0] } ?? .never) { first = purpose }
        }
        if let first { clear(first) }
        return first
    }
}
