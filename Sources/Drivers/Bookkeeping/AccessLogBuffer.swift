internal import Bytes

/// One worker's lines of the current turn of its loop, written together.
package final class AccessLogBuffer {
    private let log: AccessLog
    private var lines: [UInt8] = []
    private var count = 0

    package init(_ log: AccessLog) { self.log = log }

    package var isOn: Bool { log.isOn }

    /// Adds one line; `body` appends the JSON object without its line end.
    package func append(_ body: (inout [UInt8]) -> Void) {
        guard log.isOn else { return }
        body(&lines)
        lines.append(ASCII.lineFeed)
        count += 1
        if lines.count > 64 * 1024 { flush() }
    }

    package func flush() {
        if lines.isEmpty { return }
        log.write(lines.span, count: count)
        lines.removeAll(keepingCapacity: true)
        count = 0
    }
}
