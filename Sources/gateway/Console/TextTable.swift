internal import Bytes

/// Columns for people, as wide as what stands in them.
struct TextTable {
    private var rows: [[String]]

    init(_ titles: [String]) { rows = [titles] }

    var isEmpty: Bool { rows.count == 1 }

    /// As many cells as there are titles. Clients choose much of what is shown: nothing of it may
    /// order the terminal about.
    mutating func add(_ cells: [String?]) { rows.append(cells.map { ($0 ?? "-").printable() }) }

    /// One line a row, the titles first.
    var text: String {
        let count = rows.first?.count ?? 0
        let widths = (0..<count).map { column in
            rows.map { Self.width($0[column]) }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: width - Self.width(cell) + 2)
            }
            return line.trimmingSpaces
        }.joined(separator: "\n")
    }

    /// Cells of a terminal: those of East Asian scripts and emoji take two (UAX #11, roughly).
    private static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { width, scalar in
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark, .format: return width
            case _: break
            }
            switch scalar.value {
            // Vowels and final consonants stand in the cells of the consonant before them.
            case 0x1160...0x11FF, 0xD7B0...0xD7FF: return width
            case 0x1100...0x115F, 0x2E80...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
                0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
                0x1F300...0x1FAFF, 0x20000...0x3FFFD:
                return width + 2
            case _: return width + 1
            }
        }
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
