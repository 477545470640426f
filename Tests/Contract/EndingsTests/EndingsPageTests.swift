import Endings
import Foundation
import Testing

/// The table of endings in `Deploy/README.md`, against the one that holds.
@Suite("Deploy/README.md: endings") struct EndingsPageTests {
    private struct Row {
        var words: [String]
        var closeCodes: String
        var statuses: String
        /// The handshake fails, so that no close code is seen.
        var failsHandshake: Bool { closeCodes.contains("the handshake fails") }
    }

    private static func rows() throws -> [Row] {
        let root = #filePath.components(separatedBy: "/Tests/")[0]
        let text = try String(contentsOfFile: root + "/Deploy/README.md", encoding: .utf8)
        let parts = text.components(separatedBy: "| word | WebSocket close | HTTP |")
        let table = try #require(parts.count == 2 ? parts[1] : nil)
        return table.components(separatedBy: "\n").dropFirst(2).prefix { $0.hasPrefix("|") }
            .map { line in
                let cells = line.components(separatedBy: "|")
                let words = cells[1].components(separatedBy: "`")
                return Row(
                    words: words.enumerated().filter { $0.offset % 2 == 1 }.map(\.element),
                    closeCodes: cells[2], statuses: cells[3])
            }
    }

    @Test("Every reason stands in one row, and nothing else does") func words() throws {
        let words = try Self.rows().flatMap(\.words)
        #expect(words.sorted() == EndReason.allCases.map(\.rawValue).sorted())
    }

    @Test("Close codes and statuses are those that are sent") func faces() throws {
        for row in try Self.rows() {
            let reasons = row.words.compactMap(EndReason.init(rawValue:))
            for reason in reasons where !row.failsHandshake || row.closeCodes.contains("10") {
                #expect(row.closeCodes.contains("\(reason.closeCode)"), "\(reason)")
            }
            for status in reasons.compactMap(\.status) {
                #expect(row.statuses.contains("\(status)"), "\(row.words)")
            }
            let codes = Set(row.closeCodes.split { !$0.isNumber }.compactMap { UInt16($0) })
            #expect(codes.isSubset(of: reasons.map(\.closeCode)), "\(row.words)")
        }
    }
}
