import Testing

@testable import Bookkeeping

@Suite struct LogQueueTests {
    /// What happens to a queue of ten octets, and what is said of it.
    private enum Step: Sendable {
        case append(Int, leftOut: Int, LogQueue.Notice?)
        case take(Int)
        case written(LogQueue.Notice?)
        case broken(lines: Int, LogQueue.Notice?)
    }

    private static let steps: [Step] = [
        .append(4, leftOut: 0, nil), .append(6, leftOut: 0, nil),
        .append(1, leftOut: 1, .began), .append(1, leftOut: 1, nil),
        // What is being written counts.
        .take(10), .append(1, leftOut: 1, nil), .written(.ended(3)), .written(nil),
        .append(5, leftOut: 0, nil), .take(5), .append(5, leftOut: 0, nil),
        .append(1, leftOut: 1, .began),
        // It is over when everything is written.
        .written(nil), .append(5, leftOut: 0, nil), .take(10), .written(.ended(1)),
        .append(11, leftOut: 1, .began), .written(.ended(1)),
        .append(7, leftOut: 0, nil), .take(7), .broken(lines: 2, .began),
        .append(7, leftOut: 0, nil), .take(7), .broken(lines: 2, nil),
        .append(7, leftOut: 0, nil), .take(7), .written(.ended(4)), .take(0),
    ]

    @Test func `lines that do not fit are left out whole`() {
        var queue = LogQueue(capacity: 10)
        for (index, step) in Self.steps.enumerated() {
            switch step {
            case .append(let count, let leftOut, let notice):
                let lines = [UInt8](repeating: 0x61, count: count)
                let outcome = queue.append(lines.span, count: 1)
                #expect(outcome.leftOut == leftOut && outcome.notice == notice, "\(index)")
            case .take(let count):
                let taken = queue.take()
                #expect(taken.count == count && queue.isEmpty, "\(index)")
            case .written(let notice):
                let said = queue.written(isBroken: false)
                #expect(said == notice, "\(index)")
            case .broken(let lines, let notice):
                let outcome = queue.leaveOut(lines)
                #expect(outcome.leftOut == lines && outcome.notice == notice, "\(index)")
                let said = queue.written(isBroken: true)
                #expect(said == nil, "\(index)")
            }
        }
    }

    /// What was to be written, how far it went, and whether it began within a line.
    @Test(
        arguments: [
            ("ab\ncd\n", 6, false, "", 0), ("ab\ncd\n", 6, true, "", 0),
            ("ab\ncd\n", 0, false, "", 2), ("ab\ncd\n", 3, false, "", 1),
            ("ab\ncd\n", 1, false, "b\n", 1), ("ab\ncd\n", 2, false, "\n", 1),
            ("ab\ncd\n", 5, false, "\n", 0), ("ab\ncd\n", 0, true, "ab\n", 1),
            ("ab\ncd\n", 3, true, "", 1), ("b\n", 0, true, "b\n", 0), ("", 0, false, "", 0),
        ])
    func `a line that is there in part is finished first`(
        lines: String, offset: Int, isBegun: Bool, rest: String, lost: Int
    ) {
        let left = LogQueue.unwritten(of: Array(lines.utf8), from: offset, isBegun: isBegun)
        #expect(left.rest == Array(rest.utf8) && left.lines == lost)
    }
}
