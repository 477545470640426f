import Bytes
import HTTP

/// The first line of a head: what tells a request from a response.
protocol StartLineScanner: Sendable {
    init(limits: HeadLimits)
    /// What a head that is too large already in this line is refused with.
    static var tooLong: HeadError { get }
    /// Reads from `index` up to `end`; true when the line's CRLF was read. `shift` is what makes an
    /// offset of an index.
    mutating func scan(
        _ input: Span<UInt8>, at index: inout Int, end: Int, shift: Int
    ) throws(HeadError) -> Bool
}

/// Reads heads one after the other, in whatever cuts they come: what both decoders have in common.
///
/// Octets are looked at once. What came before the last cut is kept in `kept`, at most
/// `limits.size` octets; a head that comes whole is copied once, into `Fields.bytes`. Whether and
/// where a head is refused depends on its octets alone, never on the cuts.
struct HeadReader<StartLine: StartLineScanner>: ~Copyable, Sendable {
    private enum State {
        case startLine, fields
        case dead(HeadError)
    }

    private let limits: HeadLimits
    private var state: State = .startLine
    private var startLine: StartLine
    private var fields: FieldScanner
    private var kept: [UInt8] = []

    init(limits: HeadLimits) {
        self.limits = limits
        startLine = StartLine(limits: limits)
        fields = FieldScanner(maximumCount: limits.fieldCount)
    }

    /// Octets of a head that is not whole yet.
    var keptCount: Int { kept.count }

    /// True when no octet of a head is held.
    var isIdle: Bool {
        switch state {
        case .startLine: kept.isEmpty
        case .fields, .dead: false
        }
    }

    /// The start line and the fields of the next head; nil when all of the input was read and more
    /// is needed. Ready for another head after one, dead after an error.
    mutating func read(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(HeadError) -> (StartLine, Fields)? {
        if case .dead(let error) = state { throw error }
        do throws(HeadError) {
            return try advance(input, at: &index)
        } catch {
            kill(error)
            throw error
        }
    }

    /// Lets go of everything; from here on `error` is thrown.
    mutating func kill(_ error: HeadError) {
        self = HeadReader(limits: limits)
        state = .dead(error)
    }

    /// The error that killed the reader, or nil.
    var failure: HeadError? {
        switch state {
        case .startLine, .fields: nil
        case .dead(let error): error
        }
    }

    private mutating func advance(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(HeadError) -> (StartLine, Fields)? {
        let start = index
        let room = limits.size - kept.count
        let end = input.count - start > room ? start + room : input.count
        let shift = kept.count - start
        if case .startLine = state {
            if try startLine.scan(input, at: &index, end: end, shift: shift) { state = .fields }
        }
        if case .fields = state,
            try fields.scan(input, at: &index, end: end, shift: shift)
        {
            return take(input.extracting(start..<index))
        }
        if index + shift == limits.size { throw tooLarge }
        kept.append(copying: input.extracting(start..<index))
        return nil
    }

    private var tooLarge: HeadError {
        if case .startLine = state { return StartLine.tooLong }
        return .headTooLarge
    }

    /// The finished head, of which `rest` is what was not kept yet.
    private mutating func take(_ rest: Span<UInt8>) -> (StartLine, Fields) {
        var bytes: [UInt8] = []
        swap(&bytes, &kept)
        bytes.append(copying: rest)
        let head = (startLine, fields.takeFields(from: bytes))
        startLine = StartLine(limits: limits)
        state = .startLine
        return head
    }
}
