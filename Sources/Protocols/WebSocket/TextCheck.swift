/// Whether octets that come in pieces are UTF-8. Keeps the character that a piece ends in, if it
/// does: at most three octets.
struct TextCheck: Sendable {
    private var cut = InlineArray<4, UInt8>(repeating: 0)
    private var cutCount = 0

    /// True as long as the pieces so far are UTF-8 but for a character whose end is to come; of
    /// the last piece nothing is to come.
    mutating func accepts(_ piece: Span<UInt8>, isLast: Bool) -> Bool {
        var start = 0
        if cutCount > 0 {
            let length = Self.length(from: cut[0])
            while cutCount < length, start < piece.count {
                cut[cutCount] = piece[start]
                cutCount += 1
                start += 1
            }
            guard cutCount == length else { return !isLast }
            guard cut.span.extracting(0..<length).isUTF8 else { return false }
            cutCount = 0
        }
        let end = Self.lastWhole(piece, from: start)
        guard piece.extracting(start..<end).isUTF8 else { return false }
        for index in end..<piece.count {
            cut[cutCount] = piece[index]
            cutCount += 1
        }
        return !isLast || cutCount == 0
    }

    /// Where the character begins that `piece` ends in; its end when it ends with a whole one.
    private static func lastWhole(_ piece: Span<UInt8>, from start: Int) -> Int {
        var index = piece.count
        while index > start, piece.count - index < 3 {
            index -= 1
            let octet = piece[index]
            if octet & 0xC0 == 0x80 { continue }
            return length(from: octet) > piece.count - index ? index : piece.count
        }
        return piece.count
    }

    /// How many octets a character has that begins with `octet`; 1 also when none does.
    private static func length(from octet: UInt8) -> Int {
        switch octet {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }
}
