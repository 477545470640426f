import Bytes

/// Finds where events end in a `text/event-stream` that goes by (WHATWG HTML §9.2.5), so that
/// others can be put between them. It keeps no octets.
///
/// An event ends with an empty line. Some lines belong to no event, so that where no other line
/// came since the last event, their ends are boundaries too: comments, as a stream of bare
/// heartbeats shows, and `retry`, which counts as soon as its line ends, whatever becomes of the
/// event.
/// Lines end in LF, CR or CRLF, mixed at will and cut anywhere. A byte order mark may come first.
package struct EventBoundary: Sendable {
    private enum State {
        /// Nothing but this many octets of a byte order mark was seen.
        case byteOrderMark(count: Int)
        /// At the start of a line; after a CR, an LF still belongs to the line before.
        case lineStart(isAfterCarriageReturn: Bool)
        /// In a line that begins with this many octets of `retry`, and with nothing else so far.
        case retry(count: Int)
        case line
    }

    private static let byteOrderMark: InlineArray<3, UInt8> = [0xEF, 0xBB, 0xBF]

    private static let retry: InlineArray<5, UInt8> = [0x72, 0x65, 0x74, 0x72, 0x79]

    private var state: State = .byteOrderMark(count: 0)
    /// True when a line of an event came since the last empty line.
    private var isInsideEvent = false
    /// How many octets of what was scanned first are a byte order mark: 3 or none. It marks nothing
    /// unless it comes first of all, so that where something was put in before it, it stays away.
    package private(set) var markCount = 0

    package init() {}

    /// True when what was scanned so far ends where events may be put in.
    package var isAtBoundary: Bool {
        switch state {
        case .byteOrderMark(let count): count == 0 || count == 3
        case .lineStart: !isInsideEvent
        case .retry, .line: false
        }
    }

    /// How many octets from the start of `input` end at its last boundary; nil when there is none
    /// in it. The rest of `input` begins an event that is not complete.
    ///
    /// When a CR ends both an input and an event, the boundary is reported at once; an LF that then
    /// opens the next input still belongs to it, and the boundary is reported again after the LF.
    /// Something put in between does no harm: that LF is one more empty line.
    package mutating func scan(_ input: Span<UInt8>) -> Int? {
        var boundary: Int?
        var index = 0
        while index < input.count {
            if case .line = state {
                while index < input.count, !Self.isLineEnd(input[index]) { index &+= 1 }
                if index == input.count { break }
            }
            let endedLine = take(input[index])
            index += 1
            if endedLine, !isInsideEvent { boundary = index }
        }
        return boundary
    }

    /// Takes one octet; true when it ended a line, or finished ending it.
    private mutating func take(_ octet: UInt8) -> Bool {
        switch state {
        case .byteOrderMark(let count):
            if count < 3, octet == Self.byteOrderMark[count] {
                state = .byteOrderMark(count: count + 1)
                if count == 2 { markCount = 3 }
                return false
            }
            // A part of a mark is the beginning of a field name like any other.
            if count == 1 || count == 2 { beginEventLine() }
            return takeInLine(octet, isAtStart: count == 0 || count == 3)
        case .lineStart(let isAfterCarriageReturn):
            if isAfterCarriageReturn, octet == ASCII.lineFeed {
                state = .lineStart(isAfterCarriageReturn: false)
                return true
            }
            return takeInLine(octet, isAtStart: true)
        case .retry(let count):
            return takeInRetry(octet, count)
        case .line:
            return takeInLine(octet, isAtStart: false)
        }
    }

    /// The name of the field is `retry` when a colon or the end of the line follows it.
    private mutating func takeInRetry(_ octet: UInt8, _ count: Int) -> Bool {
        if count < Self.retry.count, octet == Self.retry[count] {
            state = .retry(count: count + 1)
            return false
        }
        let isRetry =
            count == Self.retry.count && (octet == UInt8(ascii: ":") || Self.isLineEnd(octet))
        if isRetry { state = .line } else { beginEventLine() }
        return takeInLine(octet, isAtStart: false)
    }

    private mutating func takeInLine(_ octet: UInt8, isAtStart: Bool) -> Bool {
        guard Self.isLineEnd(octet) else {
            if isAtStart { beginLine(with: octet) }
            return false
        }
        if isAtStart { isInsideEvent = false }
        state = .lineStart(isAfterCarriageReturn: octet == ASCII.carriageReturn)
        return true
    }

    private mutating func beginLine(with octet: UInt8) {
        if octet == UInt8(ascii: ":") {
            state = .line
        } else if octet == Self.retry[0] {
            state = .retry(count: 1)
        } else {
            beginEventLine()
        }
    }

    private mutating func beginEventLine() {
        state = .line
        isInsideEvent = true
    }

    private static func isLineEnd(_ octet: UInt8) -> Bool {
        octet == ASCII.lineFeed || octet == ASCII.carriageReturn
    }
}
