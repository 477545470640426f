internal import Bytes

/// Lines on their way to a log: at most so many octets, with those that are being written. Lines
/// beyond are left out, and counted.
///
///     taking --full--> leaving out --all written--> taking
struct LogQueue {
    /// What is to be said to operators, once.
    enum Notice: Equatable {
        /// Lines are left out from now on.
        case began
        /// The log is written again; so many lines were left out.
        case ended(Int)
    }

    private let capacity: Int
    private(set) var octets: [UInt8] = []
    /// Octets that were taken and are not written yet.
    private var takenCount = 0
    /// Lines that were left out since it began; nil while none are.
    private var leftOut: Int?

    init(capacity: Int) { self.capacity = capacity }

    var isEmpty: Bool { octets.isEmpty }

    /// Whole lines, all or none of them.
    ///
    /// - Parameter count: how many lines that are.
    /// - Returns: how many were left out, and what is to be said of it.
    mutating func append(_ lines: Span<UInt8>, count: Int) -> (leftOut: Int, notice: Notice?) {
        guard octets.count + takenCount + lines.count <= capacity else { return leaveOut(count) }
        octets.append(copying: lines)
        return (0, nil)
    }

    /// Lines that cannot be written.
    mutating func leaveOut(_ count: Int) -> (leftOut: Int, notice: Notice?) {
        let isFirst = leftOut == nil
        leftOut = (leftOut ?? 0) + count
        return (count, isFirst ? .began : nil)
    }

    /// What becomes of lines that are written up to `offset`: how many are not there at all, and
    /// what is missing of one that is there in part.
    ///
    /// - Parameter isBegun: the octets begin within a line.
    static func unwritten(
        of octets: [UInt8], from offset: Int, isBegun: Bool
    ) -> (rest: [UInt8], lines: Int) {
        let isWithinLine = offset == 0 ? isBegun : octets[offset - 1] != ASCII.lineFeed
        var end = offset
        if isWithinLine {
            end = octets[offset...].firstIndex(of: ASCII.lineFeed).map { $0 + 1 } ?? octets.count
        }
        return (Array(octets[offset..<end]), octets[end...].count { $0 == ASCII.lineFeed })
    }

    /// Everything that waits, to be written before anything else is taken.
    mutating func take() -> [UInt8] {
        defer { octets = [] }
        takenCount = octets.count
        return octets
    }

    /// What was taken is written, or given up.
    mutating func written(isBroken: Bool) -> Notice? {
        takenCount = 0
        guard let count = leftOut, octets.isEmpty, !isBroken else { return nil }
        leftOut = nil
        return .ended(count)
    }
}
