/// How many live connections there are, by what they are.
package struct LiveCounts: Sendable, Hashable {
    package struct Kind: Sendable, Hashable {
        package var transport: LiveTransport
        package var isSeated: Bool

        package init(_ transport: LiveTransport, isSeated: Bool) {
            self.transport = transport
            self.isSeated = isSeated
        }

        /// All there can be: downloads have no seats.
        package static let all: [Kind] =
            LiveTransport.counted.map { Kind($0, isSeated: true) }
            + LiveTransport.allCases.map { Kind($0, isSeated: false) }
    }

    private var numbers: [Kind: Int] = [:]

    package init() {}

    package subscript(kind: Kind) -> Int { numbers[kind, default: 0] }

    package var total: Int { numbers.values.reduce(0, +) }
    package var seated: Int { sum { $0.isSeated } }

    package func of(_ transport: LiveTransport) -> Int { sum { $0.transport == transport } }

    /// One comes (1) or goes (-1).
    package mutating func add(_ change: Int, _ kind: Kind) { numbers[kind, default: 0] += change }

    mutating func add(_ other: LiveCounts) { numbers.merge(other.numbers, uniquingKeysWith: +) }

    private func sum(_ isMeant: (Kind) -> Bool) -> Int {
        numbers.reduce(0) { isMeant($1.key) ? $0 + $1.value : $0 }
    }
}
