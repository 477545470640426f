internal import Bytes
internal import Clock
internal import Locks
package import Settings
internal import Synchronization
package import Transport

/// Where access-log lines go. Opened once and again when told to (SIGUSR1); shared by all workers.
package final class AccessLog: Sendable {
    private let state: Guarded<LogSettings.Destination>
    private let number: Atomic<Int32>
    private let retired = Guarded<[DescriptorTransfer]>([])

    package init() {
        state = Guarded(.off)
        number = Atomic(-1)
    }

    /// Changes the destination, or opens the same file anew.
    /// - Throws: `SystemError` when a file cannot be opened; the old destination stays.
    package func open(_ destination: LogSettings.Destination) throws(SystemError) {
        let next: Int32
        switch destination {
        case .off: next = -1
        case .standardOutput: next = 1
        case .standardError: next = 2
        case .file(let path): next = try System.openForAppending(path).release()
        }
        let old = number.exchange(next, ordering: .acquiringAndReleasing)
        state.withLock { $0 = destination }
        // A worker may be writing to the old file this moment: it is closed at the next change.
        let transfer = old > 2 ? DescriptorTransfer(Descriptor(number: old)) : nil
        let before = retired.withLock { retired in
            let before = retired
            retired = transfer.map { [$0] } ?? []
            return before
        }
        _ = consume before
    }

    /// Opens the current file again under its name, after it was moved away.
    package func reopen() throws(SystemError) { try open(state.withLock { $0 }) }

    var isOn: Bool { number.load(ordering: .relaxed) >= 0 }

    func write(_ lines: Span<UInt8>) {
        let number = number.load(ordering: .acquiring)
        if number >= 0 { System.write(lines, to: number) }
    }
}

/// One worker's lines of the current turn of its loop, written together.
final class AccessLogBuffer {
    private let log: AccessLog
    private var lines: [UInt8] = []

    init(_ log: AccessLog) { self.log = log }

    var isOn: Bool { log.isOn }

    /// Adds one line; `body` appends the JSON object without its line end.
    func append(_ body: (inout [UInt8]) -> Void) {
        guard log.isOn else { return }
        body(&lines)
        lines.append(ASCII.lineFeed)
        if lines.count > 64 * 1024 { flush() }
    }

    func flush() {
        if lines.isEmpty { return }
        log.write(lines.span)
        lines.removeAll(keepingCapacity: true)
    }
}

/// What happens to the gateway itself, in words for an operator, on standard error. Messages may
/// repeat what clients say: each is one line, whatever it holds.
package final class EventLog: Sendable {
    private let level: Atomic<Int>

    package init() { level = Atomic(LogSettings.Level.info.rank) }

    package func set(level: LogSettings.Level) { self.level.store(level.rank, ordering: .relaxed) }

    package func debug(_ message: @autoclosure () -> String) { write(.debug, message) }
    package func info(_ message: @autoclosure () -> String) { write(.info, message) }
    package func warning(_ message: @autoclosure () -> String) { write(.warning, message) }
    package func error(_ message: @autoclosure () -> String) { write(.error, message) }

    private func write(_ level: LogSettings.Level, _ message: () -> String) {
        guard level.rank >= self.level.load(ordering: .relaxed) else { return }
        let time = SystemClock.wallTime().rfc3339(milliseconds: true)
        let line = "\(time) \(level.rawValue) \(message().printable())\n"
        System.write(line.utf8.span, to: 2)
    }
}

extension LogSettings.Level {
    fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
