internal import Bytes
internal import Clock
internal import Locks
internal import Loop
package import Settings
internal import Synchronization
package import Transport

/// Where access-log lines go. Opened once and again when told to (SIGUSR1); shared by all workers.
package final class AccessLog: Sendable {
    /// An open place for lines. A file is closed when everything is written to it, however often
    /// the place was changed since.
    package final class Sink: Sendable {
        fileprivate let settings: LogSettings.Destination
        /// Nil when there is no log.
        fileprivate let writer: LogWriter?

        /// - Throws: `SystemError` when a file cannot be opened; also for a link.
        package init(_ settings: LogSettings.Destination, losses: LogLosses) throws(SystemError) {
            self.settings = settings
            let number: Int32
            switch settings {
            case .off:
                writer = nil
                return
            case .standardOutput, .file("/dev/stdout"): number = 1
            case .standardError, .file("/dev/stderr"): number = 2
            case .file(let path): number = try System.openForAppending(path).release()
            }
            do throws(SystemError) {
                writer = try LogWriter(to: number, losses: losses)
            } catch {
                if number > 2 { Descriptor(number: number).close() }
                throw error
            }
        }

        fileprivate var isOn: Bool { writer != nil }

        deinit { writer?.finish() }
    }

    /// What was left out, of all places.
    package let losses: LogLosses
    private let sink = Guarded<Sink?>(nil)
    private let isOpen = Atomic(false)

    /// - Parameter log: is told when lines are left out.
    package init(log: EventLog) { losses = LogLosses(log: log) }

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
        use(try Sink(settings, losses: losses))
    }

    /// The process ends: nothing more is written, and what waits is waited for, but not for ever.
    package func close() {
        let last = sink.withLock { sink in
            defer { sink = nil }
            return sink
        }
        isOpen.store(false, ordering: .relaxed)
        guard let writer = last?.writer else { return }
        writer.finish()
        writer.waitForEnd()
    }

    var isOn: Bool { isOpen.load(ordering: .relaxed) }

    /// Whole lines, so many. They are written soon, on another thread.
    func write(_ lines: Span<UInt8>, count: Int) {
        sink.withLock { $0 }?.writer?.write(lines, count: count)
    }
}

/// One worker's lines of the current turn of its loop, written together.
final class AccessLogBuffer {
    private let log: AccessLog
    private var lines: [UInt8] = []
    private var count = 0

    init(_ log: AccessLog) { self.log = log }

    var isOn: Bool { log.isOn }

    /// Adds one line; `body` appends the JSON object without its line end.
    func append(_ body: (inout [UInt8]) -> Void) {
        guard log.isOn else { return }
        body(&lines)
        lines.append(ASCII.lineFeed)
        count += 1
        if lines.count > 64 * 1024 { flush() }
    }

    func flush() {
        if lines.isEmpty { return }
        log.write(lines.span, count: count)
        lines.removeAll(keepingCapacity: true)
        count = 0
    }
}

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
    func warnOnce(_ message: String) {
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
    var leftOutCount: UInt64 { leftOut.load(ordering: .relaxed) }
}

extension LogSettings.Level {
    fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
