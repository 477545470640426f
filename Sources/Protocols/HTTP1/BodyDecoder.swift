package import HTTP

/// What the decoder of a body found.
package enum BodyEvent: Sendable {
    /// Octets of the body, as a range of the input at hand.
    case data(Range<Int>)
    /// The body is complete. Trailers may follow a chunked one; nil when none did.
    case end(trailers: Fields?)
}

/// Finds a body in what follows a head, whatever its framing (RFC 9112 §6). Nothing is copied.
package struct BodyDecoder: Sendable {
    private enum State {
        case length(remaining: Int)
        case chunked(ChunkedDecoder)
        case untilClose
        case complete
        case dead(BodyError)
    }

    private var state: State

    package init(_ framing: BodyFraming) {
        state =
            switch framing {
            case .none, .length(0): .complete
            case .length(let length): .length(remaining: length)
            case .chunked: .chunked(ChunkedDecoder())
            case .untilClose: .untilClose
            }
    }

    /// True when nothing more of the body will come. A body without octets is complete from the
    /// start and gives no event; every other one gives `end` when it is, except that one framed by
    /// the end of the connection is complete after `inputEnded`.
    package var isComplete: Bool {
        if case .complete = state { true } else { false }
    }

    /// Octets of the body that are still to come; nil when its framing does not say.
    package var remainingCount: Int? {
        switch state {
        case .length(let remaining): remaining
        case .complete: 0
        case .chunked, .untilClose, .dead: nil
        }
    }

    /// Octets of trailers that are not whole yet.
    package var keptCount: Int {
        if case .chunked(let decoder) = state { decoder.keptCount } else { 0 }
    }

    /// The next event; nil when more is needed or the body is complete.
    ///
    /// Call it until it answers nil: `end` comes by itself after the last `data`, without further
    /// input. `index` is moved past what was read; after `end` it stands at what follows the body.
    package mutating func decode(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(BodyError) -> BodyEvent? {
        switch state {
        case .length(remaining: 0):
            state = .complete
            return .end(trailers: nil)
        case .length(let remaining):
            let start = index
            index += min(remaining, input.count - index)
            state = .length(remaining: remaining - (index - start))
            return start == index ? nil : .data(start..<index)
        case .chunked(var decoder):
            state = .complete
            defer { if !decoder.isComplete { state = .chunked(decoder) } }
            switch try decoder.decode(input, at: &index) {
            case .data(let range): return .data(range)
            case .end(let trailers): return .end(trailers: trailers.lines.isEmpty ? nil : trailers)
            case nil: return nil
            }
        case .untilClose:
            let start = index
            index = input.count
            return start == index ? nil : .data(start..<index)
        case .complete: return nil
        case .dead(let error): throw error
        }
    }

    /// The connection ended. Throws `incomplete` when the body had not.
    package mutating func inputEnded() throws(BodyError) {
        switch state {
        case .untilClose, .complete: state = .complete
        case .length, .chunked:
            state = .dead(.incomplete)
            throw .incomplete
        case .dead(let error): throw error
        }
    }
}
