import Foundation

/// One file of the project, by its path from the root (`Sources/Ground/Clock/Instant.swift`).
struct SourceFile: Sendable {
    var path: String
    var text: SwiftText

    init(path: String, _ text: String) {
        self.path = path
        self.text = SwiftText(text)
    }

    var isSwift: Bool { path.hasSuffix(".swift") }
    var name: String { path.split(separator: "/").last.map(String.init) ?? "" }
    func isUnder(_ folder: String) -> Bool { path.hasPrefix(folder + "/") }
}

/// A rule that was broken, and where.
struct Finding: CustomStringConvertible, Equatable {
    var path: String
    /// 0 for the file as a whole.
    var line: Int
    var message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// The files of the project that the rules hold for.
struct SourceTree: Sendable {
    var files: [SourceFile]
    /// `Sources/README.md`.
    var map: String
    /// `Package.swift`.
    var manifest = ""

    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Read once for all rules.
    static let standing = Result { try read() }

    private static func read() throws -> SourceTree {
        let paths = try ["Sources", "Tests"].flatMap { folder in
            try FileManager.default.subpathsOfDirectory(atPath: root.path + "/" + folder)
                .filter { path in [".swift", ".c", ".h"].contains { path.hasSuffix($0) } }
                .map { folder + "/" + $0 }
        }
        let files = try paths.sorted().map { path in
            SourceFile(
                path: path, try String(contentsOf: root.appending(path: path), encoding: .utf8))
        }
        let map = try String(
            contentsOf: root.appending(path: "Sources/README.md"), encoding: .utf8)
        let manifest = try String(
            contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
        return SourceTree(files: files, map: map, manifest: manifest)
    }

    var sources: [SourceFile] { files.filter { $0.isUnder("Sources") && $0.isSwift } }
    var rooms: [String: Floor] { House.rooms(in: files.map(\.path)) }
}
