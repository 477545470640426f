/// Paths as text: no file system is asked.
enum FilePaths {
    /// `path` seen from `directory`; an absolute path stays as it is.
    static func join(_ directory: String, _ path: String) -> String {
        if path.hasPrefix("/") || directory.isEmpty { return path }
        return directory.hasSuffix("/") ? directory + path : directory + "/" + path
    }

    /// The directory of the file at `path`; empty for a bare name.
    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// `path` without `.`, `..` and doubled slashes, so that one file has one name.
    static func normalised(_ path: String) -> String {
        var kept: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == "..", let last = kept.last, last != ".." {
                kept.removeLast()
            } else {
                kept.append(part)
            }
        }
        return (path.hasPrefix("/") ? "/" : "") + kept.joined(separator: "/")
    }
}

/// Shell patterns for one path component: `*` stands for any characters, `?` for one. As in a
/// shell, neither matches a leading dot.
package enum Glob {
    package static func isPattern(_ text: String) -> Bool {
        text.contains { $0 == "*" || $0 == "?" }
    }

    package static func matches(_ name: String, _ pattern: String) -> Bool {
        if name.hasPrefix("."), !pattern.hasPrefix(".") { return false }
        return matches(Array(name), Array(pattern))
    }

    /// Greedy, with one place to come back to: the last `*` and what it had eaten so far.
    private static func matches(_ name: [Character], _ pattern: [Character]) -> Bool {
        var (at, wanted) = (0, 0)
        var star: (pattern: Int, name: Int)?
        while at < name.count {
            if wanted < pattern.count, pattern[wanted] == "*" {
                star = (wanted, at)
                wanted += 1
            } else if wanted < pattern.count, pattern[wanted] == "?" || pattern[wanted] == name[at]
            {
                at += 1
                wanted += 1
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                at = last.name + 1
                wanted = last.pattern + 1
            } else {
                return false
            }
        }
        return pattern[wanted...].allSatisfy { $0 == "*" }
    }
}
