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

    /// Keeps what `input` holds of the body from `index` on, which is moved past it; stops where
    /// there is no room for more.
    ///
    /// - Parameter decoder: of this body, with which the rest is read.
    /// - Throws: what the decoder throws.
    package mutating func fill(
        from input: Span<UInt8>, at index: inout Int, with decoder: inout BodyDecoder
    ) throws(BodyError) {
        while isFilling, index < input.count {
            // Framing takes octets, too: no more of the body than this can be in so many of them.
            let end = min(input.count, index + capacity - octets.count)
            let part = input.extracting(0..<end)
            while let event = try decoder.decode(part, at: &index) {
                switch event {
                case .data(let range): octets.append(copying: part.extracting(range))
                case .end(let trailers): state = .whole(trailers: trailers)
                }
            }
            if isFilling, octets.count >= capacity { state = .full }
        }
    }
}
