/// Places in some order, the first first. Whatever leaves the order stays in here until it is met:
/// an entry counts only as long as its stamp is that of the place.
struct SeatQueue: Sendable {
    enum Stamp: Sendable {
        case order, stamp
    }

    private struct Entry {
        var slot: Int32
        var stamp: UInt64
    }

    private let kind: Stamp
    private var entries: [Entry] = []
    private var head = 0

    init(by kind: Stamp) { self.kind = kind }

    /// Adds a place at the end. `live` is how many entries can count at most, which bounds how many
    /// there are.
    mutating func push(_ seat: Seat, _ slot: Int, _ slots: [Seat?], live: Int) {
        if entries.count - head > 2 * live + 16 {
            entries = entries[head...].filter { isCurrent($0, slots) }
            head = 0
        }
        entries.appendSparingly(Entry(slot: Int32(slot), stamp: stamp(of: seat)))
    }

    /// The first place.
    mutating func first(_ slots: [Seat?]) -> Int? {
        while head < entries.count, !isCurrent(entries[head], slots) { head += 1 }
        if head > 16, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return head < entries.count ? Int(entries[head].slot) : nil
    }

    /// All of them, in order.
    func all(_ slots: [Seat?]) -> some Sequence<Int> {
        entries[head...].lazy.filter { isCurrent($0, slots) }.map { Int($0.slot) }
    }

    private func isCurrent(_ entry: Entry, _ slots: [Seat?]) -> Bool {
        guard let seat = slots[Int(entry.slot)] else { return false }
        return stamp(of: seat) == entry.stamp
    }

    private func stamp(of seat: Seat) -> UInt64 { kind == .order ? seat.order : seat.stamp }
}

extension Array {
    /// As `append`, but grown by a quarter at a time: there are many small stores.
    mutating func appendSparingly(_ element: Element) {
        if count == capacity { reserveCapacity(count + 2 + count / 4) }
        append(element)
    }
}
