/// A room imports only rooms on floors below it, and from outside only what its floor may.
struct ImportRule {
    let rooms: [String: Floor]
    var neighbours = House.neighbours
    var modules = House.modules
    var foundationEssentials = House.foundationEssentials

    func findings(in file: SourceFile) -> [Finding] {
        guard let place = House.place(of: file.path) else {
            return [Finding(path: file.path, line: 0, message: "is in no room of a floor")]
        }
        return Self.imports(of: file.text).compactMap { module, line in
            guard let message = objection(to: module, of: file.path, in: place) else { return nil }
            return Finding(path: file.path, line: line, message: message)
        }
    }

    private func objection(
        to module: String, of path: String, in place: (room: String, floor: Floor)
    ) -> String? {
        let (room, floor) = place
        if let other = rooms[module] {
            if other == .shims, floor != .adapters {
                return "\(room) may not import \(module): shims are for Adapters alone"
            }
            if other < floor || neighbours.contains([room, module]) { return nil }
            return "\(room) (\(floor.folder)) may not import \(module) (\(other.folder))"
        }
        if module == "FoundationEssentials" {
            let isListed = foundationEssentials.contains { path == $0 || path.hasPrefix($0 + "/") }
            return isListed ? nil : "only listed files import \(module)"
        }
        guard let floors = modules[module] else { return "no room may import \(module)" }
        return floors.contains(floor) ? nil : "\(floor.folder) may not import \(module)"
    }

    /// What the lists allow and none of `files` does.
    func unusedExceptions(in files: [SourceFile]) -> [String] {
        func imports(_ module: String, _ holds: (SourceFile) -> Bool) -> Bool {
            files.contains { file in
                holds(file) && Self.imports(of: file.text).contains { $0.module == module }
            }
        }
        let unused = neighbours.filter { pair in
            !imports(pair[1]) { House.place(of: $0.path)?.room == pair[0] }
        }
        let unlisted = foundationEssentials.filter { path in
            !imports("FoundationEssentials") { $0.path == path || $0.isUnder(path) }
        }
        return unused.map { $0.joined(separator: " ") } + unlisted.sorted()
    }

    /// What a file imports, and on which lines.
    static func imports(of text: SwiftText) -> [(module: String, line: Int)] {
        text.lines(with: "import").compactMap { line in
            importedModule(text.code[line - 1]).map { ($0, line) }
        }
    }

    /// `package import struct Module.Type`: `Module`.
    static func importedModule(_ line: String) -> String? {
        let modifiers = ["public", "package", "internal", "fileprivate", "private"]
        let kinds = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
        var words = line.split(separator: " ").drop { word in
            word.hasPrefix("@") || modifiers.contains(String(word))
        }
        guard words.popFirst() == "import" else { return nil }
        return words.drop { kinds.contains(String($0)) }.first
            .flatMap { $0.split { $0 == "." || $0 == ";" }.first }
            .map(String.init)
    }
}
