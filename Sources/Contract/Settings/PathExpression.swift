import Bytes

/// `path matches REGEX` of a rewrite: a regular expression that stands for whole paths.
///
/// All ways in which it can fit are followed side by side (K. Thompson, "Regular Expression Search
/// Algorithm", 1968; with captures, R. Pike's machine): a match takes at most `instructionLimit`
/// steps a character, whatever the expression and the path, so that no path can be made to take
/// long. There is nothing that would need more: no back-references, no looking around.
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

    /// As it is written.
    package let text: String
    /// The names of its groups.
    package let captureNames: [String]
    private let instructions: [Instruction]

    init(text: String, captureNames: [String], instructions: [Instruction]) {
        self.text = text
        self.captureNames = captureNames
        self.instructions = instructions
    }

    /// What its named groups stand for, as it is spelt in `path`, a normal path, when it fits all
    /// of it; nil otherwise. A group that took no part stands for nothing.
    package func captures(in path: String) -> [(name: String, text: Substring)]? {
        var reader = PathCharacters(path)
        var threads = Threads(instructions)
        threads.add(0, slots: [Int?](repeating: nil, count: 2 * captureNames.count), at: 0)
        while let character = reader.next() {
            let current = threads.take()
            if current.isEmpty { return nil }
            for thread in current {
                guard case .character(let wanted) = instructions[thread.place],
                    wanted.contains(character)
                else { continue }
                threads.add(thread.place + 1, slots: thread.slots, at: reader.offset)
            }
        }
        guard let slots = threads.matched else { return nil }
        return captureNames.enumerated().map { index, name in
            guard let begin = slots[2 * index], let end = slots[2 * index + 1] else {
                return (name, "")
            }
            let utf8 = path.utf8
            let start = utf8.index(utf8.startIndex, offsetBy: begin)
            return (name, path[start..<utf8.index(start, offsetBy: end - begin)])
        }
    }

    /// The ways in which an expression may go on, the preferred one first.
    private struct Threads {
        struct Thread {
            /// A `character` or `match`.
            var place: Int
            var slots: [Int?]
        }

        private let instructions: [Instruction]
        private var list: [Thread] = []
        /// For each instruction, the turn in which it was reached last: none is followed twice.
        private var reached: [Int]
        private var turn = 1

        init(_ instructions: [Instruction]) {
            self.instructions = instructions
            reached = Array(repeating: 0, count: instructions.count)
        }

        /// The slots of the preferred way that is at its end.
        var matched: [Int?]? { list.first { instructions[$0.place] == .match }?.slots }

        mutating func take() -> [Thread] {
            turn += 1
            defer { list.removeAll(keepingCapacity: true) }
            return list
        }

        /// Follows what needs no character from `place` on.
        ///
        /// - Parameter offset: octets of the path so far.
        mutating func add(_ place: Int, slots: [Int?], at offset: Int) {
            guard reached[place] != turn else { return }
            reached[place] = turn
            switch instructions[place] {
            case .jump(let next): add(next, slots: slots, at: offset)
            case .split(let first, let second):
                add(first, slots: slots, at: offset)
                add(second, slots: slots, at: offset)
            case .save(let slot):
                var slots = slots
                slots[slot] = offset
                add(place + 1, slots: slots, at: offset)
            case .character, .match: list.append(Thread(place: place, slots: slots))
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
