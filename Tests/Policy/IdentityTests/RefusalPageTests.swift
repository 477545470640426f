import Endings
import Foundation
import JWT
import Testing

@testable import Identity

/// The table of refusals in `Deploy/tokens.md`, against what is said.
@Suite("Deploy/tokens.md: refusals") struct RefusalPageTests {
    private struct Row {
        var words: [String]
        var reasons: [String]
        var closeCode: String
        var statuses: String
    }

    private static func rows() throws -> [Row] {
        let root = #filePath.components(separatedBy: "/Tests/")[0]
        let text = try String(contentsOfFile: root + "/Deploy/tokens.md", encoding: .utf8)
        let parts = text.components(separatedBy: "| word | when | `reason` | WebSocket | HTTP |")
        let table = try #require(parts.count == 2 ? parts[1] : nil)
        return table.components(separatedBy: "\n").dropFirst(2).prefix { $0.hasPrefix("|") }
            .map { line in
                let cells = line.components(separatedBy: "|")
                return Row(
                    words: quoted(cells[1]), reasons: quoted(cells[3]), closeCode: cells[4],
                    statuses: cells[5])
            }
    }

    private static func quoted(_ cell: String) -> [String] {
        cell.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    }

    private static let refusals =
        TokenError.allCases.map(\.refusal)
        + [GateFailure(.revoked), GateFailure(.ticket)].map(\.refusal)

    @Test("Every refusal of a token stands in its row") func refusals() throws {
        let rows = try Self.rows()
        for refusal in Self.refusals {
            let word = try #require(refusal.detail)
            let row = try #require(rows.first { $0.words.contains(word) }, "no row of \(word)")
            #expect(row.reasons.contains(refusal.reason.rawValue), "\(word)")
            #expect(row.statuses.contains("\(refusal.status)"), "\(word)")
            let opens = !row.closeCode.contains("fails")
            #expect(!opens || row.closeCode.contains("\(refusal.reason.closeCode)"), "\(word)")
        }
    }

    @Test("No word of a token stands there that is not said") func words() throws {
        let known = Set(Self.refusals.compactMap(\.detail))
        let listed = try Self.rows().flatMap(\.words).filter { $0.hasPrefix("token_") }
        #expect(Set(listed).isSubset(of: known))
    }
}
