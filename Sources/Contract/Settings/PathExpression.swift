import Bytes

/// `path matches REGEX` of a rewrite: a regular expression that stands for whole paths.
///
/// All ways in which it can fit are followed side by side, as bits (K. Thompson, "Regular
/// Expression Search Algorithm", 1968): a match goes over the path once, and once more backwards
/// where it captures, in at most `instructionLimit` steps a character. So no path can be made to
/// take long. There is nothing that would need more: no back-references, no looking around.
///
/// It reads decoded characters, but an escaped slash or backslash is no slash: only `.` and
/// classes such as `[^/]` stand for it.
package struct PathExpression: Sendable, Hashable {
    /// Characters that an expression may have.
    package static let lengthLimit = 255
    /// Instructions that it may come to when repetitions are written out.
    package static let instructionLimit = 256
    /// Groups inside one another.
    package static let depthLimit = 16
    /// Named groups.
    package static let captureLimit = 16

    /// What stands for one character.
    struct CharacterClass: Sendable, Hashable {
        /// Numbers of Unicode scalars.
        var ranges: [ClosedRange<UInt32>]
        var isNegated = false

        func contains(_ character: UInt32) -> Bool {
            ranges.contains { $0.contains(character) } != isNegated
        }
    }

    enum Instruction: Sendable, Hashable {
        case character(CharacterClass)
        /// Goes on at both; what the first leads to is preferred.
        case split(Int, Int)
        case jump(Int)
        /// Notes where one is: slot 2n is the begin of capture n, 2n + 1 its end.
        case save(Int)
        case match
    }

    /// A set of instructions.
    private typealias Places = SIMD4<UInt64>

    /// As it is written.
    package let text: String
    /// The names of its groups.
    package let captureNames: [String]
    private let instructions: [Instruction]
    /// For each instruction, what it leads to without a character: `character`s and `match`.
    private var reachable: [Places]

    init(text: String, captureNames: [String], instructions: [Instruction]) {
        self.text = text
        self.captureNames = captureNames
        self.instructions = instructions
        reachable = []
        reachable = instructions.indices.map { start in
            var places = Places.zero
            var seen: Set<Int> = []
            collect(from: start, into: &places, &seen)
            return places
        }
    }

    private func collect(from start: Int, into places: inout Places, _ seen: inout Set<Int>) {
        guard seen.insert(start).inserted else { return }
        switch instructions[start] {
        case .jump(let next): collect(from: next, into: &places, &seen)
        case .split(let first, let second):
            collect(from: first, into: &places, &seen)
            collect(from: second, into: &places, &seen)
        case .save: collect(from: start + 1, into: &places, &seen)
        case .character, .match: places.insert(start)
        }
    }

    /// What its named groups stand for, as it is spelt in `path`, a normal path, when it fits all
    /// of it; nil otherwise. A group that took no part stands for nothing.
    package func captures(in path: String) -> [(name: String, text: Substring)]? {
        var reader = PathCharacters(path)
        var characters: [UInt32] = []
        // Octets before each character.
        var offsets = [0]
        var reached = [reachable[0]]
        while let character = reader.next(), let places = reached.last {
            let next = passed(character, from: places)
            if next == .zero { return nil }
            characters.append(character)
            offsets.append(reader.offset)
            reached.append(next)
        }
        guard reached.last?.contains(instructions.count - 1) == true else { return nil }
        guard !captureNames.isEmpty else { return [] }
        keepLeadingToMatch(&reached, characters)
        return spelling(of: slots(reached, offsets), in: path)
    }

    /// What may be next behind `character`.
    private func passed(_ character: UInt32, from places: Places) -> Places {
        var next = Places.zero
        places.forEach { place in
            if fits(place, character) { next |= reachable[place + 1] }
        }
        return next
    }

    private func fits(_ place: Int, _ character: UInt32) -> Bool {
        guard case .character(let wanted) = instructions[place] else { return false }
        return wanted.contains(character)
    }

    /// Leaves of each set what the rest of the path fits behind.
    private func keepLeadingToMatch(_ reached: inout [Places], _ characters: [UInt32]) {
        var good = Places.zero
        good.insert(instructions.count - 1)
        reached[characters.count] = good
        for index in characters.indices.reversed() {
            var kept = Places.zero
            reached[index].forEach { place in
                if fits(place, characters[index]), reachable[place + 1] & good != .zero {
                    kept.insert(place)
                }
            }
            reached[index] = kept
            good = kept
        }
    }

    /// Goes the preferred way of those that lead to the end.
    private func slots(_ good: [Places], _ offsets: [Int]) -> [Int?] {
        var slots = [Int?](repeating: nil, count: 2 * captureNames.count)
        var place = 0
        for (places, offset) in zip(good, offsets) {
            var seen = Places.zero
            guard let next = step(from: place, to: places, offset, &slots, &seen) else { break }
            place = next + 1
        }
        return slots
    }

    /// The first of `places` that is reached from `start` without a character.
    private func step(
        from start: Int, to places: Places, _ offset: Int, _ slots: inout [Int?],
        _ seen: inout Places
    ) -> Int? {
        if seen.contains(start) { return nil }
        seen.insert(start)
        switch instructions[start] {
        case .jump(let next): return step(from: next, to: places, offset, &slots, &seen)
        case .split(let first, let second):
            return step(from: first, to: places, offset, &slots, &seen)
                ?? step(from: second, to: places, offset, &slots, &seen)
        case .save(let slot):
            let old = slots[slot]
            slots[slot] = offset
            if let next = step(from: start + 1, to: places, offset, &slots, &seen) { return next }
            slots[slot] = old
            return nil
        case .character, .match: return places.contains(start) ? start : nil
        }
    }

    private func spelling(
        of slots: [Int?], in path: String
    ) -> [(name: String, text: Substring)] {
        captureNames.enumerated().map { index, name in
            guard let begin = slots[2 * index], let end = slots[2 * index + 1] else {
                return (name, "")
            }
            let utf8 = path.utf8
            let start = utf8.index(utf8.startIndex, offsetBy: begin)
            return (name, path[start..<utf8.index(start, offsetBy: end - begin)])
        }
    }
}

