/// Inputs for whatever must take any.
extension SeededGenerator {
    package mutating func octets(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
    }

    /// As many elements as `counts` says, each any of `collection`, which is not empty.
    package mutating func elements<Elements: Collection>(
        _ counts: ClosedRange<Int>, of collection: Elements
    ) -> [Elements.Element] {
        let count = Int.random(in: counts, using: &self)
        return (0..<count).compactMap { _ in collection.randomElement(using: &self) }
    }

    /// The pieces, in order, in which an input of `count` octets arrives; none is longer than
    /// `lengths` says, and only the last is shorter.
    package mutating func pieces(of count: Int, _ lengths: ClosedRange<Int>) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var start = 0
        while start < count {
            let end = min(count, start + Int.random(in: lengths, using: &self))
            pieces.append(start..<end)
            start = end
        }
        return pieces
    }

    /// `octets` with one to four octets replaced, inserted, removed or doubled.
    package mutating func mutated(_ octets: [UInt8]) -> [UInt8] {
        var copy = octets
        for _ in 0..<Int.random(in: 1...4, using: &self) where !copy.isEmpty {
            let index = Int.random(in: copy.indices, using: &self)
            switch Int.random(in: 0..<4, using: &self) {
            case 0: copy[index] = UInt8.random(in: 0...255, using: &self)
            case 1: copy.insert(UInt8.random(in: 0...255, using: &self), at: index)
            case 2: copy.remove(at: index)
            case _: copy.insert(contentsOf: copy[index...].prefix(8), at: index)
            }
        }
        return copy
    }
}
