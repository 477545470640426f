/// The first elements of an order, of any number that come in none.
struct ListPage<Element> {
    let most: Int
    let isBefore: (Element, Element) -> Bool
    private var elements: [Element] = []
    private(set) var isCut = false

    init(most: Int, _ isBefore: @escaping (Element, Element) -> Bool) {
        self.most = most
        self.isBefore = isBefore
    }

    mutating func add(_ element: Element) {
        elements.append(element)
        if elements.count >= 4 * most { cut() }
    }

    mutating func first() -> [Element] {
        cut()
        return elements
    }

    private mutating func cut() {
        elements.sort(by: isBefore)
        if elements.count > most {
            elements.removeLast(elements.count - most)
            isCut = true
        }
    }
}

extension SessionID {
    /// The order of lists.
    func isBefore(_ other: SessionID) -> Bool { (high, low) < (other.high, other.low) }
}
