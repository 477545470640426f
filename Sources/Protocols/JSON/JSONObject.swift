import Bytes

/// The members of an object, in the order they were written; no name occurs twice.
///
/// Lookup walks the members: the objects of tokens and messages are small, and the number of
/// look-ups a caller makes does not depend on who wrote the object.
package struct JSONObject: Sendable, Hashable {
    package struct Member: Sendable, Hashable {
        package let name: String
        package fileprivate(set) var value: JSONValue

        package static func == (left: Member, right: Member) -> Bool {
            left.name.utf8.elementsEqual(right.name.utf8) && left.value == right.value
        }
    }

    package private(set) var members: [Member]

    package init() { members = [] }

    /// `members` was checked for duplicates by the reader.
    init(checked members: [Member]) { self.members = members }

    /// The value of the member with exactly this name. Setting it keeps the member's place or adds
    /// it at the end; nil removes it.
    package subscript(name: String) -> JSONValue? {
        get { index(of: name).map { members[$0].value } }
        set {
            switch (index(of: name), newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(name: name, value: value))
            case (nil, nil): break
            }
        }
    }

    package func contains(_ name: String) -> Bool { index(of: name) != nil }

    private func index(of name: String) -> Int? {
        let wanted = name.utf8.span
        return members.firstIndex { $0.name.utf8.span.matches(wanted) }
    }
}
