internal import Bytes
internal import Clock
internal import Locks
package import Settings
internal import Synchronization
internal import Transport

/// What happens to the gateway itself, in words for an operator, on standard error. Messages may
/// repeat what clients say: each is one line, whatever it holds.
///
/// Lines are rare, and written at once by whoever has something to say. While nobody takes them, or
/// the disk is full, they are left out, and counted: no worker waits for a pipe that is full.
package final class EventLog: Sendable {
    private let level: Atomic<Int>
    private let leftOut = Atomic<UInt64>(0)
    /// Since the last line that was written.
    private let missing = Atomic<UInt64>(0)
    /// What was said by `warnOnce`; of more lines than that the further ones are left out.
    private let saidOnce = Guarded<Set<String>>([])
    private static let mostSaidOnce = 64

    package init() { level = Atomic(LogSettings.Level.info.rank) }

    package func set(level: LogSettings.Level) { self.level.store(level.rank, ordering: .relaxed) }

    package func debug(_ message: @autoclosure () -> String) { write(.debug, message) }
    package func info(_ message: @autoclosure () -> String) { write(.info, message) }
    package func warning(_ message: @autoclosure () -> String) { write(.warning, message) }
    package func error(_ message: @autoclosure () -> String) { write(.error, message) }

    /// A line that would come again and again is written the first time.
    package func warnOnce(_ message: String) {
        let isNew = saidOnce.withLock { lines in
            lines.count < Self.mostSaidOnce && lines.insert(message).inserted
        }
        if isNew { warning(message) }
    }

    private func write(_ level: LogSettings.Level, _ message: () -> String) {
        guard level.rank >= self.level.load(ordering: .relaxed) else { return }
        let time = SystemClock.wallTime().rfc3339(milliseconds: true)
        guard System.isWritable(2, within: 0) else { return leaveOut(1) }
        let before = missing.exchange(0, ordering: .relaxed)
        let lost = before == 0 ? "" : " (\(before) lines before this are missing)"
        let line = "\(time) \(level.rawValue) \(message().printable())\(lost)\n"
        if System.write(line.utf8.span, to: 2) { return }
        missing.add(before, ordering: .relaxed)
        leaveOut(1)
    }

    private func leaveOut(_ count: UInt64) {
        leftOut.add(count, ordering: .relaxed)
        missing.add(count, ordering: .relaxed)
    }

    /// Lines that nobody took so far.
    package var leftOutCount: UInt64 { leftOut.load(ordering: .relaxed) }
}

extension LogSettings.Level {
    /// Asked for every line that may be written, and few are.
    fileprivate var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }
}
