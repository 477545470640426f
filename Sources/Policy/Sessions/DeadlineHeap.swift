import Clock

/// Deadlines, the earliest first, those of one instant in the order they were set. Nothing is ever
/// cancelled: the caller checks whether a deadline that comes out still counts.
struct DeadlineHeap<Payload: Sendable>: Sendable {
    private struct Item {
        var at: Instant
        var number: UInt64
        var payload: Payload

        func isBefore(_ other: Item) -> Bool { (at, number) < (other.at, other.number) }
    }

    private var items: [Item] = []
    private var nextNumber: UInt64 = 0

    var first: Instant? { items.first?.at }

    mutating func push(_ payload: Payload, at instant: Instant) {
        items.append(Item(at: instant, number: nextNumber, payload: payload))
        nextNumber += 1
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if !items[child].isBefore(items[parent]) { return }
            items.swapAt(parent, child)
            child = parent
        }
    }

    /// Takes out the earliest one that is not after `now`.
    mutating func popDue(_ now: Instant) -> (at: Instant, payload: Payload)? {
        guard let first = items.first, first.at <= now else { return nil }
        let last = items.removeLast()
        if !items.isEmpty {
            items[0] = last
            sink()
        }
        return (first.at, first.payload)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < items.count && items[child].isBefore(items[least]) {
                least = child
            }
            if least == parent { return }
            items.swapAt(parent, least)
            parent = least
        }
    }
}
