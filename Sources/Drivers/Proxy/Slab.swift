/// Things found again by the number the poller and the timers carry: an index, and a count of how
/// often its place was taken, so that an event for what is gone finds nothing.
struct Slab<Element> {
    private struct Place {
        var element: Element?
        var turn: UInt32
        var nextFree: Int
    }

    private var places: [Place] = []
    private var firstFree = -1
    private(set) var count = 0

    /// Takes a place for what `make` answers, which is told its token.
    mutating func insert(_ make: (UInt64) throws -> Element) rethrows -> UInt64 {
        let index = firstFree >= 0 ? firstFree : places.count
        let turn = firstFree >= 0 ? places[index].turn : 0
        let token = UInt64(turn) << 32 | UInt64(index)
        let element = try make(token)
        if firstFree >= 0 {
            firstFree = places[index].nextFree
            places[index].element = element
        } else {
            places.append(Place(element: element, turn: 0, nextFree: -1))
        }
        count += 1
        return token
    }

    subscript(token: UInt64) -> Element? {
        let index = Int(token & 0xFFFF_FFFF)
        guard index < places.count, places[index].turn == UInt32(token >> 32) else { return nil }
        return places[index].element
    }

    /// Gives the place back. A token that is gone already is left alone.
    mutating func remove(_ token: UInt64) {
        let index = Int(token & 0xFFFF_FFFF)
        guard index < places.count, places[index].turn == UInt32(token >> 32),
            places[index].element != nil
        else { return }
        places[index] = Place(element: nil, turn: places[index].turn &+ 1, nextFree: firstFree)
        firstFree = index
        count -= 1
    }

    /// Everything that is there, for draining and stopping.
    var elements: [Element] { places.compactMap(\.element) }
}
