/// What is to be done, first come, first served, and not all at once.
package struct Backlog<Element> {
    @usableFromInline var elements: [Element] = []
    @usableFromInline var first = 0

    @usableFromInline static var keptCapacity: Int { 4096 }

    @inlinable package init() {}

    // By the count: `isEmpty` is every collection's, and where this is not specialised it is looked
    // up by name.
    @inlinable package var isEmpty: Bool { elements.count == 0 }

    @inlinable package mutating func append(_ element: Element) { elements.append(element) }

    /// `body` appends to the elements.
    @inlinable package mutating func extend(_ body: (inout [Element]) -> Void) { body(&elements) }

    /// Hands out the next ones, at most `count`.
    @inlinable package mutating func next(_ count: Int) -> ArraySlice<Element> {
        let end = min(elements.count, first + count)
        let next = elements[first..<end]
        first = end
        if first == elements.count {
            elements.removeAll(keepingCapacity: elements.count <= Self.keptCapacity)
            first = 0
        }
        return next
    }
}
