/// What is to be done, first come, first served, and not all at once.
struct Backlog<Element> {
    private var elements: [Element] = []
    private var first = 0

    private static var keptCapacity: Int { 4096 }

    var isEmpty: Bool { elements.isEmpty }

    mutating func append(_ element: Element) { elements.append(element) }

    /// `body` appends to the elements.
    mutating func extend(_ body: (inout [Element]) -> Void) { body(&elements) }

    /// Hands out the next ones, at most `count`.
    mutating func next(_ count: Int) -> ArraySlice<Element> {
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
