import JSON

extension JSONObject {
    /// The claim that `path` names: the member of exactly this name, or else a member of a member,
    /// names joined by dots (`realm_access.roles`). Names may hold dots themselves: of the members
    /// that the path begins with, the one with the longest name is followed, and no other.
    func claim(at path: String) -> JSONValue? {
        var object = self
        var rest = path[...]
        while true {
            guard let (value, end) = object.longestMember(of: rest) else { return nil }
            if end == rest.endIndex { return value }
            guard case .object(let inner) = value else { return nil }
            object = inner
            rest = rest[rest.utf8.index(after: end)...]
        }
    }

    /// The member with the longest name that `path` begins with, up to a dot or its end, and where
    /// that name ends.
    private func longestMember(of path: Substring) -> (value: JSONValue, end: String.Index)? {
        var end = path.endIndex
        while true {
            if let value = self[String(path[..<end])] { return (value, end) }
            guard let dot = path[..<end].utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
            end = dot
        }
    }
}
