import Clock

/// `Timers` beside the list that anybody would write first: what is due, and when. Both are told
/// the same, and have to answer the same.
struct WatchedTimers<Purpose: CaseIterable & RawRepresentable<Int>> {
    private var timers = Timers<Purpose>()
    private var list: [(purpose: Int, instant: Instant)] = []
    /// How the two differ.
    private(set) var fault: String?

    subscript(purpose: Purpose) -> Instant {
        get { timers[purpose] }
        set {
            timers[purpose] = newValue
            list.removeAll { $0.purpose == purpose.rawValue }
            if newValue != .never { list.append((purpose.rawValue, newValue)) }
        }
    }

    mutating func clear(_ purpose: Purpose) {
        timers.clear(purpose)
        list.removeAll { $0.purpose == purpose.rawValue }
    }

    mutating func clearAll(but purpose: Purpose) {
        timers.clearAll(but: purpose)
        list.removeAll { $0.purpose != purpose.rawValue }
    }

    mutating func clearAll() {
        timers = Timers()
        list = []
    }

    var next: Instant {
        mutating get {
            let next = timers.next
            let listed = list.map(\.instant).min() ?? .never
            if next != listed { fault = "next is \(next), and \(listed) by the list" }
            return min(next, listed)
        }
    }

    mutating func takeDue(at now: Instant) -> Purpose? {
        let first = list.map(\.instant).min() ?? .never
        let taken = timers.takeDue(at: now)
        guard let taken else {
            if first <= now { fault = "nothing is due, and something is by the list" }
            return nil
        }
        let place = list.firstIndex { $0.purpose == taken.rawValue && $0.instant == first }
        if let place, first <= now {
            list.remove(at: place)
        } else {
            fault = "\(taken) is not due by the list"
            list.removeAll { $0.purpose == taken.rawValue }
        }
        return taken
    }
}
