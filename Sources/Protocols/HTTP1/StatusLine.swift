import Bytes

/// `HTTP-version SP status-code [SP reason-phrase] CRLF` (RFC 9112 §4). The space after the code
/// may be missing when there is no reason, as some servers have it.
struct StatusLine: StartLineScanner {
    private enum Phase {
        case version, status, reason, lineFeed
    }

    static let tooLong = HeadError.headTooLarge

    private var phase: Phase = .version
    private(set) var version = VersionScanner()
    private(set) var status = 0
    private var digitCount = 0
    private(set) var reason = 0..<0

    init(limits: HeadLimits) {}

    mutating func scan(
        _ input: Span<UInt8>, at index: inout Int, end: Int, shift: Int
    ) throws(HeadError) -> Bool {
        while index < end {
            switch phase {
            case .version:
                index = version.read(input, from: index, to: end)
                if index == end { return false }
                guard version.isComplete, input[index] == ASCII.space else {
                    throw .malformedStartLine
                }
                guard version.minor != nil else { throw .unsupportedVersion }
                phase = .status
            case .status:
                try statusContinued(with: input[index], at: index + shift)
            case .reason:
                var position = index
                while position < end, FieldScanner.isValueOctet(input[position]) { position &+= 1 }
                index = position
                if index == end { return false }
                guard input[index] == ASCII.carriageReturn else { throw .malformedStartLine }
                reason = reason.lowerBound..<index + shift
                phase = .lineFeed
            case .lineFeed:
                guard input[index] == ASCII.lineFeed else { throw .malformedStartLine }
                index += 1
                return true
            }
            index += 1
        }
        return false
    }

    /// Three digits, 100 to 999; what follows them decides whether there is a reason.
    private mutating func statusContinued(with octet: UInt8, at offset: Int) throws(HeadError) {
        if digitCount < 3 {
            guard ASCII.isDigit(octet), octet != UInt8(ascii: "0") || digitCount > 0 else {
                throw .malformedStartLine
            }
            status = status * 10 + Int(octet - UInt8(ascii: "0"))
            digitCount += 1
            return
        }
        guard octet == ASCII.space || octet == ASCII.carriageReturn else {
            throw .malformedStartLine
        }
        reason = octet == ASCII.space ? offset + 1..<offset + 1 : offset..<offset
        phase = octet == ASCII.space ? .reason : .lineFeed
    }
}
