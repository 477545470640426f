import Bytes

/// `method SP request-target SP HTTP-version CRLF` (RFC 9112 §3), with exactly one space each.
struct RequestLine: StartLineScanner {
    private enum Phase {
        case method, target, version, lineFeed
    }

    /// No registered method has more than 17 octets; beyond this, 501 (RFC 9112 §3).
    private static let methodSize = 32
    static let tooLong = HeadError.targetTooLong

    private let targetSize: Int
    private var phase: Phase = .method
    /// The method is what comes before this offset.
    private(set) var methodEnd = 0
    private(set) var targetEnd = 0
    private(set) var version = VersionScanner()

    init(limits: HeadLimits) { targetSize = limits.targetSize }

    var target: Range<Int> { methodEnd + 1..<targetEnd }

    mutating func scan(
        _ input: Span<UInt8>, at index: inout Int, end: Int, shift: Int
    ) throws(HeadError) -> Bool {
        while index < end {
            switch phase {
            case .method:
                var position = index
                while position < end, ASCII.isToken(input[position]) { position &+= 1 }
                index = position
                if index + shift > Self.methodSize { throw .methodTooLong }
                if index == end { return false }
                guard input[index] == ASCII.space, index + shift > 0 else {
                    throw .malformedStartLine
                }
                methodEnd = index + shift
                phase = .target
            case .target:
                var position = index
                while position < end, ASCII.isVisible(input[position]) { position &+= 1 }
                index = position
                if index + shift - methodEnd - 1 > targetSize { throw .targetTooLong }
                if index == end { return false }
                try targetEnded(with: input[index], at: index + shift)
            case .version:
                index = version.read(input, from: index, to: end)
                if index == end { return false }
                guard version.isComplete, input[index] == ASCII.carriageReturn else {
                    throw .malformedStartLine
                }
                guard version.minor != nil else { throw .unsupportedVersion }
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

    private mutating func targetEnded(with octet: UInt8, at offset: Int) throws(HeadError) {
        let isEmpty = offset == methodEnd + 1
        guard octet == ASCII.space, !isEmpty else {
            // A line that ends here is HTTP/0.9, or has lost its version.
            throw isEmpty || octet == ASCII.carriageReturn ? .malformedStartLine : .illegalTarget
        }
        targetEnd = offset
        phase = .version
    }
}

/// `HTTP/` digit `.` digit (RFC 9112 §2.3), gathered octet by octet in one word.
struct VersionScanner: Sendable {
    private var word: UInt64 = 0
    private var count = 0

    /// Takes what belongs to a version.
    ///
    /// - Returns: where something else begins, or `end`.
    mutating func read(_ input: Span<UInt8>, from start: Int, to end: Int) -> Int {
        // Nearly always all of it is there.
        if count == 0, end - start >= Self.size {
            word = Self.word(of: input.extracting(start..<start + Self.size))
            if Self.isVersion(word) {
                count = Self.size
                return start + Self.size
            }
            word = 0
        }
        var position = start
        while position < end, append(input[position]) { position &+= 1 }
        return position
    }

    private static func word(of octets: Span<UInt8>) -> UInt64 {
        var word: UInt64 = 0
        for index in octets.indices { word = word << 8 | UInt64(octets[index]) }
        return word
    }

    private static func isVersion(_ word: UInt64) -> Bool {
        word & 0xFFFF_FFFF_FF00_FF00 == form & 0xFFFF_FFFF_FF00_FF00
            && ASCII.isDigit(UInt8(truncatingIfNeeded: word >> 16))
            && ASCII.isDigit(UInt8(truncatingIfNeeded: word))
    }

    /// Takes the next octet; false when it cannot belong to a version.
    private mutating func append(_ octet: UInt8) -> Bool {
        guard count < Self.size else { return false }
        let shift = UInt64(truncatingIfNeeded: 56 &- count &* 8)
        let expected = UInt8(truncatingIfNeeded: Self.form &>> shift)
        guard octet == expected || expected == UInt8(ascii: "0") && ASCII.isDigit(octet) else {
            return false
        }
        word = word << 8 | UInt64(octet)
        count &+= 1
        return true
    }

    var isComplete: Bool { count == Self.size }

    /// 1 for HTTP/1.1, 0 for HTTP/1.0, nil for any other version.
    var minor: UInt8? {
        guard word & ~1 == Self.form | 0x01_00_00 else { return nil }
        return UInt8(truncatingIfNeeded: word & 1)
    }

    private static let size = 8
    /// `HTTP/0.0`, where each `0` stands for any digit.
    private static let form: UInt64 = 0x48_54_54_50_2F_30_2E_30
}
