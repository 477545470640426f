import EventStream
import Randomness
import Testing

@Suite("Event boundaries")
struct EventBoundaryTests {
    /// The offsets up to which events are complete when `octets` come in pieces of these lengths.
    private static func boundary(_ pieces: [ArraySlice<UInt8>]) -> (last: Int, isAt: Bool) {
        var scanner = EventBoundary()
        var last = 0
        for piece in pieces {
            let input = Array(piece)
            if let end = scanner.scan(input.span) { last = piece.startIndex + end }
        }
        return (last, scanner.isAtBoundary)
    }

    static let streams: [(String, Int)] = [
        ("", 0), ("data: x\n", 0), ("data: x\n\n", 9), ("data: x\r\n\r\n", 11),
        ("data: x\r\r", 9), ("data: x\r\n\n", 10), ("data: x\n\r\n", 10), ("data: x\n\r", 9),
        ("data: x\r\n", 0), ("data: x\n\ndata: y\n", 9), ("data: x\n\ndata: y\n\nda", 18),
        ("\n", 1), ("\r\n", 2), ("\n\n\n", 3), (": hi\n", 5), (": hi\r\n", 6), (":\n:\n", 4),
        (":\ndata: x\n", 2), ("data: x\n:\n", 0), ("data: x\n:\n\n", 11), (": hi", 0),
        ("\u{FEFF}\n", 4), ("\u{FEFF}: x\n", 7), ("\u{FEFF}data: x\n\n", 12),
        ("\u{FEFF}\u{FEFF}:x\n", 0), ("data\n\n", 6), ("x\n\n", 3), (" \n\n", 3),
        ("data: 가\n\n: 나\n", 17),
        // The client takes `retry` over when its line ends.
        ("retry: 5000\n", 12), ("retry: 5000", 0), ("retry\n", 6), ("retry:\r\n", 8),
        ("\u{FEFF}retry: 1\n", 12), ("retry: 1\nretry: 2\n:\n", 20), ("retry: 1\ndata: x\n", 9),
        ("data: x\nretry: 1\n", 0), ("data: x\nretry: 1\n\n", 18), ("id: 1\nretry: 1\n", 0),
        ("retr: 1\n", 0), ("retries: 1\n", 0), ("retry2: 1\n", 0), (" retry: 1\n", 0),
        ("Retry: 1\n", 0), ("r\n", 0), ("r\n\n", 3), ("data: x\n\nretry: 1\n", 18),
    ]

    @Test("are found in any cuts", arguments: streams)
    func found(text: String, last: Int) {
        let octets = [UInt8](text.utf8)
        #expect(Self.boundary([octets[...]]).last == last)
        #expect(Self.boundary(octets.indices.map { octets[$0...$0] }).last == last)
        for cut in octets.indices {
            let split = Self.boundary([octets[..<cut], octets[cut...]])
            #expect(split.last == last, "cut at \(cut)")
            #expect(split.isAt == (last == octets.count), "cut at \(cut)")
        }
    }

    @Test("a carriage return at the end of an input is a boundary at once")
    func pendingLineFeed() {
        var scanner = EventBoundary()
        #expect(scan("data: x\r\n\r", &scanner) == 10)
        #expect(scanner.isAtBoundary)
        #expect(scan("\ndata: y", &scanner) == 1)
        #expect(!scanner.isAtBoundary)
        #expect(scan("\r", &scanner) == nil)
        #expect(scan("\n", &scanner) == nil)
        #expect(scan("\r\n", &scanner) == 2)
    }

    @Test("part of a byte order mark is the start of a line like any other")
    func partOfMark() {
        for part in [[0xEF], [0xEF, 0xBB], [0xEF, 0x41]] as [[UInt8]] {
            var scanner = EventBoundary()
            #expect(scanner.isAtBoundary)
            let found = scanner.scan(part.span)
            #expect(found == nil)
            #expect(!scanner.isAtBoundary)
            #expect(scan("\n", &scanner) == nil)
            #expect(scan("\n", &scanner) == 1)
        }
        var scanner = EventBoundary()
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let found = scanner.scan(mark.span)
        #expect(found == nil)
        #expect(scanner.isAtBoundary)
    }

    @Test("a byte order mark is told when it is whole, and first")
    func mark() {
        for (text, count) in [
            ("\u{FEFF}data: x\n\n", 3), ("data: \u{FEFF}\n\n", 0), ("\n\u{FEFF}\n", 0), ("", 0),
        ] {
            var scanner = EventBoundary()
            for octet in text.utf8 { _ = scanner.scan([octet].span) }
            #expect(scanner.markCount == count)
        }
    }

    private func scan(_ text: String, _ scanner: inout EventBoundary) -> Int? {
        scanner.scan(text.utf8.span)
    }

    @Test("random streams have the same boundaries as a parser that sees all lines at once")
    func random() {
        var generator = SeededGenerator(seed: 21)
        let alphabet = ["\r", "\n", "\r\n", ":", "d", "\u{FEFF}", "가", "retry", "ret", "r", "y"]
        for _ in 0..<3000 {
            let octets = [UInt8](generator.elements(0...12, of: alphabet).joined().utf8)
            let cut = Int.random(in: 0...octets.count, using: &generator)
            let expected = Self.reference(octets)
            #expect(Self.boundary([octets[...]]).last == expected, "\(octets)")
            #expect(Self.boundary([octets[..<cut], octets[cut...]]).last == expected, "\(octets)")
        }
    }

    /// The plain way: split into lines, then look at each.
    private static func reference(_ octets: [UInt8]) -> Int {
        var index = octets.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var last = 0
        var isInside = false
        while let end = octets[index...].firstIndex(where: { $0 == 10 || $0 == 13 }) {
            let line = octets[index..<end]
            index = end + (octets[end...].starts(with: [13, 10]) ? 2 : 1)
            let name = String(decoding: line.prefix { $0 != 0x3A }, as: UTF8.self)
            if line.isEmpty {
                isInside = false
            } else if !["", "retry"].contains(name) {
                isInside = true
            }
            if !isInside { last = index }
        }
        return last
    }
}
