import Bytes
import HTTP

/// Finds the field lines of a head or of trailers (RFC 9112 §5), octet by octet, in whatever cuts
/// they come, up to the empty line that ends them.
///
/// Strict where leniency has been the root of request smuggling: lines end in CRLF only, nothing
/// stands between a name and its colon, no line is folded (RFC 9112 §2.2, §5.1, §5.2).
///
/// It keeps no octets. Offsets count from the first octet of the message part that the owner keeps;
/// once all of that is in one array, `takeFields(from:)` makes the fields.
struct FieldScanner: Sendable {
    private enum Phase {
        case lineStart, name, value, lineFeed, lastLineFeed
    }

    private let maximumCount: Int
    private var phase: Phase = .lineStart
    private var nameStart = 0
    private var nameEnd = 0
    private var lines: [Fields.Line] = []

    /// Enough for what browsers send, so that the array is allocated once.
    private static let usualCount = 24

    init(maximumCount: Int) { self.maximumCount = maximumCount }

    /// Reads from `index` up to `end`; true when the empty line was read, false when all was read.
    /// `shift` is what makes an offset of an index.
    mutating func scan(
        _ input: Span<UInt8>, at index: inout Int, end: Int, shift: Int
    ) throws(HeadError) -> Bool {
        while index < end {
            switch phase {
            case .lineStart:
                try lineStarted(with: input[index], at: index + shift)
                index += 1
            case .name:
                var position = index
                while position < end, ASCII.isToken(input[position]) { position &+= 1 }
                index = position
                if position == end { return false }
                guard input[position] == UInt8(ascii: ":") else { throw .malformedField }
                nameEnd = position + shift
                phase = .value
                index += 1
            case .value:
                var position = index
                while position < end, Self.isValueOctet(input[position]) { position &+= 1 }
                index = position
                if position == end { return false }
                guard input[position] == ASCII.carriageReturn else { throw .malformedField }
                valueEnded(at: position + shift)
                index += 1
            case .lineFeed:
                guard input[index] == ASCII.lineFeed else { throw .malformedField }
                phase = .lineStart
                index += 1
            case .lastLineFeed:
                guard input[index] == ASCII.lineFeed else { throw .malformedField }
                phase = .lineStart
                index += 1
                return true
            }
        }
        return false
    }

    /// The fields that were found, and a scanner ready for the next ones. `bytes` holds every octet
    /// from offset 0 on.
    mutating func takeFields(from bytes: [UInt8]) -> Fields {
        var found: [Fields.Line] = []
        swap(&found, &lines)
        let span = bytes.span
        for index in found.indices {
            found[index].value = span.trimmingWhitespace(found[index].value)
            found[index].known = KnownField(name: span.extracting(found[index].name))
        }
        return Fields(bytes: bytes, lines: found)
    }

    private mutating func lineStarted(with octet: UInt8, at offset: Int) throws(HeadError) {
        if octet == ASCII.carriageReturn {
            phase = .lastLineFeed
            return
        }
        guard ASCII.isToken(octet) else { throw .malformedField }
        guard lines.count < maximumCount else { throw .tooManyFields }
        if lines.isEmpty { lines.reserveCapacity(Self.usualCount) }
        nameStart = offset
        phase = .name
    }

    private mutating func valueEnded(at offset: Int) {
        lines.append(
            Fields.Line(
                name: nameStart..<nameEnd, value: nameEnd + 1..<offset, known: .other))
        phase = .lineFeed
    }

    /// Everything but controls; a tab is none here (RFC 9110 §5.5).
    static func isValueOctet(_ octet: UInt8) -> Bool {
        octet >= 0x20 && octet != 0x7F || octet == ASCII.tab
    }
}
