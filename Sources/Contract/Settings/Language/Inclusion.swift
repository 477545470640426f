internal import Bytes

extension Reading {
    /// Files may include files this deep.
    static let maximumIncludeDepth = 8
    /// How many files there may be in all.
    static let maximumFiles = 200

    /// The directives of the main file, with the included ones in the place of `include`.
    mutating func load(_ path: String) -> [Directive] {
        guard let directives = open(path, at: nil) else { return [] }
        return included(directives, through: [FilePaths.normalised(path)])
    }

    /// `chain` holds the files that are being included, outermost first.
    private mutating func included(
        _ directives: [Directive], through chain: [String]
    ) -> [Directive] {
        var result: [Directive] = []
        for directive in directives {
            if directive.name.text == "include", directive.name.written == nil {
                result += follow(directive, through: chain)
            } else {
                var directive = directive
                directive.block = directive.block.map { included($0, through: chain) }
                result.append(directive)
            }
        }
        return result
    }

    private mutating func follow(_ directive: Directive, through chain: [String]) -> [Directive] {
        if directive.isBroken { return [] }
        guard let pattern = directive.arguments.first, directive.block == nil,
            directive.arguments.count == 1, !pattern.text.isEmpty
        else {
            error("'include' takes one path or pattern: include GLOB", at: directive.name)
            return []
        }
        guard chain.count <= Self.maximumIncludeDepth else {
            error(
                "files are included more than \(Self.maximumIncludeDepth) levels deep", at: pattern)
            return []
        }
        var result: [Directive] = []
        for path in paths(pattern) {
            let name = FilePaths.normalised(path)
            if chain.contains(name) {
                let cycle = (chain.drop { $0 != name } + [name]).joined(separator: " -> ")
                error("this file includes itself: \(cycle.printable())", at: pattern)
            } else if sources.count >= Self.maximumFiles {
                error("more than \(Self.maximumFiles) files are included", at: pattern)
                break
            } else if let directives = open(path, at: pattern.location) {
                result += included(directives, through: chain + [name])
            }
        }
        return result
    }

    /// A plain path must be there; a pattern may match nothing.
    private func paths(_ pattern: Word) -> [String] {
        if Glob.isPattern(pattern.text) {
            return world.expand(
                glob: pattern.text, relativeTo: directory(of: pattern.location))
        }
        return [resolve(pattern.text, from: pattern)]
    }
}