/// A set of numbers below 256.
extension SIMD4<UInt64> {
    fileprivate func contains(_ place: Int) -> Bool {
        self[place / 64] >> UInt64(place % 64) & 1 == 1
    }

    fileprivate mutating func insert(_ place: Int) { self[place / 64] |= 1 << UInt64(place % 64) }

    fileprivate func forEach(_ body: (_ place: Int) -> Void) {
        for word in 0..<4 {
            var left = self[word]
            while left != 0 {
                body(word * 64 + left.trailingZeroBitCount)
                left &= left - 1
            }
        }
    }
}

/// The characters of a normal path, decoded one after the other.
struct PathCharacters {
    private let text: [UInt8]
    /// Octets of the path that were read.
    private(set) var offset = 0

    /// What an octet stands for that is no character here: an escaped slash or backslash, or one
    /// that is no UTF-8. Beyond all Unicode scalars.
    static let foreign: UInt32 = 0x11_0000

    init(_ path: String) { text = Array(path.utf8) }

    mutating func next() -> UInt32? {
        guard let (octet, end) = octet(at: offset) else { return nil }
        let start = offset
        offset = end
        if end > start + 1, octet == UInt8(ascii: "/") || octet == UInt8(ascii: "\\") {
            return Self.foreign + UInt32(octet)
        }
        return octet < 0x80 ? UInt32(octet) : character(beginningWith: octet)
    }

    /// One of several octets, of which the first was read.
    private mutating func character(beginningWith first: UInt8) -> UInt32 {
        var octets = [first]
        var ends = [offset]
        while octets.count < 4, let last = ends.last, let (octet, end) = octet(at: last),
            octet & 0xC0 == 0x80
        {
            octets.append(octet)
            ends.append(end)
        }
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = octets.makeIterator()
        guard case .valid(let encoded) = parser.parseScalar(from: &iterator) else {
            return Self.foreign + UInt32(first)
        }
        offset = ends[encoded.count - 1]
        return Unicode.UTF8.decode(encoded).value
    }

    private func octet(at index: Int) -> (octet: UInt8, end: Int)? {
        guard index < text.count else { return nil }
        if text[index] == UInt8(ascii: "%"), index + 2 < text.count,
            let high = ASCII.hexValue(text[index + 1]), let low = ASCII.hexValue(text[index + 2])
        {
            return (high << 4 | low, index + 3)
        }
        return (text[index], index + 1)
    }
}
