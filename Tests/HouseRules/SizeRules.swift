/// Numbers that may be too big in some listed places, but only get smaller there.
struct Ratchet {
    var what: String
    var limit: Int
    /// By path, or by path and declaration.
    var allowed: [String: Int]

    /// `actual` holds every measured place, also those within the limit.
    func findings(for actual: [(key: String, path: String, line: Int, size: Int)]) -> [Finding] {
        let over = actual.compactMap { place -> Finding? in
            guard let message = objection(to: place.size, allowed[place.key]) else { return nil }
            return Finding(path: place.path, line: place.line, message: message)
        }
        let known = Set(actual.map(\.key))
        let gone = allowed.keys.filter { !known.contains($0) }.sorted().map { key in
            Finding(path: key, line: 0, message: "\(what) is gone: take it off the list")
        }
        return over + gone
    }

    private func objection(to size: Int, _ allowed: Int?) -> String? {
        guard let allowed else {
            return size > limit ? "\(what): \(size), at most \(limit)" : nil
        }
        if size > allowed { return "\(what): \(size), it was \(allowed)" }
        if size <= limit { return "\(what): \(size) is allowed to all: take it off the list" }
        return size < allowed ? "\(what): \(size), lower the list's \(allowed)" : nil
    }
}

enum SizeRules {
    static func longLines(in file: SourceFile) -> [Finding] {
        file.text.lines.enumerated().compactMap { index, line in
            // Few lines have so many octets that their characters need to be counted.
            guard line.utf8.count > House.longestLine, line.count > House.longestLine else {
                return nil
            }
            return Finding(
                path: file.path, line: index + 1,
                message: "columns: \(line.count), at most \(House.longestLine)")
        }
    }

    static func longFiles(
        in files: [SourceFile], allowed: [String: Int] = House.longFiles
    ) -> [Finding] {
        let ratchet = Ratchet(what: "lines", limit: House.longestFile, allowed: allowed)
        return ratchet.findings(
            for: files.map { file in
                // The last line ends with a newline, behind which nothing comes.
                let count = file.text.lines.count - (file.text.lines.last == "" ? 1 : 0)
                return (file.path, file.path, count, count)
            })
    }

    static func longFunctions(
        in files: [SourceFile], allowed: [String: Int] = House.longFunctions
    ) -> [Finding] {
        let ratchet = Ratchet(
            what: "lines of a function", limit: House.longestFunction, allowed: allowed)
        return ratchet.findings(
            for: files.filter(\.isSwift).flatMap { file in
                Function.all(in: file.text).map { function in
                    (
                        "\(file.path): \(function.name)", file.path, function.line,
                        function.length
                    )
                }
            })
    }
}

/// Every `unsafe` has its reason in a comment on its line or within the three lines above.
enum UnsafeRule {
    static let distance = 3

    static func findings(
        in files: [SourceFile], allowed: [String: Int] = House.unexplainedUnsafe
    ) -> [Finding] {
        let ratchet = Ratchet(
            what: "`unsafe` without a reason within three lines", limit: 0, allowed: allowed)
        return ratchet.findings(
            for: files.filter { $0.isUnder("Sources/Adapters") }.map { file in
                let lines = unexplained(in: file.text)
                return (file.path, file.path, lines.first ?? 0, lines.count)
            })
    }

    private static func unexplained(in text: SwiftText) -> [Int] {
        text.lines(with: "unsafe").filter { line in
            !text.hasComment[max(0, line - 1 - distance)..<line].contains(true)
        }
    }
}

/// The map names every room.
enum MapRule {
    static func findings(rooms: [String: Floor], map: String) -> [Finding] {
        let words = Set(map.split { !$0.isLetter && !$0.isNumber }.map(String.init))
        return rooms.keys.filter { !words.contains($0) }.sorted().map { room in
            Finding(path: "Sources/README.md", line: 0, message: "does not mention \(room)")
        }
    }
}
