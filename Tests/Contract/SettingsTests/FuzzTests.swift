import Randomness
import Settings
import Testing

@Suite("Whatever is written, an answer comes back")
struct FuzzTests {
    private static let pieces: [[UInt8]] =
        [
            "{", "}", ";", "\"", "#", "\n", "\\", "\\u{", "{x}", "{{", " ", "\t", "\r", "secret ",
            "env:", "file:", "include ", "include *", "route ", "tls {", "99999999999999999999",
            "-1", "접", "\u{301}", "\u{200B}", "==", ":", "/", "*", "'", "[", "[::]:1", "$",
        ].map { Array($0.utf8) } + [[0], [0xFF], [0xC3], [0x7F], [0xED, 0xA0, 0x80]]

    private static func mutate(_ octets: inout [UInt8], _ dice: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...6, using: &dice) {
            let at = Int.random(in: 0...octets.count, using: &dice)
            let end = min(octets.count, at + Int.random(in: 0...12, using: &dice))
            switch Int.random(in: 0..<5, using: &dice) {
            case 0: octets.removeSubrange(at..<end)
            case 1: octets.insert(contentsOf: pieces.randomElement(using: &dice) ?? [], at: at)
            case 2: octets.replaceSubrange(at..<end, with: pieces.randomElement(using: &dice) ?? [])
            case 3: octets.insert(contentsOf: octets[at..<end], at: at)
            default:
                if at < octets.count { octets[at] ^= 1 << UInt8.random(in: 0..<8, using: &dice) }
            }
        }
    }

    /// The diagnostic points at something that is in the file, and can be shown.
    private static func check(_ diagnostic: Diagnostic, _ lines: [String: [Int]], _ seed: UInt64) {
        let place = diagnostic.position
        let lengths = lines[place.file] ?? []
        guard lengths.indices.contains(place.line - 1) else {
            Issue.record("seed \(seed): no such line: \(diagnostic)")
            return
        }
        let columns = lengths[place.line - 1]
        #expect((1...(columns + 1)).contains(place.column), "seed \(seed): \(diagnostic)")
        let text = diagnostic.rendered()
        #expect(!text.contains(Desk.secret.prefix(12)), "seed \(seed): \(diagnostic)")
        #expect(text.split(separator: "\n").count == 3, "seed \(seed): \(text)")
        #expect(!diagnostic.message.contains { $0.isNewline }, "seed \(seed): \(diagnostic)")
    }

    @Test("Broken files never trap and every place is in the file", arguments: 0..<8)
    func mutations(part: Int) {
        let rounds = fuzzIterations / 5
        let originals = [ExampleTests.full, ExampleTests.smallest, ExampleTests.guarded].map {
            Array($0.utf8)
        }
        for round in 0..<rounds {
            let seed = (fuzzSeed - 1) &* 1_000_003 + UInt64(part * rounds + round)
            var dice = SeededGenerator(seed: seed)
            var octets = originals[round % originals.count]
            Self.mutate(&octets, &dice)
            var desk = Desk.usual
            desk.files["g"] = octets
            let result = SettingsReader(files: desk).read("g")
            let failed = result.diagnostics.contains { $0.severity == .error }
            #expect((result.settings == nil) == failed, "seed \(seed)")
            var lines: [String: [Int]] = [:]
            for name in result.files {
                let text = String(decoding: desk.files[name] ?? [], as: UTF8.self)
                lines[name] = text.replacing("\r\n", with: "\n")
                    .split(separator: "\n", omittingEmptySubsequences: false).map(\.count)
            }
            for diagnostic in result.diagnostics { Self.check(diagnostic, lines, seed) }
        }
    }

    @Test("A file cut anywhere still gets an answer") func cuts() {
        let whole = Array(ExampleTests.full.utf8)
        for length in stride(from: 0, to: whole.count, by: 7) {
            var desk = Desk.usual
            desk.files["gateway.conf"] = Array(whole[..<length])
            let result = SettingsReader(files: desk).read("gateway.conf")
            #expect(
                result.settings == nil || result.diagnostics.allSatisfy { $0.severity != .error })
            #expect(result.settings != nil || !result.diagnostics.isEmpty)
        }
    }
}
