/// What the members of one loop hold in buffers: its part of what the process bounds.
package struct MemoryShare {
    /// Octets that its members hold.
    package private(set) var held = 0
    /// What the ledger knows of it.
    private var published = 0

    /// A member holds `count` octets now, instead of what it said before.
    package mutating func count(_ count: Int, insteadOf before: Int) { held += count - before }

    /// What the ledger does not know yet; it does from now on.
    package mutating func takeDifference() -> Int {
        defer { published = held }
        return held - published
    }
}
