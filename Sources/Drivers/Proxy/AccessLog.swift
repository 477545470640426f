internal import Bytes
internal import Clock
internal import Locks
package import Settings
internal import Synchronization
package import Transport

/// Where access-log lines go. Opened once and again when told to (SIGUSR1); shared by all workers.
package final class AccessLog: Sendable {
    /// An open place for lines. A file is closed when nobody writes to it any more: a worker that
    /// is held up in the middle of a line finds the same file however often it was changed since.
    package final class Sink: Sendable {
        fileprivate let settings: LogSettings.Destination
        private let number: Int32

        /// - Throws: `SystemError` when a file cannot be opened; also for a link.
        package init(_ settings: LogSettings.Destination) throws(SystemError) {
            self.settings = settings
            switch settings {
            case .off: number = -1
            case .standardOutput, .file("/dev/stdout"): number = 1
            case .standardError, .file("/dev/stderr"): number = 2
            case .file(let path): number = try System.openForAppending(path).release()
            }
        }

        fileprivate var isOn: Bool { number >= 0 }

        fileprivate func write(_ lines: Span<UInt8>) {
            if isOn { System.write(lines, to: number) }
        }

        deinit { if number > 2 { Descriptor(number: number).close() } }
    }

    private let sink = Guarded<Sink?>(nil)
    private let isOpen = Atomic(false)

    package init() {}

    /// Lines go there from now on.
    package func use(_ next: Sink) {
        // What was there may be closed with the last reference, outside the lock.
        let before = sink.withLock { sink in
            defer { sink = next }
            return sink
        }
        isOpen.store(next.isOn, ordering: .relaxed)
        _ = consume before
    }

    /// Opens the current file again under its name, after it was moved away.
    /// - Throws: `SystemError` when it cannot be opened; the one at hand stays.
    package func reopen() throws(SystemError) {
        guard let settings = sink.withLock({ $0?.settings }) else { return }
        use(try Sink(settings))
    }

    var isOn: Bool { isOpen.load(ordering: .relaxed) }

    func write(_ lines: Span<UInt8>) { sink.withLock { $0 }?.write(lines) }
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
