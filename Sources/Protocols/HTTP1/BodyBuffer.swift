import Bytes
package import HTTP

/// The body of a request that is kept until it is whole, or until there is no room for more of it:
/// then it can be passed on, and the rest as it comes.
///
///     filling --last octet--> whole        filling --no room left--> full
package struct BodyBuffer: Sendable {
    private enum State: Sendable {
        case filling, full
        case whole(trailers: Fields?)
    }

    private let capacity: Int
    private var state = State.filling
    /// The body as it is, without chunks; at most as much as there was room for.
    package private(set) var octets: [UInt8] = []

    /// - Parameter capacity: octets it has room for, at least 1.
    package init(capacity: Int) { self.capacity = max(1, capacity) }

    /// True until the body can be passed on.
    package var isFilling: Bool {
        if case .filling = state { true } else { false }
    }

    package var isWhole: Bool {
        if case .whole = state { true } else { false }
    }

    /// What followed a whole chunked body.
    package var trailers: Fields? {
        if case .whole(let trailers) = state { trailers } else { nil }
    }

    /// How the body is framed when it is sent: the length of a whole one is known.
    ///
    /// - Parameter framing: as it came.
    package func framing(of framing: BodyFraming) -> BodyFraming {
        guard case .whole(nil) = state, framing == .chunked else { return framing }
        return .length(octets.count)
    }

    /// How many octets of input may be read for it: framing takes octets, too, so that no more of
    /// the body than there is room for can be in them. 0 when it can be passed on.
    package var room: Int { isFilling ? capacity - octets.count : 0 }

    /// Keeps what came of the body, which is at most `room`.
    package mutating func keep(_ data: Span<UInt8>) {
        assert(data.count <= room, "more was read than there is room for")
        octets.append(copying: data)
    }

    /// The body came to its end.
    package mutating func ended(trailers: Fields?) { state = .whole(trailers: trailers) }

    /// All of the input that could be read was: without room for more, what is kept goes on.
    package mutating func settle() {
        if isFilling, octets.count >= capacity { state = .full }
    }
}
