import Bytes

/// Finds where events end in a `text/event-stream` that goes by (WHATWG HTML §9.2.5), so that
/// others can be put between them. It keeps no octets.
///
/// An event ends with an empty line. A line that is a comment belongs to no event: where no field
/// line came since the last event, its end is a boundary too, as a stream of bare heartbeats shows.
/// Lines end in LF, CR or CRLF, mixed at will and cut anywhere. A byte order mark may come first.
package struct EventBoundary: Sendable {
    private enum State {
        /// Nothing but this many octets of a byte order mark was seen.
        case byteOrderMark(count: Int)
        /// At the start of a line; after a CR, an LF still belongs to the line before.
        case lineStart(isAfterCarriageReturn: Bool)
        case line
    }

    private static let byteOrderMark: InlineArray<3, UInt8> = [0xEF, 0xBB, 0xBF]

    private var state: State = .byteOrderMark(count: 0)
    /// True when a field line came since the last empty line.
    private var isInsideEvent = false

    package init() {}

    /// True when what was scanned so far ends where events may be put in.
    package var isAtBoundary: Bool {
        switch state {
        case .byteOrderMark(let count): count == 0 || count == 3
        case .lineStart: !isInsideEvent
        case .line: false
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
                return false
            }
            // A part of a mark is the beginning of a field name like any other.
            if count == 1 || count == 2 { beginLine(isComment: false) }
            return takeInLine(octet, isAtStart: count == 0 || count == 3)
        case .lineStart(let isAfterCarriageReturn):
            if isAfterCarriageReturn, octet == ASCII.lineFeed {
                state = .lineStart(isAfterCarriageReturn: false)
                return true
            }
            return takeInLine(octet, isAtStart: true)
        case .line:
            return takeInLine(octet, isAtStart: false)
        }
    }

    private mutating func takeInLine(_ octet: UInt8, isAtStart: Bool) -> Bool {
        guard Self.isLineEnd(octet) else {
            if isAtStart { beginLine(isComment: octet == UInt8(ascii: ":")) }
            return false
        }
        if isAtStart { isInsideEvent = false }
        state = .lineStart(isAfterCarriageReturn: octet == ASCII.carriageReturn)
        return true
    }

    private mutating func beginLine(isComment: Bool) {
        state = .line
        if !isComment { isInsideEvent = true }
    }

    private static func isLineEnd(_ octet: UInt8) -> Bool {
        octet == ASCII.lineFeed || octet == ASCII.carriageReturn
    }
}
