/// What the whole looks like: measures of rooms and types that are over their limit may only come
/// down (`House.shape`).
struct ShapeRules {
    private let rooms: [String: Floor]
    /// With what they declare, by room.
    private var files: [(file: SourceFile, room: String, declarations: Declarations)] = []
    private let tests: [SourceFile]
    private let manifest: String

    init(_ tree: SourceTree) {
        rooms = tree.rooms
        tests = tree.files.filter { $0.isUnder("Tests") && $0.isSwift }
        manifest = tree.manifest
        for file in tree.sources {
            guard let room = House.place(of: file.path)?.room else { continue }
            files.append((file, room, Declarations(file.text)))
        }
    }

    typealias Measure = (key: String, path: String, line: Int, size: Int)

    /// Files with one name before `+` are a family. Those of a room that need each other, each
    /// directly or by way of others: how many, where they are most.
    func circles() -> [Measure] {
        rooms.keys.sorted().map { room in
            (room, room, 0, circles(in: room).map(\.count).max() ?? 0)
        }
    }

    /// The families of a room that need each other, the largest circle first.
    func circles(in room: String) -> [[String]] {
        let own = files.filter { $0.room == room }
        var declaredBy: [String: String] = [:]
        for file in own {
            for type in file.declarations.types where !type.isExtension && !type.isNested {
                declaredBy[type.name] = Self.family(of: file.file)
            }
        }
        var needs: [String: Set<String>] = [:]
        for file in own {
            let family = Self.family(of: file.file)
            let others = file.declarations.words.keys.compactMap { declaredBy[$0] }
            needs[family, default: []].formUnion(others)
        }
        return Circles(needs).all.sorted { $0.count > $1.count }
    }

    private static func family(of file: SourceFile) -> String {
        String(file.name.prefix { $0 != "+" && $0 != "." })
    }

    /// Of one type.
    func storedProperties() -> [Measure] {
        files.flatMap { file in
            file.declarations.types.filter { !$0.isExtension }.map { type in
                ("\(file.room).\(type.name)", file.file.path, type.line, type.storedProperties)
            }
        }
    }

    /// Of one type, its extensions in its own room included.
    func typeLengths() -> [Measure] {
        var lengths: [String: Measure] = [:]
        for file in files {
            for type in file.declarations.types where !type.isNested {
                let key = "\(file.room).\(type.name)"
                let before = lengths[key]?.size ?? 0
                let first = lengths[key] ?? (key, file.file.path, type.line, 0)
                lengths[key] = (key, first.path, first.line, before + type.length)
            }
        }
        return lengths.values.sorted { $0.key < $1.key }
    }

    /// Functions that are handed all that a thread has, by room; not those of the worker itself.
    func functionsThatTakeTheWorker() -> [Measure] {
        rooms.keys.sorted().map { room in
            let count = files.filter { $0.room == room && Self.family(of: $0.file) != "Worker" }
                .flatMap(\.declarations.names)
                .filter {
                    $0.isFunction && House.wholeThreads.contains(where: $0.signature.contains)
                }.count
            return (room, room, 0, count)
        }
    }

    /// Names that occur once only: where they are declared.
    func deadDeclarations() -> [Finding] {
        let all = files.map(\.declarations.words).reduce(into: [:]) { sum, words in
            sum.merge(words, uniquingKeysWith: +)
        }
        return files.flatMap { file in
            file.declarations.names.filter { name in
                let words = name.isPrivate ? file.declarations.words : all
                return name.name != "init" && name.name != "_" && words[name.name] == 1
                    && !House.calledFromOutside.contains(name.name)
            }.map { name in
                Finding(
                    path: file.file.path, line: name.line, message: "nobody uses `\(name.name)`")
            }
        }
    }

    /// Rooms that the manifest lets a room import, and none of its files does.
    func unusedDependencies() -> [String] {
        var imported: [String: Set<String>] = [:]
        for file in files {
            let modules = ImportRule.imports(of: file.file.text).map(\.module)
            imported[file.room, default: []].formUnion(modules)
        }
        return Self.dependencies(in: manifest).flatMap { room, needs in
            needs.filter { imported[room]?.contains($0) != true }.map { "\(room) \($0)" }
        }.sorted()
    }

    /// `room("Name", "Floor", ["Other", …])`, by name.
    static func dependencies(in manifest: String) -> [String: [String]] {
        let rooms = manifest.matches(of: #/room\(\s*"(\w+)",\s*"\w+"(?:,\s*\[([^\]]*)\])?/#)
        return rooms.reduce(into: [:]) { found, room in
            let needs = (room.output.2 ?? "").matches(of: #/"(\w+)"/#)
            found[String(room.output.1)] = needs.map { String($0.output.1) }
        }
    }

    /// Names of types that several rooms have, each another one.
    func namesUsedTwice() -> [String] {
        var rooms: [String: Set<String>] = [:]
        for file in files {
            for type in file.declarations.types where !type.isExtension && !type.isNested {
                rooms[type.name, default: []].insert(file.room)
            }
        }
        return rooms.filter { $0.value.count > 1 }.keys.sorted()
    }

    /// Lines of tests for a hundred lines of a room.
    func testedness() -> [(room: String, percent: Int)] {
        rooms.filter { $0.value != .shims }.keys.sorted().map { room in
            let source = files.filter { $0.room == room }.map(\.file.text.lines.count)
            let test = tests.filter { $0.path.contains("/\(room)Tests/") }
                .map(\.text.lines.count)
            return (room, 100 * test.reduce(0, +) / max(1, source.reduce(0, +)))
        }
    }
}

/// The strongly connected components of a graph (Tarjan, 1972).
private struct Circles {
    private(set) var all: [[String]] = []
    private let needs: [String: Set<String>]
    private var numbers: [String: Int] = [:]
    private var lowest: [String: Int] = [:]
    private var stack: [String] = []

    init(_ needs: [String: Set<String>]) {
        self.needs = needs
        for node in needs.keys.sorted() where numbers[node] == nil { visit(node) }
    }

    private mutating func visit(_ node: String) {
        let number = numbers.count
        numbers[node] = number
        lowest[node] = number
        stack.append(node)
        for next in (needs[node] ?? []).sorted() {
            if numbers[next] == nil {
                visit(next)
                lowest[node] = min(lowest[node] ?? number, lowest[next] ?? number)
            } else if stack.contains(next) {
                lowest[node] = min(lowest[node] ?? number, numbers[next] ?? number)
            }
        }
        guard lowest[node] == number, let start = stack.firstIndex(of: node) else { return }
        all.append(Array(stack[start...]))
        stack.removeSubrange(start...)
    }
}
