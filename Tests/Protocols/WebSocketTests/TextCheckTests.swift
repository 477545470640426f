import Randomness
import Testing

@testable import WebSocket

@Suite("Text in pieces")
struct TextCheckTests {
    static let texts: [[UInt8]] =
        [
            "", "a", "Hello", "κόσμε", "한글", "👋🇰🇷", "a한👋é", "\u{0}\u{7F}\u{80}\u{7FF}\u{800}",
            "\u{D7FF}\u{E000}\u{FFFD}\u{FFFF}\u{10000}\u{10FFFF}",
        ].map { Array($0.utf8) } + [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80],
            [0xE0, 0x9F, 0xBF], [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF0, 0x9F, 0x91], [0xF0, 0x9F], [0xF0], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF, 0x61],
            [0x61, 0x80, 0x62], [0x80, 0x80, 0x80, 0x80], [0xE2, 0x82, 0xAC, 0x80],
            [0xE2, 0xE2, 0x82, 0xAC],
        ]

    private func isText(_ octets: [UInt8], pieces: [Range<Int>]) -> Bool {
        var check = TextCheck()
        for (number, piece) in pieces.enumerated() {
            let isLast = number == pieces.count - 1
            guard check.accepts(octets.span.extracting(piece), isLast: isLast) else {
                return false
            }
        }
        return true
    }

    @Test("it is text in pieces when it is text as a whole", arguments: texts)
    func everyCut(text: [UInt8]) {
        for padding in [0, 1, 5] {
            let octets = [UInt8](repeating: 0x61, count: padding) + text
            let count = octets.count
            let expected = String(validating: octets, as: UTF8.self) != nil
            #expect(isText(octets, pieces: [0..<count]) == expected)
            #expect(
                isText(octets, pieces: (0..<count).map { $0..<($0 + 1) } + [count..<count])
                    == expected)
            for first in 0...count {
                for second in first...count {
                    let pieces = [0..<first, first..<second, second..<count]
                    #expect(isText(octets, pieces: pieces) == expected, "\(pieces)")
                }
            }
        }
    }

    @Test("random octets near the edges of UTF-8, in random pieces")
    func random() {
        let edges: [UInt8] = [
            0x00, 0x61, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1,
            0xED,
            0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
        ]
        var texts = 0
        for iteration in 0..<UInt64(fuzzIterations) {
            var generator = SeededGenerator(seed: fuzzSeed &* 5_000_011 &+ iteration)
            let count = Int.random(in: 0...7, using: &generator)
            var octets = (0..<count).map { _ in edges.randomElement(using: &generator) ?? 0 }
            if generator.chance(50) { octets = Array(String(decoding: octets, as: UTF8.self).utf8) }
            var bounds = [0, octets.count]
            for _ in 0..<4 { bounds.append(Int.random(in: 0...octets.count, using: &generator)) }
            bounds.sort()
            let pieces = zip(bounds, bounds.dropFirst()).map { $0..<$1 }
            let expected = String(validating: octets, as: UTF8.self) != nil
            if expected { texts += 1 }
            #expect(isText(octets, pieces: pieces) == expected, "\(octets) \(pieces)")
        }
        #expect(texts > fuzzIterations / 3 && texts < fuzzIterations)
    }
}
