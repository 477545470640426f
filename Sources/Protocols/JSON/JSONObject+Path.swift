/// Members of members, named by a path: names joined by dots (`realm_access.roles`). Names may hold
/// dots themselves: of the members that a path begins with, the one with the longest name is
/// followed, and no other. So the member of exactly this name counts before all others.
extension JSONObject {
    /// What the path leads to; nil when it leads nowhere.
    package func value(at path: String) -> JSONValue? {
        var object = self
        var rest = path[...]
        while true {
            guard let (name, value) = object.longestMember(of: rest) else { return nil }
            if name.endIndex == rest.endIndex { return value }
            guard case .object(let inner) = value else { return nil }
            object = inner
            rest = rest[rest.utf8.index(after: name.endIndex)...]
        }
    }

    /// Puts a value where `value(at:)` finds it, with the objects it takes to get there; false, and
    /// nothing changed, when something else than an object is in the way.
    package mutating func set(_ value: JSONValue, at path: String) -> Bool {
        guard let (name, found) = longestMember(of: path[...]) else {
            let first = String(path.prefix { $0 != "." })
            if first.utf8.count == path.utf8.count {
                self[path] = value
                return true
            }
            var inner = JSONObject()
            let isSet = inner.set(value, at: String(path.dropFirst(first.count + 1)))
            self[first] = .object(inner)
            return isSet
        }
        if name.endIndex == path.endIndex {
            self[path] = value
            return true
        }
        guard case .object(var inner) = found else { return false }
        let rest = path[path.utf8.index(after: name.endIndex)...]
        guard inner.set(value, at: String(rest)) else { return false }
        self[String(name)] = .object(inner)
        return true
    }

    /// The member with the longest name that `path` begins with, up to a dot or its end.
    private func longestMember(of path: Substring) -> (name: Substring, value: JSONValue)? {
        var end = path.endIndex
        while true {
            if let value = self[String(path[..<end])] { return (path[..<end], value) }
            guard let dot = path[..<end].utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
            end = dot
        }
    }
}
