import Bytes
package import HTTP

/// What the decoder of a chunked body found.
package enum ChunkedEvent: Sendable {
    /// Octets of the body, as a range of the input at hand.
    case data(Range<Int>)
    /// The body is complete; `trailers` is often empty.
    case end(trailers: Fields)
}

/// Decodes the chunked transfer coding (RFC 9112 §7.1). Data is not copied; only trailers are kept,
/// within limits.
///
/// ```
/// size -> (padding | extension) -> line feed -> data -> CR -> LF -> size …
///                                      | size 0
///                                      v
///                                  trailers -> complete          any of them -> dead
/// ```
package struct ChunkedDecoder: Sendable {
    private enum State {
        case size(digitCount: Int, value: Int)
        /// Whitespace after the size: legal before an extension only.
        case padding(size: Int)
        case chunkExtension(size: Int)
        case sizeLineFeed(size: Int)
        case data(remaining: Int)
        case dataCarriageReturn
        case dataLineFeed
        case trailers
        case complete
        case dead(BodyError)
    }

    /// Fifteen digits stay below 2^60, so that no size can overflow.
    private static let maximumDigitCount = 15
    /// Nobody uses extensions; the bounds keep a peer from sending nothing else (CVE-2023-39326).
    private static let lineExtensionSize = 256
    private static let totalExtensionSize = 4 * 1024
    private static let trailerSize = 8 * 1024
    private static let trailerCount = 50

    private var state: State = .size(digitCount: 0, value: 0)
    private var lineExtensionCount = 0
    private var totalExtensionCount = 0
    private var trailerScanner = FieldScanner(maximumCount: Self.trailerCount)
    private var trailerBytes: [UInt8] = []

    package init() {}

    package var isComplete: Bool {
        if case .complete = state { true } else { false }
    }

    /// Octets of trailers that are not whole yet.
    package var keptCount: Int { trailerBytes.count }

    /// The next event; nil when more is needed, and after `end`. `index` is moved past what was
    /// read. After an error the same is thrown for ever.
    package mutating func decode(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(BodyError) -> ChunkedEvent? {
        do throws(BodyError) {
            while index < input.count {
                switch state {
                case .data(let remaining):
                    return .data(takeData(remaining, of: input, at: &index))
                case .trailers:
                    guard let trailers = try takeTrailers(input, at: &index) else { return nil }
                    state = .complete
                    return .end(trailers: trailers)
                case .size, .padding, .chunkExtension, .sizeLineFeed, .dataCarriageReturn,
                    .dataLineFeed:
                    try framingContinued(with: input[index])
                    index += 1
                case .complete: return nil
                case .dead(let error): throw error
                }
            }
            if case .dead(let error) = state { throw error }
            return nil
        } catch {
            state = .dead(error)
            trailerBytes = []
            throw error
        }
    }

    private mutating func takeData(
        _ remaining: Int, of input: Span<UInt8>, at index: inout Int
    ) -> Range<Int> {
        let start = index
        index += min(remaining, input.count - index)
        let left = remaining - (index - start)
        state = left == 0 ? .dataCarriageReturn : .data(remaining: left)
        return start..<index
    }

    /// One octet of a chunk's size line, or of the line end after its data.
    private mutating func framingContinued(with octet: UInt8) throws(BodyError) {
        switch state {
        case .size(let digitCount, let value):
            try sizeContinued(with: octet, digitCount: digitCount, value: value)
        case .padding(let size):
            switch octet {
            case ASCII.space, ASCII.tab: try countExtensionOctet()
            case UInt8(ascii: ";"): try extensionBegan(size: size)
            default: throw .malformedChunk
            }
        case .chunkExtension(let size):
            if octet == ASCII.carriageReturn {
                state = .sizeLineFeed(size: size)
            } else {
                guard FieldScanner.isValueOctet(octet) else { throw .malformedChunk }
                try countExtensionOctet()
            }
        case .sizeLineFeed(let size):
            guard octet == ASCII.lineFeed else { throw .malformedChunk }
            state = size == 0 ? .trailers : .data(remaining: size)
        case .dataCarriageReturn:
            guard octet == ASCII.carriageReturn else { throw .malformedChunk }
            state = .dataLineFeed
        case .dataLineFeed:
            guard octet == ASCII.lineFeed else { throw .malformedChunk }
            lineExtensionCount = 0
            state = .size(digitCount: 0, value: 0)
        case .data, .trailers, .complete, .dead: return
        }
    }

    private mutating func sizeContinued(
        with octet: UInt8, digitCount: Int, value: Int
    ) throws(BodyError) {
        if let digit = ASCII.hexValue(octet) {
            guard digitCount < Self.maximumDigitCount else { throw .chunkTooLarge }
            state = .size(digitCount: digitCount + 1, value: value << 4 | Int(digit))
            return
        }
        guard digitCount > 0 else { throw .malformedChunk }
        switch octet {
        case ASCII.carriageReturn: state = .sizeLineFeed(size: value)
        case UInt8(ascii: ";"): try extensionBegan(size: value)
        case ASCII.space, ASCII.tab:
            state = .padding(size: value)
            try countExtensionOctet()
        default: throw .malformedChunk
        }
    }

    private mutating func extensionBegan(size: Int) throws(BodyError) {
        state = .chunkExtension(size: size)
        try countExtensionOctet()
    }

    private mutating func countExtensionOctet() throws(BodyError) {
        lineExtensionCount += 1
        totalExtensionCount += 1
        guard lineExtensionCount <= Self.lineExtensionSize,
            totalExtensionCount <= Self.totalExtensionSize
        else { throw .extensionsTooLarge }
    }

    /// The trailers once their empty line was read, without those that must not come as such.
    private mutating func takeTrailers(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(BodyError) -> Fields? {
        let start = index
        let room = Self.trailerSize - trailerBytes.count
        let end = input.count - start > room ? start + room : input.count
        let isAtEnd: Bool
        do throws(HeadError) {
            isAtEnd = try trailerScanner.scan(
                input, at: &index, end: end, shift: trailerBytes.count - start)
        } catch {
            throw error == .tooManyFields ? .trailersTooLarge : .malformedTrailers
        }
        trailerBytes.append(copying: input.extracting(start..<index))
        if isAtEnd {
            let trailers = trailerScanner.takeFields(from: trailerBytes).withoutForbiddenTrailers
            trailerBytes = []
            return trailers
        }
        guard trailerBytes.count < Self.trailerSize else { throw .trailersTooLarge }
        return nil
    }
}

extension Fields {
    /// Trailers must not frame, route, authenticate or describe a message (RFC 9110 §6.5.1): a
    /// recipient that merges them would act on what nobody checked. Everything the gateway itself
    /// acts upon is among those.
    fileprivate var withoutForbiddenTrailers: Fields {
        let span = bytes.span
        var allowed: [Line] = []
        for line in lines
        where line.known == .other && !GuardedNames.contains(span.extracting(line.name)) {
            allowed.append(line)
        }
        if allowed.isEmpty { return Fields([]) }
        return allowed.count == lines.count ? self : Fields(bytes: bytes, lines: allowed)
    }
}
