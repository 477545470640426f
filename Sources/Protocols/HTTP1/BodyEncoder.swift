import Bytes
package import HTTP

/// How long a body that is to be sent will be, as far as its sender knows. How it is framed then is
/// the connection's to say.
package enum BodyLength: Sendable, Hashable {
    /// There is no body, and no field speaks of one.
    case none
    /// This many octets, at least 0.
    case known(Int)
    /// It ends when its sender says so.
    case unknown
}

/// What was sent is not what the head promised. The message cannot be finished any more, and its
/// connection has to be closed (RFC 9112 §8).
package enum BodyMismatch: Error, Sendable, Hashable, CaseIterable {
    /// More octets than the head said.
    case tooLong
    /// The end came before all the octets that the head said.
    case tooShort
    /// Data or an end behind the end.
    case ended
}

/// Frames a body that is sent, whatever its framing (RFC 9112 §6, §7.1): `BodyDecoder` the other
/// way round.
///
///     sending --data--> sending --end--> complete
///
/// Data need not be copied: between `beginData` and `endData` its octets may be sent as they are.
package struct BodyEncoder: Sendable, Equatable {
    private enum State: Equatable {
        case length(remaining: Int)
        case chunked
        case untilClose
        case complete
    }

    private var state: State

    package init(_ framing: BodyFraming) {
        state =
            switch framing {
            case .none: .length(remaining: 0)
            case .length(let length): .length(remaining: length)
            case .chunked: .chunked
            case .untilClose: .untilClose
            }
    }

    /// True when the end was sent.
    package var isComplete: Bool {
        if case .complete = state { true } else { false }
    }

    /// True when octets stand in front of data and behind it: what is small is better copied
    /// between them than sent for itself.
    package var framesData: Bool {
        if case .chunked = state { true } else { false }
    }

    /// Writes what stands in front of `count` octets of data, which come next. No data is nothing.
    package mutating func beginData(
        _ count: Int, to output: inout [UInt8]
    ) throws(BodyMismatch) {
        switch state {
        case .length(let remaining):
            guard count <= remaining else { throw .tooLong }
            state = .length(remaining: remaining - count)
        case .chunked: if count > 0 { HeadEncoder.appendChunkHeader(size: count, to: &output) }
        case .untilClose: break
        case .complete: throw .ended
        }
    }

    /// Writes what stands behind `count` octets of data.
    package func endData(_ count: Int, to output: inout [UInt8]) {
        if count > 0, framesData { HeadEncoder.appendChunkEnd(to: &output) }
    }

    /// Writes data with all that belongs to it.
    package mutating func append(
        _ data: Span<UInt8>, to output: inout [UInt8]
    ) throws(BodyMismatch) {
        try beginData(data.count, to: &output)
        output.append(copying: data)
        endData(data.count, to: &output)
    }

    /// Writes the end of the body. Trailers travel behind chunks only (RFC 9112 §7.1.2); elsewhere
    /// they are left out.
    package mutating func end(
        trailers: Fields? = nil, to output: inout [UInt8]
    ) throws(BodyMismatch) {
        switch state {
        case .length(remaining: 0), .untilClose: break
        case .length: throw .tooShort
        case .chunked: HeadEncoder.appendLastChunk(trailers: trailers, to: &output)
        case .complete: throw .ended
        }
        state = .complete
    }
}
